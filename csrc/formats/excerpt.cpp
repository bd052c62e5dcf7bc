#include "formats/excerpt.hpp"

#include <cstddef>

namespace trueness {
namespace {

constexpr std::size_t kMaxQuoted = 80;

}  // namespace

std::string excerpt(const ByteSource& source, std::uint64_t offset, std::uint64_t count) {
    std::string text(static_cast<std::size_t>(count), '\0');
    if (count != 0) {
        source.read(offset, text.size(), reinterpret_cast<std::byte*>(text.data()));
    }
    return text;
}

std::string quoted(std::string_view text) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string out = "'";
    for (const char c : text.substr(0, kMaxQuoted)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            out += c;
        } else {
            out += "\\x";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        }
    }
    return out + (text.size() > kMaxQuoted ? "...'" : "'");
}

}  // namespace trueness
