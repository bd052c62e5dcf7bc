#pragma once

#include <cstdint>

#include "base/tensor_view.hpp"
#include "metrics/sums.hpp"

namespace trueness {

// Both tensors flattened in logical order; equal element counts (std::invalid_argument). `groups`
// are MetricGroup bits; `asked` null: no kTolerances. `threads` 0: TRUENESS_THREADS, else all CPUs
// this process may use. Complex elements are compared as two numbers. Throws ReadError when bytes
// cannot be had to the end.
Sums compare(const TensorView& golden, const TensorView& my, std::uint32_t groups, unsigned threads,
             const Tolerances* asked = nullptr);

// The thread count that 0 stands for.
unsigned default_threads();

}  // namespace trueness
