#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_source.hpp"
#include "formats/diagnostics.hpp"
#include "formats/file.hpp"
#include "formats/ge_types.hpp"

namespace trueness {

inline constexpr std::size_t kMaxRank = 64;

// As GE and nano dumps store it: an unknown dim is -1 cast to unsigned.
struct DeclaredShape {
    std::vector<std::uint64_t> dims;  // the first kMaxRank of them
    std::uint64_t rank = 0;           // how many there are

    void add(std::uint64_t dim) {
        if (rank++ < kMaxRank) dims.push_back(dim);
    }
};

// What a dump header says about one tensor, before anything of it is believed.
struct Declaration {
    std::string io;
    std::uint32_t index = 0;
    std::string name;
    GeDType dtype;
    std::int64_t dtype_code = -1;
    std::int32_t format = 0;
    std::uint64_t groups = 1;  // of a grouped FRACTAL_Z
    DeclaredShape shape;
    std::optional<DeclaredShape> original_shape;
    std::optional<std::int32_t> origin_format;
    // The shape of the part that one thread of a sliced operator dumped.
    std::optional<std::vector<std::uint64_t>> slice;
    bool is_undefined = false;      // DT_UNDEFINED: bytes of no known meaning
    bool has_null_address = false;  // the writer had nowhere to copy the bytes from
    std::uint64_t position = 0;     // of this declaration, in the file
    ByteRange bytes{0, 0};          // of the values, in the file
};

// Decides where the values are and how to visit them. Whatever does not fit together makes this
// tensor unreadable or suspect and leaves the rest of the file alone.
TensorInfo describe(const Declaration& declared, const std::shared_ptr<const ByteSource>& source,
                    Diagnostics& diagnostics);

}  // namespace trueness
