#pragma once

#include "metrics/kernels/clean.inl"
#include "metrics/kernels/divergence.inl"
#include "metrics/kernels/extremes.inl"
#include "metrics/kernels/load.inl"
#include "metrics/kernels/moments.inl"
#include "metrics/kernels/near.inl"
#include "metrics/kernels/source.inl"
#include "metrics/kernels/tolerances.inl"
#include "metrics/kernels/ulp.inl"
#include "metrics/kernels/vector.inl"

// One block: run the passes strip by strip, as long as it is in the first cache, and where NaN or
// Inf turn up, again over a cleaned copy.

template <bool kWithExtremes, bool kWithRelative, class T>
void run_strip(const T* g, const T* m, std::size_t n, Moments& moments, Extremes<T>& extremes) {
    const std::size_t lanes = n - n % kLanes;
    add_moments(g, m, lanes, moments);
    if (lanes < n) {
        T golden[kLanes] = {}, my[kLanes] = {};
        for (std::size_t i = lanes; i < n; ++i) {
            golden[i - lanes] = g[i];
            my[i - lanes] = m[i];
        }
        add_moments(golden, my, kLanes, moments);
    }
    if constexpr (kWithExtremes) {
        const std::size_t groups = n - n % kGroup;
        add_extremes<kWithRelative>(g, m, groups, extremes);
        if (groups < n) {
            add_extremes_tail<kWithRelative>(g + groups, m + groups, n - groups, extremes);
        }
    }
}

template <class T>
void add_ulp(const Block<T>& strip, const KernelInput& input, Sums& out) {
    if (!asks_ulp(input)) return;
    const UlpGrid grid{input.ulp_mantissa, input.ulp_min_exponent};
    out.max_ulp = larger_of(out.max_ulp, max_ulp(strip.golden, strip.my, strip.n, grid));
}

template <bool kWithExtremes, bool kWithRelative, class T>
void run_strips(Source<T>& source, const KernelInput& input, Moments& moments,
                Extremes<T>& extremes, NearBlock& near, Sums& out) {
    constexpr bool kTryNear = kWithRelative && sizeof(T) == sizeof(float);
    // Where one strip is not near, its neighbours hardly are: from there on none is tried.
    near.all = kTryNear;
    near.least = ~Vu{};
    for (std::size_t i = 0; i < source.size(); i += kStrip) {
        const std::size_t n = source.size() - i < kStrip ? source.size() - i : kStrip;
        const Block<T> strip = source.strip(i, n);
        if (i == 0) extremes = Extremes<T>(strip.golden[0], strip.my[0]);
        if constexpr (kTryNear) {
            near.all = near.all && n == kStrip && add_near_strip(strip, input, extremes, near, out);
            if (near.all) continue;
        }
        run_strip<kWithExtremes, kWithRelative>(strip.golden, strip.my, n, moments, extremes);
        add_ulp(strip, input, out);
    }
}

// Largest magnitudes of a finite block, possibly of the rounded difference.
struct Magnitudes {
    double golden;
    double my;
    double difference;
};

inline double magnitude(const SideSums& side) {
    return -side.min > side.max ? -side.min : side.max;
}

// Strip by strip, as few come near the largest error; `in_strips` tells of the near ones.
template <class Error, class T>
void locate_in(Source<T>& source, const NearBlock& near, const Vu* in_strips, T most, double& value,
               std::uint64_t& at) {
    const auto floor = static_cast<float>(near_largest(most));
    for (std::size_t i = 0; i < source.size(); i += kStrip) {
        const std::size_t strip = i / kStrip;
        if (strip < near.strips && !any((Vf)in_strips[strip] >= floor)) continue;
        const std::size_t n = source.size() - i < kStrip ? source.size() - i : kStrip;
        const Block<T> block = source.strip(i, n);
        locate<Error>(block.golden, block.my, n, i, most, value, at);
        if (at != 0 && value == 0 && most == 0) return;
    }
}

