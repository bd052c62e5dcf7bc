#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/walk.hpp"

namespace trueness {

// A tensor as a device stores it, and the logical shape its producer declared.
struct Layout {
    std::int32_t format = 0;              // a GeFormat
    std::uint64_t groups = 1;             // of a convolution's FRACTAL_Z
    std::vector<std::uint64_t> device;    // stored shape, row major
    std::vector<std::uint64_t> original;  // logical shape
    std::optional<std::int32_t> origin;   // format of the logical shape, where the file says it
    std::uint64_t element_units = 1;      // see Axis
};

struct LogicalOrder {
    Walk walk;            // logical order and shape; the stored one when `problem` is set
    std::string problem;  // why the stored order had to be kept
    std::string note;     // a choice the reader should know of
};

// How to visit the stored elements in logical order: every axis cut to `original`, in its rank and
// order. The stored elements are known to exist (their byte count was checked), so every position
// of the walk fits in 63 bits; nothing is allocated in proportion to the dims.
LogicalOrder logical_order(const Layout& layout);

}  // namespace trueness
