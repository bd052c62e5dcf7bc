#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/byte_source.hpp"

namespace trueness {

// A copy of bytes [offset, offset + count) as text, for headers. The range must lie in the source;
// the caller bounds `count`. Throws ReadError.
std::string excerpt(const ByteSource& source, std::uint64_t offset, std::uint64_t count);

// Text of a file made fit for a message: in quotes, at most 80 bytes of it, every byte that is not
// printable ASCII as \xNN. What a file says must not break a terminal, a log or a UTF-8 decoder.
std::string quoted(std::string_view text);

}  // namespace trueness
