#pragma once

#include "metrics/kernels/extremes.inl"
#include "metrics/kernels/vector.inl"

// A block with NaN or Inf: counts them per side, takes each side's minimum and maximum over its own
// finite elements, and writes a copy of the block in which every pair that is not finite on both
// sides is `fill` on both, so that the other passes need no masks.

template <class T>
inline bool finite(T x) {
    return x - x == 0;
}

template <class T>
struct Cleaner {
    using V = typename ExtremesTraits<T>::Value;
    using M = typename ExtremesTraits<T>::Mask;
    struct Side {
        V min, max;
        M nan, finite;
    };
    Side golden, my;
    M paired, neither, equal;

    static void add(V x, M fine, Side& side) {
        side.min = smaller(side.min, fine ? x : side.min);
        side.max = larger(side.max, fine ? x : side.max);
        side.nan -= x != x;
        side.finite -= fine;
    }

    void add(V a, V b, V fill, T* to_golden, T* to_my) {
        const M fine = a - a == V{}, my_fine = b - b == V{};
        const M both = fine & my_fine, none = ~(fine | my_fine);
        add(a, fine, golden);
        add(b, my_fine, my);
        paired -= both;
        neither -= none;
        equal -= none & ((a == b) | ((a != a) & (b != b)));
        store(to_golden, both ? a : fill);
        store(to_my, both ? b : fill);
    }
};

template <class M>
std::uint64_t total(M counts) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < sizeof(M) / sizeof(counts[0]); ++i) {
        sum += static_cast<std::uint64_t>(counts[i]);
    }
    return sum;
}

template <class T>
void finish_side(const typename Cleaner<T>::Side& side, std::size_t n, std::size_t padded,
                 SideSums& out) {
    out.nan = total(side.nan) - padded;
    out.finite = total(side.finite);
    out.inf = n - out.nan - out.finite;
    // Which of two zeros is met first depends on the width; + 0.0 makes both positive.
    out.min = static_cast<double>(smallest(side.min, side.min[0])) + 0.0;
    out.max = static_cast<double>(largest(side.max, side.max[0])) + 0.0;
}

// `to_golden` and `to_my` have room for n rounded up to kGroup.
template <class T>
void clean_block(const T* g, const T* m, std::size_t n, T fill, T* to_golden, T* to_my, Sums& out) {
    using V = typename Cleaner<T>::V;
    constexpr std::size_t kWidth = ExtremesTraits<T>::kWidth;
    constexpr T kInfinite = static_cast<T>(__builtin_inf());
    Cleaner<T> cleaner{};
    cleaner.golden.min = cleaner.my.min = V{} + kInfinite;
    cleaner.golden.max = cleaner.my.max = V{} - kInfinite;
    std::size_t i = 0;
    for (; i + kWidth <= n; i += kWidth) {
        cleaner.add(load<V>(g + i), load<V>(m + i), V{} + fill, to_golden + i, to_my + i);
    }
    std::size_t padded = 0;
    if (i < n) {
        padded = kWidth - (n - i);
        T golden[kWidth], my[kWidth];
        for (std::size_t k = 0; k < kWidth; ++k) {
            golden[k] = i + k < n ? g[i + k] : static_cast<T>(__builtin_nan(""));
            my[k] = i + k < n ? m[i + k] : golden[k];
        }
        cleaner.add(load<V>(golden), load<V>(my), V{} + fill, to_golden + i, to_my + i);
    }
    finish_side<T>(cleaner.golden, n, padded, out.golden);
    finish_side<T>(cleaner.my, n, padded, out.my);
    out.finite = total(cleaner.paired);
    out.nonfinite_both = total(cleaner.neither) - padded;
    out.nonfinite_equal = total(cleaner.equal) - padded;
}

// What the pairs miss of one side: its finite elements whose partner is not finite.
template <class T>
void add_unpaired(const T* side, const T* partner, std::size_t n, SideSums& out) {
    for (std::size_t i = 0; i < n; ++i) {
        if (finite(side[i]) && !finite(partner[i])) {
            const double x = static_cast<double>(side[i]);
            out.sum += x;
            out.squares += x * x;
        }
    }
}
