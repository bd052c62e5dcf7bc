#pragma once

#include <memory>

#include "base/byte_source.hpp"
#include "formats/file.hpp"
#include "formats/registry.hpp"

namespace trueness {

// msaccucmp's own conversion writes GE dumps whose header is JSON instead of protobuf. They look
// like safetensors, except that a field of the dump comes first and, unlike a tensor, is no object.
bool is_msaccucmp_json(const Probe& probe);

// Always throws FormatError: such a file says of each tensor that it has no bytes.
FileInfo refuse_msaccucmp_json(const std::shared_ptr<const ByteSource>& source, ByteRange range);

}  // namespace trueness
