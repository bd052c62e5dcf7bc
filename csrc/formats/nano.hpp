#pragma once

#include <memory>

#include "base/byte_source.hpp"
#include "formats/file.hpp"
#include "formats/registry.hpp"

namespace trueness {

bool is_nano(const Probe& probe);

// A dump of one operator on a nano device: a length word, a header of that many bytes in
// tag-length-value sections, then the bytes of inputs and outputs one after the other.
FileInfo parse_nano(const std::shared_ptr<const ByteSource>& source, ByteRange range);

}  // namespace trueness
