#pragma once

#include <string>
#include <vector>

#include "metrics/kernel.hpp"

namespace trueness {

// Instruction sets this CPU can run, worst first, and the one in use: the last of them unless
// TRUENESS_ISA or use_isa() said otherwise. Unknown or not runnable names throw
// std::invalid_argument.
std::vector<std::string> runnable_isas();
std::string current_isa();
void use_isa(const std::string& name);

KernelFunction current_kernel();

}  // namespace trueness
