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

inline bool asks_ulp(const KernelInput& input) {
    return (input.groups & kUlp) && input.ulp_mantissa >= 0;
}

// The grid in terms of the lanes: float or double, of which `fraction` bits are stored.
template <class T, class I>
struct LaneGrid {
    int shift;     // fraction bits beyond the grid's
    I half;        // what rounds to nearest, less the bit that breaks ties
    I offset;      // index of the shifted bits minus place
    I normal;      // bits of the smallest normal number
    T spacings;    // one over the smallest spacing
    bool gradual;  // the grid underflows before the lanes do
};

template <class T, class I>
LaneGrid<T, I> lane_grid(UlpGrid grid) {
    constexpr int kFraction = sizeof(T) == 4 ? 23 : 52;
    constexpr int kBias = sizeof(T) == 4 ? 127 : 1023;
    LaneGrid<T, I> out{};
    out.shift = kFraction - grid.mantissa;
    out.half = out.shift > 0 ? (I{1} << (out.shift - 1)) - 1 : I{0};
    out.gradual = grid.min_exponent > 1 - kBias;
    if (out.gradual) {
        out.offset = static_cast<I>(grid.min_exponent + kBias - 1) << grid.mantissa;
        out.normal = static_cast<I>(grid.min_exponent + kBias) << kFraction;
        const I bits = static_cast<I>(grid.mantissa - grid.min_exponent + kBias) << kFraction;
        __builtin_memcpy(&out.spacings, &bits, sizeof bits);
    }
    return out;
}

// Place of x in the list; -0 and +0 share place 0. Rounding is unsigned: strips with NaN come here
// too before it is known that they do not count.
template <bool kRounds, bool kGradual, class V, class M, class U, class T, class I>
inline M place(V x, const LaneGrid<T, I>& grid) {
    constexpr int kSign = sizeof(T) * 8 - 1;
    constexpr I kMagnitude = static_cast<I>(~(I{1} << kSign));
    // Adding it leaves the nearest whole number in the low bits.
    constexpr T kWhole = sizeof(T) == 4 ? static_cast<T>(0x1p23) : static_cast<T>(0x1p52);
    constexpr I kFractionMask =
        sizeof(T) == 4 ? static_cast<I>(0x7fffff) : static_cast<I>(0xfffffffffffff);
    const M bits = (M)x;
    const M magnitude = bits & kMagnitude;
    M index = magnitude;
    if constexpr (kRounds) {
        const M even = (magnitude >> grid.shift) & I{1};
        index = (M)((U)magnitude + (U)(even + grid.half)) >> grid.shift;
    }
    if constexpr (kGradual) {
        const M tiny = (M)((V)magnitude * grid.spacings + kWhole) & kFractionMask;
        index = magnitude < grid.normal ? tiny : index - grid.offset;
    }
    const M sign = bits >> kSign;
    return (index ^ sign) - sign;
}

// Places differ by less than 2^32 (2^64): unsigned subtraction of the smaller one is exact.
template <bool kRounds, bool kGradual, class V, class M, class U, class T, class I>
std::uint64_t largest_ulp(const T* g, const T* m, std::size_t n, const LaneGrid<T, I>& shared) {
    constexpr std::size_t kWidth = sizeof(V) / sizeof(T);
    const LaneGrid<T, I> grid = shared;
    U top = U{};
    const auto add = [&](V golden, V my) {
        const M a = place<kRounds, kGradual, V, M, U>(golden, grid);
        const M b = place<kRounds, kGradual, V, M, U>(my, grid);
        top = larger(top, (U)larger(a, b) - (U)smaller(a, b));
    };
    std::size_t i = 0;
    for (; i + kWidth <= n; i += kWidth) add(load<V>(g + i), load<V>(m + i));
    if (i < n) {
        T golden[kWidth] = {}, my[kWidth] = {};
        for (std::size_t k = 0; i + k < n; ++k) {
            golden[k] = g[i + k];
            my[k] = m[i + k];
        }
        add(load<V>(golden), load<V>(my));
    }
    std::uint64_t most = 0;
    for (std::size_t k = 0; k < kWidth; ++k) most = top[k] > most ? top[k] : most;
    return most;
}

template <class V, class M, class U, class T, class I>
std::uint64_t max_ulp_in(const T* g, const T* m, std::size_t n, const LaneGrid<T, I>& grid) {
    if (grid.gradual) return largest_ulp<true, true, V, M, U>(g, m, n, grid);
    if (grid.shift > 0) return largest_ulp<true, false, V, M, U>(g, m, n, grid);
    return largest_ulp<false, false, V, M, U>(g, m, n, grid);
}

inline std::uint64_t max_ulp(const float* g, const float* m, std::size_t n, UlpGrid grid) {
    return max_ulp_in<Vf, Vi, Vu>(g, m, n, lane_grid<float, std::int32_t>(grid));
}

inline std::uint64_t max_ulp(const double* g, const double* m, std::size_t n, UlpGrid grid) {
    return max_ulp_in<Vd, Vl, Vul>(g, m, n, lane_grid<double, std::int64_t>(grid));
}
