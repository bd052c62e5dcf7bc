#pragma once

#include "metrics/kernels/divergence.inl"
#include "metrics/kernels/extremes.inl"
#include "metrics/kernels/moments.inl"
#include "metrics/kernels/source.inl"
#include "metrics/kernels/ulp.inl"
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

[[gnu::noinline]] Nearness near_errors(const Block<float>& strip, float* d, float* r, Vd* sum) {
    const float *const g = strip.golden, *const m = strip.my;
    Nearness out{Vu{}, Vu{}, Vu{}, ~Vu{}};
    for (std::size_t i = 0; i < kStrip; i += kSubstrip) {
        Vf sums[kHalfGroup] = {};
        for (std::size_t k = i; k < i + kSubstrip; k += kGroup / 2) {
            __builtin_prefetch(strip.next_golden + k * sizeof(float));
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

[[gnu::noinline]] void add_near_moments(const Block<float>& strip, const float* d, Moments& out) {
    constexpr std::size_t kAtOnce = kParts < 2 ? kParts : 2;
    for (std::size_t part = 0; part < kLanes; part += kAtOnce * kW) {
        Vd gg[kAtOnce] = {}, gd[kAtOnce] = {}, dd[kAtOnce] = {};
        Vd sg[kAtOnce] = {}, sd[kAtOnce] = {}, ad[kAtOnce] = {};
        for (std::size_t i = part; i < kStrip; i += kLanes) {
            __builtin_prefetch(strip.next_my + i * sizeof(float));
#pragma GCC unroll 2
            for (std::size_t p = 0; p < kAtOnce; ++p) {
                const Vd a = load_wide(strip.golden + i + p * kW), b = load_wide(d + i + p * kW);
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

// What a block of near strips comes to beside moments and extremes.
struct NearBlock {
    bool all;  // every strip so far was near
    bool begun;
    bool weighted;  // ... and had small enough differences for its weights to be in `sums`
    float peak;     // what the weights refer to: the largest golden of the first strip
    Divergence sums;
};

// Runs a step of a long chain for a few vectors, so that they need not queue behind each other.
constexpr std::size_t kAbreast = kGroup / kF;
template <class Step>
inline void abreast(Step step) {
#pragma GCC unroll 8
    for (std::size_t p = 0; p < kAbreast; ++p) step(p);
}

// Each x becomes exp(x) for x <= 64, good to 3e-6: 2^f by a polynomial whose halves can run at the
// same time.
inline void near_weights(Vf* x) {
    const Vf magic = splat(0x1.8p23f);
    Vf shifted[kAbreast], f[kAbreast], ff[kAbreast], high[kAbreast];
    abreast([&](std::size_t p) { x[p] = (Vf)smaller((Vu)x[p], bits_as_lanes(kExpFloorFloat)); });
    abreast([&](std::size_t p) { x[p] = x[p] * static_cast<float>(kLog2E); });
    abreast([&](std::size_t p) { shifted[p] = x[p] + magic; });
    abreast([&](std::size_t p) { f[p] = x[p] - (shifted[p] - magic); });
    abreast([&](std::size_t p) { ff[p] = f[p] * f[p]; });
    abreast([&](std::size_t p) { high[p] = f[p] * kPowerTerms[3] + kPowerTerms[2]; });
    abreast([&](std::size_t p) { f[p] = f[p] * kPowerTerms[1] + kPowerTerms[0]; });
    abreast([&](std::size_t p) { high[p] = ff[p] * kPowerTerms[4] + high[p]; });
    abreast([&](std::size_t p) { f[p] = high[p] * ff[p] + f[p]; });
    abreast([&](std::size_t p) { x[p] = (Vf)((Vi)f[p] + ((Vi)shifted[p] << 23)); });
}

template <int kTerms>
[[gnu::noinline]] void add_near_weights(const float* g, const float* d, float peak,
                                        Divergence& out) {
    for (std::size_t i = 0; i < kStrip; i += kSubstrip) {
        Vf weight[kHalfGroup] = {}, difference[kHalfGroup] = {}, rest[kHalfGroup] = {};
        for (std::size_t k = i; k < i + kSubstrip; k += kGroup) {
            Vf w[kAbreast], q[kAbreast];
            abreast([&](std::size_t p) { w[p] = load<Vf>(g + k + p * kF) - peak; });
            near_weights(w);
            abreast([&](std::size_t p) { q[p] = splat(kExcessTerms[kTerms - 1]); });
#pragma GCC unroll 4
            for (int j = kTerms - 2; j >= 0; --j) {
                abreast([&](std::size_t p) {
                    q[p] = q[p] * load<Vf>(d + k + p * kF) + kExcessTerms[j];
                });
            }
            abreast([&](std::size_t p) {
                const Vf x = load<Vf>(d + k + p * kF), wx = w[p] * x;
                weight[p % kHalfGroup] += w[p];
                difference[p % kHalfGroup] += wx;
                rest[p % kHalfGroup] += wx * (x * q[p]);
            });
        }
        add_half_group(weight, out.weight);
        add_half_group(difference, out.difference);
        add_half_group(rest, out.rest);
    }
}

// Not where weights could leave the range of a float: that takes goldens far above the first
// strip's. With three terms what exp(d) is off by is below d^2 * 1e-7, as it is with four up to
// kNear.
inline bool add_near_divergence(const float* g, const float* d, const Nearness& strip,
                                NearBlock& near) {
    constexpr float kRoom = 32;
    if (!near.begun) near.peak = static_cast<float>(largest_of(g, kStrip));
    near.begun = true;
    if (any((Vf)strip.most - near.peak > kRoom) &&
        static_cast<float>(largest_of(g, kStrip)) - near.peak > kRoom) {
        return false;
    }
    if (any(strip.absolute > bits_as_lanes(kNear))) return false;
    if (any(strip.absolute > bits_as_lanes(0x1p-6))) {
        add_near_weights<4>(g, d, near.peak, near.sums);
    } else {
        add_near_weights<3>(g, d, near.peak, near.sums);
    }
    return true;
}

[[maybe_unused]] void finish_near_divergence(const NearBlock& near, Sums& out) {
    out.golden_peak = out.my_peak = static_cast<double>(near.peak);
    out.golden_weight = sum_parts(near.sums.weight);
    out.weighted_difference = sum_parts(near.sums.difference);
    out.my_weight = out.golden_weight + (out.weighted_difference + sum_parts(near.sums.rest));
}

// Largest distance of numbers of the same sign: their bits, cut to the grid, count its places.
template <bool kRounds>
[[gnu::noinline]] std::uint64_t near_ulp(const Block<float>& strip, UlpGrid grid) {
    const LaneGrid<float, std::int32_t> lanes = lane_grid<float, std::int32_t>(grid);
    const auto half = static_cast<std::uint32_t>(lanes.half);
    const auto place = [&](Vu x) {
        return kRounds ? (x + half + ((x >> lanes.shift) & 1u)) >> lanes.shift : x;
    };
    Vu top = Vu{};
    for (std::size_t i = 0; i < kStrip; i += kF) {
        const Vu a = place(load<Vu>(strip.golden + i)), b = place(load<Vu>(strip.my + i));
        top = larger(top, larger(a, b) - smaller(a, b));
    }
    std::uint64_t most = 0;
    for (std::size_t k = 0; k < kF; ++k) most = larger_of(most, top[k]);
    return kRounds ? most : most >> lanes.shift;
}

// Places passed on the way from g to m: at most |d| over the spacing at the smaller one, which is
// above 2^-mantissa / 2 of it, and one more where they have to be rounded to the grid. Only what
// can exceed the known is counted.
inline void add_near_ulp(const Block<float>& strip, const Nearness& found, const KernelInput& input,
                         Sums& out) {
    const bool rounds = input.golden_dtype != input.my_dtype && input.ulp_mantissa < 23;
    const double r = static_cast<double>(largest((Vf)found.relative, 0.0f));
    const double places = static_cast<double>(std::int64_t{2} << input.ulp_mantissa);
    const double most = places * r / (1 - r) * (1 + 0x1p-20);
    const std::uint64_t known = larger_of(input.known_ulp, out.max_ulp);
    if (most < static_cast<double>(rounds ? known : known + 1)) return;
    const UlpGrid grid{input.ulp_mantissa, input.ulp_min_exponent};
    // m may be half of g, and below the smallest normal number the spacing stays the same.
    const std::int32_t exponent = grid.min_exponent + 1 + 127;
    const auto normal = static_cast<std::uint32_t>(exponent > 0 ? exponent << 23 : 0);
    std::uint64_t found_ulp = 0;
    if (any(found.least < Vu{} + normal)) {
        found_ulp = max_ulp(strip.golden, strip.my, kStrip, grid);
    } else {
        found_ulp = rounds ? near_ulp<true>(strip, grid) : near_ulp<false>(strip, grid);
    }
    out.max_ulp = larger_of(out.max_ulp, found_ulp);
}

// False, leaving all as it was, when the strip is not near.
[[maybe_unused]] bool add_near_strip(const Block<float>& strip, const KernelInput& input,
                                     Moments& moments, Extremes<float>& extremes, NearBlock& near,
                                     Sums& out) {
    alignas(64) float d[kStrip], r[kStrip];
    Vd sum[kParts];
    for (std::size_t p = 0; p < kParts; ++p) sum[p] = extremes.sum[p];
    const Nearness found = near_errors(strip, d, r, sum);
    if (any((found.least <= bits_as_lanes(kEps)) | (found.relative > bits_as_lanes(0.5)))) {
        return false;
    }
    for (std::size_t p = 0; p < kParts; ++p) extremes.sum[p] = sum[p];
    extremes.absolute = larger(extremes.absolute, (Vf)found.absolute);
    extremes.relative = larger(extremes.relative, (Vf)found.relative);
    add_near_moments(strip, d, moments);
    add_near_counts(r, found.relative, extremes.below);
    const auto reach = static_cast<float>(input.known_reach);
    if (any((Vf)found.most + (Vf)found.absolute > reach)) {
        add_near_range(strip.golden, strip.my, extremes);
    }
    if (input.groups & kDivergence) {
        near.weighted =
            (near.weighted || !near.begun) && add_near_divergence(strip.golden, d, found, near);
    }
    if (asks_ulp(input)) add_near_ulp(strip, found, input, out);
    return true;
}
