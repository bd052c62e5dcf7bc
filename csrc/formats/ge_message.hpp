#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/declaration.hpp"
#include "formats/diagnostics.hpp"
#include "formats/file.hpp"

namespace trueness {

// The header of a GE dump as it is written: a protobuf message DumpData, which names the tensors
// whose bytes follow it (or, in the 1.0 format, holds them).

struct GeOriginalOp {
    std::string name;
    std::uint32_t output_index = 0;
    std::int32_t data_type = 0;
    std::int32_t format = 0;
};

struct GeAttribute {
    std::uint64_t position = 0;  // of the message, in the file
    std::string name;
    std::string value;
};

// An OpInput, OpOutput, OpBuffer or Workspace; `type` is what the last two call theirs.
struct GeTensor {
    std::string label;           // "output[0]"
    std::uint64_t position = 0;  // of the message, in the file
    std::int32_t type = 0;
    std::int32_t format = 0;
    DeclaredShape shape;
    std::optional<DeclaredShape> original_shape;
    std::optional<GeOriginalOp> original_op;
    std::optional<ByteRange> data;  // inline bytes, in the file
    std::uint64_t size = 0;
    std::uint64_t address = 0;
    std::uint64_t offset = 0;
    std::int32_t sub_format = 0;
    std::uint32_t arg_index = 0;
    std::uint32_t input_type = 0;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> dim_range;
};

// In the order their bytes follow the header, which is not that of the field numbers.
enum class GeIo : std::uint8_t { kInput, kOutput, kBuffer, kSpace };
inline constexpr std::array<std::string_view, 4> kGeIoNames{"input", "output", "buffer", "space"};

struct GeMessage {
    std::string version;
    std::uint64_t dump_time = 0;  // microseconds since 1970
    std::string op_name;
    std::string dfx_message;
    std::vector<GeAttribute> attributes;
    std::array<std::vector<GeTensor>, kGeIoNames.size()> tensors;
    bool has_known_field = false;  // false: whatever was decoded, it was no DumpData

    std::vector<GeTensor>& of(GeIo io) { return tensors[static_cast<std::size_t>(io)]; }
    const std::vector<GeTensor>& of(GeIo io) const { return tensors[static_cast<std::size_t>(io)]; }
};

// Decodes `size` bytes that lie at `offset` of the file. Throws FormatError for what a conforming
// protobuf decoder refuses; text that is not UTF-8 and known fields of a wrong wire type become
// warnings.
GeMessage decode_ge_message(const std::byte* data, std::size_t size, std::uint64_t offset,
                            Diagnostics& diagnostics);

}  // namespace trueness
