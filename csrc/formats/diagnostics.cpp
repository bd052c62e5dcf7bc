#include "formats/diagnostics.hpp"

#include <array>
#include <cstddef>

namespace trueness {
namespace {

constexpr std::size_t kMaxWarnings = 64;

// Length of the well-formed UTF-8 sequence at the start of `text`, 0 when there is none: overlong
// forms, surrogates and code points past U+10FFFF are not well-formed.
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead < 0xC2 || lead > 0xF4) return 0;
    unsigned low = 0x80;
    unsigned high = 0xBF;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
    if (byte(1) < low || byte(1) > high) return 0;
    const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    for (std::size_t i = 2; i < length; ++i) {
        if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
    }
    return length;
}

}  // namespace

void Diagnostics::fail(std::uint64_t offset, std::string_view tensor, std::string expected,
                       std::string found) const {
    throw FormatError(path_, offset, std::string(tensor), std::move(expected), std::move(found));
}

void Diagnostics::warn(std::uint64_t offset, std::string_view tensor, std::string_view text) {
    if (warnings_.size() >= kMaxWarnings) {
        ++suppressed_;
        return;
    }
    std::string warning = "byte " + std::to_string(offset);
    if (!tensor.empty()) warning.append(", ").append(tensor);
    warnings_.push_back(warning.append(": ").append(text));
}

std::vector<std::string> Diagnostics::take_warnings() {
    if (suppressed_ > 0) {
        warnings_.push_back("and " + std::to_string(suppressed_) + " more warnings");
        suppressed_ = 0;
    }
    return std::exchange(warnings_, {});
}

std::string tensor_label(std::string_view io, std::uint32_t index) {
    std::string label(io);
    return label.append("[").append(std::to_string(index)).append("]");
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
    std::string text = "[";
    for (const std::int64_t dim : shape) {
        if (text.size() > 1) text += ',';
        text += dim < 0 ? "?" : std::to_string(dim);
    }
    return text + "]";
}

std::string escaped_utf8(std::string_view bytes, bool& valid) {
    constexpr std::array<char, 17> kHex{"0123456789abcdef"};
    valid = true;
    std::string text;
    text.reserve(bytes.size());
    for (std::size_t i = 0; i < bytes.size();) {
        const std::size_t length = utf8_length(bytes.substr(i));
        if (length > 0) {
            text.append(bytes.substr(i, length));
            i += length;
            continue;
        }
        const auto byte = static_cast<unsigned char>(bytes[i++]);
        text.append("\\x").append(1, kHex[byte >> 4U]).append(1, kHex[byte & 15U]);
        valid = false;
    }
    return text;
}

}  // namespace trueness
