#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_source.hpp"
#include "formats/file.hpp"

namespace trueness {

// The name=value lines of one ATB record, as written: nothing here is checked against another line
// or against the size of the file.
struct AtbHeader {
    std::uint64_t begin = 0;    // of the record in the source
    std::uint64_t payload = 0;  // first byte behind the $End line
    std::string version;
    std::optional<std::int64_t> dtype;
    std::optional<std::int64_t> format;
    std::optional<std::vector<std::uint64_t>> dims;  // nullopt: no line, or nothing in it
    std::optional<std::uint64_t> length;             // $Object.Length
    std::optional<ByteRange> object;                 // $Object.data, relative to `payload`
    std::optional<std::string> link;                 // data=
    std::map<std::string, std::string> statistics;   // max, min, mean, l2norm
    std::vector<std::string> unknown_lines;
};

// Whether bytes that begin so may be an ATB record: its first line sets a name that ATB knows.
bool begins_atb_header(std::string_view head);

// The header at range.offset. Throws FormatError when a line is not name=value, is given twice, has
// a value of the wrong kind, or when no $End line follows within 64 KiB.
AtbHeader parse_atb_header(const ByteSource& source, ByteRange range);

}  // namespace trueness
