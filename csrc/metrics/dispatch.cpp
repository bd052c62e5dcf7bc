#include "metrics/dispatch.hpp"

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace trueness {

#define TRUENESS_ISA_ENTRY(name) bool kernel_##name(const KernelInput&, Sums&);
#include "metrics/isa_list.inc"
#undef TRUENESS_ISA_ENTRY

namespace {

struct Isa {
    std::string_view name;
    KernelFunction kernel;
};

constexpr Isa kIsas[] = {
#define TRUENESS_ISA_ENTRY(name) {#name, kernel_##name},
#include "metrics/isa_list.inc"
#undef TRUENESS_ISA_ENTRY
};

bool runs_here(std::string_view name) {
#if defined(__x86_64__)
    if (name == "avx2") return __builtin_cpu_supports("x86-64-v3") != 0;
    if (name == "avx512") return __builtin_cpu_supports("x86-64-v4") != 0;
#elif defined(__aarch64__) && defined(__linux__)
    if (name == "sve") return (getauxval(AT_HWCAP) & HWCAP_SVE) != 0;
#endif
    return name == "baseline";
}

const Isa& find(std::string_view name) {
    std::string known;
    for (const Isa& isa : kIsas) {
        if (!runs_here(isa.name)) continue;
        if (isa.name == name) return isa;
        known += (known.empty() ? "" : ", ") + std::string(isa.name);
    }
    throw std::invalid_argument(
        "instruction set '" + std::string(name) +
        "' is not compiled in or not runnable on this CPU; there are: " + known);
}

const Isa& choose() {
    if (const char* forced = std::getenv("TRUENESS_ISA"); forced != nullptr && *forced != '\0') {
        return find(forced);
    }
    const Isa* best = &kIsas[0];
    for (const Isa& isa : kIsas) {
        if (runs_here(isa.name)) best = &isa;
    }
    return *best;
}

std::atomic<const Isa*> chosen{nullptr};

const Isa& current() {
    const Isa* isa = chosen.load(std::memory_order_acquire);
    if (isa == nullptr) {
        isa = &choose();
        chosen.store(isa, std::memory_order_release);
    }
    return *isa;
}

}  // namespace

std::vector<std::string> runnable_isas() {
    std::vector<std::string> names;
    for (const Isa& isa : kIsas) {
        if (runs_here(isa.name)) names.emplace_back(isa.name);
    }
    return names;
}

std::string current_isa() { return std::string(current().name); }

void use_isa(const std::string& name) { chosen.store(&find(name), std::memory_order_release); }

KernelFunction current_kernel() { return current().kernel; }

}  // namespace trueness
