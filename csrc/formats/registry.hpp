#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/byte_source.hpp"
#include "formats/file.hpp"

namespace trueness {

inline constexpr std::size_t kProbeBytes = 64;

// What can be known of a file before parsing it.
struct Probe {
    std::string_view head;  // its first bytes: all of a shorter file, else kProbeBytes
    std::uint64_t size;     // of the whole file (or range)

    bool starts_with(std::string_view magic) const { return head.starts_with(magic); }

    // Little endian at `at`; 0 when the file ends before.
    std::uint64_t uint64_at(std::size_t at) const;
    std::uint32_t uint32_at(std::size_t at) const;

    // True when the first eight bytes are a length that fits in what follows, as safetensors, GE
    // and nano dumps begin.
    bool has_length_word() const;
};

// One line of the table in registry.cpp. The first format whose `matches` holds parses the file,
// so that its errors, not a guess, reach the user: put the most specific ones first.
struct Format {
    bool (*matches)(const Probe& probe);
    FileInfo (*parse)(const std::shared_ptr<const ByteSource>& source, ByteRange range);
};

}  // namespace trueness
