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
    kTolerances = 32,  // what a verdict asks of single elements; needs Tolerances to ask it
};

inline constexpr int kErrorBounds = 4;
inline constexpr int kTolerancePairs = 4;

// Questions about single elements that no other sum answers. All zero asks nothing.
struct Tolerances {
    std::uint64_t pairs;  // how many of these are asked for
    double atol[kTolerancePairs];
    double rtol[kTolerancePairs];
    std::uint64_t errors;  // not 0: floored relative errors, signs and small values
    double small_value;    // |golden| below it: only the absolute error counts, in `small_outside`
    double small_error;
    std::uint64_t worst;  // not 0: the golden value where |d| is largest
    std::uint64_t ulp;    // 1 + distance in units of the last place; 0: not asked for
};

// The answers, over finite pairs (g, m) with d = m - g in double. `normal`: |g| >= small_value.
struct ToleranceSums {
    Tolerances asked;
    std::uint64_t outside[kTolerancePairs];  // |d| > atol + rtol |g|
    std::uint64_t above;                     // m > g
    std::uint64_t below;                     // m < g
    std::uint64_t small;                     // |g| < small_value
    std::uint64_t small_outside;             // of these |d| > small_error
    double relative;                         // sum of |d| / (|g| + 1e-7) over the normal ones
    double max_relative;                     // largest of these
    double squares;  // sum of d^2 over the normal ones; unscaled, so it may leave the range
    double max_absolute;
    double golden_at_max;  // g of the first pair that has it
    double ulp;            // sum of distances
    std::uint64_t ulp_outside;
};

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
    ToleranceSums tolerances;
};

}  // namespace trueness
