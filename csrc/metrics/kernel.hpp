#pragma once

#include <cstddef>
#include <cstdint>

#include "metrics/sums.hpp"

namespace trueness {

// The unit of summation. Sums inside a block run over fixed lanes, blocks are merged in order, and
// nothing is fused that rounds differently for it: so the result does not depend on instruction
// set, thread count or chunking.
inline constexpr std::size_t kBlock = 8192;

// One block of a pair. Where every value of both dtypes is exact in float the passes run on floats,
// else on doubles (64-bit integers beyond 2^53 go through careful.cpp).
struct KernelInput {
    const void* golden;  // packed elements, little endian
    const void* my;
    std::uint32_t golden_dtype;  // DType
    std::uint32_t my_dtype;
    std::size_t count;          // elements, at most kBlock (half of it for complex types)
    std::uint32_t groups;       // MetricGroup bits
    std::int32_t ulp_mantissa;  // of the coarser dtype; < 0: no ULP distance
    std::int32_t ulp_min_exponent;
    double known_absolute;  // maxima found so far, -1 for none: what is below them need
                            // not be located
    double known_relative;
    double known_reach;  // magnitudes up to this lie within both sides' minima and maxima met so
                         // far, -1 for none: they need not be looked for
    std::uint64_t known_ulp;
    const Tolerances* tolerances;  // with kTolerances
    const float* const* tables;    // value of each code of the 8-bit float types, by DType
    void* scratch;                 // kScratchBytes, 64-byte aligned
};

inline constexpr std::size_t kScratchBytes = 4 * kBlock * sizeof(double);

// Fills `out` (all zero before) with the sums of one block. Returns false, leaving `out` in any
// state, when the block holds values that need scaled or exact integer arithmetic.
using KernelFunction = bool (*)(const KernelInput& input, Sums& out);

}  // namespace trueness
