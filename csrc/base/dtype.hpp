#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

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

struct DTypeInfo {
    std::string_view name;  // the field's usual name: "float32", "bfloat16", "int4" ...
    unsigned bits;          // stored bits of one element; 0 for kRaw
    bool is_float;          // a real floating-point type
    bool is_complex;
    int mantissa_bits;  // explicit fraction bits of a binary float of fixed precision, else -1
    int min_exponent;   // exponent of the smallest normal number of such a float
};

const DTypeInfo& info(DType dtype);

// The type of that name; kRaw when the name is not known.
DType dtype_from_name(std::string_view name);

// Bytes that `count` packed elements take. Throws std::overflow_error.
std::uint64_t packed_bytes(DType dtype, std::uint64_t count);

}  // namespace trueness
