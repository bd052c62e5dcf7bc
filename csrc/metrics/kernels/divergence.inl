#pragma once

#include "metrics/kernels/extremes.inl"
#include "metrics/kernels/vector.inl"

// KL divergence of softmax(golden) from softmax(my): sums of w = exp(g - peak), of exp(m - peak)
// and of w times the difference. Weights in float where |m - g| <= kNear in the whole block: an
// error in w common to all three sums moves the divergence only by that relative error, and what
// exp(m - g) is off by is below d^2 * 1e-7. Otherwise both exponentials in double. Finite input; at
// least one element.

// Good to 6e-6, more than common weights need.
inline Vf exponential(Vf x) {
    const Vf clamped = larger(x, splat(kExpFloorFloat));
    const Vf magic = splat(0x1.8p23f);
    const Vf shifted = clamped * static_cast<float>(kLog2E) + magic;
    const Vf r = clamped - (shifted - magic) * static_cast<float>(kLn2);
    Vf p = splat(kExpTermsFloat[2]);
    for (int k = 1; k >= 0; --k) p = p * r + kExpTermsFloat[k];
    const Vf fraction = (p * r) * r + (r + 1.0f);
    const Vf scaled = (Vf)((Vi)fraction + ((Vi)shifted << 23));
    return (Vf)((Vi)scaled & (x > kExpFloorFloat));
}

inline Vd exponential(Vd x) {
    const Vd clamped = larger(x, splat(kExpFloor));
    const Vd magic = splat(0x1.8p52);
    const Vd shifted = clamped * kLog2E + magic;
    const Vd n = shifted - magic;
    const Vd r = (clamped - n * kLn2High) - n * kLn2Low;
    Vd p = splat(kExpTerms[8]);
    for (int k = 7; k >= 0; --k) p = p * r + kExpTerms[k];
    const Vd fraction = (p * r) * r + r + 1.0;
    const Vd scaled = (Vd)((Vl)fraction + ((Vl)shifted << 52));
    return (Vd)((Vl)scaled & (x > kExpFloor));
}

struct Divergence {
    Vd weight[kParts];
    Vd difference[kParts];
    Vd rest[kParts];  // near form: of w (exp(d) - 1 - d); far form: of exp(m - peak)
};

struct Near {
    Vf weight, difference, rest;
};

inline Near near_vector(const float* g, const float* m, Vf peak) {
    const Vf a = load<Vf>(g), d = load<Vf>(m) - a;
    const Vf w = exponential(a - peak);
    Vf q = splat(kExcessTerms[3]);
    for (int j = 2; j >= 0; --j) q = q * d + kExcessTerms[j];
    const Vf wd = w * d;
    return {w, wd, wd * (d * q)};
}

inline void add_near_group(const float* g, const float* m, Vf peak, Divergence& out) {
    Vf weight[kHalfGroup], difference[kHalfGroup], rest[kHalfGroup];
#pragma GCC unroll 4
    for (std::size_t k = 0; k < kHalfGroup; ++k) {
        const Near first = near_vector(g + k * kF, m + k * kF, peak);
        const std::size_t other = (k + kHalfGroup) * kF;
        const Near second = near_vector(g + other, m + other, peak);
        weight[k] = first.weight + second.weight;
        difference[k] = first.difference + second.difference;
        rest[k] = first.rest + second.rest;
    }
    add_half_group(weight, out.weight);
    add_half_group(difference, out.difference);
    add_half_group(rest, out.rest);
}

template <class T>
inline void add_far_lanes(const T* g, const T* m, Vd golden_peak, Vd my_peak, Divergence& out) {
#pragma GCC unroll 4
    for (std::size_t p = 0; p < kParts; ++p) {
        const Vd a = load_wide(g + p * kW) - golden_peak, b = load_wide(m + p * kW) - my_peak;
        const Vd w = exponential(a);
        const Vd product = w * (b - a);
        out.weight[p] += w;
        // A weight of zero times an infinite distance is no contribution.
        out.difference[p] += (Vd)((Vl)product & (w > 0.0));
        out.rest[p] += exponential(b);
    }
}

inline double sum_parts(const Vd* parts) {
    double lanes[kLanes];
    for (std::size_t p = 0; p < kParts; ++p) store(lanes + p * kW, parts[p]);
    return sum_lanes(lanes);
}

// Stands for "no element": no weight beside any peak above kLeastPeak, no difference. Not infinite
// in float, where the near form multiplies before it masks.
template <class T>
constexpr T kAbsent =
    sizeof(T) == sizeof(float) ? static_cast<T>(-0x1.fffffep127) : static_cast<T>(-__builtin_inf());
template <class T>
constexpr double kLeastPeak = sizeof(T) == sizeof(float) ? -0x1p126 : -__builtin_inf();

template <class T>
void pad_absent(const T* from, std::size_t n, T* to, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i) to[i] = i < n ? from[i] : kAbsent<T>;
}

[[maybe_unused]] void near_divergence(const float* g, const float* m, std::size_t n,
                                      double golden_max, Sums& out) {
    Divergence sums{};
    const Vf peak = splat(static_cast<float>(golden_max));
    std::size_t i = 0;
    for (; i + kGroup <= n; i += kGroup) add_near_group(g + i, m + i, peak, sums);
    if (i < n) {
        float golden[kGroup], my[kGroup];
        pad_absent(g + i, n - i, golden, kGroup);
        pad_absent(m + i, n - i, my, kGroup);
        add_near_group(golden, my, peak, sums);
    }
    out.golden_peak = out.my_peak = golden_max;
    out.golden_weight = sum_parts(sums.weight);
    out.weighted_difference = sum_parts(sums.difference);
    out.my_weight = out.golden_weight + (out.weighted_difference + sum_parts(sums.rest));
}

template <class T>
void far_divergence(const T* g, const T* m, std::size_t n, double golden_max, double my_max,
                    Sums& out) {
    Divergence sums{};
    const Vd golden_peak = splat(golden_max), my_peak = splat(my_max);
    std::size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) add_far_lanes(g + i, m + i, golden_peak, my_peak, sums);
    if (i < n) {
        T golden[kLanes], my[kLanes];
        pad_absent(g + i, n - i, golden, kLanes);
        pad_absent(m + i, n - i, my, kLanes);
        add_far_lanes(golden, my, golden_peak, my_peak, sums);
    }
    out.golden_peak = golden_max;
    out.my_peak = my_max;
    out.golden_weight = sum_parts(sums.weight);
    out.my_weight = sum_parts(sums.rest);
    out.weighted_difference = sum_parts(sums.difference);
}
