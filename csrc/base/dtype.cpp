#include "base/dtype.hpp"

#include <array>
#include <limits>
#include <stdexcept>

namespace trueness {
namespace {

// clang-format off: one row a type
constexpr std::array<DTypeInfo, kDTypeCount> kInfos{{
    {"bool", 8, false, false, -1, 0},
    {"int8", 8, false, false, -1, 0},
    {"uint8", 8, false, false, -1, 0},
    {"int16", 16, false, false, -1, 0},
    {"uint16", 16, false, false, -1, 0},
    {"int32", 32, false, false, -1, 0},
    {"uint32", 32, false, false, -1, 0},
    {"int64", 64, false, false, -1, 0},
    {"uint64", 64, false, false, -1, 0},
    {"float16", 16, true, false, 10, -14},
    {"bfloat16", 16, true, false, 7, -126},
    {"float32", 32, true, false, 23, -126},
    {"float64", 64, true, false, 52, -1022},
    {"float8_e4m3fn", 8, true, false, 3, -6},
    {"float8_e5m2", 8, true, false, 2, -14},
    {"float8_e8m0", 8, true, false, 0, -127},
    {"hifloat8", 8, true, false, -1, 0},
    {"int4", 4, false, false, -1, 0},
    {"uint1", 1, false, false, -1, 0},
    {"complex32", 32, false, true, 10, -14},
    {"complex64", 64, false, true, 23, -126},
    {"complex128", 128, false, true, 52, -1022},
    {"raw", 0, false, false, -1, 0},
}};
// clang-format on

}  // namespace

const DTypeInfo& info(DType dtype) { return kInfos.at(static_cast<std::size_t>(dtype)); }

DType dtype_from_name(std::string_view name) {
    for (std::size_t i = 0; i < kDTypeCount; ++i) {
        if (kInfos[i].name == name) return static_cast<DType>(i);
    }
    return DType::kRaw;
}

std::uint64_t packed_bytes(DType dtype, std::uint64_t count) {
    const std::uint64_t bits = info(dtype).bits;
    if (bits != 0 && count > std::numeric_limits<std::uint64_t>::max() / bits) {
        throw std::overflow_error("element count times element size overflows 64 bits");
    }
    const std::uint64_t total = count * bits;
    return total / 8 + (total % 8 != 0);
}

}  // namespace trueness
