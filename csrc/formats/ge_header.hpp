#pragma once

#include <cstdint>
#include <memory>

#include "base/byte_source.hpp"
#include "formats/declaration.hpp"
#include "formats/diagnostics.hpp"
#include "formats/file.hpp"
#include "formats/ge_message.hpp"

namespace trueness {

// What a decoded header declares of tensor `index` of `io`; where its bytes are is the business of
// the container.
Declaration declare(const GeMessage& message, GeIo io, std::uint32_t index);

// Describes the tensor and appends it to `file`.
void add_tensor(const Declaration& declared, GeIo io,
                const std::shared_ptr<const ByteSource>& source, Diagnostics& diagnostics,
                FileInfo& file);

// version, op_name, dump_time, dfx_message, the operator's attributes, and of each tensor what is
// not its default: "output[0].sub_format" ...
void add_attributes(const GeMessage& message, FileInfo& file);

}  // namespace trueness
