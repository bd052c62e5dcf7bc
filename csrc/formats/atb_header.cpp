#include "formats/atb_header.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <system_error>
#include <utility>

#include "base/error.hpp"
#include "formats/diagnostics.hpp"
#include "formats/excerpt.hpp"

namespace trueness {
namespace {

constexpr std::uint64_t kMaxHeader = 64 * 1024;
constexpr std::uint64_t kUsualHeader = 1024;
constexpr std::size_t kMaxRank = 64;

constexpr std::array<std::string_view, 4> kStatistics{"max", "min", "mean", "l2norm"};

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

bool is_statistic(const std::string& name) {
    return std::find(kStatistics.begin(), kStatistics.end(), name) != kStatistics.end();
}

template <typename Integer>
std::optional<Integer> integer(std::string_view text) {
    Integer value{};
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

class HeaderReader {
public:
    HeaderReader(const ByteSource& source, ByteRange range) : source_(source), range_(range) {
        header_.begin = range.offset;
    }

    AtbHeader read() {
        text_ = excerpt(source_, range_.offset, std::min(range_.size, kUsualHeader));
        for (std::string_view line = next_line(); !take_end(line); line = next_line()) {
            take(line);
        }
        header_.payload = range_.offset + position_;
        return std::move(header_);
    }

private:
    [[noreturn]] void fail(const std::string& expected, const std::string& found) const {
        throw FormatError(source_.path(), range_.offset + line_begin_, "",
                          expected + " in the ATB header", found);
    }

    std::string_view next_line() {
        line_begin_ = position_;
        std::size_t end = text_.find('\n', position_);
        if (end == std::string::npos && text_.size() < std::min(range_.size, kMaxHeader)) {
            text_ = excerpt(source_, range_.offset, std::min(range_.size, kMaxHeader));
            end = text_.find('\n', position_);
        }
        if (end == std::string::npos) {
            fail("the line $End=1", range_.size > kMaxHeader
                                        ? "none in " + std::to_string(kMaxHeader) + " bytes"
                                        : "none before the end of the file");
        }
        position_ = end + 1;
        return std::string_view(text_).substr(line_begin_, end - line_begin_);
    }

    bool take_end(std::string_view line) const {
        if (line.substr(0, 5) != "$End=") return false;
        if (line != "$End=1") fail("$End=1", quoted(line));
        return true;
    }

    void take(std::string_view line) {
        bool valid = true;
        escaped_utf8(line, valid);
        if (!valid) fail("text in UTF-8", quoted(line));
        const std::size_t equals = line.find('=');
        if (equals == 0 || equals == std::string_view::npos) fail("name=value", quoted(line));
        const std::string_view name = line.substr(0, equals);
        const std::string_view value = line.substr(equals + 1);
        const std::string statistic = lower(name);
        if (!seen_.insert(std::string(name)).second) {
            fail("each name once", quoted(name) + " a second time");
        }
        if (name == "$Version") {
            header_.version = value;
        } else if (name == "$Object.Count") {
            number<std::uint64_t>(name, value);
        } else if (name == "$Object.Length") {
            header_.length = number<std::uint64_t>(name, value);
        } else if (name == "$Object.data") {
            header_.object = object(value);
        } else if (name == "format") {
            header_.format = number<std::int64_t>(name, value);
        } else if (name == "dtype") {
            header_.dtype = number<std::int64_t>(name, value);
        } else if (name == "dims") {
            if (!value.empty()) header_.dims = dims(value);
        } else if (name == "data") {
            header_.link = value;
        } else if (is_statistic(statistic)) {
            header_.statistics[statistic] = value;
        } else {
            header_.unknown_lines.emplace_back(line);
        }
    }

    template <typename Integer>
    Integer number(std::string_view name, std::string_view value) const {
        const std::optional<Integer> parsed = integer<Integer>(value);
        if (!parsed) fail("an integer as " + std::string(name), quoted(value));
        return *parsed;
    }

    ByteRange object(std::string_view value) const {
        const std::size_t comma = std::min(value.find(','), value.size());
        const auto offset = integer<std::uint64_t>(value.substr(0, comma));
        const auto size = integer<std::uint64_t>(value.substr(std::min(comma + 1, value.size())));
        if (!offset || !size) fail("offset,length as $Object.data", quoted(value));
        return {*offset, *size};
    }

    std::vector<std::uint64_t> dims(std::string_view value) const {
        std::vector<std::uint64_t> dims;
        for (std::size_t begin = 0; begin <= value.size();) {
            const std::size_t comma = std::min(value.find(',', begin), value.size());
            const auto extent = integer<std::int64_t>(value.substr(begin, comma - begin));
            if (!extent || *extent < 0) fail("integers from 0 to 2^63 - 1 as dims", quoted(value));
            if (dims.size() == kMaxRank) fail("at most 64 dims", "more");
            dims.push_back(static_cast<std::uint64_t>(*extent));
            begin = comma + 1;
        }
        return dims;
    }

    const ByteSource& source_;
    ByteRange range_;
    std::string text_;
    std::size_t position_ = 0;
    std::size_t line_begin_ = 0;
    std::set<std::string> seen_;
    AtbHeader header_;
};

}  // namespace

bool begins_atb_header(std::string_view head) {
    constexpr std::array<std::string_view, 8> kNames{
        "$Version", "$Object.Count", "$Object.Length", "$Object.data",
        "format",   "dtype",         "dims",           "data"};
    const std::size_t equals = head.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view name = head.substr(0, equals);
    return std::find(kNames.begin(), kNames.end(), name) != kNames.end() ||
           is_statistic(lower(name));
}

AtbHeader parse_atb_header(const ByteSource& source, ByteRange range) {
    return HeaderReader(source, range).read();
}

}  // namespace trueness
