#pragma once

#include "base/byte_source.hpp"
#include "formats/diagnostics.hpp"
#include "formats/file.hpp"

namespace trueness {

// The operator Opdebug.Node_OpDebug dumps what the hardware recorded when a value overflowed. Adds
// the fields of that record to the attributes ("overflow.task_id" ...); a file of any other
// operator is left alone, and a record that makes no sense is a warning.
void add_overflow_attributes(const ByteSource& source, FileInfo& file, Diagnostics& diagnostics);

}  // namespace trueness
