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

// Elements whose r are added in float before they are widened: sixteen to a lane round by less than
// 7e-7 of the sum, all together.
constexpr std::size_t kSubstrip = 256;

// How many are below the smallest bounds is counted at once, in the time that the divisions take.
constexpr int kCountedBounds = 2;

// Bits of floats >= 0, which order like the floats; those of NaN and Inf above all others. Integer
// minima and maxima have more execution units to go to.
struct Nearness {
    Vu absolute;  // largest |d|
    Vu relative;  // largest |d| / |g|
    Vu most;      // largest |g|
    Vu least;     // smallest |g|
    Vi below[kCountedBounds];
};

inline Vu bits_as_lanes(double value) {
    return Vu{} + static_cast<std::uint32_t>(float_bits(value));
}

[[gnu::noinline]] void near_errors(const Block<float>& strip, float* d, float* r, Vd* sum,
                                   Nearness& found) {
    const float *const g = strip.golden, *const m = strip.my;
    Vu absolute_bits = Vu{}, relative = Vu{}, most = Vu{}, least = ~Vu{};
    Vi below[kCountedBounds] = {};
    for (std::size_t i = 0; i < kStrip; i += kSubstrip) {
        Vf sums[kHalfGroup] = {};
        for (std::size_t k = i; k < i + kSubstrip; k += kGroup / 2) {
            fetch_ahead(strip, k);
#pragma GCC unroll 4
            for (std::size_t p = 0; p < kHalfGroup; ++p) {
                const std::size_t at = k + p * kF;
                const Vf a = held(load<Vf>(g + at)), difference = load<Vf>(m + at) - a;
                const Vf size = absolute(a), error = absolute(difference);
                const Vf ratio = error / size;
                store(d + at, difference);
                store(r + at, ratio);
                sums[p] += ratio;
                absolute_bits = larger(absolute_bits, (Vu)error);
                relative = larger(relative, (Vu)ratio);
                most = larger(most, (Vu)size);
                least = smaller(least, (Vu)size);
                for (int j = 0; j < kCountedBounds; ++j) {
                    below[j] -= ratio < static_cast<float>(kBounds[j]);
                }
            }
        }
        add_half_group(sums, sum);
    }
    found.absolute = absolute_bits;
    found.relative = relative;
    found.most = most;
    found.least = least;
    for (int j = 0; j < kCountedBounds; ++j) found.below[j] = below[j];
}

// Sums of the near strips of a block, eight lanes each.
struct NearMoments {
    double gg[kLanes];
    double gd[kLanes];
    double dd[kLanes];
    double g[kLanes];
    double d[kLanes];
    double size_d[kLanes];  // of |d|
};

// A few parts of the lanes at a time, as many as have room in the registers.
[[gnu::noinline]] void add_near_moments(const Block<float>& strip, const float* d,
                                        NearMoments& out) {
    constexpr std::size_t kAtOnce = kParts < 2 ? kParts : 2;
    for (std::size_t part = 0; part < kLanes; part += kAtOnce * kW) {
        Vd gg[kAtOnce], gd[kAtOnce], dd[kAtOnce], sg[kAtOnce], sd[kAtOnce], ad[kAtOnce];
        const auto each = [&](auto step) {
            for (std::size_t p = 0; p < kAtOnce; ++p) {
                const std::size_t lane = part + p * kW;
                step(out.gg + lane, gg[p]);
                step(out.gd + lane, gd[p]);
                step(out.dd + lane, dd[p]);
                step(out.g + lane, sg[p]);
                step(out.d + lane, sd[p]);
                step(out.size_d + lane, ad[p]);
            }
        };
        each([](const double* lanes, Vd& x) { x = load<Vd>(lanes); });
        for (std::size_t i = part; i < kStrip; i += kLanes) {
            fetch_ahead(strip, kStrip + i);
#pragma GCC unroll 2
            for (std::size_t p = 0; p < kAtOnce; ++p) {
                const Vd a = load_wide(strip.golden + i + p * kW), b = load_wide(d + i + p * kW);
                gg[p] = add_exact_product(a, a, gg[p]);
                gd[p] = add_exact_product(a, b, gd[p]);
                dd[p] = add_exact_product(b, b, dd[p]);
                // The units that add have the widening to do as well: this one the multipliers do.
                sg[p] = add_exact_product(a, splat(1.0), sg[p]);
                sd[p] += b;
                ad[p] += absolute(b);
            }
        }
        each([](double* lanes, Vd x) { store(lanes, x); });
    }
}