template <class T>
Magnitudes finish_extremes(const Extremes<T>& extremes, const NearBlock& near, Source<T>& source,
                           const KernelInput& input, Sums& out) {
    // The sign of a zero among zeros depends on the width of the lanes; + 0.0 makes it positive.
    out.golden.min =
        static_cast<double>(smallest(extremes.golden_min, extremes.golden_min[0])) + 0.0;
    out.golden.max =
        static_cast<double>(largest(extremes.golden_max, extremes.golden_max[0])) + 0.0;
    out.my.min = static_cast<double>(smallest(extremes.my_min, extremes.my_min[0])) + 0.0;
    out.my.max = static_cast<double>(largest(extremes.my_max, extremes.my_max[0])) + 0.0;
    // The passes may have rounded: what could still reach the known maximum is located exactly.
    constexpr double kSlack = 1 + 0x1p-21;
    const T most = largest(extremes.absolute, T{0});
    const auto absolute = static_cast<double>(most);
    if (absolute * kSlack >= input.known_absolute) {
        locate_in<AbsoluteError>(source, near, near.absolute, most, out.max_absolute,
                                 out.max_absolute_at);
    }
    const Magnitudes top{magnitude(out.golden), magnitude(out.my), absolute};
    if (!(input.groups & kRelative)) return top;
    out.relative = sum_parts(extremes.sum);
    for (int k = 0; k < kErrorBounds; ++k) out.below[k] = total(extremes.below[k]);
    const T worst = largest(extremes.relative, T{0});
    if (static_cast<double>(worst) * kSlack >= input.known_relative) {
        locate_in<RelativeError>(source, near, near.relative, worst, out.max_relative,
                                 out.max_relative_at);
    }
    return top;
}

template <class T>
Magnitudes run_passes(Source<T>& source, const KernelInput& input, NearBlock& near, Sums& out) {
    Moments moments{};
    Extremes<T> extremes(0, 0);
    const auto finish = [&] {
        finish_near_moments(near.moments, moments);
        const bool exact = exact_near_sums(near, source.size(), sum_lanes(moments.golden_squares));
        finish_moments(moments, source.size(), exact, [&] { return source.whole(); }, out);
    };
    if (input.groups & kRelative) {
        run_strips<true, true>(source, input, moments, extremes, near, out);
    } else if (sizeof(T) == sizeof(double) || (input.groups & (kExtremes | kDivergence))) {
        run_strips<true, false>(source, input, moments, extremes, near, out);
    } else {
        run_strips<false, false>(source, input, moments, extremes, near, out);
        finish();
        return {};
    }
    finish();
    return finish_extremes(extremes, near, source, input, out);
}

// Inside this range squares, and products of sums of them, stay normal numbers.
inline bool plain(double x) { return x == 0 || (x > 0x1p-200 && x < 0x1p200); }

// Whether the sums of a finite block can be trusted; if not it needs scaled or integer arithmetic.
template <class T>
bool trustworthy(const KernelInput& input, const Magnitudes& top, const Sums& sums) {
    if (!finite(sums.golden_squares + sums.my_squares) || !finite(sums.relative)) return false;
    if constexpr (sizeof(T) == sizeof(double)) {
        const auto inexact = [](std::uint32_t code, double most) {
            const auto dtype = static_cast<DType>(code);
            return (dtype == DType::kInt64 || dtype == DType::kUint64) && most >= 0x1p53;
        };
        return plain(top.golden) && plain(top.my) && plain(top.difference) &&
               !inexact(input.golden_dtype, top.golden) && !inexact(input.my_dtype, top.my);
    }
    return true;
}

// False where the peaks leave no room for absent elements.
template <class T>
bool run_divergence(const Block<T>& block, const Magnitudes& top, Sums& out) {
    const double golden_max = largest_of(block.golden, block.n);
    const double my_max = largest_of(block.my, block.n);
    if (!(golden_max > kLeastPeak<T> && my_max > kLeastPeak<T>)) return false;
    if constexpr (sizeof(T) == sizeof(float)) {
        if (top.difference <= kNear) {
            near_divergence(block.golden, block.my, block.n, golden_max, out);
            return true;
        }
    }
    far_divergence(block.golden, block.my, block.n, golden_max, my_max, out);
    return true;
}

template <class T>
std::size_t first_pair(const Block<T>& block) {
    std::size_t i = 0;
    while (i < block.n && !(finite(block.golden[i]) && finite(block.my[i]))) ++i;
    return i;
}

