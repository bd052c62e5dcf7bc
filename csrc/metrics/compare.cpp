#include "metrics/compare.hpp"

#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cfenv>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/widen.hpp"
#include "metrics/careful.hpp"
#include "metrics/dispatch.hpp"
#include "metrics/merge.hpp"

namespace trueness {
namespace {

// What a thread takes at a time. Its blocks are merged in order, and so are the stretches.
constexpr std::uint64_t kBlocksPerStretch = 32;

// Round to nearest and no flushing of subnormals, whatever the caller's thread is set to.
class DefaultArithmetic {
public:
    DefaultArithmetic() {
        std::fegetenv(&saved_);
        std::fesetenv(FE_DFL_ENV);
    }
    ~DefaultArithmetic() { std::fesetenv(&saved_); }
    DefaultArithmetic(const DefaultArithmetic&) = delete;
    DefaultArithmetic& operator=(const DefaultArithmetic&) = delete;

private:
    std::fenv_t saved_{};
};

using Tables = std::array<const float*, kDTypeCount>;

const Tables& code_tables() {
    static const Tables tables = [] {
        static std::array<std::array<float, 256>, kDTypeCount> values;
        std::array<std::byte, 256> codes{};
        for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::byte>(i);
        Tables out{};
        for (std::size_t i = 0; i < kDTypeCount; ++i) {
            const auto dtype = static_cast<DType>(i);
            if (info(dtype).bits != 8 || !info(dtype).is_float) continue;
            widen(dtype, codes.data(), codes.size(),
                  reinterpret_cast<std::byte*>(values[i].data()));
            out[i] = values[i].data();
        }
        return out;
    }();
    return tables;
}

struct Memory {
    explicit Memory(std::size_t bytes)
        : data(static_cast<std::byte*>(::operator new(bytes, std::align_val_t{64}))) {}
    ~Memory() { ::operator delete(data, std::align_val_t{64}); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    std::byte* const data;
};

// Room one thread works in.
struct Workspace {
    Memory kernel{kScratchBytes};
    Memory golden{kBlock * 16};
    Memory my{kBlock * 16};
};

Workspace& workspace() {
    thread_local Workspace space;
    return space;
}

// The dtype on whose grid ULP distances are counted: the one with fewer fraction bits.
const DTypeInfo& coarser(DType golden, DType my) {
    const DTypeInfo &a = info(golden), &b = info(my);
    return a.mantissa_bits <= b.mantissa_bits ? a : b;
}

class Job {
public:
    Job(const TensorView& golden, const TensorView& my, std::uint32_t groups,
        const Tolerances* asked)
        : golden_(golden),
          my_(my),
          golden_reader_(golden),
          my_reader_(my),
          groups_(groups),
          asked_(asked == nullptr ? Tolerances{} : *asked),
          count_(golden.count()),
          kernel_(current_kernel()) {
        const bool pairs = info(golden.dtype).is_complex || info(my.dtype).is_complex;
        lanes_ = pairs ? 2 : 1;
        block_ = kBlock / lanes_;
        const DTypeInfo& grid = coarser(golden.dtype, my.dtype);
        ulp_mantissa_ = grid.mantissa_bits;
        ulp_min_exponent_ = grid.min_exponent;
        if (ulp_mantissa_ < 0) groups_ &= ~static_cast<std::uint32_t>(kUlp);
        if (ulp_mantissa_ < 0) asked_.ulp = 0;
        if (asked != nullptr) groups_ |= kTolerances;
        stretches_.resize((count_ + stretch() - 1) / stretch());
    }

    std::size_t stretches() const { return stretches_.size(); }

    // Takes stretches until none is left. Called by every thread.
    void work() {
        const DefaultArithmetic arithmetic;
        Workspace& space = workspace();
        for (std::size_t i = next_++; i < stretches_.size(); i = next_++) {
            const std::uint64_t from = i * stretch();
            const std::uint64_t to = std::min(count_, from + stretch());
            stretches_[i] = run_stretch(from, to, space);
            drop(golden_, from, to);
            drop(my_, from, to);
        }
    }

    Sums result() const {
        Sums out{};
        for (const Sums& stretch_sums : stretches_) out = merge(out, stretch_sums);
        out.groups = groups_;
        out.lanes = lanes_;
        out.tolerances.asked = asked_;
        return out;
    }

private:
    std::uint64_t stretch() const { return block_ * kBlocksPerStretch; }

