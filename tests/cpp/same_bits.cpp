#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/dtype.hpp"
#include "metrics/kernel.hpp"

namespace trueness {

bool kernel_baseline(const KernelInput& input, Sums& out);
bool kernel_w8(const KernelInput& input, Sums& out);

}  // namespace trueness

namespace {

using trueness::DType;

constexpr DType kDTypes[] = {DType::kFloat32,   DType::kFloat16, DType::kBfloat16, DType::kFloat64,
                             DType::kInt8,      DType::kInt32,   DType::kInt64,    DType::kInt4,
                             DType::kComplex64, DType::kBool};
constexpr std::size_t kCounts[] = {1, 31, 33, 513, 4096};

enum class Kind { kAnyBytes, kNear, kFar, kMasked };

struct Aligned {
    alignas(64) std::array<std::byte, trueness::kScratchBytes> bytes;
};

// Values that differ a little, a lot, or not in a mask of -inf, for the types that hold floats.
void write_values(std::vector<unsigned char>& to, DType dtype, Kind kind, unsigned seed,
                  std::size_t count) {
    std::mt19937 shared(5), own(seed);
    std::normal_distribution<float> normal;
    for (std::size_t i = 0; i < count; ++i) {
        const float noise = static_cast<float>(own() % 1000) * (kind == Kind::kFar ? 1e-3F : 1e-6F);
        float value = normal(shared) * (1 + noise);
        if (kind == Kind::kMasked && i % 7 == 0) value = -INFINITY;
        if (dtype == DType::kFloat32 || dtype == DType::kComplex64) {
            std::memcpy(&to[4 * i], &value, 4);
        } else if (dtype == DType::kFloat64) {
            const double wide = value;
            std::memcpy(&to[8 * i], &wide, 8);
        }
    }
}

bool same(DType golden_dtype, DType my_dtype, std::size_t count, Kind kind, std::mt19937_64& random,
          Aligned& scratch) {
    std::vector<unsigned char> golden(count * 16), my(count * 16);
    for (auto* side : {&golden, &my}) {
        for (auto& byte : *side) byte = static_cast<unsigned char>(random());
    }
    if (kind != Kind::kAnyBytes) {
        write_values(golden, golden_dtype, kind, 1, 2 * count);
        write_values(my, my_dtype, kind, 2, 2 * count);
    }
    const trueness::DTypeInfo &a = trueness::info(golden_dtype), &b = trueness::info(my_dtype);
    const trueness::DTypeInfo& grid = a.mantissa_bits <= b.mantissa_bits ? a : b;
    trueness::KernelInput input{};
    input.golden = golden.data();
    input.my = my.data();
    input.golden_dtype = static_cast<std::uint32_t>(golden_dtype);
    input.my_dtype = static_cast<std::uint32_t>(my_dtype);
    input.count = count;
    input.groups = trueness::kAllGroups | trueness::kTolerances;
    input.ulp_mantissa = grid.mantissa_bits;
    input.ulp_min_exponent = grid.min_exponent;
    const trueness::Tolerances asked{
        2, {1e-5, 0.1}, {1e-3, 0}, 1, 0.25, 1e-3, 1, grid.mantissa_bits < 0 ? 0U : 3U};
    input.tolerances = &asked;
    input.known_absolute = input.known_relative = input.known_reach = -1;
    input.scratch = scratch.bytes.data();
    trueness::Sums narrow{}, wide{};
    const bool done = trueness::kernel_baseline(input, narrow);
    if (done != trueness::kernel_w8(input, wide)) return false;
    return !done || std::memcmp(&narrow, &wide, sizeof narrow) == 0;
}

}  // namespace

int main() {
    std::mt19937_64 random(1);
    static Aligned scratch;
    int failures = 0;
    for (const DType golden : kDTypes) {
        for (const DType my : kDTypes) {
            for (const std::size_t count : kCounts) {
                for (const Kind kind : {Kind::kAnyBytes, Kind::kNear, Kind::kFar, Kind::kMasked}) {
                    if (same(golden, my, count, kind, random, scratch)) continue;
                    ++failures;
                    std::printf("%s against %s, %zu elements, kind %d: other bits\n",
                                std::string(trueness::info(golden).name).c_str(),
                                std::string(trueness::info(my).name).c_str(), count,
                                static_cast<int>(kind));
                }
            }
        }
    }
    return std::min(failures, 1);
}
