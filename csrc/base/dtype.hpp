#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/dtype_code.hpp"

namespace trueness {

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
