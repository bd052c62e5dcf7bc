#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/walk.hpp"
#include "formats/layout.hpp"

namespace trueness {

// One value for each of the letters N, C, D, H, W that logical axes are named by.
template <class T>
class ByLetter {
public:
    explicit ByLetter(const T& fill) { values_.fill(fill); }

    T& at(char letter) { return values_[index(letter)]; }
    const T& at(char letter) const { return values_[index(letter)]; }

private:
    static std::size_t index(char letter) {
        switch (letter) {
            case 'N':
                return 0;
            case 'C':
                return 1;
            case 'D':
                return 2;
            case 'H':
                return 3;
            default:
                return 4;
        }
    }

    std::array<T, 5> values_;
};

// How a logical axis is stored: in `blocks` blocks of `size`, block to block `outer` elements
// apart, inside a block `inner`.
struct DeviceAxis {
    std::uint64_t blocks;
    std::uint64_t size;
    std::uint64_t outer;
    std::uint64_t inner;
};

using Extents = ByLetter<std::uint64_t>;
using AxisSet = ByLetter<DeviceAxis>;

// Fills in the axes of a device layout, given the logical extents; false when these cannot be.
using AxisMapping = bool (*)(const Layout& layout, const Extents& extents, AxisSet& axes);

DeviceAxis whole(std::uint64_t extent, std::uint64_t stride);
DeviceAxis blocked(std::uint64_t blocks, std::uint64_t size, std::uint64_t outer,
                   std::uint64_t inner);

// "NHWC" for kNHWC ...; "" for a format that is no order of such letters.
std::string_view order_of(std::int32_t format);

// The extents of `original` read in `order`; nothing when their ranks differ.
std::optional<Extents> extents_in(std::string_view order,
                                  const std::vector<std::uint64_t>& original);

// Cuts a stored axis to `extent`, in units of the walk.
Axis to_axis(const DeviceAxis& axis, std::uint64_t extent, const Layout& layout);

// The walk over layout.original read in `order`; nothing when an axis does not fit exactly: its
// extent must need as many blocks as there are.
std::optional<Segment> arrange(const Layout& layout, std::string_view order, AxisMapping mapping);

// True when both visit the same positions in the same order.
bool same_places(const Segment& a, const Segment& b);

std::vector<std::uint64_t> row_major_strides(const std::vector<std::uint64_t>& shape);

std::uint64_t ceil_divide(std::uint64_t value, std::uint64_t by);

// A product past 64 bits stays at the top: larger than anything a file can hold.
std::uint64_t saturating_product(std::uint64_t a, std::uint64_t b);

}  // namespace trueness
