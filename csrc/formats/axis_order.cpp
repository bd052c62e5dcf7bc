#include "formats/axis_order.hpp"

#include <algorithm>
#include <limits>

#include "formats/ge_types.hpp"

namespace trueness {

DeviceAxis whole(std::uint64_t extent, std::uint64_t stride) { return {extent, 1, stride, 0}; }

DeviceAxis blocked(std::uint64_t blocks, std::uint64_t size, std::uint64_t outer,
                   std::uint64_t inner) {
    return {blocks, size, outer, inner};
}

std::string_view order_of(std::int32_t format) {
    switch (format) {
        case kNCHW:
            return "NCHW";
        case kNHWC:
            return "NHWC";
        case kHWCN:
            return "HWCN";
        case kCHWN:
            return "CHWN";
        case kNCDHW:
            return "NCDHW";
        case kNDHWC:
            return "NDHWC";
        case kDHWCN:
            return "DHWCN";
        case kDHWNC:
            return "DHWNC";
        default:
            return "";
    }
}

std::optional<Extents> extents_in(std::string_view order,
                                  const std::vector<std::uint64_t>& original) {
    if (original.size() != order.size()) return std::nullopt;
    Extents extents(1);
    for (std::size_t i = 0; i < order.size(); ++i) extents.at(order[i]) = original[i];
    return extents;
}

Axis to_axis(const DeviceAxis& axis, std::uint64_t extent, const Layout& layout) {
    const auto outer = static_cast<std::int64_t>(axis.outer * layout.element_units);
    const auto inner = static_cast<std::int64_t>(axis.inner * layout.element_units);
    if (extent <= 1) return {extent, 1, 0, 0};
    if (axis.size == 1) return {extent, extent, 0, outer};
    if (axis.size >= extent) return {extent, extent, 0, inner};
    return {extent, axis.size, outer, inner};
}

std::optional<Segment> arrange(const Layout& layout, std::string_view order, AxisMapping mapping) {
    const std::optional<Extents> extents = extents_in(order, layout.original);
    AxisSet axes(whole(1, 0));
    if (!extents || !mapping(layout, *extents, axes)) return std::nullopt;
    for (const char letter : {'N', 'C', 'D', 'H', 'W'}) {
        const DeviceAxis& axis = axes.at(letter);
        if (ceil_divide(extents->at(letter), axis.size) != axis.blocks) return std::nullopt;
    }
    Segment segment{0, {}};
    for (const char letter : order) {
        segment.axes.push_back(to_axis(axes.at(letter), extents->at(letter), layout));
    }
    return segment;
}

bool same_places(const Segment& a, const Segment& b) {
    const auto same = [](const Axis& x, const Axis& y) {
        return x.extent == y.extent && x.split == y.split && x.outer == y.outer &&
               x.inner == y.inner && x.phase == y.phase;
    };
    return a.base == b.base &&
           std::equal(a.axes.begin(), a.axes.end(), b.axes.begin(), b.axes.end(), same);
}

std::vector<std::uint64_t> row_major_strides(const std::vector<std::uint64_t>& shape) {
    std::vector<std::uint64_t> strides(shape.size(), 1);
    for (std::size_t i = shape.size(); i-- > 1;) {
        strides[i - 1] = saturating_product(strides[i], shape[i]);
    }
    return strides;
}

std::uint64_t ceil_divide(std::uint64_t value, std::uint64_t by) {
    return value / by + (value % by != 0);
}

std::uint64_t saturating_product(std::uint64_t a, std::uint64_t b) {
    std::uint64_t result = 0;
    if (__builtin_mul_overflow(a, b, &result)) return std::numeric_limits<std::uint64_t>::max();
    return result;
}

}  // namespace trueness
