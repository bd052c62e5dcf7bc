#include "formats/registry.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "formats/atb.hpp"
#include "formats/ge_dump.hpp"
#include "formats/ge_legacy.hpp"
#include "formats/msaccucmp_json.hpp"
#include "formats/nano.hpp"
#include "formats/npy.hpp"
#include "formats/safetensors.hpp"

namespace trueness {
namespace {

constexpr std::array kFormats{
    Format{is_npy, parse_npy},
    Format{is_msaccucmp_json, refuse_msaccucmp_json},
    Format{is_safetensors, parse_safetensors},
    Format{is_atb, parse_atb},
    Format{is_nano, parse_nano},
    Format{is_ge_legacy, parse_ge_legacy},
    // Whatever begins with a length that fits in the file can be one: last.
    Format{is_ge_dump, parse_ge_dump},
};

struct KnownStranger {
    std::string_view magic;
    std::string_view kind;
};

constexpr std::array kStrangers{
    KnownStranger{"PK\x03\x04", "a zip archive"},
    KnownStranger{"\x1F\x8B", "gzip data"},
    KnownStranger{"\xFD"
                  "7zXZ",
                  "xz data"},
    KnownStranger{"\x28\xB5\x2F\xFD", "zstd data"},
    KnownStranger{"\x89"
                  "HDF",
                  "an HDF5 file"},
    KnownStranger{"\x80\x02", "a pickle"},
    KnownStranger{"\x80\x04", "a pickle"},
    KnownStranger{"\x80\x05", "a pickle"},
    KnownStranger{"\x7F"
                  "ELF",
                  "an ELF executable"},
};

bool is_text(std::string_view head) {
    return std::all_of(head.begin(), head.end(), [](char c) {
        return (c >= ' ' && c <= '~') || c == '\n' || c == '\r' || c == '\t';
    });
}

std::string describe_text(std::string_view head) {
    std::string line(head.substr(0, std::min(head.find_first_of("\r\n"), std::size_t{40})));
    return "text: \"" + line + "\"";
}

std::uint64_t byte_swapped(std::uint64_t value) {
    std::uint64_t swapped = 0;
    for (int i = 0; i < 8; ++i, value >>= 8U) swapped = swapped << 8U | (value & 0xFFU);
    return swapped;
}

std::string describe_length(const Probe& probe) {
    const std::uint64_t length = probe.uint64_at(0);
    std::string found = "length " + std::to_string(length);
    const std::uint64_t swapped = byte_swapped(length);
    if (swapped != 0 && swapped <= probe.size - 8) {
        found += " (big endian it would be " + std::to_string(swapped) + ")";
    }
    return found;
}

// Nothing matched: says which check the most plausible kind failed.
[[noreturn]] void fail_unknown(const std::string& path, std::uint64_t offset, const Probe& probe) {
    const std::string known = "a dump or tensor file";
    const auto fail = [&](std::string expected, std::string found) {
        throw FormatError(path, offset, "", std::move(expected), std::move(found));
    };
    if (probe.size == 0) fail(known, "an empty file");
    for (const KnownStranger& stranger : kStrangers) {
        if (probe.starts_with(stranger.magic)) fail(known, std::string(stranger.kind));
    }
    if (is_text(probe.head)) fail(known, describe_text(probe.head));
    if (probe.size < 9) {
        fail(known + " of at least 9 bytes (a length word and a header)",
             std::to_string(probe.size) + " bytes");
    }
    throw FormatError(path, offset, "",
                      known + " with a header length of 1 to " + std::to_string(probe.size - 8) +
                          " (file size - 8)",
                      describe_length(probe));
}

}  // namespace

std::uint64_t Probe::uint64_at(std::size_t at) const {
    if (head.size() < 8 || at > head.size() - 8) return 0;
    std::uint64_t value = 0;
    for (std::size_t i = 8; i-- > 0;) {
        value = value << 8U | static_cast<unsigned char>(head[at + i]);
    }
    return value;
}

std::uint32_t Probe::uint32_at(std::size_t at) const {
    if (head.size() < 4 || at > head.size() - 4) return 0;
    std::uint32_t value = 0;
    for (std::size_t i = 4; i-- > 0;) {
        value = value << 8U | static_cast<unsigned char>(head[at + i]);
    }
    return value;
}

bool Probe::has_length_word() const {
    return size > 8 && uint64_at(0) != 0 && uint64_at(0) <= size - 8;
}

FileInfo parse_file(const std::shared_ptr<const ByteSource>& source) {
    return parse_file(source, {0, source->size()});
}

FileInfo parse_file(const std::shared_ptr<const ByteSource>& source, ByteRange range) {
    if (range.offset > source->size() || range.size > source->size() - range.offset) {
        throw FormatError(source->path(), range.offset, "",
                          std::to_string(range.size) + " bytes from here",
                          "a file of " + std::to_string(source->size()) + " bytes");
    }
    std::array<char, kProbeBytes> head{};
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(range.size, kProbeBytes));
    if (count > 0) {
        source->read(range.offset, count, reinterpret_cast<std::byte*>(head.data()));
    }
    const Probe probe{std::string_view(head.data(), count), range.size};
    for (const Format& format : kFormats) {
        if (!format.matches(probe)) continue;
        FileInfo file = format.parse(source, range);
        source->check();
        return file;
    }
    fail_unknown(source->path(), range.offset, probe);
}

}  // namespace trueness
