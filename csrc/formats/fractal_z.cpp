#include "formats/fractal_z.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

namespace trueness {
namespace {

// Each group costs a segment of some 200 bytes; real convolutions have thousands at most.
constexpr std::uint64_t kMaxGroups = 65536;

struct Groups {
    std::uint64_t count;
    std::uint64_t channels;  // of one group
    std::uint64_t kernels;   // of one group
    std::uint64_t shared;    // groups that lie in one matrix
};

// How many groups one matrix takes until both its channels and its kernels end on a full block.
Groups groups_of(const Layout& layout, const Extents& extents) {
    const std::uint64_t n0 = layout.device[2];
    const std::uint64_t c0 = layout.device[3];
    Groups groups{layout.groups, extents.at('C'), extents.at('N') / layout.groups, 1};
    // lcm(x, block) / x without the overflow of forming lcm.
    const std::uint64_t by_channels = c0 / std::gcd(groups.channels, c0);
    const std::uint64_t by_kernels = n0 / std::gcd(groups.kernels, n0);
    const std::uint64_t together =
        saturating_product(by_channels / std::gcd(by_channels, by_kernels), by_kernels);
    groups.shared = std::min(together, groups.count);
    return groups;
}

bool fits(const Layout& layout, const Extents& extents, const Groups& groups) {
    const std::uint64_t c1 =
        ceil_divide(saturating_product(groups.shared, groups.channels), layout.device[3]);
    const std::uint64_t n1 =
        ceil_divide(saturating_product(groups.shared, groups.kernels), layout.device[2]);
    const std::uint64_t image = saturating_product(extents.at('H'), extents.at('W'));
    const std::uint64_t matrices = ceil_divide(groups.count, groups.shared);
    return saturating_product(matrices, saturating_product(c1, image)) == layout.device[0] &&
           n1 == layout.device[1];
}

// Moves the start of an axis `by` elements on; what can be said by `base` is said there.
void begin_at(std::uint64_t by, const DeviceAxis& stored, const Layout& layout, Axis& axis,
              std::int64_t& base) {
    const std::uint64_t units = layout.element_units;
    const std::uint64_t block = by / stored.size;
    const std::uint64_t within = by % stored.size;
    base += static_cast<std::int64_t>(block * stored.outer * units);
    if (within + axis.extent <= stored.size) {
        base += static_cast<std::int64_t>(within * stored.inner * units);
        axis = {axis.extent, std::max<std::uint64_t>(axis.extent, 1), 0,
                static_cast<std::int64_t>(stored.inner * units)};
    } else {
        axis = {axis.extent, stored.size, static_cast<std::int64_t>(stored.outer * units),
                static_cast<std::int64_t>(stored.inner * units), within};
    }
}

Segment group_segment(const Layout& layout, std::string_view order, const Extents& extents,
                      const Groups& groups, std::uint64_t group) {
    const std::vector<std::uint64_t> s = row_major_strides(layout.device);
    const std::uint64_t image = extents.at('H') * extents.at('W');
    const std::uint64_t c1 = ceil_divide(groups.shared * groups.channels, layout.device[3]);
    const std::uint64_t matrix = c1 * image * s[0];
    const DeviceAxis n = blocked(layout.device[1], layout.device[2], s[1], s[2]);
    const DeviceAxis c = blocked(c1, layout.device[3], image * s[0], 1);

    const std::uint64_t place = group % groups.shared;
    Segment segment{
        static_cast<std::int64_t>(group / groups.shared * matrix * layout.element_units), {}};
    for (const char letter : order) {
        Axis axis{extents.at(letter), 1, 0, 0};
        if (letter == 'N') {
            axis.extent = groups.kernels;
            begin_at(place * groups.kernels, n, layout, axis, segment.base);
        } else if (letter == 'C') {
            begin_at(place * groups.channels, c, layout, axis, segment.base);
        } else {
            const std::uint64_t stride = letter == 'H' ? extents.at('W') * s[0] : s[0];
            axis = to_axis(whole(axis.extent, stride), axis.extent, layout);
        }
        segment.axes.push_back(axis);
    }
    return segment;
}

// One channel and one kernel a group, all groups of a matrix inside one block: they lie on its
// diagonal, which is an axis like any other.
bool is_diagonal(const Layout& layout, const Groups& groups) {
    return groups.channels == 1 && groups.kernels == 1 &&
           groups.shared <= std::min(layout.device[2], layout.device[3]);
}

Segment diagonal_segment(const Layout& layout, std::string_view order, const Extents& extents,
                         const Groups& groups) {
    const std::vector<std::uint64_t> s = row_major_strides(layout.device);
    const std::uint64_t matrix = extents.at('H') * extents.at('W') * s[0];
    AxisSet axes(whole(1, 0));
    axes.at('N') =
        blocked(ceil_divide(groups.count, groups.shared), groups.shared, matrix, s[2] + 1);
    axes.at('H') = whole(extents.at('H'), extents.at('W') * s[0]);
    axes.at('W') = whole(extents.at('W'), s[0]);
    Segment segment{0, {}};
    for (const char letter : order) {
        segment.axes.push_back(to_axis(axes.at(letter), extents.at(letter), layout));
    }
    return segment;
}

}  // namespace

bool fractal_z(const Layout& layout, const Extents& extents, AxisSet& axes) {
    const std::vector<std::uint64_t>& d = layout.device;
    const std::vector<std::uint64_t> s = row_major_strides(d);
    const std::uint64_t c1 = ceil_divide(extents.at('C'), d[3]);
    const std::uint64_t image = saturating_product(extents.at('H'), extents.at('W'));
    const std::uint64_t volume = saturating_product(c1, image);
    if (saturating_product(extents.at('D'), volume) != d[0]) return false;
    axes.at('N') = blocked(d[1], d[2], s[1], s[2]);
    axes.at('D') = whole(extents.at('D'), saturating_product(volume, s[0]));
    axes.at('C') = blocked(c1, d[3], saturating_product(image, s[0]), 1);
    axes.at('H') = whole(extents.at('H'), saturating_product(extents.at('W'), s[0]));
    axes.at('W') = whole(extents.at('W'), s[0]);
    return true;
}

std::optional<LogicalOrder> grouped_fractal_z(const Layout& layout,
                                              const std::vector<std::string_view>& orders) {
    if (layout.groups > kMaxGroups) return std::nullopt;
    for (const std::string_view order : orders) {
        const std::optional<Extents> extents = extents_in(order, layout.original);
        if (!extents || extents->at('N') == 0 || extents->at('N') % layout.groups != 0) continue;
        const Groups groups = groups_of(layout, *extents);
        if (!fits(layout, *extents, groups)) continue;
        if (is_diagonal(layout, groups)) {
            return LogicalOrder{
                {layout.original, {diagonal_segment(layout, order, *extents, groups)}}, {}, {}};
        }
        if (order.front() != 'N') {
            return LogicalOrder{contiguous_walk(layout.device),
                                "grouped FRACTAL_Z of " + std::string(order) +
                                    " has no walk in logical order: stored order kept",
                                {}};
        }
        LogicalOrder result{{layout.original, {}}, {}, {}};
        result.walk.segments.reserve(layout.groups);
        for (std::uint64_t group = 0; group < layout.groups; ++group) {
            result.walk.segments.push_back(group_segment(layout, order, *extents, groups, group));
        }
        return result;
    }
    return std::nullopt;
}

}  // namespace trueness
