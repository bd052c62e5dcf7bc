#include "base/walk.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

namespace trueness {
namespace {

constexpr std::uint64_t kMaxPosition =
    static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

std::int64_t product(std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    if (__builtin_mul_overflow(a, b, &result)) {
        throw std::overflow_error("tensor position overflows 64 bits");
    }
    return result;
}

std::int64_t sum(std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    if (__builtin_add_overflow(a, b, &result)) {
        throw std::overflow_error("tensor position overflows 64 bits");
    }
    return result;
}

std::int64_t to_position(std::uint64_t value) {
    if (value > kMaxPosition) throw std::overflow_error("tensor position overflows 64 bits");
    return static_cast<std::int64_t>(value);
}

// Lowest and highest offset that a non-empty axis adds. Within a block offsets are linear, so its
// corners decide; the first and the last block may be cut short and are taken apart from the rest.
std::pair<std::int64_t, std::int64_t> axis_range(const Axis& axis) {
    std::uint64_t last = 0;
    if (__builtin_add_overflow(axis.phase, axis.extent - 1, &last)) {
        throw std::overflow_error("tensor position overflows 64 bits");
    }
    const std::uint64_t last_block = last / axis.split;
    const auto at = [&](std::uint64_t block, std::uint64_t within) {
        return sum(product(to_position(block), axis.outer),
                   product(to_position(within), axis.inner));
    };
    std::vector<std::int64_t> corners{at(0, axis.phase), at(0, std::min(axis.split - 1, last))};
    if (last_block > 0) {
        corners.insert(corners.end(), {at(last_block, 0), at(last_block, last % axis.split)});
    }
    if (last_block > 1) {
        for (const std::uint64_t block : {std::uint64_t{1}, last_block - 1}) {
            corners.insert(corners.end(), {at(block, 0), at(block, axis.split - 1)});
        }
    }
    const auto [low, high] = std::minmax_element(corners.begin(), corners.end());
    return {*low, *high};
}

bool has_no_elements(const Segment& segment) {
    return std::any_of(segment.axes.begin(), segment.axes.end(),
                       [](const Axis& axis) { return axis.extent == 0; });
}

}  // namespace

std::uint64_t element_count(const std::vector<std::uint64_t>& shape) {
    // A zero dim makes the tensor empty however large the others are.
    if (std::find(shape.begin(), shape.end(), 0U) != shape.end()) return 0;
    std::uint64_t count = 1;
    for (const std::uint64_t dim : shape) {
        if (__builtin_mul_overflow(count, dim, &count)) {
            throw std::overflow_error("element count overflows 64 bits");
        }
    }
    return count;
}

Walk contiguous_walk(std::vector<std::uint64_t> shape) { return Walk{std::move(shape), {}}; }

Walk strided_walk(std::vector<std::uint64_t> shape, const std::vector<std::int64_t>& strides,
                  std::uint64_t element_units) {
    if (shape.size() != strides.size()) {
        throw std::invalid_argument("one stride is needed for each dimension");
    }
    if (element_count(shape) == 0) return contiguous_walk(std::move(shape));
    bool contiguous = true;
    std::uint64_t packed = element_units;
    for (std::size_t i = shape.size(); i-- > 0;) {
        // The stride of a dimension of extent 1 is never used, and often nonsense.
        if (shape[i] == 1) continue;
        contiguous = contiguous && strides[i] == to_position(packed);
        if (!contiguous) break;
        if (__builtin_mul_overflow(packed, shape[i], &packed)) {
            throw std::overflow_error("tensor size overflows 64 bits");
        }
    }
    if (contiguous) return contiguous_walk(std::move(shape));

    Segment segment{0, {}};
    segment.axes.reserve(shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i) {
        segment.axes.push_back({shape[i], shape[i], 0, shape[i] == 1 ? 0 : strides[i]});
    }
    return Walk{std::move(shape), {std::move(segment)}};
}

Reach reach(const Walk& walk, std::uint64_t element_units) {
    const std::int64_t units = to_position(element_units);
    if (element_count(walk.shape) == 0) return {0, 0};
    if (walk.contiguous()) return {0, product(to_position(element_count(walk.shape)), units)};
    Reach total{0, 0};
    bool first = true;
    for (const Segment& segment : walk.segments) {
        if (has_no_elements(segment)) continue;
        Reach part{segment.base, sum(segment.base, units)};
        for (const Axis& axis : segment.axes) {
            const auto [low, high] = axis_range(axis);
            part.low = sum(part.low, low);
            part.high = sum(part.high, high);
        }
        total =
            first ? part : Reach{std::min(total.low, part.low), std::max(total.high, part.high)};
        first = false;
    }
    return total;
}

}  // namespace trueness
