#include "base/sigbus_guard.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>

namespace trueness {
namespace {

constexpr std::size_t kMaxMappings = 4096;
constexpr std::size_t kMaxChain = 16;
constexpr std::uintptr_t kFree = 0;
constexpr std::uintptr_t kClaimed = 1;

// The handler runs at any instruction, so it may only look at lock-free atomics in static storage.
struct Slot {
    std::atomic<std::uintptr_t> begin{kFree};
    std::atomic<std::uintptr_t> end{0};
    std::atomic<bool> lost{false};
};
static_assert(std::atomic<std::uintptr_t>::is_always_lock_free);

// Somebody may install a handler over ours, and we ours over that one: the chain keeps all, oldest
// first. `spent` marks a handler that asked to be called once only (SA_RESETHAND).
struct Previous {
    struct sigaction action{};
    std::atomic<bool> spent{false};
};

constinit std::array<Slot, kMaxMappings> slots;
constinit std::array<Previous, kMaxChain> chain;
constinit std::atomic<std::size_t> chain_length{0};
constinit std::atomic<std::size_t> forwarding{0};
constinit std::atomic<std::uintptr_t> page_size{4096};
constinit std::mutex install_mutex;

bool answer(std::uintptr_t address) {
    for (Slot& slot : slots) {
        const std::uintptr_t begin = slot.begin.load(std::memory_order_acquire);
        if (begin <= kClaimed || address < begin) continue;
        const std::uintptr_t end = slot.end.load(std::memory_order_acquire);
        if (address >= end || slot.begin.load(std::memory_order_acquire) != begin) continue;
        // All pages behind the first missing one are gone as well: replacing them at once keeps a
        // truncated 100 GB file from raising a signal for each of its pages.
        const std::uintptr_t page = address & ~(page_size.load() - 1);
        slot.lost.store(true, std::memory_order_release);
        return mmap(reinterpret_cast<void*>(page), end - page, PROT_READ,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
    }
    return false;
}

void die_by_default(const siginfo_t* details) {
    struct sigaction action = {};
    action.sa_handler = SIG_DFL;
    sigaction(SIGBUS, &action, nullptr);
    // A real fault happens again as soon as we return, and leaves a core that points at it.
    if (details->si_code <= 0) raise(SIGBUS);
}

void forward(int number, siginfo_t* details, void* context) {
    const bool sent = details->si_code <= 0;
    const std::size_t depth = forwarding.fetch_add(1);
    // A handler that passes the signal on by raising it again arrives here a second time, and must
    // then reach the handler before it instead of itself.
    std::size_t at = chain_length.load(std::memory_order_acquire);
    at = sent && depth < at ? at - depth - 1 : (sent ? 0 : at - 1);
    Previous& previous = chain[at];
    const struct sigaction& action = previous.action;
    const bool by_default = (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_DFL;
    const bool ignored = (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
    if (by_default || (ignored && !sent) || previous.spent.load()) {
        die_by_default(details);
    } else if (!ignored) {
        if ((action.sa_flags & static_cast<int>(SA_RESETHAND)) != 0) previous.spent.store(true);
        if ((action.sa_flags & SA_SIGINFO) != 0) {
            action.sa_sigaction(number, details, context);
        } else {
            action.sa_handler(number);
        }
    }
    forwarding.fetch_sub(1);
}

void on_sigbus(int number, siginfo_t* details, void* context) {
    const int saved_errno = errno;
    // Only a real fault carries an address; a signal sent by somebody does not.
    const bool answered =
        details->si_code > 0 && answer(reinterpret_cast<std::uintptr_t>(details->si_addr));
    if (!answered) forward(number, details, context);
    errno = saved_errno;
}

bool is_ours(const struct sigaction& action) {
    return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == on_sigbus;
}

bool same_handler(const struct sigaction& a, const struct sigaction& b) {
    if ((a.sa_flags & SA_SIGINFO) != (b.sa_flags & SA_SIGINFO)) return false;
    return (a.sa_flags & SA_SIGINFO) != 0 ? a.sa_sigaction == b.sa_sigaction
                                          : a.sa_handler == b.sa_handler;
}

bool install() {
    const std::lock_guard lock(install_mutex);
    struct sigaction current = {};
    if (sigaction(SIGBUS, nullptr, &current) != 0) return false;
    if (is_ours(current)) return true;

    const std::size_t length = chain_length.load();
    const bool known = length > 0 && same_handler(chain[length - 1].action, current);
    if (!known) {
        if (length == kMaxChain) return false;
        chain[length].action = current;
        chain_length.store(length + 1, std::memory_order_release);
    }
    page_size.store(static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE)));
    struct sigaction action = {};
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    return sigaction(SIGBUS, &action, nullptr) == 0;
}

}  // namespace

std::unique_ptr<GuardedMapping> GuardedMapping::create(const std::byte* begin, std::size_t size) {
    if (!install()) return nullptr;
    for (std::size_t i = 0; i < kMaxMappings; ++i) {
        std::uintptr_t expected = kFree;
        if (!slots[i].begin.compare_exchange_strong(expected, kClaimed)) continue;
        const auto address = reinterpret_cast<std::uintptr_t>(begin);
        slots[i].lost.store(false);
        slots[i].end.store(address + size);
        slots[i].begin.store(address, std::memory_order_release);
        return std::unique_ptr<GuardedMapping>(new GuardedMapping(i));
    }
    return nullptr;
}

GuardedMapping::~GuardedMapping() { slots[slot_].begin.store(kFree, std::memory_order_release); }

bool GuardedMapping::lost() const { return slots[slot_].lost.load(std::memory_order_acquire); }

}  // namespace trueness
