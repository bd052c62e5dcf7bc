#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/byte_source.hpp"

namespace trueness {

// Bytes [offset, offset + size) of a source, in place where the source allows it, else copied. The
// range must lie in the source.
class Window {
public:
    Window(const ByteSource& source, std::uint64_t offset, std::uint64_t size)
        : size_(static_cast<std::size_t>(size)) {
        if (source.data() != nullptr) {
            data_ = source.data() + offset;
        } else {
            copy_.resize(size_);
            if (size_ > 0) source.read(offset, size_, copy_.data());
            data_ = copy_.data();
        }
    }
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;

    const std::byte* data() const { return data_; }
    std::size_t size() const { return size_; }

private:
    std::vector<std::byte> copy_;
    const std::byte* data_ = nullptr;
    std::size_t size_;
};

}  // namespace trueness
