#include "formats/ge_types.hpp"

#include <array>
#include <cstddef>

namespace trueness {
namespace {

struct DTypeRow {
    std::string_view name;
    DType decode;
    std::string_view why_raw = {};
};

constexpr std::string_view kOnDevice = "its values are addresses of device memory";
constexpr std::string_view kBitOrder = "the order of its packed bits is not documented";

constexpr std::array kDTypes{
    DTypeRow{"undefined", DType::kInt8},
    DTypeRow{"float32", DType::kFloat32},
    DTypeRow{"float16", DType::kFloat16},
    DTypeRow{"int8", DType::kInt8},
    DTypeRow{"uint8", DType::kUint8},
    DTypeRow{"int16", DType::kInt16},
    DTypeRow{"uint16", DType::kUint16},
    DTypeRow{"int32", DType::kInt32},
    DTypeRow{"int64", DType::kInt64},
    DTypeRow{"uint32", DType::kUint32},
    DTypeRow{"uint64", DType::kUint64},
    DTypeRow{"bool", DType::kBool},
    DTypeRow{"float64", DType::kFloat64},
    DTypeRow{"string", DType::kRaw, kOnDevice},
    DTypeRow{"dual_sub_int8", DType::kInt8},
    DTypeRow{"dual_sub_uint8", DType::kUint8},
    DTypeRow{"complex64", DType::kComplex64},
    DTypeRow{"complex128", DType::kComplex128},
    DTypeRow{"qint8", DType::kInt8},
    DTypeRow{"qint16", DType::kInt16},
    DTypeRow{"qint32", DType::kInt32},
    DTypeRow{"quint8", DType::kUint8},
    DTypeRow{"quint16", DType::kUint16},
    DTypeRow{"resource", DType::kInt64},
    DTypeRow{"string_ref", DType::kRaw, kOnDevice},
    DTypeRow{"dual", DType::kRaw, "it packs a float32 and an int8 in each element"},
    DTypeRow{"variant", DType::kRaw, kOnDevice},
    DTypeRow{"bfloat16", DType::kBfloat16},
    DTypeRow{"int4", DType::kInt4},
    DTypeRow{"uint1", DType::kUint1},
    DTypeRow{"int2", DType::kRaw, kBitOrder},
    DTypeRow{"uint2", DType::kRaw, kBitOrder},
    DTypeRow{"complex32", DType::kComplex32},
    DTypeRow{"hifloat8", DType::kHifloat8},
    DTypeRow{"float8_e5m2", DType::kFloat8E5M2},
    DTypeRow{"float8_e4m3fn", DType::kFloat8E4M3FN},
    DTypeRow{"float8_e8m0", DType::kFloat8E8M0},
    DTypeRow{"float6_e3m2", DType::kRaw, kBitOrder},
    DTypeRow{"float6_e2m3", DType::kRaw, kBitOrder},
    DTypeRow{"float4_e2m1", DType::kRaw, kBitOrder},
    DTypeRow{"float4_e1m2", DType::kRaw, kBitOrder},
    DTypeRow{"hifloat4", DType::kRaw, kBitOrder},
    DTypeRow{"hifloat4_scale", DType::kRaw, "its encoding is not documented"},
};

// Row of kDTypes for each ge::DataType a nano dump can hold; -1 where there is none.
constexpr std::array<int, 31> kNanoRows{1,  2,  3,  7,  4,  -1, 5,  6,  9,  8,  10,
                                        12, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                        22, 23, 24, 25, 26, 27, -1, -1, 29};

constexpr std::array<std::string_view, 52> kFormats{"NCHW",
                                                    "NHWC",
                                                    "ND",
                                                    "NC1HWC0",
                                                    "FRACTAL_Z",
                                                    "NC1C0HWPAD",
                                                    "NHWC1C0",
                                                    "FSR_NCHW",
                                                    "FRACTAL_DECONV",
                                                    "C1HWNC0",
                                                    "FRACTAL_DECONV_TRANSPOSE",
                                                    "FRACTAL_DECONV_SP_STRIDE_TRANS",
                                                    "NC1HWC0_C04",
                                                    "FRACTAL_Z_C04",
                                                    "CHWN",
                                                    "FRACTAL_DECONV_SP_STRIDE8_TRANS",
                                                    "HWCN",
                                                    "NC1KHKWHWC0",
                                                    "BN_WEIGHT",
                                                    "FILTER_HWCK",
                                                    "HASHTABLE_LOOKUP_LOOKUPS",
                                                    "HASHTABLE_LOOKUP_KEYS",
                                                    "HASHTABLE_LOOKUP_VALUE",
                                                    "HASHTABLE_LOOKUP_OUTPUT",
                                                    "HASHTABLE_LOOKUP_HITS",
                                                    "C1HWNCoC0",
                                                    "MD",
                                                    "NDHWC",
                                                    "FRACTAL_ZZ",
                                                    "FRACTAL_NZ",
                                                    "NCDHW",
                                                    "DHWCN",
                                                    "NDC1HWC0",
                                                    "FRACTAL_Z_3D",
                                                    "CN",
                                                    "NC",
                                                    "DHWNC",
                                                    "FRACTAL_Z_3D_TRANSPOSE",
                                                    "FRACTAL_ZN_LSTM",
                                                    "FRACTAL_Z_G",
                                                    "RESERVED",
                                                    "ALL",
                                                    "NULL",
                                                    "ND_RNN_BIAS",
                                                    "FRACTAL_ZN_RNN",
                                                    "YUV",
                                                    "YUV_A",
                                                    "NCL",
                                                    "FRACTAL_Z_WINO",
                                                    "C1HWC0",
                                                    "FRACTAL_NZ_C0_16",
                                                    "FRACTAL_NZ_C0_32"};

constexpr std::int32_t kFormatMax = 255;

GeDType from_row(const DTypeRow& row) {
    GeDType type{std::string(row.name), row.decode, {}};
    if (!row.why_raw.empty()) {
        type.problem.append(row.name).append(" cannot be decoded: ").append(row.why_raw);
    }
    return type;
}

GeDType unknown_dtype(std::int64_t number, std::string_view numbering) {
    const std::string text = std::to_string(number);
    return {"unknown(" + text + ")", DType::kRaw,
            std::string("data_type ").append(text).append(" is not one of ").append(numbering)};
}

}  // namespace

GeDType ge_dtype(std::int64_t number) {
    if (number < 0 || number >= static_cast<std::int64_t>(kDTypes.size())) {
        return unknown_dtype(number, "a GE dump (0 to 42)");
    }
    return from_row(kDTypes[static_cast<std::size_t>(number)]);
}

GeDType nano_dtype(std::int64_t number) {
    const bool listed = number >= 0 && number < static_cast<std::int64_t>(kNanoRows.size());
    const int row = listed ? kNanoRows[static_cast<std::size_t>(number)] : -1;
    if (row < 0) return unknown_dtype(number, "a nano dump (0 to 4, 6 to 27, 30)");
    return from_row(kDTypes[static_cast<std::size_t>(row)]);
}

bool is_known_ge_format(std::int32_t number) {
    return number == kFormatMax ||
           (number >= 0 && number < static_cast<std::int32_t>(kFormats.size()));
}

std::string ge_format_name(std::int32_t number) {
    if (!is_known_ge_format(number)) return "unknown(" + std::to_string(number) + ")";
    if (number == kFormatMax) return "MAX";
    return std::string(kFormats[static_cast<std::size_t>(number)]);
}

}  // namespace trueness
