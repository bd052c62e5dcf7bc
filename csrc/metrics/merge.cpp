#include "metrics/merge.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "metrics/exponential.hpp"

namespace trueness {
namespace {

// exp(x) for x <= 0 by the kernels' own polynomial: the library's may differ between machines.
double weight(double x) {
    if (!(x > kExpFloor)) return 0;
    const double n = std::nearbyint(x * kLog2E);
    const double r = (x - n * kLn2High) - n * kLn2Low;
    double p = kExpTerms[8];
    for (int k = 7; k >= 0; --k) p = p * r + kExpTerms[k];
    return std::ldexp((p * r) * r + r + 1.0, static_cast<int>(n));
}

double shifted(double x, std::int64_t exponent) {
    return exponent == 0
               ? x
               : std::ldexp(x, static_cast<int>(std::clamp<std::int64_t>(exponent, -5000, 5000)));
}

// A sum of zero has no exponent of its own.
std::int64_t common_exponent(double a, std::int64_t a_exponent, double b, std::int64_t b_exponent) {
    if (a == 0) return b_exponent;
    if (b == 0) return a_exponent;
    return std::max(a_exponent, b_exponent);
}

void rescale(SideSums& side, std::int64_t exponent) {
    const std::int64_t by = side.exponent - exponent;
    side.sum = shifted(side.sum, by);
    side.sum_low = shifted(side.sum_low, by);
    side.squares = shifted(side.squares, 2 * by);
    side.exponent = exponent;
}

// Brings both to the larger exponent, unless one is a sum of zeros.
void align(SideSums& a, SideSums& b) {
    const std::int64_t exponent = common_exponent(a.squares, a.exponent, b.squares, b.exponent);
    rescale(a, exponent);
    rescale(b, exponent);
}

void rescale(Sums& sums, std::int64_t golden, std::int64_t my, std::int64_t difference,
             std::int64_t relative) {
    const std::int64_t by_golden = sums.golden_exponent - golden, by_my = sums.my_exponent - my;
    const std::int64_t by_difference = sums.difference_exponent - difference;
    sums.golden_squares = shifted(sums.golden_squares, 2 * by_golden);
    sums.my_squares = shifted(sums.my_squares, 2 * by_my);
    sums.products = shifted(sums.products, by_golden + by_my);
    sums.squared_difference = shifted(sums.squared_difference, 2 * by_difference);
    sums.absolute_difference = shifted(sums.absolute_difference, by_difference);
    sums.relative = shifted(sums.relative, sums.relative_exponent - relative);
    sums.golden_exponent = golden;
    sums.my_exponent = my;
    sums.difference_exponent = difference;
    sums.relative_exponent = relative;
}

void align(Sums& a, Sums& b) {
    const std::int64_t golden =
        common_exponent(a.golden_squares, a.golden_exponent, b.golden_squares, b.golden_exponent);
    const std::int64_t my =
        common_exponent(a.my_squares, a.my_exponent, b.my_squares, b.my_exponent);
    const std::int64_t difference = common_exponent(a.absolute_difference, a.difference_exponent,
                                                    b.absolute_difference, b.difference_exponent);
    const std::int64_t relative =
        common_exponent(a.relative, a.relative_exponent, b.relative, b.relative_exponent);
    rescale(a, golden, my, difference, relative);
    rescale(b, golden, my, difference, relative);
    align(a.golden, b.golden);
    align(a.my, b.my);
}

SideSums merge_side(const SideSums& a, const SideSums& b) {
    SideSums out = a;
    out.nan += b.nan;
    out.inf += b.inf;
    out.finite += b.finite;
    out.sum = a.sum + b.sum;
    const double back = out.sum - a.sum;
    const double lost = (a.sum - (out.sum - back)) + (b.sum - back);
    out.sum_low = (a.sum_low + b.sum_low) + lost;
    out.squares += b.squares;
    if (b.finite > 0) {
        out.min = a.finite == 0 || b.min < a.min ? b.min : a.min;
        out.max = a.finite == 0 || b.max > a.max ? b.max : a.max;
    }
    return out;
}

// Of equals the first wins. `before` numbers stand in front of b's.
void merge_maximum(double& value, std::uint64_t& at, double b_value, std::uint64_t b_at,
                   std::uint64_t before) {
    if (b_at == 0 || (at != 0 && !(b_value > value))) return;
    value = b_value;
    at = b_at + before;
}

// Weights of `sums` moved to other reference points.
struct Weights {
    double golden, my, difference;
};

Weights at_peaks(const Sums& sums, double golden_peak, double my_peak) {
    const double golden_shift = sums.golden_peak - golden_peak;
    const double my_shift = sums.my_peak - my_peak;
    const double golden_scale = weight(golden_shift);
    Weights out{0, sums.my_weight * weight(my_shift), 0};
    if (golden_scale > 0) {
        out.golden = sums.golden_weight * golden_scale;
        out.difference = golden_scale * (sums.weighted_difference +
                                         sums.golden_weight * (my_shift - golden_shift));
    }
    return out;
}

void merge_weights(const Sums& a, const Sums& b, Sums& out) {
    if (a.golden_weight == 0 && b.golden_weight == 0) return;  // not asked for
    if (a.finite == 0 || b.finite == 0) {
        const Sums& only = a.finite == 0 ? b : a;
        out.golden_peak = only.golden_peak;
        out.my_peak = only.my_peak;
        out.golden_weight = only.golden_weight;
        out.my_weight = only.my_weight;
        out.weighted_difference = only.weighted_difference;
        return;
    }
    out.golden_peak = std::max(a.golden_peak, b.golden_peak);
    out.my_peak = std::max(a.my_peak, b.my_peak);
    const Weights first = at_peaks(a, out.golden_peak, out.my_peak);
    const Weights second = at_peaks(b, out.golden_peak, out.my_peak);
    out.golden_weight = first.golden + second.golden;
    out.my_weight = first.my + second.my;
    out.weighted_difference = first.difference + second.difference;
}

// Answers to other questions cannot be added.
bool merge_tolerances(const ToleranceSums& b, ToleranceSums& out) {
    if (std::memcmp(&b.asked, &out.asked, sizeof b.asked) != 0) {
        out = {};
        return false;
    }
    for (int k = 0; k < kTolerancePairs; ++k) out.outside[k] += b.outside[k];
    out.above += b.above;
    out.below += b.below;
    out.small += b.small;
    out.small_outside += b.small_outside;
    out.relative += b.relative;
    out.max_relative = std::max(out.max_relative, b.max_relative);
    out.squares += b.squares;
    if (b.max_absolute > out.max_absolute) {
        out.max_absolute = b.max_absolute;
        out.golden_at_max = b.golden_at_max;
    }
    out.ulp += b.ulp;
    out.ulp_outside += b.ulp_outside;
    return true;
}

bool aligned(const Sums& a, const Sums& b) {
    return a.golden.exponent == b.golden.exponent && a.my.exponent == b.my.exponent &&
           a.golden_exponent == b.golden_exponent && a.my_exponent == b.my_exponent &&
           a.difference_exponent == b.difference_exponent &&
           a.relative_exponent == b.relative_exponent;
}

// Of sums with the same exponents.
Sums merge_aligned(const Sums& a, const Sums& b) {
    Sums out = a;
    out.count += b.count;
    out.finite += b.finite;
    out.nonfinite_both += b.nonfinite_both;
    out.nonfinite_equal += b.nonfinite_equal;
    out.groups &= b.groups;
    out.lanes = std::max(a.lanes, b.lanes);
    out.golden = merge_side(a.golden, b.golden);
    out.my = merge_side(a.my, b.my);
    out.golden_squares += b.golden_squares;
    out.my_squares += b.my_squares;
    out.products += b.products;
    out.squared_difference += b.squared_difference;
    out.absolute_difference += b.absolute_difference;
    out.relative += b.relative;
    for (int k = 0; k < kErrorBounds; ++k) out.below[k] += b.below[k];
    merge_maximum(out.max_absolute, out.max_absolute_at, b.max_absolute, b.max_absolute_at,
                  a.count);
    merge_maximum(out.max_relative, out.max_relative_at, b.max_relative, b.max_relative_at,
                  a.count);
    merge_weights(a, b, out);
    out.max_ulp = std::max(a.max_ulp, b.max_ulp);
    if (!merge_tolerances(b.tolerances, out.tolerances)) {
        out.groups &= ~static_cast<std::uint64_t>(kTolerances);
    }
    return out;
}

}  // namespace

Sums merge(const Sums& first, const Sums& second) {
    if (first.count == 0) return second;
    if (second.count == 0) return first;
    if (aligned(first, second)) return merge_aligned(first, second);
    Sums a = first, b = second;
    align(a, b);
    return merge_aligned(a, b);
}

}  // namespace trueness