[[maybe_unused]] void finish_near_moments(const NearMoments& near, Moments& out) {
    for (std::size_t i = 0; i < kLanes; ++i) {
        out.golden_squares[i] += near.gg[i];
        out.my_squares[i] += (near.gg[i] + 2 * near.gd[i]) + near.dd[i];
        out.products[i] += near.gg[i] + near.gd[i];
        out.squared_difference[i] += near.dd[i];
        out.absolute_difference[i] += near.size_d[i];
        out.golden[i] += near.g[i];
        out.my[i] += near.g[i] + near.d[i];
    }
}

// How many of a strip are below each bound: where none reaches one, all are below that and the
// larger ones.
inline void add_near_counts(const float* r, const Nearness& found, Vi* below) {
    int k = 0;
    for (; k < kCountedBounds; ++k) below[k] += found.below[k];
    for (; k < kErrorBounds && any((Vi)found.relative >= float_bits(kBounds[k])); ++k) {
        const Vi bound = Vi{} + float_bits(kBounds[k]);
        Vi count[2] = {};
        for (std::size_t i = 0; i < kStrip; i += 2 * kF) {
            count[0] -= load<Vi>(r + i) < bound;
            count[1] -= load<Vi>(r + i + kF) < bound;
        }
        below[k] += count[0] + count[1];
    }
    for (; k < kErrorBounds; ++k) below[k] += static_cast<std::int32_t>(kStrip / kF);
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
    bool all;                      // every strip so far was near
    std::size_t strips;            // how many were, the first ones; of each of these:
    Vu absolute[kBlock / kStrip];  // bits of the largest |d|
    Vu relative[kBlock / kStrip];  // bits of the largest |d| / |g|
    bool begun;
    bool weighted;  // ... and had small enough differences for its weights to be in `sums`
    float peak;     // what the weights refer to: the largest golden of the first strip
    Vu least;       // bits of the smallest |g|
    NearMoments moments;
    Divergence sums;
};

// Whether the sums of g and of m have not been rounded: every term is a multiple of half the last
// place of the smallest |g|, of which a double holds 2^53, and n sum(g g) >= sum(|g|)^2.
[[maybe_unused]] bool exact_near_sums(const NearBlock& near, std::size_t n, double golden_squares) {
    if (!near.all) return false;
    std::uint32_t least = near.least[0];
    for (std::size_t i = 1; i < kF; ++i) least = near.least[i] < least ? near.least[i] : least;
    least &= 0x7f800000u;
    float power = 0;
    __builtin_memcpy(&power, &least, sizeof power);
    const double room = static_cast<double>(power) * 0x1p29;
    return 2.25 * static_cast<double>(n) * golden_squares <= room * room;
}

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

// Sums over a strip of w, w d, w d^2 ..., w = exp(g - peak); those from d^2 on make w (exp(d) - 1 -
// d) by the series, cut. In float: with weights good to 3e-6 more would be lost on them.
template <int kTerms>
[[gnu::noinline]] void add_near_weights(const float* g, const float* d, float peak, float* weights,
                                        Divergence& out) {
    for (std::size_t k = 0; k < kStrip; k += kGroup) {
        Vf w[kAbreast];
        abreast([&](std::size_t p) { w[p] = load<Vf>(g + k + p * kF) - peak; });
        near_weights(w);
        abreast([&](std::size_t p) { store(weights + k + p * kF, w[p]); });
    }
    Vf weight[kHalfGroup] = {}, difference[kHalfGroup] = {}, power[kTerms][kHalfGroup] = {};
#pragma GCC unroll 1
    for (std::size_t k = 0; k < kStrip; k += kGroup / 2) {
#pragma GCC unroll 4
        for (std::size_t p = 0; p < kHalfGroup; ++p) {
            const Vf x = load<Vf>(d + k + p * kF), w = load<Vf>(weights + k + p * kF);
            Vf term = w * x;
            weight[p] += w;
            difference[p] += term;
#pragma GCC unroll 4
            for (int j = 0; j < kTerms; ++j) {
                term = term * x;
                power[j][p] += term;
            }
        }
    }
    for (std::size_t p = 0; p < kHalfGroup; ++p) {
        Vf rest = power[kTerms - 1][p] * kExcessTerms[kTerms - 1];
        for (int j = kTerms - 2; j >= 0; --j) rest += power[j][p] * kExcessTerms[j];
        power[0][p] = rest;
    }
    add_half_group(weight, out.weight);
    add_half_group(difference, out.difference);
    add_half_group(power[0], out.rest);
}

