#include "formats/npy.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "formats/excerpt.hpp"
#include "formats/npy_header.hpp"
#include "formats/shape.hpp"

namespace trueness {
namespace {

constexpr std::string_view kMagic{"\x93NUMPY", 6};
constexpr std::uint64_t kMaxHeader = 1 << 20;

struct Preamble {
    char major;
    std::uint64_t header_offset;
    std::uint64_t header_size;
};

Preamble read_preamble(const ByteSource& source, ByteRange range) {
    const std::string head = excerpt(source, range.offset, std::min<std::uint64_t>(range.size, 12));
    if (head.size() < 10) {
        throw FormatError(source.path(), range.offset, "", "at least 10 bytes of .npy preamble",
                          std::to_string(head.size()));
    }
    const char major = head[6];
    const char minor = head[7];
    if (major < 1 || major > 3 || minor != 0) {
        throw FormatError(source.path(), range.offset + 6, "", ".npy version 1.0, 2.0 or 3.0",
                          std::to_string(static_cast<unsigned char>(major)) + "." +
                              std::to_string(static_cast<unsigned char>(minor)));
    }
    const std::size_t length_bytes = major == 1 ? 2 : 4;
    if (head.size() < 8 + length_bytes) {
        throw FormatError(source.path(), range.offset + 8, "", "a 4-byte header length",
                          std::to_string(head.size() - 8) + " bytes");
    }
    std::uint64_t length = 0;
    for (std::size_t i = length_bytes; i-- > 0;) {
        length = length << 8 | static_cast<unsigned char>(head[8 + i]);
    }
    const std::uint64_t left = range.size - 8 - length_bytes;
    if (length > std::min(left, kMaxHeader)) {
        throw FormatError(
            source.path(), range.offset + 8, "",
            "a header of at most " + std::to_string(std::min(left, kMaxHeader)) + " bytes",
            std::to_string(length));
    }
    return {major, range.offset + 8 + length_bytes, length};
}

struct NumpyType {
    std::string_view code;
    DType dtype;
};

// The last ones are the names that ml_dtypes registers with numpy, for which it has no code.
constexpr std::array<NumpyType, 18> kTypes{{
    {"b1", DType::kBool},
    {"i1", DType::kInt8},
    {"u1", DType::kUint8},
    {"i2", DType::kInt16},
    {"u2", DType::kUint16},
    {"i4", DType::kInt32},
    {"u4", DType::kUint32},
    {"i8", DType::kInt64},
    {"u8", DType::kUint64},
    {"f2", DType::kFloat16},
    {"f4", DType::kFloat32},
    {"f8", DType::kFloat64},
    {"c8", DType::kComplex64},
    {"c16", DType::kComplex128},
    {"bfloat16", DType::kBfloat16},
    {"float8_e4m3fn", DType::kFloat8E4M3FN},
    {"float8_e5m2", DType::kFloat8E5M2},
    {"float8_e8m0fnu", DType::kFloat8E8M0},
}};

struct Element {
    DType dtype;
    std::uint64_t size;
    bool byte_swapped;
};

std::string_view why_refused(char kind) {
    switch (kind) {
        case 'O':
            return " (object array: pickled python objects are never loaded)";
        case 'S':
        case 'a':
        case 'U':
            return " (text)";
        case 'M':
        case 'm':
            return " (dates and time spans)";
        case 'V':
            return " (void)";
        default:
            return "";
    }
}

Element element_of(const NpyHeader& header, const std::string& path, std::uint64_t offset) {
    std::string_view code = header.descr;
    const bool has_order =
        !code.empty() && std::string_view("<>|=").find(code[0]) != std::string_view::npos;
    const bool big = has_order && code[0] == '>';
    if (has_order) code.remove_prefix(1);
    for (const NumpyType& type : kTypes) {
        if (type.code == code) {
            const std::uint64_t size = info(type.dtype).bits / 8;
            return {type.dtype, size, big && size > 1};
        }
    }
    if (code == "V1" || code == "V2") return {DType::kRaw, code == "V1" ? 1U : 2U, false};
    if (code == "f16" || code == "c32") return {DType::kRaw, code == "f16" ? 16U : 32U, false};
    throw FormatError(
        path, offset, "", "a numeric dtype",
        quoted(header.descr) + std::string(why_refused(code.empty() ? '?' : code[0])));
}

void describe_type(TensorInfo& tensor, const NpyHeader& header, const Element& element) {
    if (element.dtype != DType::kRaw) {
        tensor.dtype = info(element.dtype).name;
        return;
    }
    tensor.dtype = header.descr;
    tensor.readable = false;
    tensor.problem =
        element.size > 2
            ? "long double of numpy dtype " + quoted(header.descr) + " cannot be decoded"
            : "numpy dtype " + quoted(header.descr) +
                  " does not say what its bytes mean (bfloat16 and float8 arrays are saved so); "
                  "give the dtype, or save the array as float32";
}

Walk walk_of(const NpyHeader& header, std::uint64_t count, std::uint64_t size) {
    if (!header.fortran_order || count < 2) return contiguous_walk(header.shape);
    std::vector<std::int64_t> strides;
    std::uint64_t stride = size;
    for (const std::uint64_t extent : header.shape) {
        strides.push_back(static_cast<std::int64_t>(stride));
        stride *= extent;
    }
    return strided_walk(header.shape, strides, size);
}

std::string trailing_bytes(const ByteSource& source, std::uint64_t end, std::uint64_t extra) {
    const std::string next = excerpt(source, end, std::min<std::uint64_t>(extra, kMagic.size()));
    return std::to_string(extra) + " bytes after the array, from byte " + std::to_string(end) +
           (next == kMagic ? " on: another .npy array, which is not read" : " on");
}

}  // namespace

bool is_npy(const Probe& probe) { return probe.starts_with(kMagic); }

FileInfo parse_npy(const std::shared_ptr<const ByteSource>& source, ByteRange range) {
    const Preamble preamble = read_preamble(*source, range);
    const std::string text = excerpt(*source, preamble.header_offset, preamble.header_size);
    const NpyHeader header = parse_npy_header(text, source->path(), preamble.header_offset);
    const Element element = element_of(header, source->path(), preamble.header_offset);
    const std::optional<std::uint64_t> count = countable(header.shape, element.size);
    if (!count) {
        throw FormatError(source->path(), preamble.header_offset, "",
                          "an array of less than 2^63 bytes", "a shape whose product is larger");
    }
    const std::uint64_t data = preamble.header_offset + preamble.header_size;
    const std::uint64_t present = range.offset + range.size - data;
    const std::uint64_t nbytes = *count * element.size;
    if (nbytes > present) {
        throw FormatError(source->path(), data, "", std::to_string(nbytes) + " bytes of array data",
                          std::to_string(present));
    }
    TensorInfo tensor;
    describe_type(tensor, header, element);
    tensor.shape.assign(header.shape.begin(), header.shape.end());
    tensor.view = {source,
                   data,
                   nbytes,
                   element.dtype,
                   element.byte_swapped,
                   walk_of(header, *count, element.size)};

    FileInfo file;
    file.kind = "npy";
    file.attributes["version"] = std::string(1, static_cast<char>('0' + preamble.major)) + ".0";
    file.attributes["fortran_order"] = header.fortran_order ? "true" : "false";
    if (nbytes < present) {
        file.warnings.push_back(trailing_bytes(*source, data + nbytes, present - nbytes));
    }
    file.tensors.push_back(std::move(tensor));
    return file;
}

}  // namespace trueness
