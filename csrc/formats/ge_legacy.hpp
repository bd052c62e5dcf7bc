#pragma once

#include <memory>

#include "base/byte_source.hpp"
#include "formats/file.hpp"
#include "formats/registry.hpp"

namespace trueness {

bool is_ge_legacy(const Probe& probe);

// A dump of one operator in the old form ("1.0"): the whole file is one DumpData message that
// holds the tensors' bytes itself.
FileInfo parse_ge_legacy(const std::shared_ptr<const ByteSource>& source, ByteRange range);

}  // namespace trueness
