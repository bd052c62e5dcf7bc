#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "metrics/sums.hpp"

namespace trueness {

struct MetricName {
    std::string_view name;
    MetricGroup group;  // what must have been asked for
};

// Every metric by its public name, in the order of finish().
inline constexpr std::array kMetrics = {
    MetricName{"cosine_similarity", kMoments},
    MetricName{"max_relative_error", kRelative},
    MetricName{"mean_relative_error", kRelative},
    MetricName{"max_absolute_error", kExtremes},
    MetricName{"mean_absolute_error", kMoments},
    MetricName{"rmse", kMoments},
    MetricName{"relative_euclidean_distance", kMoments},
    MetricName{"kl_divergence", kDivergence},
    MetricName{"norm_ratio", kMoments},
    MetricName{"max_ulp_error", kUlp},
    MetricName{"error_ratio_1e-4", kRelative},
    MetricName{"error_ratio_1e-3", kRelative},
    MetricName{"error_ratio_5e-3", kRelative},
    MetricName{"error_ratio_1e-2", kRelative},
    MetricName{"golden_max_value", kExtremes},
    MetricName{"golden_min_value", kExtremes},
    MetricName{"golden_mean_value", kMoments},
    MetricName{"golden_l2norm", kMoments},
    MetricName{"golden_nan_count", kMoments},
    MetricName{"golden_inf_count", kMoments},
    MetricName{"my_max_value", kExtremes},
    MetricName{"my_min_value", kExtremes},
    MetricName{"my_mean_value", kMoments},
    MetricName{"my_l2norm", kMoments},
    MetricName{"my_nan_count", kMoments},
    MetricName{"my_inf_count", kMoments},
    MetricName{"max_absolute_index", kExtremes},
    MetricName{"max_relative_index", kRelative},
    MetricName{"count", kMoments},
    MetricName{"finite_count", kMoments},
    MetricName{"nonfinite_both_count", kMoments},
    MetricName{"nonfinite_equal_count", kMoments},
};

using MetricValues = std::array<double, kMetrics.size()>;

// The metrics of these sums, NaN where undefined or not asked for, indices -1 where there is no
// such element. Index metrics count elements of the flattened tensors.
MetricValues finish(const Sums& sums);

// Whether all numbers are finite, there are some, and golden is not zero everywhere: then nothing
// but the metrics is to be said of them. False where extremes were not asked for.
bool ordinary(const Sums& sums);

// What the tolerances of these sums come to; NaN where undefined or not asked for. `outside_ratio`
// and `ulp_outside_ratio` are shares of the finite pairs. mare and mere: largest and mean of
// |d| / (|g| + 1e-7), and rmse, over |g| >= small_value. error_balance: |#(m > g) - #(m < g)| / N.
struct ToleranceValues {
    std::array<double, kTolerancePairs> outside_ratio;
    double mare, mere, rmse, error_balance, small_value_count, small_error_count;
    double max_absolute, golden_at_max;
    double mean_ulp, ulp_outside_ratio;
};

ToleranceValues finish_tolerances(const Sums& sums);

}  // namespace trueness
