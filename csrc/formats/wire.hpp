#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "formats/diagnostics.hpp"

namespace trueness {

enum class WireType : std::uint8_t {
    kVarint = 0,
    kFixed64 = 1,
    kBytes = 2,
    kGroup = 3,
    kEndGroup = 4,
    kFixed32 = 5,
};

std::string_view wire_type_name(WireType type);

// One field of a protobuf message. A group arrives already skipped: nothing that is read here
// uses them.
struct WireField {
    std::uint32_t number = 0;
    WireType type = WireType::kVarint;
    std::uint64_t value = 0;          // of a varint or fixed field
    const std::byte* data = nullptr;  // of a length-delimited field
    std::size_t size = 0;
    std::uint64_t offset = 0;       // of the tag, in the file
    std::uint64_t data_offset = 0;  // of what follows the tag (and the length), in the file

    std::string_view text() const { return {reinterpret_cast<const char*>(data), size}; }
};

// Walks the fields of one protobuf message that lies in memory; never looks past its end. Whatever
// a conforming decoder would refuse is a FormatError at its byte: truncated or overlong varints,
// field number 0, unknown wire types, lengths past the end, unbalanced or deep groups.
class WireCursor {
public:
    // `label` names the tensor the message belongs to and must outlive the cursor.
    WireCursor(const Diagnostics& diagnostics, std::string_view label, const std::byte* data,
               std::size_t size, std::uint64_t offset)
        : diagnostics_(&diagnostics),
          label_(label),
          begin_(data),
          at_(data),
          end_(data + size),
          offset_(offset) {}

    // The message inside a length-delimited field.
    WireCursor inside(const WireField& field, std::string_view label) const {
        return {*diagnostics_, label, field.data, field.size, field.data_offset};
    }

    std::string_view label() const { return label_; }
    std::uint64_t position() const { return offset_ + static_cast<std::uint64_t>(at_ - begin_); }
    bool at_end() const { return at_ == end_; }
    bool next(WireField& field);
    std::uint64_t varint();

private:
    std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
    void read_tag(WireField& field);
    void read_value(WireField& field);
    void skip_group(std::uint32_t number, std::uint64_t offset);
    std::uint64_t fixed(std::size_t bytes);
    [[noreturn]] void fail(std::uint64_t at, std::string expected, std::string found) const;

    const Diagnostics* diagnostics_;
    std::string_view label_;
    const std::byte* begin_;
    const std::byte* at_;
    const std::byte* end_;
    std::uint64_t offset_;
};

}  // namespace trueness
