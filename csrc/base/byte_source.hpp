#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace trueness {

// Read-only bytes with a name: a mapped file, a small file read at once, or memory of the caller.
// Shared by every tensor in it; safe to read from several threads.
class ByteSource {
public:
    virtual ~ByteSource() = default;
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;

    const std::string& path() const { return path_; }
    std::uint64_t size() const { return size_; }

    // All bytes in place, or nullptr when they can only be had through read().
    const std::byte* data() const { return data_; }

    // Copies `count` bytes from `offset`. The range must lie in [0, size()). Throws ReadError.
    virtual void read(std::uint64_t offset, std::size_t count, std::byte* to) const = 0;

    // Throws ReadError when bytes handed out since opening cannot be trusted: the file shrank under
    // its mapping. Call after the last byte was used.
    virtual void check() const = 0;

    // The next bytes are needed soon / the bytes before are not needed again: hints, may do
    // nothing.
    virtual void will_need(std::uint64_t /*offset*/, std::uint64_t /*count*/) const {}
    virtual void drop_behind(std::uint64_t /*offset*/, std::uint64_t /*count*/) const {}

protected:
    ByteSource(std::string path, std::uint64_t size, const std::byte* data)
        : path_(std::move(path)), size_(size), data_(data) {}

    std::string path_;
    std::uint64_t size_;
    const std::byte* data_;
};

// Opens a regular file. Small files are read at once; larger ones are mapped, or read with pread
// when TRUENESS_IO=pread. Throws ReadError (missing, not a regular file, unreadable).
std::shared_ptr<const ByteSource> open_source(const std::string& path);

// Bytes owned by somebody else, kept alive by `owner`.
std::shared_ptr<const ByteSource> memory_source(std::string name, const std::byte* data,
                                                std::uint64_t size,
                                                std::shared_ptr<const void> owner);

}  // namespace trueness
