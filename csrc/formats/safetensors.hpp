#pragma once

#include <memory>

#include "base/byte_source.hpp"
#include "formats/file.hpp"
#include "formats/registry.hpp"

namespace trueness {

bool is_safetensors(const Probe& probe);

// A u64 header length, a JSON header, the tensors' bytes. Tensors come in the header's order. One
// that lies past the end of the file (a cut download), whose size contradicts its shape, or whose
// dtype is unknown is unreadable by itself; a header that breaks the format refuses the file.
FileInfo parse_safetensors(const std::shared_ptr<const ByteSource>& source, ByteRange range);

}  // namespace trueness
