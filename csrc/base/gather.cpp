#include "base/gather.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace trueness {
namespace {

// Moves whole-byte elements; `Size` is fixed so that each copy is one load and one store.
template <std::size_t Size>
struct Bytes {
    const std::byte* data;
    std::byte* to;

    void run(std::int64_t from, std::int64_t stride, std::size_t n) {
        if (stride == static_cast<std::int64_t>(Size)) {
            std::memcpy(to, data + from, n * Size);
        } else {
            const std::byte* source = data + from;
            for (std::size_t i = 0; i < n; ++i) {
                std::memcpy(to + i * Size, source + static_cast<std::int64_t>(i) * stride, Size);
            }
        }
        to += n * Size;
    }
};

template <unsigned Bits>
struct Packed {
    const std::byte* data;
    std::byte* to;
    std::size_t at;

    static constexpr std::uint64_t kPerByte = 8 / Bits;
    static constexpr unsigned kMask = (1U << Bits) - 1;

    static unsigned shift(std::uint64_t element) {
        const auto within = static_cast<unsigned>(element % kPerByte);
        return Bits == 4 ? within * Bits : 7 - within;
    }

    void run(std::int64_t from, std::int64_t stride, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i, ++at) {
            const auto element =
                static_cast<std::uint64_t>(from + static_cast<std::int64_t>(i) * stride);
            const unsigned value =
                (std::to_integer<unsigned>(data[element / kPerByte]) >> shift(element)) & kMask;
            to[at / kPerByte] |= static_cast<std::byte>(value << shift(at));
        }
    }
};

// Where the outer axes of a segment stand: all but the last.
class Odometer {
public:
    Odometer(const Segment& segment, std::uint64_t row)
        : axes_(segment.axes), base_(segment.base), digits_(segment.axes.size() - 1) {
        for (std::size_t k = digits_.size(); k-- > 0;) {
            digits_[k] = row % axes_[k].extent;
            row /= axes_[k].extent;
        }
        for (std::size_t k = 0; k < digits_.size(); ++k) base_ += axes_[k].position(digits_[k]);
    }

    std::int64_t base() const { return base_; }

    void advance() {
        for (std::size_t k = digits_.size(); k-- > 0;) {
            base_ -= axes_[k].position(digits_[k]);
            digits_[k] = digits_[k] + 1 == axes_[k].extent ? 0 : digits_[k] + 1;
            base_ += axes_[k].position(digits_[k]);
            if (digits_[k] != 0) return;
        }
    }

private:
    const std::vector<Axis>& axes_;
    std::int64_t base_;
    std::vector<std::uint64_t> digits_;
};

template <class Mover>
void walk_rows(const Segment& segment, std::uint64_t first, std::size_t n, Mover mover) {
    const Axis& row = segment.axes.back();
    Odometer odometer(segment, first / row.extent);
    std::uint64_t i = first % row.extent;
    while (n > 0) {
        // Inside a block of a split axis, elements are one stride apart.
        const std::uint64_t left_in_block = row.split - (i + row.phase) % row.split;
        const std::uint64_t block_end =
            left_in_block < row.extent - i ? i + left_in_block : row.extent;
        const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(block_end - i, n));
        mover.run(odometer.base() + row.position(i), row.inner, count);
        n -= count;
        i += count;
        if (i == row.extent) {
            i = 0;
            odometer.advance();
        }
    }
}

}  // namespace

void gather_segment(const Segment& segment, unsigned bits, const std::byte* data,
                    std::uint64_t first, std::size_t n, std::byte* to, std::size_t at) {
    std::byte* const bytes = bits < 8 ? to : to + at * (bits / 8);
    switch (bits) {
        case 1:
            return walk_rows(segment, first, n, Packed<1>{data, to, at});
        case 4:
            return walk_rows(segment, first, n, Packed<4>{data, to, at});
        case 8:
            return walk_rows(segment, first, n, Bytes<1>{data, bytes});
        case 16:
            return walk_rows(segment, first, n, Bytes<2>{data, bytes});
        case 32:
            return walk_rows(segment, first, n, Bytes<4>{data, bytes});
        case 64:
            return walk_rows(segment, first, n, Bytes<8>{data, bytes});
        case 128:
            return walk_rows(segment, first, n, Bytes<16>{data, bytes});
        default:
            throw std::logic_error("no element has that width");
    }
}

}  // namespace trueness
