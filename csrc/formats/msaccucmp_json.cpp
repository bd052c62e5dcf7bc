#include "formats/msaccucmp_json.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "base/error.hpp"

namespace trueness {
namespace {

constexpr std::size_t kLengthWord = 8;

std::string_view without_blanks(std::string_view text) {
    const std::size_t start = text.find_first_not_of(" \t\r\n");
    return start == std::string_view::npos ? std::string_view{} : text.substr(start);
}

}  // namespace

bool is_msaccucmp_json(const Probe& probe) {
    constexpr std::array<std::string_view, 12> kKeys{
        "version", "dump_time",   "dumpTime",   "op_name", "opName", "output",
        "input",   "output_data", "input_data", "buffer",  "attr",   "space"};
    if (!probe.has_length_word() || probe.head[kLengthWord] != '{') return false;
    const std::string_view quoted = without_blanks(probe.head.substr(kLengthWord + 1));
    const std::size_t end = quoted.find('"', 1);
    if (!quoted.starts_with('"') || end == std::string_view::npos) return false;
    const std::string_view key = quoted.substr(1, end - 1);
    if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) return false;
    const std::string_view colon = without_blanks(quoted.substr(end + 1));
    if (!colon.starts_with(':')) return false;
    const std::string_view value = without_blanks(colon.substr(1));
    return !value.empty() && value.front() != '{';
}

FileInfo refuse_msaccucmp_json(const std::shared_ptr<const ByteSource>& source, ByteRange range) {
    throw FormatError(source->path(), range.offset + kLengthWord, "",
                      "a protobuf header of a GE dump",
                      "a JSON header written by msaccucmp conversion");
}

}  // namespace trueness
