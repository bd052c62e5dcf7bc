// Compiled once per instruction set, see isas.cmake. Everything but the one entry at the end has
// internal linkage, and nothing from the standard library with code in it is included: a shared
// inline function compiled here for a newer CPU could replace the one every CPU runs.
#include <cstddef>
#include <cstdint>

#include "base/dtype_code.hpp"
#include "metrics/exponential.hpp"
#include "metrics/kernel.hpp"
#include "metrics/sums.hpp"

namespace trueness {
namespace {

#include "metrics/kernels/block.inl"

}  // namespace

#define TRUENESS_JOIN(a, b) a##b
#define TRUENESS_NAME(isa) TRUENESS_JOIN(kernel_, isa)

bool TRUENESS_NAME(TRUENESS_ISA)(const KernelInput& input, Sums& out) {
    return run_block(input, out);
}

}  // namespace trueness
