#pragma once

#include "metrics/kernels/clean.inl"
#include "metrics/kernels/divergence.inl"
#include "metrics/kernels/extremes.inl"
#include "metrics/kernels/load.inl"
#include "metrics/kernels/moments.inl"
#include "metrics/kernels/near.inl"
#include "metrics/kernels/tolerances.inl"
#include "metrics/kernels/ulp.inl"
#include "metrics/kernels/vector.inl"

// One block: decode in strips that stay in the first cache, run the passes over them, and where
// NaN or Inf turn up, again over a cleaned copy.

// The values of one side as float or double: in place where they are stored so, else decoded strip
// by strip into `buffer`.
template <class T>
struct Side {
    const T* values;
    T* buffer;
    const unsigned char* raw;
    DType dtype;
    bool decode;
};

inline std::size_t bits_of(DType dtype) {
    switch (dtype) {
        case DType::kUint1:
            return 1;
        case DType::kInt4:
            return 4;
        case DType::kInt16:
        case DType::kUint16:
        case DType::kFloat16:
        case DType::kBfloat16:
            return 16;
        case DType::kInt32:
        case DType::kUint32:
        case DType::kFloat32:
        case DType::kComplex32:
            return 32;
        case DType::kInt64:
        case DType::kUint64:
        case DType::kFloat64:
        case DType::kComplex64:
            return 64;
        case DType::kComplex128:
            return 128;
        default:
            return 8;
    }
}

inline void decode(const Side<float>& side, std::size_t from, std::size_t n,
                   const KernelInput& input, float*) {
    load_float(side.dtype, side.raw + from * bits_of(side.dtype) / 8, input.tables,
               side.buffer + from, n);
}

inline void decode(const Side<double>& side, std::size_t from, std::size_t n,
                   const KernelInput& input, float* floats) {
    load_double(side.dtype, side.raw + from * bits_of(side.dtype) / 8, input.tables, floats,
                side.buffer + from, n);
}

template <class T>
Side<T> make_side(const void* raw, std::uint32_t code, T* buffer) {
    constexpr DType kReal = sizeof(T) == 4 ? DType::kFloat32 : DType::kFloat64;
    constexpr DType kComplex = sizeof(T) == 4 ? DType::kComplex64 : DType::kComplex128;
    const auto dtype = static_cast<DType>(code);
    const bool aligned = reinterpret_cast<std::uintptr_t>(raw) % alignof(T) == 0;
    const bool in_place = aligned && (dtype == kReal || dtype == kComplex);
    return {in_place ? static_cast<const T*>(raw) : buffer, buffer,
            static_cast<const unsigned char*>(raw), dtype, !in_place};
}

// Complex elements become two numbers each; done for the whole block at once.
template <class T>
void decode_complex(Side<T>& side, std::size_t n, const KernelInput& input, float* floats) {
    if (side.decode) decode(side, 0, n, input, floats);
    if (!is_complex(side.dtype)) {
        for (std::size_t i = 0; i < n; ++i) side.buffer[i] = side.values[i];
        interleave_zeros(side.buffer, n);
        side.values = side.buffer;
    }
    side.decode = false;
}

template <class T>
struct Block {
    const T* golden;
    const T* my;
    std::size_t n;
};

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

