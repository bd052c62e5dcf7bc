#pragma once

#include "metrics/kernels/vector.inl"

// Over pairs (g, m), d = m - g: minimum and maximum of g and of m, largest |d|, and with kRelative
// the sum and the largest of r = |d| / |g| over |g| > 2^-23 and the counts of q below each bound,
// where q = r there and |d| elsewhere. In float for float pairs: each r is then within 2^-22 of
// exact; groups of 32 are added in float, the groups in double lanes. Finite input only.

template <class T>
struct ExtremesTraits;
template <>
struct ExtremesTraits<float> {
    using Value = Vf;
    using Mask = Vi;
    static constexpr std::size_t kWidth = kF;
};
template <>
struct ExtremesTraits<double> {
    using Value = Vd;
    using Mask = Vl;
    static constexpr std::size_t kWidth = kW;
};

constexpr double kEps = 0x1p-23;
constexpr double kBounds[kErrorBounds] = {1e-4, 1e-3, 5e-3, 1e-2};

// Comparisons of numbers >= 0. Floats of one sign order like their bits, and integer comparisons
// have more execution units to go to.
inline std::int32_t float_bits(double value) {
    const auto narrow = static_cast<float>(value);
    std::int32_t bits;
    __builtin_memcpy(&bits, &narrow, sizeof bits);
    return bits;
}

inline Vi is_above(Vf x, double bound) { return (Vi)x > float_bits(bound); }
inline Vl is_above(Vd x, double bound) { return x > bound; }
inline Vi is_below(Vf x, double bound) { return (Vi)x < float_bits(bound); }
inline Vl is_below(Vd x, double bound) { return x < bound; }

template <class T>
struct Extremes {
    using V = typename ExtremesTraits<T>::Value;
    using M = typename ExtremesTraits<T>::Mask;
    V golden_min, golden_max, my_min, my_max, absolute, relative;
    M below[kErrorBounds];
    Vd sum[kParts];

    explicit Extremes(T first_golden, T first_my) {
        golden_min = golden_max = V{} + first_golden;
        my_min = my_max = V{} + first_my;
        absolute = relative = V{};
        for (int k = 0; k < kErrorBounds; ++k) below[k] = M{};
        for (std::size_t p = 0; p < kParts; ++p) sum[p] = Vd{};
    }
};

// A group of 32 floats is added up before it is widened: element i with i + 16, those sums with the
// ones 8 further. Takes the first sums; one order for all widths.
constexpr std::size_t kHalfGroup = kGroup / kF / 2;

inline void add_half_group(const Vf* s, Vd* sum) {
    if constexpr (kW == 8) {
        sum[0] += widen(low(s[0]) + high(s[0]));
    } else if constexpr (kW == 4) {
        const Vf t = s[0] + s[kHalfGroup / 2];
        sum[0] += widen(low(t));
        sum[kParts - 1] += widen(high(t));
    } else {
        const Vf t = s[0] + s[kHalfGroup / 2], u = s[kHalfGroup / 4] + s[3 * kHalfGroup / 4];
        sum[0] += widen(low(t));
        sum[kParts / 4] += widen(high(t));
        sum[kParts / 2] += widen(low(u));
        sum[3 * kParts / 4] += widen(high(u));
    }
}

template <class Value>
inline void add_group(Value value, Vd* sum, Vf) {
    Vf s[kHalfGroup];
#pragma GCC unroll 4
    for (std::size_t k = 0; k < kHalfGroup; ++k) {
        const Vf first = value(k);
        s[k] = first + value(k + kHalfGroup);
    }
    add_half_group(s, sum);
}

template <class Value>
inline void add_group(Value value, Vd* sum, Vd) {
#pragma GCC unroll 16
    for (std::size_t k = 0; k < kGroup / kW; ++k) sum[k % kParts] += value(k);
}

template <bool kWithRelative, class T>
inline void add_extremes_group(const T* g, const T* m, Extremes<T>& out) {
    using V = typename ExtremesTraits<T>::Value;
    using M = typename ExtremesTraits<T>::Mask;
    constexpr std::size_t kWidth = ExtremesTraits<T>::kWidth;
    const auto relative_errors = [&](std::size_t k) {
        const V a = load<V>(g + k * kWidth), b = load<V>(m + k * kWidth);
        const V d = absolute(b - a);
        out.golden_min = smaller(out.golden_min, a);
        out.golden_max = larger(out.golden_max, a);
        out.my_min = smaller(out.my_min, b);
        out.my_max = larger(out.my_max, b);
        out.absolute = larger(out.absolute, d);
        V r = V{};
        if constexpr (kWithRelative) {
            const V size = absolute(a);
            const M big = is_above(size, kEps);
            const V q = d / (big ? size : V{} + T{1});
            r = (V)((M)q & big);
            out.relative = larger(out.relative, r);
            for (int j = 0; j < kErrorBounds; ++j) out.below[j] -= is_below(q, kBounds[j]);
        }
        return r;
    };
    if constexpr (kWithRelative) {
        add_group(relative_errors, out.sum, V{});
    } else {
        for (std::size_t k = 0; k < kGroup / kWidth; ++k) relative_errors(k);
    }
}

// `n` is a multiple of kGroup.
template <bool kWithRelative, class T>
void add_extremes(const T* g, const T* m, std::size_t n, Extremes<T>& out) {
    Extremes<T> local = out;
    for (std::size_t i = 0; i < n; i += kGroup) {
        // This pass runs from the first cache: meanwhile memory can bring what the next strip
        // needs.
        for (std::size_t k = 0; k < kGroup * sizeof(T); k += kCacheLine) {
            __builtin_prefetch(reinterpret_cast<const char*>(g + i + kStrip) + k);
            __builtin_prefetch(reinterpret_cast<const char*>(m + i + kStrip) + k);
        }
        add_extremes_group<kWithRelative>(g + i, m + i, local);
    }
    out = local;
}

