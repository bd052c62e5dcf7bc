#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

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
    const std::byte* packed(std::uint64_t first, std::size_t n, std::byte* scratch) const;
    void gather(std::uint64_t first, std::size_t n, std::byte* to) const;

    const TensorView& view_;
    // The walk with axes joined that follow each other in memory: longer runs, the same order.
    std::vector<Segment> segments_;
    std::vector<std::uint64_t> segment_counts_;
    // Where the view's bytes are; null when they are fetched piece by piece.
    const std::byte* data_ = nullptr;
    // A copy of the view, for a source that only reads and a walk that jumps about.
    std::vector<std::byte> loaded_;
};

}  // namespace trueness
