#include "metrics/finish.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace trueness {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

double scaled(double x, std::int64_t exponent) {
    return exponent == 0 ? x : std::ldexp(x, static_cast<int>(exponent));
}

// sum(g m) / sqrt(sum(g^2) sum(m^2)); both all zero: 1, one of them: 0. Exactly 1 for equal sums.
double cosine_similarity(const Sums& sums) {
    if (sums.golden_squares == 0 && sums.my_squares == 0) return 1;
    if (sums.golden_squares == 0 || sums.my_squares == 0) return 0;
    const double cosine = sums.products / std::sqrt(sums.golden_squares * sums.my_squares);
    return std::clamp(cosine, -1.0, 1.0);
}

// sqrt(sum(d^2)) / sqrt(sum(g^2)); golden all zero: 0 if my is too, else inf.
double relative_euclidean_distance(const Sums& sums) {
    if (sums.golden_squares == 0) return sums.my_squares == 0 ? 0 : kInf;
    return scaled(std::sqrt(sums.squared_difference) / std::sqrt(sums.golden_squares),
                  sums.difference_exponent - sums.golden_exponent);
}

// sqrt(sum(m^2)) / sqrt(sum(g^2)); both all zero: 1, golden alone: inf.
double norm_ratio(const Sums& sums) {
    if (sums.golden_squares == 0) return sums.my_squares == 0 ? 1 : kInf;
    return scaled(std::sqrt(sums.my_squares) / std::sqrt(sums.golden_squares),
                  sums.my_exponent - sums.golden_exponent);
}

// With p = softmax(golden), q = softmax(my): sum p (log p - log q), in which both references of the
// weights cancel. Rounding may leave a trace below zero.
double kl_divergence(const Sums& sums) {
    const double mean = sums.weighted_difference / sums.golden_weight;
    const double excess = (sums.my_weight - sums.golden_weight) / sums.golden_weight;
    const double log_ratio = std::fabs(excess) < 0.5
                                 ? std::log1p(excess)
                                 : std::log(sums.my_weight) - std::log(sums.golden_weight);
    return std::max(0.0, log_ratio - mean);
}

double index_of(std::uint64_t at, std::uint64_t lanes) {
    return at == 0 ? -1.0 : static_cast<double>((at - 1) / std::max<std::uint64_t>(1, lanes));
}

struct SideValues {
    double max, min, mean, l2norm;
};

SideValues finish_side(const SideSums& side) {
    SideValues out{kNan, kNan, kNan, scaled(std::sqrt(side.squares), side.exponent)};
    if (side.finite == 0) return out;
    out.max = side.max;
    out.min = side.min;
    out.mean = scaled((side.sum + side.sum_low) / static_cast<double>(side.finite), side.exponent);
    return out;
}

}  // namespace

MetricValues finish(const Sums& sums) {
    const bool some = sums.finite > 0;
    const double n = static_cast<double>(sums.finite);
    const auto of_pairs = [&](double value) { return some ? value : kNan; };
    const SideValues golden = finish_side(sums.golden), my = finish_side(sums.my);
    MetricValues values = {
        of_pairs(cosine_similarity(sums)),
        of_pairs(sums.max_relative),
        of_pairs(scaled(sums.relative / n, sums.relative_exponent)),
        of_pairs(sums.max_absolute),
        of_pairs(scaled(sums.absolute_difference / n, sums.difference_exponent)),
        of_pairs(scaled(std::sqrt(sums.squared_difference / n), sums.difference_exponent)),
        of_pairs(relative_euclidean_distance(sums)),
        of_pairs(kl_divergence(sums)),
        of_pairs(norm_ratio(sums)),
        of_pairs(static_cast<double>(sums.max_ulp)),
        of_pairs(static_cast<double>(sums.below[0]) / n),
        of_pairs(static_cast<double>(sums.below[1]) / n),
        of_pairs(static_cast<double>(sums.below[2]) / n),
        of_pairs(static_cast<double>(sums.below[3]) / n),
        golden.max,
        golden.min,
        golden.mean,
        golden.l2norm,
        static_cast<double>(sums.golden.nan),
        static_cast<double>(sums.golden.inf),
        my.max,
        my.min,
        my.mean,
        my.l2norm,
        static_cast<double>(sums.my.nan),
        static_cast<double>(sums.my.inf),
        index_of(sums.max_absolute_at, sums.lanes),
        index_of(sums.max_relative_at, sums.lanes),
        static_cast<double>(sums.count),
        static_cast<double>(sums.finite),
        static_cast<double>(sums.nonfinite_both),
        static_cast<double>(sums.nonfinite_equal),
    };
    for (std::size_t i = 0; i < values.size(); ++i) {
        if ((sums.groups & kMetrics[i].group) == 0) values[i] = kNan;
    }
    return values;
}

bool ordinary(const Sums& sums) {
    const bool zero = sums.golden.max == 0 && sums.golden.min == 0;
    return (sums.groups & kExtremes) != 0 && sums.count > 0 && sums.finite == sums.count && !zero;
}

ToleranceValues finish_tolerances(const Sums& sums) {
    const ToleranceSums& found = sums.tolerances;
    const bool some = (sums.groups & kTolerances) != 0 && sums.finite > 0;
    const auto n = static_cast<double>(sums.finite);
    const auto normal = static_cast<double>(sums.finite - found.small);
    const auto share = [&](bool asked, std::uint64_t count) {
        return some && asked ? static_cast<double>(count) / n : kNan;
    };
    const bool errors = some && found.asked.errors != 0, worst = some && found.asked.worst != 0;
    const auto of_errors = [&](double value) { return errors ? value : kNan; };
    // Nothing normal has no relative error; that is not the same as not knowing one.
    const auto of_normal = [&](double value) { return of_errors(normal > 0 ? value : 0); };
    ToleranceValues out{};
    for (std::size_t k = 0; k < out.outside_ratio.size(); ++k) {
        out.outside_ratio[k] = share(k < found.asked.pairs, found.outside[k]);
    }
    out.mare = of_normal(found.max_relative);
    out.mere = of_normal(found.relative / normal);
    out.rmse = of_normal(std::sqrt(found.squares / normal));
    const std::uint64_t more = std::max(found.above, found.below);
    out.error_balance = share(errors, more - std::min(found.above, found.below));
    out.small_value_count = of_errors(static_cast<double>(found.small));
    out.small_error_count = of_errors(static_cast<double>(found.small_outside));
    out.max_absolute = worst ? found.max_absolute : kNan;
    out.golden_at_max = worst ? found.golden_at_max : kNan;
    out.mean_ulp = some && found.asked.ulp != 0 ? found.ulp / n : kNan;
    out.ulp_outside_ratio = share(found.asked.ulp != 0, found.ulp_outside);
    return out;
}

}  // namespace trueness