// Up to kGroup - 1 elements, padded with zeros, which only the minima, maxima and counts would
// notice.
template <bool kWithRelative, class T>
void add_extremes_tail(const T* g, const T* m, std::size_t n, Extremes<T>& out) {
    T golden[kGroup] = {}, my[kGroup] = {};
    for (std::size_t i = 0; i < n; ++i) {
        golden[i] = g[i];
        my[i] = m[i];
    }
    Extremes<T> padded = out;
    add_extremes_group<kWithRelative>(golden, my, padded);
    for (std::size_t i = 0; i < n; ++i) {
        out.golden_min[0] = g[i] < out.golden_min[0] ? g[i] : out.golden_min[0];
        out.golden_max[0] = g[i] > out.golden_max[0] ? g[i] : out.golden_max[0];
        out.my_min[0] = m[i] < out.my_min[0] ? m[i] : out.my_min[0];
        out.my_max[0] = m[i] > out.my_max[0] ? m[i] : out.my_max[0];
    }
    padded.golden_min = out.golden_min;
    padded.golden_max = out.golden_max;
    padded.my_min = out.my_min;
    padded.my_max = out.my_max;
    for (int j = 0; j < kErrorBounds; ++j) {
        padded.below[j][0] -= static_cast<std::int32_t>(kWithRelative ? kGroup - n : 0);
    }
    out = padded;
}

// The two errors an element can have: as the passes see them, in the lanes of the block; in double
// for vectors; and in double for one element, -1 where there is none.
struct AbsoluteError {
    template <class V>
    static V lanes(V g, V m) {
        return absolute(m - g);
    }
    static Vd wide(Vd g, Vd m) { return absolute(m - g); }
    static double one(double g, double m) { return __builtin_fabs(m - g); }
};

struct RelativeError {
    template <class V>
    static V lanes(V g, V m) {
        const V size = absolute(g);
        const auto big = is_above(size, kEps);
        return (V)((decltype(big))(absolute(m - g) / (big ? size : V{} + 1)) & big);
    }
    static Vd wide(Vd g, Vd m) {
        const Vd size = absolute(g);
        const Vl big = size > kEps;
        return big ? absolute(m - g) / (big ? size : splat(1.0)) : splat(-1.0);
    }
    static double one(double g, double m) {
        const double size = __builtin_fabs(g);
        return size > kEps ? __builtin_fabs(m - g) / size : -1.0;
    }
};

template <class M>
inline bool any(M mask) {
#if defined(__AVX2__) && !defined(__AVX512F__)
    typedef long long Bits __attribute__((vector_size(32)));
    return !__builtin_ia32_ptestz256((Bits)mask, (Bits)mask);
#else
    Vl bits;
    __builtin_memcpy(&bits, &mask, sizeof bits);
    std::int64_t all = 0;
    for (std::size_t i = 0; i < kW; ++i) all |= bits[i];
    return all != 0;
#endif
}

constexpr std::size_t kChunk = 64;

template <class Error, class T>
bool chunk_reaches(const T* g, const T* m, T floor) {
    using V = typename ExtremesTraits<T>::Value;
    using M = typename ExtremesTraits<T>::Mask;
    M found = M{};
    for (std::size_t i = 0; i < kChunk; i += ExtremesTraits<T>::kWidth) {
        found |= Error::lanes(load<V>(g + i), load<V>(m + i)) >= floor;
    }
    return any(found);
}

template <class Error, class T>
bool chunk_exceeds(const T* g, const T* m, double best) {
    Vl found = Vl{};
    for (std::size_t i = 0; i < kChunk; i += kW) {
        found |= Error::wide(load_wide(g + i), load_wide(m + i)) > best;
    }
    return any(found);
}

// What may be the largest error in lanes where that is `most`: rounding may have moved it by 2^-22
// of itself.
template <class T>
inline T near_largest(T most) {
    return most * static_cast<T>(1 - 0x1p-21);
}

// The first element with the largest error, and that error in double, of this and what stands
// `before` it. A chunk is looked at more closely only when it comes near `most`, the largest one in
// lanes. Leaves both as they are when no element has such an error.
template <class Error, class T>
void locate(const T* g, const T* m, std::size_t n, std::size_t before, T most, double& value,
            std::uint64_t& at) {
    const T floor = near_largest(most);
    double best = at == 0 ? -1 : value;
    for (std::size_t i = 0; i < n; i += kChunk) {
        const bool whole = n - i >= kChunk;
        if (whole && !chunk_reaches<Error>(g + i, m + i, floor)) continue;
        if (whole && !chunk_exceeds<Error>(g + i, m + i, best)) continue;
        for (std::size_t k = i; k < (whole ? i + kChunk : n); ++k) {
            const double error = Error::one(static_cast<double>(g[k]), static_cast<double>(m[k]));
            if (error > best) {
                best = error;
                value = error;
                at = before + k + 1;
            }
        }
        if (best == 0 && most == 0) return;
    }
}

template <class T>
double largest_of(const T* values, std::size_t n) {
    using V = typename ExtremesTraits<T>::Value;
    constexpr std::size_t kWidth = ExtremesTraits<T>::kWidth;
    V top = V{} + values[0];
    const std::size_t whole = n - n % kWidth;
    for (std::size_t i = 0; i < whole; i += kWidth) top = larger(top, load<V>(values + i));
    T most = largest(top, top[0]);
    for (std::size_t i = whole; i < n; ++i) most = values[i] > most ? values[i] : most;
    // Which of two zeros is met first depends on the width; + 0.0 makes both positive.
    return static_cast<double>(most) + 0.0;
}
