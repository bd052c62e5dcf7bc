#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace trueness {

// How many elements of `element_size` bytes a shape from a file has. nullopt when they would take
// 2^63 bytes or more, also when only a zero dim saves it from that: numpy makes no such array.
std::optional<std::uint64_t> countable(const std::vector<std::uint64_t>& shape,
                                       std::uint64_t element_size);

}  // namespace trueness
