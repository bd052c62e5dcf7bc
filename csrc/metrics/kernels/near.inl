#pragma once

#include "metrics/kernels/extremes.inl"
#include "metrics/kernels/moments.inl"
#include "metrics/kernels/vector.inl"

// A strip of float pairs that are near: every |g| > 2^-23 and every |m - g| <= |g| / 2. There the
// float d = m - g is exact (Sterbenz), so its products are exact in double, and by
//   sum(m m) = sum(g g) + 2 sum(g d) + sum(d d),  sum(g m) = sum(g g) + sum(g d),
//   sum(m) = sum(g) + sum(d)
// nothing of m has to be widened. None of these cancels: sum(m m) >= sum(g g) / 4. NaN and Inf fail
// the test, and what fails it takes the general passes.

constexpr std::size_t kSubstrip =
    128;  // elements whose r are added in float before they are widened

// Bits of floats >= 0, which order like the floats; those of NaN and Inf above all others. Integer
// minima and maxima have more execution units to go to.
struct Nearness {
    Vu absolute;  // largest |d|
    Vu relative;  // largest |d| / |g|
    Vu most;      // largest |g|
    Vu least;     // smallest |g|
};

inline Vu bits_as_lanes(double value) {
    return Vu{} + static_cast<std::uint32_t>(float_bits(value));
}

[[gnu::noinline]] Nearness near_errors(const float* g, const float* m, float* d, float* r,
                                       Vd* sum) {
    Nearness out{Vu{}, Vu{}, Vu{}, ~Vu{}};
    for (std::size_t i = 0; i < kStrip; i += kSubstrip) {
        Vf sums[kHalfGroup] = {};
        for (std::size_t k = i; k < i + kSubstrip; k += kGroup / 2) {
            __builtin_prefetch(g + k + kStrip);
            __builtin_prefetch(m + k + kStrip);
#pragma GCC unroll 4
            for (std::size_t p = 0; p < kHalfGroup; ++p) {
                const std::size_t at = k + p * kF;
                const Vf a = load<Vf>(g + at), difference = load<Vf>(m + at) - a;
                const Vf size = absolute(a), error = absolute(difference);
                const Vf ratio = error / size;
                store(d + at, difference);
                store(r + at, ratio);
                sums[p] += ratio;
                out.absolute = larger(out.absolute, (Vu)error);
                out.relative = larger(out.relative, (Vu)ratio);
                out.most = larger(out.most, (Vu)size);
                out.least = smaller(out.least, (Vu)size);
            }
        }
        add_half_group(sums, sum);
    }
    return out;
}

[[gnu::noinline]] void add_near_moments(const float* g, const float* d, Moments& out) {
    constexpr std::size_t kAtOnce = kParts < 2 ? kParts : 2;
    for (std::size_t part = 0; part < kLanes; part += kAtOnce * kW) {
        Vd gg[kAtOnce] = {}, gd[kAtOnce] = {}, dd[kAtOnce] = {};
        Vd sg[kAtOnce] = {}, sd[kAtOnce] = {}, ad[kAtOnce] = {};
        for (std::size_t i = part; i < kStrip; i += kLanes) {
#pragma GCC unroll 2
            for (std::size_t p = 0; p < kAtOnce; ++p) {
                const Vd a = load_wide(g + i + p * kW), b = load_wide(d + i + p * kW);
                gg[p] = add_exact_product(a, a, gg[p]);
                gd[p] = add_exact_product(a, b, gd[p]);
                dd[p] = add_exact_product(b, b, dd[p]);
                sg[p] += a;
                sd[p] += b;
                ad[p] += absolute(b);
            }
        }
        const auto add = [&](double* lanes, Vd x) { store(lanes, load<Vd>(lanes) + x); };
        for (std::size_t p = 0; p < kAtOnce; ++p) {
            const std::size_t lane = part + p * kW;
            add(out.golden_squares + lane, gg[p]);
            add(out.my_squares + lane, (gg[p] + 2 * gd[p]) + dd[p]);
            add(out.products + lane, gg[p] + gd[p]);
            add(out.squared_difference + lane, dd[p]);
            add(out.absolute_difference + lane, ad[p]);
            add(out.golden + lane, sg[p]);
            add(out.my + lane, sg[p] + sd[p]);
        }
    }
}

// How many of a strip are below each bound. `most` holds the largest: what all are below is not
// counted.
[[gnu::noinline]] void add_near_counts(const float* r, Vu most, Vi* below) {
    for (int k = 0; k < kErrorBounds; ++k) {
        const Vi bound = Vi{} + float_bits(kBounds[k]);
        if (!any((Vi)most >= bound)) {
            below[k] += static_cast<std::int32_t>(kStrip / kF);
            continue;
        }
        Vi count = Vi{};
#pragma GCC unroll 8
        for (std::size_t i = 0; i < kStrip; i += kF) count -= load<Vi>(r + i) < bound;
        below[k] += count;
    }
}

inline void add_near_range(const float* g, const float* m, Extremes<float>& out) {
    for (std::size_t i = 0; i < kStrip; i += kF) {
        const Vf a = load<Vf>(g + i), b = load<Vf>(m + i);
        out.golden_min = smaller(out.golden_min, a);
        out.golden_max = larger(out.golden_max, a);
        out.my_min = smaller(out.my_min, b);
        out.my_max = larger(out.my_max, b);
    }
}

// False, leaving all as it was, when the strip is not near. `reach`: what is not larger is known to
// lie between minimum and maximum of either side.
[[maybe_unused]] bool add_near_strip(const float* g, const float* m, float reach, Moments& moments,
                                     Extremes<float>& out) {
    alignas(64) float d[kStrip], r[kStrip];
    Vd sum[kParts];
    for (std::size_t p = 0; p < kParts; ++p) sum[p] = out.sum[p];
    const Nearness strip = near_errors(g, m, d, r, sum);
    if (any((strip.least <= bits_as_lanes(kEps)) | (strip.relative > bits_as_lanes(0.5))))
        return false;
    for (std::size_t p = 0; p < kParts; ++p) out.sum[p] = sum[p];
    out.absolute = larger(out.absolute, (Vf)strip.absolute);
    out.relative = larger(out.relative, (Vf)strip.relative);
    add_near_moments(g, d, moments);
    add_near_counts(r, strip.relative, out.below);
    if (any((Vf)strip.most + (Vf)strip.absolute > reach)) add_near_range(g, m, out);
    return true;
}
