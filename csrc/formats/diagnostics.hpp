#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace trueness {

// What a parser has to say about a file besides its tensors: it stops at the first thing that
// breaks the format, and collects what is odd but survivable.
class Diagnostics {
public:
    explicit Diagnostics(std::string path) : path_(std::move(path)) {}

    // `tensor` is "" when no single tensor is meant.
    [[noreturn]] void fail(std::uint64_t offset, std::string_view tensor, std::string expected,
                           std::string found) const;

    void warn(std::uint64_t offset, std::string_view tensor, std::string_view text);

    // All warnings; a hostile file can cause millions, so only the first ones are kept and the
    // rest is counted.
    std::vector<std::string> take_warnings();

private:
    std::string path_;
    std::vector<std::string> warnings_;
    std::uint64_t suppressed_ = 0;
};

// "output[3]", the way every message names a tensor.
std::string tensor_label(std::string_view io, std::uint32_t index);

// "[2,3,?]": a negative dim is unknown.
std::string shape_text(const std::vector<std::int64_t>& shape);

// Keeps valid UTF-8 as it is; otherwise every byte that is not part of a valid sequence becomes
// \xNN and `valid` is set to false.
std::string escaped_utf8(std::string_view bytes, bool& valid);

}  // namespace trueness
