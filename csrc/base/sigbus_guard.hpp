#pragma once

#include <cstddef>
#include <memory>

namespace trueness {

// A mapping whose file may shrink under it. Touching a page past the end of the file raises SIGBUS,
// which kills the process unless somebody answers it: while a GuardedMapping lives, such a fault
// reads zeros instead and the mapping is marked lost. Every other SIGBUS goes on to the handler
// that was there before.
class GuardedMapping {
public:
    // Guards [begin, begin + size); nullptr when no more mappings can be guarded.
    static std::unique_ptr<GuardedMapping> create(const std::byte* begin, std::size_t size);

    ~GuardedMapping();
    GuardedMapping(const GuardedMapping&) = delete;
    GuardedMapping& operator=(const GuardedMapping&) = delete;

    bool lost() const;

private:
    explicit GuardedMapping(std::size_t slot) : slot_(slot) {}
    std::size_t slot_;
};

}  // namespace trueness
