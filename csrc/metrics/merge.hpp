#pragma once

#include "metrics/sums.hpp"

namespace trueness {

// Sums of `a` followed by `b`, as if their elements stood one after the other. Not associative to
// the last bit: compare() always merges in the same order.
Sums merge(const Sums& a, const Sums& b);

}  // namespace trueness
