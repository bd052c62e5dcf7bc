#pragma once

#include <memory>

#include "base/byte_source.hpp"
#include "formats/file.hpp"
#include "formats/registry.hpp"

namespace trueness {

bool is_atb(const Probe& probe);

// A .bin file of the Ascend Transformer Boost dumper: text header, payload. The dumper appends, so
// a file may hold several records. All become tensors, oldest first; tensors.back() is what the
// last run wrote, hence what a comparison takes; its problem says that there are others, and these
// are named "record N (older)".
// A record that only names another file of the same folder ("data=...", written when tensors are
// de-duplicated) takes its bytes from the newest record there.
// The statistics variant (max, min, mean, l2norm instead of data) has attributes and no tensors.
FileInfo parse_atb(const std::shared_ptr<const ByteSource>& source, ByteRange range);

}  // namespace trueness
