#include "metrics/careful.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/dtype.hpp"
#include "metrics/exponential.hpp"

namespace trueness {
namespace {

#include "metrics/kernels/clean.inl"
#include "metrics/kernels/divergence.inl"
#include "metrics/kernels/extremes.inl"
#include "metrics/kernels/load.inl"
#include "metrics/kernels/moments.inl"
#include "metrics/kernels/tolerances.inl"
#include "metrics/kernels/ulp.inl"

__extension__ using Wide = __int128;

bool is_integer(DType dtype) { return !info(dtype).is_float && !info(dtype).is_complex; }

template <class T>
Wide whole_as(const void* from, std::size_t i) {
    T value;
    std::memcpy(&value, static_cast<const unsigned char*>(from) + i * sizeof(T), sizeof value);
    return static_cast<Wide>(value);
}

// An element of an integer type; of the narrow ones the decoded value is already exact.
Wide whole(DType dtype, const void* from, std::size_t i, double decoded) {
    switch (dtype) {
        case DType::kInt64:
            return whole_as<std::int64_t>(from, i);
        case DType::kUint64:
            return whole_as<std::uint64_t>(from, i);
        default:
            return static_cast<Wide>(decoded);
    }
}

// Both sides in double, and `half` times m - g: halved where the whole could overflow.
struct Values {
    std::vector<double> golden;
    std::vector<double> my;
    std::vector<double> difference;
    double half = 1;  // what g, m and d are multiplied with in relative errors and in `difference`

