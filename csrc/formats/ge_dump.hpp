#pragma once

#include <memory>

#include "base/byte_source.hpp"
#include "formats/file.hpp"
#include "formats/registry.hpp"

namespace trueness {

bool is_ge_dump(const Probe& probe);

// A dump of one operator ("2.0"): a length word, a DumpData message of that many bytes, then the
// bytes of inputs, outputs, buffers and workspaces one after the other.
FileInfo parse_ge_dump(const std::shared_ptr<const ByteSource>& source, ByteRange range);

}  // namespace trueness
