#pragma once

#include <cstddef>
#include <cstdint>

namespace trueness {

// Every element type a kernel can load. A type whose decoding is unknown is kRaw: its bytes are
// kept and shown, but it cannot be compared by value.
enum class DType : std::uint8_t {
    kBool,
    kInt8,
    kUint8,
    kInt16,
    kUint16,
    kInt32,
    kUint32,
    kInt64,
    kUint64,
    kFloat16,
    kBfloat16,
    kFloat32,
    kFloat64,
    kFloat8E4M3FN,
    kFloat8E5M2,
    kFloat8E8M0,
    kHifloat8,
    kInt4,
    kUint1,
    kComplex32,
    kComplex64,
    kComplex128,
    kRaw,
};

inline constexpr std::size_t kDTypeCount = static_cast<std::size_t>(DType::kRaw) + 1;

}  // namespace trueness