// Without `next` the block is all there; else it decodes the strip that begins at its argument.
template <bool kWithExtremes, bool kWithRelative, class T, class Next>
void run_strips(const Block<T>& block, Next next, double reach, Moments& moments,
                Extremes<T>& extremes) {
    // Where one strip is not near, its neighbours hardly are: from there on none is tried.
    bool near = kWithRelative && sizeof(T) == sizeof(float);
    for (std::size_t i = 0; i < block.n; i += kStrip) {
        const std::size_t n = block.n - i < kStrip ? block.n - i : kStrip;
        next(i, n);
        if (i == 0) extremes = Extremes<T>(block.golden[0], block.my[0]);
        if constexpr (kWithRelative && sizeof(T) == sizeof(float)) {
            near = near && n == kStrip &&
                   add_near_strip(block.golden + i, block.my + i, static_cast<float>(reach),
                                  moments, extremes);
            if (near) continue;
        }
        run_strip<kWithExtremes, kWithRelative>(block.golden + i, block.my + i, n, moments,
                                                extremes);
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

template <class T>
Magnitudes finish_extremes(const Extremes<T>& extremes, const Block<T>& block,
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
        locate<AbsoluteError>(block.golden, block.my, block.n, most, out.max_absolute,
                              out.max_absolute_at);
    }
    const Magnitudes top{magnitude(out.golden), magnitude(out.my), absolute};
    if (!(input.groups & kRelative)) return top;
    out.relative = sum_parts(extremes.sum);
    for (int k = 0; k < kErrorBounds; ++k) out.below[k] = total(extremes.below[k]);
    const T worst = largest(extremes.relative, T{0});
    if (static_cast<double>(worst) * kSlack >= input.known_relative) {
        locate<RelativeError>(block.golden, block.my, block.n, worst, out.max_relative,
                              out.max_relative_at);
    }
    return top;
}

template <class T, class Next>
Magnitudes run_passes(const Block<T>& block, Next next, const KernelInput& input, Sums& out) {
    Moments moments{};
    Extremes<T> extremes(0, 0);
    if (input.groups & kRelative) {
        run_strips<true, true>(block, next, input.known_reach, moments, extremes);
    } else if (sizeof(T) == sizeof(double) || (input.groups & (kExtremes | kDivergence))) {
        run_strips<true, false>(block, next, input.known_reach, moments, extremes);
    } else {
        run_strips<false, false>(block, next, input.known_reach, moments, extremes);
        finish_moments(moments, block.golden, block.my, block.n, out);
        return {};
    }
    finish_moments(moments, block.golden, block.my, block.n, out);
    return finish_extremes(extremes, block, input, out);
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

template <class T>
double largest_of(const T* values, std::size_t n) {
    using V = typename ExtremesTraits<T>::Value;
    constexpr std::size_t kWidth = ExtremesTraits<T>::kWidth;
    V top = V{} + values[0];
    std::size_t i = 0;
    for (; i + kWidth <= n; i += kWidth) top = larger(top, load<V>(values + i));
    for (; i < n; ++i) top[0] = values[i] > top[0] ? values[i] : top[0];
    // A sum with +0, as zeros of both signs are equal and which one is met first depends on the
    // width.
    return static_cast<double>(largest(top, top[0])) + 0.0;
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
void run_ulp(const Block<T>& block, const KernelInput& input, Sums& out) {
    if ((input.groups & kUlp) && input.ulp_mantissa >= 0) {
        out.max_ulp = max_ulp(block.golden, block.my, block.n,
                              UlpGrid{input.ulp_mantissa, input.ulp_min_exponent});
    }
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
    const Block<T> cleaned{golden, my, block.n};
    const Magnitudes top = run_passes(cleaned, [](std::size_t, std::size_t) {}, input, out);
    if (!trustworthy<T>(input, top, out)) return false;
    run_ulp(cleaned, input, out);
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
    const Block<T> block{golden.values, my.values, pairs ? 2 * input.count : input.count};
    out.count = out.finite = out.golden.finite = out.my.finite = block.n;
    const auto next = [&](std::size_t from, std::size_t n) {
        if (golden.decode) decode(golden, from, n, input, floats);
        if (my.decode) decode(my, from, n, input, floats);
    };
    const Magnitudes top = run_passes(block, next, input, out);
    if (!finite(out.golden_squares + out.my_squares) && has_nonfinite(block)) {
        return run_cleaned(block, input, buffers[2], buffers[3], out);
    }
    if (!trustworthy<T>(input, top, out)) return false;
    if ((input.groups & kDivergence) && !run_divergence(block, top, out)) return false;
    run_ulp(block, input, out);
    if (input.groups & kTolerances) {
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
