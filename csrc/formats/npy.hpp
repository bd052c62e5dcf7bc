#pragma once

#include <memory>

#include "base/byte_source.hpp"
#include "formats/file.hpp"
#include "formats/registry.hpp"

namespace trueness {

bool is_npy(const Probe& probe);

// One array of numpy.save: header versions 1.0, 2.0 and 3.0, both orders, both endiannesses.
// Structured, object, text and time arrays are refused: there is nothing numeric to compare, and
// object arrays are pickles. Unstructured void (how bfloat16 of ml_dtypes is saved) stays raw.
FileInfo parse_npy(const std::shared_ptr<const ByteSource>& source, ByteRange range);

}  // namespace trueness
