#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/diagnostics.hpp"
#include "formats/ge_message.hpp"

namespace trueness {

// What the attribute `_sgt_json_info` says of an operator that FFTS+ ran in slices. In automatic
// mode each thread dumps a file whose header has the shape of the whole tensor; the thread's number
// is in the file's name.
class SlicedOperator {
public:
    // An attribute that is no JSON object, or lacks the thread mode, is a warning and no slices.
    SlicedOperator(const GeMessage& message, const std::string& path, Diagnostics& diagnostics);

    // The shape of the part of a tensor that this file's thread had.
    std::optional<std::vector<std::uint64_t>> shape_of(GeIo io, std::uint32_t index) const;

private:
    using Shapes = std::vector<std::vector<std::uint64_t>>;

    Shapes inputs_;
    Shapes outputs_;
};

}  // namespace trueness
