#include "formats/layout.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

#include "formats/axis_order.hpp"
#include "formats/fractal_z.hpp"
#include "formats/ge_types.hpp"

namespace trueness {
namespace {

using Dims = std::vector<std::uint64_t>;

// Orders tried when the file does not say in which one original_shape is, most likely first.
constexpr std::array<std::string_view, 2> kImageOrders{"NCHW", "NHWC"};
constexpr std::array<std::string_view, 3> kFilterOrders{"NCHW", "NHWC", "HWCN"};
constexpr std::array<std::string_view, 3> kVolumeOrders{"NCDHW", "NDHWC", "DHWCN"};
constexpr std::array<std::string_view, 3> kDiagonalOrders{"HWCN", "NCHW", "NHWC"};

bool nc1hwc0(const Layout& layout, const Extents&, AxisSet& axes) {
    const Dims& d = layout.device;
    const Dims s = row_major_strides(d);
    axes.at('N') = whole(d[0], s[0]);
    axes.at('C') = blocked(d[1], d[4], s[1], 1);
    axes.at('H') = whole(d[2], s[2]);
    axes.at('W') = whole(d[3], s[3]);
    return true;
}

bool ndc1hwc0(const Layout& layout, const Extents&, AxisSet& axes) {
    const Dims& d = layout.device;
    const Dims s = row_major_strides(d);
    axes.at('N') = whole(d[0], s[0]);
    axes.at('D') = whole(d[1], s[1]);
    axes.at('C') = blocked(d[2], d[5], s[2], 1);
    axes.at('H') = whole(d[3], s[3]);
    axes.at('W') = whole(d[4], s[4]);
    return true;
}

// Of each Co x C0 square only the diagonal holds values.
bool c1hwncoc0(const Layout& layout, const Extents&, AxisSet& axes) {
    const Dims& d = layout.device;
    if (d[4] != d[5]) return false;
    const Dims s = row_major_strides(d);
    axes.at('C') = blocked(d[0], d[5], s[0], s[4] + 1);
    axes.at('H') = whole(d[1], s[1]);
    axes.at('W') = whole(d[2], s[2]);
    axes.at('N') = whole(d[3], s[3]);
    return true;
}

bool plain(const Layout& layout, const Extents&, AxisSet& axes) {
    const std::string_view order = order_of(layout.format);
    const Dims s = row_major_strides(layout.device);
    for (std::size_t i = 0; i < order.size(); ++i) {
        axes.at(order[i]) = whole(layout.device[i], s[i]);
    }
    return true;
}

struct PrivateFormat {
    std::int32_t number;
    std::size_t rank;
    std::span<const std::string_view> orders;
    AxisMapping mapping;
};

constexpr std::array kPrivateFormats{
    PrivateFormat{kNC1HWC0, 5, kImageOrders, nc1hwc0},
    PrivateFormat{kNC1HWC0C04, 5, kImageOrders, nc1hwc0},
    PrivateFormat{kFractalZ, 4, kFilterOrders, fractal_z},
    PrivateFormat{kFractalZ3D, 4, kVolumeOrders, fractal_z},
    PrivateFormat{kNDC1HWC0, 6, kVolumeOrders, ndc1hwc0},
    PrivateFormat{kC1HWNCoC0, 6, kDiagonalOrders, c1hwncoc0},
};

std::string text(const Dims& dims) {
    std::string result = "[";
    for (const std::uint64_t dim : dims) {
        if (result.size() > 1) result += ',';
        result += std::to_string(dim);
    }
    return result + "]";
}

LogicalOrder stored_order(const Layout& layout, std::string reason) {
    return {contiguous_walk(layout.device), std::move(reason) + ": stored order kept", {}};
}

LogicalOrder inconsistent(const Layout& layout) {
    return stored_order(layout, "original_shape " + text(layout.original) + " does not belong to " +
                                    ge_format_name(layout.format) + " " + text(layout.device));
}

// The orders to try, the declared one first.
std::vector<std::string_view> candidates(const Layout& layout,
                                         std::span<const std::string_view> orders) {
    std::vector<std::string_view> result;
    const std::string_view declared = layout.origin ? order_of(*layout.origin) : "";
    if (!declared.empty()) result.push_back(declared);
    for (const std::string_view order : orders) {
        if (order != declared) result.push_back(order);
    }
    return result;
}

// Says a walk that is only strides as such: contiguous ones are read without gathering.
Walk simplified(Walk walk, std::uint64_t units) {
    std::vector<std::int64_t> strides;
    for (const Axis& axis : walk.segments.front().axes) {
        if (axis.extent > axis.split) return walk;
        strides.push_back(axis.inner);
    }
    return strided_walk(std::move(walk.shape), strides, units);
}

LogicalOrder by_axes(const Layout& layout, std::span<const std::string_view> orders,
                     AxisMapping mapping) {
    LogicalOrder chosen;
    std::string_view chosen_order;
    const bool declared = layout.origin && !order_of(*layout.origin).empty();
    for (const std::string_view order : candidates(layout, orders)) {
        std::optional<Segment> segment = arrange(layout, order, mapping);
        if (!segment) continue;
        if (chosen_order.empty()) {
            chosen.walk = {layout.original, {std::move(*segment)}};
            chosen_order = order;
            if (declared && order == order_of(*layout.origin)) break;
        } else if (!same_places(chosen.walk.segments.front(), *segment)) {
            chosen.note = std::string("original_shape ") + text(layout.original) + " fits " +
                          std::string(chosen_order) + " and " + std::string(order) + ": read as " +
                          std::string(chosen_order);
            break;
        }
    }
    if (chosen_order.empty()) return inconsistent(layout);
    chosen.walk = simplified(std::move(chosen.walk), layout.element_units);
    // NCHW is also what a writer that never sets the field declares.
    if (declared && *layout.origin != kNCHW && chosen_order != order_of(*layout.origin)) {
        chosen.note = "original_op.format " + std::string(order_of(*layout.origin)) +
                      " does not fit the shapes: read as " + std::string(chosen_order);
    }
    return chosen;
}

std::uint64_t product(Dims::const_iterator first, Dims::const_iterator last) {
    std::uint64_t result = 1;
    for (; first != last; ++first) result = saturating_product(result, *first);
    return result;
}

// (..., N1, M1, M0, N0): the last two logical axes in blocks, those before as they are. A
// one-dimensional tensor is a single row.
LogicalOrder fractal_nz(const Layout& layout) {
    const Dims& d = layout.device;
    const Dims& original = layout.original;
    const std::size_t outer_rank = original.size() > 2 ? original.size() - 2 : 0;
    const std::uint64_t rows = original.size() > 1 ? original[original.size() - 2] : 1;
    const std::uint64_t columns = original.back();
    const std::uint64_t n1 = d.end()[-4], m1 = d.end()[-3], m0 = d.end()[-2], n0 = d.end()[-1];
    const std::uint64_t need_m1 = ceil_divide(rows, m0);
    const std::uint64_t need_n1 = ceil_divide(columns, n0);
    if (product(original.begin(), original.begin() + static_cast<std::ptrdiff_t>(outer_rank)) !=
            product(d.begin(), d.end() - 4) ||
        need_m1 > m1 || need_n1 > n1) {
        return inconsistent(layout);
    }
    Segment segment{0, {}};
    std::uint64_t stride = product(d.end() - 4, d.end());
    for (std::size_t i = outer_rank; i-- > 0;) {
        segment.axes.insert(segment.axes.begin(),
                            to_axis(whole(original[i], stride), original[i], layout));
        stride = saturating_product(stride, original[i]);
    }
    if (original.size() > 1) {
        segment.axes.push_back(to_axis(blocked(m1, m0, m0 * n0, n0), rows, layout));
    }
    segment.axes.push_back(to_axis(blocked(n1, n0, m1 * m0 * n0, 1), columns, layout));
    LogicalOrder result{simplified({original, {std::move(segment)}}, layout.element_units), {}, {}};
    if (need_m1 != m1 || need_n1 != n1) {
        result.note = ge_format_name(layout.format) + " " + text(d) +
                      " has more blocks than original_shape " + text(original) + " needs";
    }
    return result;
}

bool is_fractal_nz(std::int32_t format) {
    return format == kFractalNz || format == kFractalNzC016 || format == kFractalNzC032;
}

std::optional<LogicalOrder> private_order(const Layout& layout) {
    const auto found =
        std::find_if(kPrivateFormats.begin(), kPrivateFormats.end(),
                     [&](const PrivateFormat& format) { return format.number == layout.format; });
    const bool nz = is_fractal_nz(layout.format);
    if (!nz && found == kPrivateFormats.end()) return std::nullopt;

    const std::size_t rank = layout.device.size();
    if (nz ? rank < 4 : rank != found->rank) {
        return stored_order(layout, ge_format_name(layout.format) + " of rank " +
                                        std::to_string(nz ? 4 : found->rank) +
                                        (nz ? " or more" : "") + " has shape " +
                                        text(layout.device));
    }
    const bool has_m0_or_n0 = nz || layout.format == kFractalZ || layout.format == kFractalZ3D;
    if (layout.device[rank - 1] == 0 || (has_m0_or_n0 && layout.device[rank - 2] == 0)) {
        return stored_order(layout, ge_format_name(layout.format) + " " + text(layout.device) +
                                        " has blocks of size 0");
    }
    if (layout.original.empty()) {
        return stored_order(layout, ge_format_name(layout.format) + " without original_shape");
    }
    if (nz) return fractal_nz(layout);
    if (layout.format == kFractalZ && layout.groups > 1) {
        std::optional<LogicalOrder> grouped =
            grouped_fractal_z(layout, candidates(layout, std::span(kFilterOrders)));
        return grouped ? std::move(*grouped) : inconsistent(layout);
    }
    return by_axes(layout, found->orders, found->mapping);
}

// Formats whose stored order is some logical order already: only a permutation can be needed.
LogicalOrder public_order(const Layout& layout) {
    if (layout.original.empty()) return {contiguous_walk(layout.device), {}, {}};
    const std::string_view order = order_of(layout.format);
    const bool permutable = order.size() == layout.device.size() &&
                            layout.original.size() == order.size() && !order.empty();
    if (layout.original == layout.device && !(permutable && layout.origin)) {
        return {contiguous_walk(layout.device), {}, {}};
    }
    if (permutable) {
        const bool volume = order.size() == 5;
        std::vector<std::string_view> orders{order};
        for (const std::string_view other :
             volume ? std::span(kVolumeOrders) : std::span(kFilterOrders)) {
            if (other != order) orders.push_back(other);
        }
        return by_axes(layout, orders, plain);
    }
    // The order of these is that of ND, whatever the rank.
    const bool plain_order = layout.format == kND || layout.format == kNCHW ||
                             layout.format == kNCDHW ||
                             (!order.empty() && order.size() != layout.device.size());
    if (plain_order && product(layout.original.begin(), layout.original.end()) ==
                           product(layout.device.begin(), layout.device.end())) {
        return {contiguous_walk(layout.original), {}, {}};
    }
    if (!plain_order && order.empty()) {
        return stored_order(layout, "no conversion from " + ge_format_name(layout.format) + " " +
                                        text(layout.device) + " to original_shape " +
                                        text(layout.original) + " is known");
    }
    return inconsistent(layout);
}

}  // namespace

LogicalOrder logical_order(const Layout& layout) {
    LogicalOrder result;
    if (std::optional<LogicalOrder> order = private_order(layout)) {
        result = std::move(*order);
    } else {
        result = public_order(layout);
        if (!is_known_ge_format(layout.format) && result.problem.empty()) {
            result.problem =
                "format " + std::to_string(layout.format) + " is unknown: stored order kept";
        }
    }
    if (std::find(result.walk.shape.begin(), result.walk.shape.end(), 0U) !=
        result.walk.shape.end()) {
        result.walk.segments.clear();
    }
    return result;
}

}  // namespace trueness
