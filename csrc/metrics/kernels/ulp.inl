#pragma once

#include "metrics/kernels/vector.inl"

// Largest distance of g and m counted in numbers of the coarser dtype: both are rounded (nearest,
// ties to even) to `mantissa` explicit bits with gradual underflow below 2^min_exponent, and the
// distance is that of their places in the ordered list of such numbers. No upper end: what the
// coarser type cannot hold counts on in its last spacing. Finite input.

struct UlpGrid {
    int mantissa;
    int min_exponent;
};

// Place of x in the list; -0 and +0 share place 0.
inline Vi place(Vf x, UlpGrid grid) {
    const Vi bits = (Vi)x;
    const Vi magnitude = bits & 0x7fffffff;
    const int shift = 23 - grid.mantissa;
    Vi index = magnitude;
    if (shift > 0) {
        index = (magnitude + ((1 << (shift - 1)) - 1) + ((magnitude >> shift) & 1)) >> shift;
    }
    if (grid.min_exponent > -126) {
        index -= (grid.min_exponent + 126) << grid.mantissa;
        // Adding 2^23 leaves the nearest whole number of the smallest spacing in the low bits.
        const float spacings = __builtin_ldexpf(1.0f, grid.mantissa - grid.min_exponent);
        const Vi tiny = (Vi)((Vf)magnitude * spacings + 0x1p23f) & 0x7fffff;
        const int normal = (grid.min_exponent + 127) << 23;
        index = magnitude < normal ? tiny : index;
    }
    const Vi sign = bits >> 31;
    return (index ^ sign) - sign;
}

inline Vl place(Vd x, UlpGrid grid) {
    const Vl bits = (Vl)x;
    const Vl magnitude = bits & std::int64_t{0x7fffffffffffffff};
    const int shift = 52 - grid.mantissa;
    Vl index = magnitude;
    if (shift > 0) {
        const std::int64_t half = (std::int64_t{1} << (shift - 1)) - 1;
        index = (magnitude + half + ((magnitude >> shift) & 1)) >> shift;
    }
    if (grid.min_exponent > -1022) {
        index -= static_cast<std::int64_t>(grid.min_exponent + 1022) << grid.mantissa;
        const double spacings = __builtin_ldexp(1.0, grid.mantissa - grid.min_exponent);
        const Vl tiny = (Vl)((Vd)magnitude * spacings + 0x1p52) & std::int64_t{0xfffffffffffff};
        const std::int64_t normal = static_cast<std::int64_t>(grid.min_exponent + 1023) << 52;
        index = magnitude < normal ? tiny : index;
    }
    const Vl sign = bits >> 63;
    return (index ^ sign) - sign;
}

// Places differ by less than 2^32 (2^64): unsigned subtraction of the smaller one is exact.
inline Vu distance(Vi a, Vi b) { return (Vu)larger(a, b) - (Vu)smaller(a, b); }
inline Vul distance(Vl a, Vl b) { return (Vul)larger(a, b) - (Vul)smaller(a, b); }

template <class V, class D, class T>
std::uint64_t largest_ulp(const T* g, const T* m, std::size_t n, UlpGrid grid) {
    constexpr std::size_t kWidth = sizeof(V) / sizeof(T);
    D top = D{};
    std::size_t i = 0;
    for (; i + kWidth <= n; i += kWidth) {
        top = larger(top, distance(place(load<V>(g + i), grid), place(load<V>(m + i), grid)));
    }
    if (i < n) {
        T golden[kWidth] = {}, my[kWidth] = {};
        for (std::size_t k = 0; i + k < n; ++k) {
            golden[k] = g[i + k];
            my[k] = m[i + k];
        }
        top = larger(top, distance(place(load<V>(golden), grid), place(load<V>(my), grid)));
    }
    std::uint64_t most = 0;
    for (std::size_t k = 0; k < kWidth; ++k) most = top[k] > most ? top[k] : most;
    return most;
}

inline std::uint64_t max_ulp(const float* g, const float* m, std::size_t n, UlpGrid grid) {
    return largest_ulp<Vf, Vu>(g, m, n, grid);
}

inline std::uint64_t max_ulp(const double* g, const double* m, std::size_t n, UlpGrid grid) {
    return largest_ulp<Vd, Vul>(g, m, n, grid);
}
