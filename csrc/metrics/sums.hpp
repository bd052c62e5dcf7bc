#pragma once

#include <cstdint>

// Plain data only: this header is also compiled into the kernels of every instruction set, where
// any inline function could leak code one CPU cannot run into another's path.
namespace trueness {

// Groups of metrics that can be asked for. Counts of NaN, Inf and finite pairs come with any.
enum MetricGroup : std::uint32_t {
    kMoments = 1,     // cosine similarity, norms, means, squared and absolute differences
    kExtremes = 2,    // minima, maxima, largest absolute difference
    kRelative = 4,    // relative errors and error ratios; implies kExtremes
    kDivergence = 8,  // KL divergence; implies kExtremes
    kUlp = 16,        // distance in units of the last place
    kAllGroups = 31,
};

inline constexpr int kErrorBounds = 4;

// One tensor alone, over its own finite elements. Scaled sums: see Sums.
struct SideSums {
    std::uint64_t nan;
    std::uint64_t inf;
    std::uint64_t finite;
    double sum;  // sum + sum_low is the sum of the elements times 2^-exponent
    double sum_low;
    double squares;  // times 2^(-2 exponent)
    std::int64_t exponent;
    double min;  // meaningless while finite == 0
    double max;
};

// What one pass over a pair leaves behind, from which every metric follows. All zero is the empty
// pair. Values whose squares leave the range of a double are summed scaled by a power of two, the
// exponents below; for all but extreme float64 data these are 0.
struct Sums {
    std::uint64_t count;            // pairs of numbers; a complex element counts as two
    std::uint64_t finite;           // pairs in which both are finite; what follows is over these
    std::uint64_t nonfinite_both;   // pairs in which neither is
    std::uint64_t nonfinite_equal;  // of these, both NaN or the same infinity
    std::uint64_t groups;           // MetricGroup bits that were computed
    std::uint64_t lanes;            // numbers an element consists of: 1, or 2 for complex
    SideSums golden;
    SideSums my;
    double golden_squares;  // times 2^(-2 golden_exponent)
    double my_squares;      // times 2^(-2 my_exponent)
    double products;        // times 2^-(golden_exponent + my_exponent)
    std::int64_t golden_exponent;
    std::int64_t my_exponent;
    double squared_difference;   // times 2^(-2 difference_exponent)
    double absolute_difference;  // times 2^-difference_exponent
    std::int64_t difference_exponent;
    double relative;  // sum of relative errors, times 2^-relative_exponent
    std::int64_t relative_exponent;
    std::uint64_t
        below[kErrorBounds];  // pairs whose relative error is below 1e-4, 1e-3, 5e-3, 1e-2
    double max_absolute;
    std::uint64_t max_absolute_at;  // 1 + position of the first largest; 0 for none
    double max_relative;
    std::uint64_t max_relative_at;
    double golden_peak;  // reference of the weights below, near the largest golden
    double my_peak;
    double golden_weight;        // sum of exp(golden - golden_peak)
    double my_weight;            // sum of exp(my - my_peak)
    double weighted_difference;  // sum of exp(golden - golden_peak) *
                                 //        ((my - my_peak) - (golden - golden_peak))
    std::uint64_t max_ulp;
};

}  // namespace trueness
