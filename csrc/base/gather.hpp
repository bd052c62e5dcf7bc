#pragma once

#include <cstddef>
#include <cstdint>

#include "base/walk.hpp"

namespace trueness {

// Copies elements [first, first + n) of a segment, in its order, to elements [at, at + n) of `to`.
// `bits` is the stored width of an element: 1, 4 or a multiple of 8. Packed elements keep their bit
// order (4 bits: low nibble first, 1 bit: most significant first) and are or-ed into zeroed bytes.
// The segment has at least one axis, none of them empty, and must stay inside `data`.
void gather_segment(const Segment& segment, unsigned bits, const std::byte* data,
                    std::uint64_t first, std::size_t n, std::byte* to, std::size_t at);

}  // namespace trueness
