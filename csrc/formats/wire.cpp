#include "formats/wire.hpp"

#include <array>

namespace trueness {
namespace {

// Messages of the dump header nest three deep; groups, which it never uses, get no more than that.
constexpr std::size_t kMaxGroupDepth = 3;

}  // namespace

std::string_view wire_type_name(WireType type) {
    constexpr std::array<std::string_view, 6> kNames{"varint", "64-bit",       "length-delimited",
                                                     "group",  "end of group", "32-bit"};
    return kNames.at(static_cast<std::size_t>(type));
}

void WireCursor::fail(std::uint64_t at, std::string expected, std::string found) const {
    diagnostics_->fail(at, label_, std::move(expected), std::move(found));
}

std::uint64_t WireCursor::varint() {
    const std::uint64_t start = position();
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (at_ == end_) {
            fail(start, "a varint",
                 "the end of the message after " + std::to_string(position() - start) +
                     " bytes of it");
        }
        const auto byte = static_cast<std::uint64_t>(*at_++);
        value |= (byte & 0x7FU) << shift;
        if (byte < 0x80) return value;
    }
    fail(start, "a varint of at most 10 bytes", "a longer one");
}

std::uint64_t WireCursor::fixed(std::size_t bytes) {
    if (left() < bytes) {
        fail(position(), std::to_string(bytes) + " bytes of a fixed-size field",
             std::to_string(left()) + " bytes to the end of the message");
    }
    std::uint64_t value = 0;
    for (std::size_t i = bytes; i-- > 0;) value = value << 8U | static_cast<std::uint64_t>(at_[i]);
    at_ += bytes;
    return value;
}

void WireCursor::read_tag(WireField& field) {
    field.offset = position();
    const std::uint64_t tag = varint();
    if (tag > 0xFFFFFFFFU) fail(field.offset, "a field tag of 32 bits", std::to_string(tag));
    field.number = static_cast<std::uint32_t>(tag >> 3U);
    const auto type = static_cast<unsigned>(tag & 7U);
    if (field.number == 0) fail(field.offset, "a field number of at least 1", "field number 0");
    if (type > 5) fail(field.offset, "a wire type of 0 to 5", "wire type " + std::to_string(type));
    field.type = static_cast<WireType>(type);
}

void WireCursor::read_value(WireField& field) {
    switch (field.type) {
        case WireType::kVarint:
            field.value = varint();
            return;
        case WireType::kFixed64:
            field.value = fixed(8);
            return;
        case WireType::kFixed32:
            field.value = fixed(4);
            return;
        case WireType::kBytes: {
            const std::uint64_t length = varint();
            if (length > left()) {
                fail(field.offset,
                     "at most " + std::to_string(left()) + " bytes in field " +
                         std::to_string(field.number) + " (to the end of its message)",
                     "length " + std::to_string(length));
            }
            field.data_offset = position();
            field.data = at_;
            field.size = static_cast<std::size_t>(length);
            at_ += length;
            return;
        }
        case WireType::kGroup:
        case WireType::kEndGroup:
            return;
    }
}

void WireCursor::skip_group(std::uint32_t number, std::uint64_t offset) {
    std::array<std::uint32_t, kMaxGroupDepth> open{number};
    std::size_t depth = 1;
    WireField inner;
    while (depth > 0) {
        if (at_end()) {
            fail(offset, "the end of group " + std::to_string(open[depth - 1]),
                 "the end of the message");
        }
        read_tag(inner);
        if (inner.type == WireType::kEndGroup) {
            if (inner.number != open[depth - 1]) {
                fail(inner.offset, "the end of group " + std::to_string(open[depth - 1]),
                     "the end of group " + std::to_string(inner.number));
            }
            --depth;
        } else if (inner.type == WireType::kGroup) {
            if (depth == kMaxGroupDepth) {
                fail(inner.offset, "groups nested at most 3 deep", "a deeper one");
            }
            open[depth++] = inner.number;
        } else {
            read_value(inner);
        }
    }
}

bool WireCursor::next(WireField& field) {
    if (at_end()) return false;
    read_tag(field);
    if (field.type == WireType::kEndGroup) {
        fail(field.offset, "a field", "the end of a group that was never opened");
    }
    read_value(field);
    if (field.type == WireType::kGroup) skip_group(field.number, field.offset);
    return true;
}

}  // namespace trueness
