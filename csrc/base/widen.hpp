#pragma once

#include <cstddef>

#include "base/dtype.hpp"

namespace trueness {

// The nearest type numpy knows that holds every value of `dtype` exactly: float32 for bfloat16 and
// the 8-bit floats, int8 for int4, uint8 for uint1, complex64 for complex32, else the type itself.
DType widened(DType dtype);

// Writes `count` packed elements as widened(dtype). Any non-zero bool byte becomes 1.
void widen(DType dtype, const std::byte* packed, std::size_t count, std::byte* to);

}  // namespace trueness