// Not where weights could leave the range of a float: that takes goldens far above the first
// strip's. As many terms as bring exp(d) within 3e-10, a third of what the divergence may be off
// by. `room` is for as many weights as there are elements.
inline bool add_near_divergence(const float* g, const float* d, const Nearness& strip, float* room,
                                NearBlock& near) {
    constexpr float kRoom = 32;
    if (!near.begun) near.peak = static_cast<float>(largest_of(g, kStrip));
    near.begun = true;
    if (any((Vf)strip.most - near.peak > kRoom) &&
        static_cast<float>(largest_of(g, kStrip)) - near.peak > kRoom) {
        return false;
    }
    const auto exceeds = [&](double bound) { return any(strip.absolute > bits_as_lanes(bound)); };
    if (exceeds(kNear)) return false;
    if (exceeds(0x1p-5)) {
        add_near_weights<4>(g, d, near.peak, room, near.sums);
    } else if (exceeds(0x1p-7)) {
        add_near_weights<3>(g, d, near.peak, room, near.sums);
    } else {
        add_near_weights<2>(g, d, near.peak, room, near.sums);
    }
    return true;
}

[[maybe_unused]] void finish_near_divergence(const NearBlock& near, Sums& out) {
    out.golden_peak = out.my_peak = static_cast<double>(near.peak);
    out.golden_weight = sum_parts(near.sums.weight);
    out.weighted_difference = sum_parts(near.sums.difference);
    out.my_weight = out.golden_weight + (out.weighted_difference + sum_parts(near.sums.rest));
}

inline std::uint64_t largest_lane(Vu v) {
    std::uint64_t most = 0;
    for (std::size_t k = 0; k < kF; ++k) most = larger_of(most, v[k]);
    return most;
}

template <class Place>
inline std::uint64_t near_distance(const Block<float>& strip, Place place) {
    Vu top = Vu{};
    for (std::size_t i = 0; i < kStrip; i += kF) {
        const Vu a = place(load<Vu>(strip.golden + i)), b = place(load<Vu>(strip.my + i));
        top = larger(top, larger(a, b) - smaller(a, b));
    }
    return largest_lane(top);
}

// Places between numbers of the same sign, whose bits, cut to the grid, count them. Where one side
// has to be rounded to the grid, that moves it by half a place at most: only what may then exceed
// the known is looked at more closely.
[[gnu::noinline]] std::uint64_t near_ulp(const Block<float>& strip, UlpGrid grid, bool rounds,
                                         std::uint64_t known) {
    const LaneGrid<float, std::int32_t> lanes = lane_grid<float, std::int32_t>(grid);
    const std::uint64_t apart = near_distance(strip, [](Vu x) { return x; });
    if (!rounds) return apart >> lanes.shift;
    if ((apart + (std::uint64_t{1} << lanes.shift) / 2) >> lanes.shift <= known) return 0;
    const auto half = static_cast<std::uint32_t>(lanes.half);
    return near_distance(
        strip, [&](Vu x) { return (x + half + ((x >> lanes.shift) & 1u)) >> lanes.shift; });
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
    const std::uint64_t found_ulp = any(found.least < Vu{} + normal)
                                        ? max_ulp(strip.golden, strip.my, kStrip, grid)
                                        : near_ulp(strip, grid, rounds, known);
    out.max_ulp = larger_of(out.max_ulp, found_ulp);
}

// False, leaving all as it was, when the strip is not near.
[[maybe_unused]] bool add_near_strip(const Block<float>& strip, const KernelInput& input,
                                     Extremes<float>& extremes, NearBlock& near, Sums& out) {
    alignas(64) float d[kStrip], r[kStrip];
    Vd sum[kParts];
    for (std::size_t p = 0; p < kParts; ++p) sum[p] = extremes.sum[p];
    Nearness found;
    near_errors(strip, d, r, sum, found);
    if (any((found.least <= bits_as_lanes(kEps)) | (found.relative > bits_as_lanes(0.5)))) {
        return false;
    }
    for (std::size_t p = 0; p < kParts; ++p) extremes.sum[p] = sum[p];
    extremes.absolute = larger(extremes.absolute, (Vf)found.absolute);
    extremes.relative = larger(extremes.relative, (Vf)found.relative);
    near.least = smaller(near.least, found.least);
    near.absolute[near.strips] = found.absolute;
    near.relative[near.strips] = found.relative;
    ++near.strips;
    add_near_moments(strip, d, near.moments);
    add_near_counts(r, found, extremes.below);
    const auto reach = static_cast<float>(input.known_reach);
    if (any((Vf)found.most + (Vf)found.absolute > reach)) {
        add_near_range(strip.golden, strip.my, extremes);
    }
    if (input.groups & kDivergence) {
        near.weighted =
            (near.weighted || !near.begun) && add_near_divergence(strip.golden, d, found, r, near);
    }
    if (asks_ulp(input)) add_near_ulp(strip, found, input, out);
    return true;
}