    bool finite_pair(std::size_t i) const { return finite(golden[i]) && finite(my[i]); }
};

std::vector<double> decode_side(const KernelInput& input, const void* raw, DType dtype,
                                bool complex_pairs) {
    std::vector<double> values(2 * kBlock);
    std::vector<float> floats(2 * kBlock);
    load_double(dtype, raw, input.tables, floats.data(), values.data(), input.count);
    if (complex_pairs && !is_complex(dtype)) interleave_zeros(values.data(), input.count);
    values.resize(complex_pairs ? 2 * input.count : input.count);
    return values;
}

double largest_finite(const std::vector<double>& values) {
    double top = 0;
    for (const double x : values) {
        if (finite(x) && std::fabs(x) > top) top = std::fabs(x);
    }
    return top;
}

Values decode(const KernelInput& input) {
    const auto golden = static_cast<DType>(input.golden_dtype);
    const auto my = static_cast<DType>(input.my_dtype);
    const bool pairs = is_complex(golden) || is_complex(my);
    Values values{decode_side(input, input.golden, golden, pairs),
                  decode_side(input, input.my, my, pairs),
                  {}};
    const double top = std::fmax(largest_finite(values.golden), largest_finite(values.my));
    values.half = top > 0x1p200 ? 0.5 : 1;
    values.difference.resize(values.golden.size());
    for (std::size_t i = 0; i < values.difference.size(); ++i) {
        const double g = values.golden[i], m = values.my[i];
        values.difference[i] =
            is_integer(golden) && is_integer(my)
                ? static_cast<double>(whole(my, input.my, i, m) - whole(golden, input.golden, i, g))
                : m * values.half - g * values.half;
    }
    if (is_integer(golden) && is_integer(my)) values.half = 1;
    return values;
}

// Exponent that brings `top` near 1, or 0 where squares are in range as they are.
std::int64_t exponent_for(double top) {
    if (top == 0 || (top > 0x1p-200 && top < 0x1p200)) return 0;
    int exponent = 0;
    std::frexp(top, &exponent);
    return exponent;
}

double scaled(double x, std::int64_t exponent) {
    return std::ldexp(x, static_cast<int>(-exponent));
}

void add_pairs(const Values& values, Sums& out) {
    std::vector<double> terms[5];
    for (std::size_t i = 0; i < values.golden.size(); ++i) {
        if (!values.finite_pair(i)) continue;
        const double g = scaled(values.golden[i], out.golden_exponent);
        const double m = scaled(values.my[i], out.my_exponent);
        const double d = scaled(values.difference[i], out.difference_exponent) / values.half;
        terms[0].push_back(g * g);
        terms[1].push_back(m * m);
        terms[2].push_back(g * m);
        terms[3].push_back(d * d);
        terms[4].push_back(std::fabs(d));
    }
    double* const sums[5] = {&out.golden_squares, &out.my_squares, &out.products,
                             &out.squared_difference, &out.absolute_difference};
    for (int k = 0; k < 5; ++k) {
        double lost = 0;
        compensated_sum(terms[k].data(), terms[k].size(), *sums[k], lost);
        *sums[k] += lost;
    }
}

void add_side(const std::vector<double>& values, SideSums& out) {
    std::vector<double> terms, squares;
    for (const double x : values) {
        if (!finite(x)) continue;
        terms.push_back(scaled(x, out.exponent));
        squares.push_back(terms.back() * terms.back());
    }
    compensated_sum(terms.data(), terms.size(), out.sum, out.sum_low);
    double lost = 0;
    compensated_sum(squares.data(), squares.size(), out.squares, lost);
    out.squares += lost;
}

void add_differences(const Values& values, Sums& out) {
    double worst = -1;
    for (std::size_t i = 0; i < values.golden.size(); ++i) {
        if (!values.finite_pair(i) || std::fabs(values.difference[i]) <= worst) continue;
        worst = std::fabs(values.difference[i]);
        out.max_absolute = worst / values.half;
        out.max_absolute_at = i + 1;
    }
}

void add_relative(const Values& values, Sums& out) {
    std::vector<double> ratios;
    double worst = -1;
    for (std::size_t i = 0; i < values.golden.size(); ++i) {
        if (!values.finite_pair(i)) continue;
        const double size = std::fabs(values.golden[i]);
        const bool big = size > kEps;
        const double d = std::fabs(values.difference[i]);
        const double q = big ? d / (size * values.half) : d / values.half;
        for (int k = 0; k < kErrorBounds; ++k) out.below[k] += q < kBounds[k];
        if (!big) continue;
        ratios.push_back(q);
        if (q > worst) {
            worst = q;
            out.max_relative = q;
            out.max_relative_at = i + 1;
        }
    }
    out.relative_exponent = worst > 0x1p900 ? 64 : 0;
    for (double& ratio : ratios) ratio = scaled(ratio, out.relative_exponent);
    double lost = 0;
    compensated_sum(ratios.data(), ratios.size(), out.relative, lost);
    if (finite(out.relative)) out.relative += lost;
}

void add_errors(const Values& values, ToleranceSums& out) {
    for (std::size_t i = 0; i < values.golden.size(); ++i) {
        if (!values.finite_pair(i)) continue;
        const double size = std::fabs(values.golden[i]);
        const double d = values.difference[i], e = std::fabs(d / values.half);
        out.above += d > 0;
        out.below += d < 0;
        if (size < out.asked.small_value) {
            ++out.small;
            out.small_outside += e > out.asked.small_error;
            continue;
        }
        const double relative = std::fabs(d) / ((size + kRelativeFloor) * values.half);
        out.relative += relative;
        out.max_relative = std::fmax(out.max_relative, relative);
        out.squares += e * e;
    }
}

void add_tolerances(const Values& values, ToleranceSums& out) {
    for (std::size_t i = 0; i < values.golden.size(); ++i) {
        if (!values.finite_pair(i)) continue;
        const double size = std::fabs(values.golden[i]);
        const double e = std::fabs(values.difference[i] / values.half);
        for (std::size_t k = 0; k < out.asked.pairs; ++k) {
            out.outside[k] += e > out.asked.atol[k] + out.asked.rtol[k] * size;
        }
        if (out.asked.worst != 0 && e > out.max_absolute) {
            out.max_absolute = e;
            out.golden_at_max = values.golden[i];
        }
    }
    if (out.asked.errors != 0) add_errors(values, out);
}

// Room for clean_block to write whole vectors.
std::size_t padded(std::size_t n) { return n + kGroup; }

void add_divergence(const Values& values, Sums& out) {
    const std::size_t n = values.golden.size();
    std::vector<double> golden(padded(n)), my(padded(n));
    Sums ignored{};
    clean_block(values.golden.data(), values.my.data(), n, kAbsent<double>, golden.data(),
                my.data(), ignored);
    double golden_max = kAbsent<double>, my_max = kAbsent<double>;
    for (std::size_t i = 0; i < n; ++i) {
        golden_max = std::fmax(golden_max, golden[i]);
        my_max = std::fmax(my_max, my[i]);
    }
    far_divergence(golden.data(), my.data(), n, golden_max, my_max, out);
}

}  // namespace

void careful_block(const KernelInput& input, Sums& out) {
    out = Sums{};
    const Values values = decode(input);
    const std::size_t n = values.golden.size();
    std::vector<double> golden(padded(n)), my(padded(n));
    clean_block(values.golden.data(), values.my.data(), n, 0.0, golden.data(), my.data(), out);
    out.count = n;
    double top[3] = {0, 0, 0};
    for (std::size_t i = 0; i < n; ++i) {
        if (!values.finite_pair(i)) continue;
        top[0] = std::fmax(top[0], std::fabs(values.golden[i]));
        top[1] = std::fmax(top[1], std::fabs(values.my[i]));
        top[2] = std::fmax(top[2], std::fabs(values.difference[i]));
    }
    out.golden.exponent = exponent_for(largest_finite(values.golden));
    out.my.exponent = exponent_for(largest_finite(values.my));
    out.golden_exponent = exponent_for(top[0]);
    out.my_exponent = exponent_for(top[1]);
    // One more: the difference may have been halved.
    out.difference_exponent = exponent_for(top[2]) == 0 ? 0 : exponent_for(top[2]) + 1;
    add_side(values.golden, out.golden);
    add_side(values.my, out.my);
    add_pairs(values, out);
    add_differences(values, out);
    if (input.groups & kRelative) add_relative(values, out);
    if ((input.groups & kDivergence) && out.finite > 0) add_divergence(values, out);
    if ((input.groups & kUlp) && input.ulp_mantissa >= 0) {
        out.max_ulp = max_ulp(golden.data(), my.data(), n,
                              UlpGrid{input.ulp_mantissa, input.ulp_min_exponent});
    }
    if (input.groups & kTolerances) {
        out.tolerances.asked = *input.tolerances;
        add_tolerances(values, out.tolerances);
        if (out.tolerances.asked.ulp != 0) {
            add_ulp(golden.data(), my.data(), n,
                    UlpGrid{input.ulp_mantissa, input.ulp_min_exponent}, out.tolerances);
        }
    }
}

}  // namespace trueness
