#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/dtype.hpp"

namespace trueness {

// An element type of a GE dump: its name stays visible even when its values cannot be decoded.
struct GeDType {
    std::string name;
    DType decode;         // kRaw: bytes only
    std::string problem;  // why it is kRaw, else ""
};

inline constexpr std::int64_t kUndefinedDType = 0;

// By toolkit.dump.OutputDataType, the numbering of GE dump headers.
GeDType ge_dtype(std::int64_t number);

// By ge::DataType, the numbering of nano dumps, which know fewer types.
GeDType nano_dtype(std::int64_t number);

// Values of toolkit.dump.OutputFormat that layouts care about.
enum GeFormat : std::int32_t {
    kNCHW = 0,
    kNHWC = 1,
    kND = 2,
    kNC1HWC0 = 3,
    kFractalZ = 4,
    kNC1HWC0C04 = 12,
    kCHWN = 14,
    kHWCN = 16,
    kC1HWNCoC0 = 25,
    kNDHWC = 27,
    kFractalNz = 29,
    kNCDHW = 30,
    kDHWCN = 31,
    kNDC1HWC0 = 32,
    kFractalZ3D = 33,
    kDHWNC = 36,
    kFractalNzC016 = 50,
    kFractalNzC032 = 51,
};

// "NC1HWC0"; "unknown(77)" for a number without a name.
std::string ge_format_name(std::int32_t number);
bool is_known_ge_format(std::int32_t number);

}  // namespace trueness
