#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/byte_source.hpp"
#include "base/dtype.hpp"
#include "base/walk.hpp"

namespace trueness {

// A tensor's values where they lie: bytes [offset, offset + nbytes) of a source, read as `dtype`
// in the order of `walk`. Whoever makes a view has checked that the walk stays inside the bytes.
struct TensorView {
    std::shared_ptr<const ByteSource> source;
    std::uint64_t offset = 0;
    std::uint64_t nbytes = 0;
    DType dtype = DType::kRaw;
    bool byte_swapped = false;
    Walk walk;

    std::uint64_t count() const { return element_count(walk.shape); }
};

// Throws std::out_of_range unless the walk of `view` stays inside its bytes and these inside the
// source.
void check_bounds(const TensorView& view);

// Hands out elements [first, first + n) of the view in logical order, packed, little endian.
// Returns a pointer into the source when they already lie so, else fills `scratch` (at least
// packed_bytes(dtype, n) bytes). `first` must be a multiple of 8 for packed types.
class ElementReader {
public:
    explicit ElementReader(const TensorView& view);
    const std::byte* elements(std::uint64_t first, std::size_t n, std::byte* scratch) const;

private:
    const TensorView& view_;
    std::uint64_t count_;
};

}  // namespace trueness