// The same over a copy without the pairs that are not finite.
template <class T>
bool run_cleaned(const Block<T>& block, const KernelInput& input, T* golden, T* my, Sums& out) {
    out = Sums{};
    out.count = block.n;
    clean_block(block.golden, block.my, block.n, T{0}, golden, my, out);
    const SideSums golden_side = out.golden, my_side = out.my;
    if ((golden_side.finite > 0 && !plain(magnitude(golden_side))) ||
        (my_side.finite > 0 && !plain(magnitude(my_side)))) {
        return false;
    }
    NearBlock near{};
    Source<T> source({golden, golden, nullptr, DType::kFloat32, false},
                     {my, my, nullptr, DType::kFloat32, false}, block.n, input, nullptr);
    const Magnitudes top = run_passes(source, input, near, out);
    const Block<T> cleaned = source.whole();
    if (!trustworthy<T>(input, top, out)) return false;
    if (input.groups & kTolerances) {
        run_tolerances(golden, my, block.n, input, block.n - out.finite, out.tolerances);
    }
    out.golden.min = golden_side.min;
    out.golden.max = golden_side.max;
    out.my.min = my_side.min;
    out.my.max = my_side.max;
    if (input.groups & kRelative) {
        for (int k = 0; k < kErrorBounds; ++k) out.below[k] -= block.n - out.finite;
    }
    if (out.max_absolute == 0 && out.max_absolute_at != 0) {
        out.max_absolute_at = out.finite > 0 ? first_pair(block) + 1 : 0;
    }
    if (out.golden.finite > out.finite) add_unpaired(block.golden, block.my, block.n, out.golden);
    if (out.my.finite > out.finite) add_unpaired(block.my, block.golden, block.n, out.my);
    if ((input.groups & kDivergence) && out.finite > 0) {
        Sums ignored{};
        clean_block(block.golden, block.my, block.n, kAbsent<T>, golden, my, ignored);
        if (!run_divergence(cleaned, top, out)) return false;
    }
    return finite(out.golden.squares + out.my.squares);
}

template <class T>
bool has_nonfinite(const Block<T>& block) {
    for (std::size_t i = 0; i < block.n; ++i) {
        if (!finite(block.golden[i]) || !finite(block.my[i])) return true;
    }
    return false;
}

template <class T>
bool run_typed(const KernelInput& input, Sums& out) {
    T* const scratch = static_cast<T*>(input.scratch);
    T* const buffers[4] = {scratch, scratch + kBlock, scratch + 2 * kBlock, scratch + 3 * kBlock};
    auto* const floats = reinterpret_cast<float*>(buffers[2]);
    Side<T> golden = make_side(input.golden, input.golden_dtype, buffers[0]);
    Side<T> my = make_side(input.my, input.my_dtype, buffers[1]);
    const bool pairs = is_complex(golden.dtype) || is_complex(my.dtype);
    if (pairs) {
        decode_complex(golden, input.count, input, floats);
        decode_complex(my, input.count, input, floats);
    }
    const std::size_t n = pairs ? 2 * input.count : input.count;
    Source<T> source(golden, my, n, input, floats);
    out.count = out.finite = out.golden.finite = out.my.finite = n;
    NearBlock near{};
    const Magnitudes top = run_passes(source, input, near, out);
    if (!finite(out.golden_squares + out.my_squares) && has_nonfinite(source.whole())) {
        return run_cleaned(source.whole(), input, buffers[2], buffers[3], out);
    }
    if (!trustworthy<T>(input, top, out)) return false;
    if (input.groups & kDivergence) {
        if (near.all && near.weighted) {
            finish_near_divergence(near, out);
        } else if (!run_divergence(source.whole(), top, out)) {
            return false;
        }
    }
    if (input.groups & kTolerances) {
        const Block<T> block = source.whole();
        run_tolerances(block.golden, block.my, block.n, input, 0, out.tolerances);
    }
    return true;
}

bool run_block(const KernelInput& input, Sums& out) {
    const auto golden = static_cast<DType>(input.golden_dtype);
    const auto my = static_cast<DType>(input.my_dtype);
    if (fits_float(golden) && fits_float(my)) return run_typed<float>(input, out);
    return run_typed<double>(input, out);
}
