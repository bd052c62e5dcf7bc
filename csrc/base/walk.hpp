#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace trueness {

// One logical axis. With j = i + phase, index i of it lies at (j / split) * outer + (j % split) *
// inner, in units of the walk: bytes for whole-byte types, elements for packed ones (int4, uint1).
// A plain strided axis has split = extent (or more) and inner = its stride. `phase` < split is for
// axes that begin inside a block (a group of a grouped FRACTAL_Z).
struct Axis {
    std::uint64_t extent;
    std::uint64_t split;
    std::int64_t outer;
    std::int64_t inner;
    std::uint64_t phase = 0;

    std::int64_t position(std::uint64_t index) const {
        const std::uint64_t j = index + phase;
        return static_cast<std::int64_t>(j / split) * outer +
               static_cast<std::int64_t>(j % split) * inner;
    }
    bool is_plain() const { return phase == 0 && split >= extent; }
};

// Part of the tensor along the first axis, for layouts that are not one sum of axes as a whole
// (grouped FRACTAL_Z). Axis 0 of each segment counts from 0; `base` is added to every position.
struct Segment {
    std::int64_t base;
    std::vector<Axis> axes;
};

// How to visit a tensor's elements in logical, row-major order without rearranging its bytes.
struct Walk {
    std::vector<std::uint64_t> shape;  // logical shape; empty for a scalar
    std::vector<Segment> segments;     // empty: contiguous, elements follow each other from 0

    bool contiguous() const { return segments.empty(); }
};

// Product of the dims; 1 for a scalar. Throws std::overflow_error.
std::uint64_t element_count(const std::vector<std::uint64_t>& shape);

Walk contiguous_walk(std::vector<std::uint64_t> shape);

// `strides` in units of the walk, one per axis; becomes contiguous when they say so.
Walk strided_walk(std::vector<std::uint64_t> shape, const std::vector<std::int64_t>& strides,
                  std::uint64_t element_units);

// Lowest position and one past the highest position + 1 that the walk touches, in its units.
// Both 0 for an empty tensor. Throws std::overflow_error.
struct Reach {
    std::int64_t low;
    std::int64_t high;
};
Reach reach(const Walk& walk, std::uint64_t element_units);

}  // namespace trueness
