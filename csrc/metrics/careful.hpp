#pragma once

#include "metrics/kernel.hpp"

namespace trueness {

// One block element by element, for the rare values the kernels refuse: float64 whose squares leave
// the range of a double, 64-bit integers beyond 2^53, float pairs whose relative error overflows.
// Sums are scaled by powers of two; differences of integers are taken in 128 bits. Same bits
// everywhere, as it is compiled once.
void careful_block(const KernelInput& input, Sums& out);

}  // namespace trueness