    Sums run_stretch(std::uint64_t from, std::uint64_t to, Workspace& space) {
        KernelInput input{};
        input.golden_dtype = static_cast<std::uint32_t>(golden_.dtype);
        input.my_dtype = static_cast<std::uint32_t>(my_.dtype);
        input.groups = groups_;
        input.ulp_mantissa = ulp_mantissa_;
        input.ulp_min_exponent = ulp_min_exponent_;
        input.tolerances = &asked_;
        input.tables = code_tables().data();
        input.scratch = space.kernel.data;
        Sums out{};
        for (std::uint64_t i = from; i < to; i += block_) {
            input.count = static_cast<std::size_t>(std::min<std::uint64_t>(block_, to - i));
            input.golden = golden_reader_.elements(i, input.count, space.golden.data);
            input.my = my_reader_.elements(i, input.count, space.my.data);
            input.known_absolute = known_absolute_.load(std::memory_order_relaxed);
            input.known_relative = known_relative_.load(std::memory_order_relaxed);
            input.known_reach = known_reach_.load(std::memory_order_relaxed);
            input.known_ulp = known_ulp_.load(std::memory_order_relaxed);
            Sums block{};
            if (!kernel_(input, block)) careful_block(input, block);
            if (block.max_absolute_at != 0) raise(known_absolute_, block.max_absolute);
            if (block.max_relative_at != 0) raise(known_relative_, block.max_relative);
            out = merge(out, block);
            raise(known_ulp_, out.max_ulp);
            raise(known_reach_, std::min(reach(out.golden), reach(out.my)));
        }
        return out;
    }

    static double reach(const SideSums& side) {
        return side.finite == 0 ? -1 : std::min(side.max, -side.min);
    }

    template <class T>
    static void raise(std::atomic<T>& known, T value) {
        T before = known.load(std::memory_order_relaxed);
        while (value > before && !known.compare_exchange_weak(before, value)) {
        }
    }

    static void drop(const TensorView& view, std::uint64_t from, std::uint64_t to) {
        if (!view.walk.contiguous()) return;
        const std::uint64_t begin = packed_bytes(view.dtype, from);
        view.source->drop_behind(view.offset + begin, packed_bytes(view.dtype, to) - begin);
    }

    const TensorView& golden_;
    const TensorView& my_;
    ElementReader golden_reader_;
    ElementReader my_reader_;
    std::uint32_t groups_;
    Tolerances asked_;
    std::uint64_t count_;
    KernelFunction kernel_;
    std::uint64_t lanes_ = 1;
    std::uint64_t block_ = kBlock;
    int ulp_mantissa_ = -1;
    int ulp_min_exponent_ = 0;
    // Largest errors and ranges met so far by any thread. Every block that holds a final extreme
    // reaches them, so what is found does not depend on who came first.
    std::atomic<double> known_absolute_{-1};
    std::atomic<double> known_relative_{-1};
    std::atomic<double> known_reach_{-1};
    std::atomic<std::uint64_t> known_ulp_{0};
    std::vector<Sums> stretches_;
    std::atomic<std::size_t> next_{0};
};

// Runs the job on several threads, this one among them; the first exception of any is rethrown.
void run(Job& job, std::size_t threads) {
    std::exception_ptr failure;
    std::mutex guard;
    const auto work = [&] {
        try {
            job.work();
        } catch (...) {
            const std::lock_guard lock(guard);
            if (!failure) failure = std::current_exception();
        }
    };
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work);
    work();
    others.clear();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace

unsigned default_threads() {
    if (const char* text = std::getenv("TRUENESS_THREADS"); text != nullptr && *text != '\0') {
        char* end = nullptr;
        const long count = std::strtol(text, &end, 10);
        if (*end != '\0' || count < 1 || count > 4096) {
            throw std::invalid_argument("TRUENESS_THREADS must be a number from 1 to 4096, not '" +
                                        std::string(text) + "'");
        }
        return static_cast<unsigned>(count);
    }
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    if (sched_getaffinity(0, sizeof cpus, &cpus) == 0) {
        return static_cast<unsigned>(std::max(1, CPU_COUNT(&cpus)));
    }
    return std::max(1U, std::thread::hardware_concurrency());
}

Sums compare(const TensorView& golden, const TensorView& my, std::uint32_t groups, unsigned threads,
             const Tolerances* asked) {
    if (golden.count() != my.count()) {
        throw std::invalid_argument("cannot compare " + std::to_string(golden.count()) +
                                    " elements with " + std::to_string(my.count()));
    }
    Job job(golden, my, (groups & kAllGroups) | kMoments, asked);
    const std::size_t wanted = threads == 0 ? default_threads() : threads;
    run(job, std::max<std::size_t>(1, std::min(wanted, job.stretches())));
    golden.source->check();
    my.source->check();
    return job.result();
}

}  // namespace trueness
