#include "base/byte_source.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/sigbus_guard.hpp"

namespace trueness {
namespace {

constexpr std::uint64_t kSmallFile = 64 * 1024;
constexpr std::uint64_t kDropStep = 8 * 1024 * 1024;

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) close(fd_);
    }
    int get() const { return fd_; }

private:
    int fd_;
};

std::string kind_name(mode_t mode) {
    if (S_ISDIR(mode)) return "a directory";
    if (S_ISFIFO(mode)) return "a pipe";
    if (S_ISSOCK(mode)) return "a socket";
    if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
    return "not a regular file";
}

void require_regular(const std::string& path, const struct stat& status) {
    if (S_ISREG(status.st_mode)) return;
    throw ReadError(path, "is " + kind_name(status.st_mode) + ", expected a regular file");
}

bool same_content_state(const struct stat& a, const struct stat& b) {
    return a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
           a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

void require_unchanged(const std::string& path, const struct stat& then, const struct stat& now) {
    if (now.st_size < then.st_size) throw ReadError(path, "file shrank while being read");
    if (now.st_size > then.st_size) throw ReadError(path, "file grew while being read");
    if (!same_content_state(then, now)) throw ReadError(path, "file was written while being read");
}

// Reads up to `count` bytes; fewer only at the end of the file.
std::size_t read_at(const std::string& path, int fd, std::uint64_t offset, std::size_t count,
                    std::byte* to) {
    std::size_t done = 0;
    while (done < count) {
        const ssize_t got = pread(fd, to + done, count - done, static_cast<off_t>(offset + done));
        if (got == 0) break;
        if (got > 0) {
            done += static_cast<std::size_t>(got);
        } else if (errno != EINTR) {
            throw ReadError(path, std::string("cannot be read: ") + std::strerror(errno));
        }
    }
    return done;
}

class OwnedSource final : public ByteSource {
public:
    OwnedSource(std::string path, std::vector<std::byte> bytes)
        : ByteSource(std::move(path), bytes.size(), nullptr), bytes_(std::move(bytes)) {
        data_ = bytes_.data();
    }
    void read(std::uint64_t offset, std::size_t count, std::byte* to) const override {
        if (count > 0) std::memcpy(to, data_ + offset, count);
    }
    void check() const override {}

private:
    std::vector<std::byte> bytes_;
};

class MemorySource final : public ByteSource {
public:
    MemorySource(std::string name, const std::byte* data, std::uint64_t size,
                 std::shared_ptr<const void> owner)
        : ByteSource(std::move(name), size, data), owner_(std::move(owner)) {}
    void read(std::uint64_t offset, std::size_t count, std::byte* to) const override {
        if (count > 0) std::memcpy(to, data_ + offset, count);
    }
    void check() const override {}

private:
    std::shared_ptr<const void> owner_;
};

class PreadSource final : public ByteSource {
public:
    PreadSource(std::string path, Descriptor descriptor, const struct stat& status)
        : ByteSource(std::move(path), static_cast<std::uint64_t>(status.st_size), nullptr),
          descriptor_(std::move(descriptor)),
          status_(status) {}
    void read(std::uint64_t offset, std::size_t count, std::byte* to) const override {
        if (read_at(path_, descriptor_.get(), offset, count, to) < count) {
            throw ReadError(path_, "file shrank while being read");
        }
    }
    void check() const override {
        struct stat now = {};
        if (fstat(descriptor_.get(), &now) == 0) require_unchanged(path_, status_, now);
    }

private:
    Descriptor descriptor_;
    struct stat status_;
};

class MappedSource final : public ByteSource {
public:
    // Takes over the mapping at `data`.
    MappedSource(std::string path, const std::byte* data, const struct stat& status,
                 std::unique_ptr<GuardedMapping> guard)
        : ByteSource(std::move(path), static_cast<std::uint64_t>(status.st_size), data),
          status_(status),
          guard_(std::move(guard)) {}

    ~MappedSource() override {
        // Unguard first: once unmapped, the addresses may become somebody else's.
        guard_.reset();
        munmap(const_cast<std::byte*>(data_), size_);
    }

    void read(std::uint64_t offset, std::size_t count, std::byte* to) const override {
        if (count > 0) std::memcpy(to, data_ + offset, count);
    }

    void check() const override {
        if (guard_->lost()) throw ReadError(path_, "file shrank while being read");
        // By path, since a descriptor for each open file would exhaust the process's limit. A file
        // that was deleted or replaced under its name leaves our mapping as it was.
        struct stat now = {};
        if (stat(path_.c_str(), &now) != 0) return;
        if (now.st_dev != status_.st_dev || now.st_ino != status_.st_ino) return;
        require_unchanged(path_, status_, now);
    }

    void will_need(std::uint64_t offset, std::uint64_t count) const override {
        const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
        const std::uint64_t start = offset / page * page;
        if (offset >= size_ || count > size_ - offset) return;
        advise(start, count + (offset - start), MADV_WILLNEED);
    }

    // Callers report small pieces; whole steps are dropped, each when its last byte is reported.
    void drop_behind(std::uint64_t offset, std::uint64_t count) const override {
        if (offset >= size_ || count > size_ - offset) return;
        const std::uint64_t first = offset / kDropStep;
        const std::uint64_t last = (offset + count) / kDropStep;
        if (first < last) advise(first * kDropStep, (last - first) * kDropStep, MADV_DONTNEED);
    }

private:
    void advise(std::uint64_t offset, std::uint64_t count, int advice) const {
        // A lost mapping holds anonymous pages; hints about it have no meaning.
        if (!guard_->lost()) madvise(const_cast<std::byte*>(data_) + offset, count, advice);
    }

    struct stat status_;
    std::unique_ptr<GuardedMapping> guard_;
};

std::shared_ptr<const ByteSource> read_small(const std::string& path, int fd, std::uint64_t size) {
    // One byte more than expected tells in the same call whether the file has grown.
    std::vector<std::byte> bytes(size + 1);
    const std::size_t got = read_at(path, fd, 0, bytes.size(), bytes.data());
    if (got < size) throw ReadError(path, "file shrank while being read");
    if (got > size) throw ReadError(path, "file grew while being read");
    bytes.resize(size);
    return std::make_shared<OwnedSource>(path, std::move(bytes));
}

// nullptr when the file system cannot map it or no more mappings can be guarded.
std::shared_ptr<const ByteSource> map_file(const std::string& path, int fd,
                                           const struct stat& status) {
    const auto size = static_cast<std::size_t>(status.st_size);
    void* const address = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    if (address == MAP_FAILED) return nullptr;
    const auto* const data = static_cast<const std::byte*>(address);
    std::unique_ptr<GuardedMapping> guard = GuardedMapping::create(data, size);
    if (guard == nullptr) {
        munmap(address, size);
        return nullptr;
    }
    madvise(address, size, MADV_SEQUENTIAL);
    return std::make_shared<MappedSource>(path, data, status, std::move(guard));
}

bool use_pread() {
    const char* const choice = std::getenv("TRUENESS_IO");
    if (choice == nullptr || std::string_view(choice) == "mmap") return false;
    if (std::string_view(choice) == "pread") return true;
    throw std::invalid_argument("TRUENESS_IO must be mmap or pread, not '" + std::string(choice) +
                                "'");
}

Descriptor open_regular(const std::string& path, struct stat& status) {
    if (path.find('\0') != std::string::npos) throw ReadError(path, "has a NUL byte in its name");
    // O_NONBLOCK: opening a pipe without a writer would wait for ever. Without effect on files.
    Descriptor descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (descriptor.get() < 0) {
        const int error = errno;
        if (error == ENXIO && stat(path.c_str(), &status) == 0) require_regular(path, status);
        throw ReadError(path, std::string("cannot be opened: ") + std::strerror(error));
    }
    if (fstat(descriptor.get(), &status) != 0) {
        throw ReadError(path, std::string("cannot be examined: ") + std::strerror(errno));
    }
    require_regular(path, status);
    return descriptor;
}

}  // namespace

std::shared_ptr<const ByteSource> open_source(const std::string& path) {
    struct stat status = {};
    Descriptor descriptor = open_regular(path, status);
    const auto size = static_cast<std::uint64_t>(status.st_size);
    if (size <= kSmallFile) return read_small(path, descriptor.get(), size);
    if (!use_pread()) {
        if (auto mapped = map_file(path, descriptor.get(), status)) return mapped;
    }
    return std::make_shared<PreadSource>(path, std::move(descriptor), status);
}

std::shared_ptr<const ByteSource> memory_source(std::string name, const std::byte* data,
                                                std::uint64_t size,
                                                std::shared_ptr<const void> owner) {
    return std::make_shared<MemorySource>(std::move(name), data, size, std::move(owner));
}

}  // namespace trueness
