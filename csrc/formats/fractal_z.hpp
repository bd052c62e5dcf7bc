#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "formats/axis_order.hpp"
#include "formats/layout.hpp"

namespace trueness {

// FRACTAL_Z (C1*H*W, N1, N0, C0) and FRACTAL_Z_3D (D*C1*H*W, N1, N0, C0): an AxisMapping.
bool fractal_z(const Layout& layout, const Extents& extents, AxisSet& axes);

// FRACTAL_Z of a grouped convolution: several groups share the channel and kernel blocks of one
// matrix, so each group begins at its own place in a block. One segment per group, except for
// depthwise ones. Nothing when no order fits the shapes.
std::optional<LogicalOrder> grouped_fractal_z(const Layout& layout,
                                              const std::vector<std::string_view>& orders);

}  // namespace trueness
