#include "base/tensor_view.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "base/gather.hpp"

namespace trueness {
namespace {

std::uint64_t units_of(DType dtype) {
    const unsigned bits = info(dtype).bits;
    return bits < 8 ? 1 : bits / 8;
}

void check_segments(const Walk& walk) {
    if (walk.contiguous()) return;
    std::uint64_t extent = 0;
    for (const Segment& segment : walk.segments) {
        if (segment.axes.size() != walk.shape.size()) {
            throw std::out_of_range("a segment has another rank than the tensor");
        }
        for (std::size_t i = 0; i < segment.axes.size(); ++i) {
            const Axis& axis = segment.axes[i];
            const bool fits = i == 0 ? axis.extent <= walk.shape[0] : axis.extent == walk.shape[i];
            if (!fits || axis.phase >= axis.split) {
                throw std::out_of_range("a segment has another shape than the tensor");
            }
        }
        extent += segment.axes.empty() ? 1 : segment.axes[0].extent;
    }
    if (extent != (walk.shape.empty() ? 1 : walk.shape[0])) {
        throw std::out_of_range("the segments do not make up the first dimension");
    }
}

template <std::size_t Size>
void reverse_each(std::byte* bytes, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) std::reverse(bytes + i * Size, bytes + (i + 1) * Size);
}

void swap_bytes(DType dtype, std::byte* bytes, std::size_t count) {
    const DTypeInfo& type = info(dtype);
    // The parts of a complex number are swapped each for itself.
    const std::size_t parts = type.is_complex ? 2 : 1;
    switch (type.bits / 8 / parts) {
        case 2:
            return reverse_each<2>(bytes, count * parts);
        case 4:
            return reverse_each<4>(bytes, count * parts);
        case 8:
            return reverse_each<8>(bytes, count * parts);
        default:
            return;
    }
}

bool follows(const Axis& outer, const Axis& inner) {
    std::int64_t span = 0;
    return outer.is_plain() && inner.is_plain() &&
           !__builtin_mul_overflow(static_cast<std::int64_t>(inner.extent), inner.inner, &span) &&
           outer.inner == span;
}

Segment joined(const Segment& segment) {
    Segment result{segment.base, {}};
    for (const Axis& axis : segment.axes) {
        if (axis.extent == 1) {
            result.base += axis.position(0);
            continue;
        }
        if (!result.axes.empty() && follows(result.axes.back(), axis)) {
            const std::uint64_t extent = result.axes.back().extent * axis.extent;
            result.axes.back() = {extent, extent, 0, axis.inner};
        } else {
            result.axes.push_back(axis);
        }
    }
    if (result.axes.empty()) result.axes.push_back({1, 1, 0, 0});
    return result;
}

}  // namespace

void check_bounds(const TensorView& view) {
    if (view.source == nullptr) throw std::out_of_range("the tensor has no bytes");
    const std::uint64_t size = view.source->size();
    if (view.offset > size || view.nbytes > size - view.offset) {
        throw std::out_of_range("the tensor's bytes end behind the file");
    }
    if (view.dtype == DType::kRaw) return;
    check_segments(view.walk);
    try {
        const Reach touched = reach(view.walk, units_of(view.dtype));
        const auto high = static_cast<std::uint64_t>(std::max<std::int64_t>(touched.high, 0));
        const std::uint64_t needed =
            info(view.dtype).bits < 8 ? packed_bytes(view.dtype, high) : high;
        if (touched.low < 0 || needed > view.nbytes) {
            throw std::out_of_range("the tensor's elements lie outside its bytes");
        }
    } catch (const std::overflow_error& error) {
        throw std::out_of_range(error.what());
    }
}

ElementReader::ElementReader(const TensorView& view) : view_(view) {
    if (view.dtype == DType::kRaw) throw std::logic_error("raw bytes have no elements");
    for (const Segment& segment : view.walk.segments) {
        std::uint64_t count = 1;
        for (const Axis& axis : segment.axes) count *= axis.extent;
        if (count == 0) continue;
        segments_.push_back(joined(segment));
        segment_counts_.push_back(count);
    }
    if (view.source->data() != nullptr) {
        data_ = view.source->data() + view.offset;
    } else if (!view.walk.contiguous()) {
        loaded_.resize(view.nbytes);
        view.source->read(view.offset, loaded_.size(), loaded_.data());
        data_ = loaded_.data();
    }
}

const std::byte* ElementReader::elements(std::uint64_t first, std::size_t n,
                                         std::byte* scratch) const {
    const std::byte* const found = packed(first, n, scratch);
    if (!view_.byte_swapped || info(view_.dtype).bits <= 8) return found;
    if (found != scratch) std::memcpy(scratch, found, packed_bytes(view_.dtype, n));
    swap_bytes(view_.dtype, scratch, n);
    return scratch;
}

const std::byte* ElementReader::packed(std::uint64_t first, std::size_t n,
                                       std::byte* scratch) const {
    if (n == 0) return scratch;
    if (!view_.walk.contiguous()) {
        gather(first, n, scratch);
        return scratch;
    }
    const std::uint64_t start = packed_bytes(view_.dtype, first);
    if (data_ != nullptr) return data_ + start;
    view_.source->read(view_.offset + start, packed_bytes(view_.dtype, n), scratch);
    return scratch;
}

void ElementReader::gather(std::uint64_t first, std::size_t n, std::byte* to) const {
    const unsigned bits = info(view_.dtype).bits;
    if (bits < 8) std::memset(to, 0, packed_bytes(view_.dtype, n));
    std::size_t done = 0;
    for (std::size_t i = 0; i < segments_.size() && done < n; ++i) {
        if (first >= segment_counts_[i]) {
            first -= segment_counts_[i];
            continue;
        }
        const auto here =
            static_cast<std::size_t>(std::min<std::uint64_t>(segment_counts_[i] - first, n - done));
        gather_segment(segments_[i], bits, data_, first, here, to, done);
        done += here;
        first = 0;
    }
}

}  // namespace trueness
