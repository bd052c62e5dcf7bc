#pragma once

#include "metrics/kernels/clean.inl"
#include "metrics/kernels/ulp.inl"
#include "metrics/kernels/vector.inl"

// What a verdict asks of single elements, see Tolerances. All in double, whatever the lanes:
// a <= b then means what it means in the formula as numpy would evaluate it. Finite input; of the
// pairs, `absent` are zeros in the place of what was not.

constexpr double kRelativeFloor = 1e-7;

// Calls add(g, m, part) with kW pairs at a time, of lanes part * kW and on. The last are padded
// with zeros, so that eight lanes are always whole.
template <class T, class Add>
inline void for_lanes(const T* g, const T* m, std::size_t n, Add add) {
    std::size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
#pragma GCC unroll 4
        for (std::size_t p = 0; p < kParts; ++p) {
            add(load_wide(g + i + p * kW), load_wide(m + i + p * kW), p);
        }
    }
    if (i == n) return;
    T golden[kLanes] = {}, my[kLanes] = {};
    for (std::size_t k = 0; i + k < n; ++k) {
        golden[k] = g[i + k];
        my[k] = m[i + k];
    }
    for (std::size_t p = 0; p < kParts; ++p) {
        add(load_wide(golden + p * kW), load_wide(my + p * kW), p);
    }
}

inline std::uint64_t lane_total(Vl counts) {
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < kW; ++i) sum += counts[i];
    return static_cast<std::uint64_t>(sum);
}

inline double lane_sum(const Vd* parts) {
    double lanes[kLanes];
    for (std::size_t p = 0; p < kParts; ++p) store(lanes + p * kW, parts[p]);
    return sum_lanes(lanes);
}

template <class T>
std::uint64_t count_outside(const T* g, const T* m, std::size_t n, double atol, double rtol) {
    Vl outside = Vl{};
    for_lanes(g, m, n, [&](Vd a, Vd b, std::size_t) {
        outside -= absolute(b - a) > splat(atol) + splat(rtol) * absolute(a);
    });
    return lane_total(outside);
}

template <class T>
void add_errors(const T* g, const T* m, std::size_t n, std::size_t absent, ToleranceSums& out) {
    const Tolerances& asked = out.asked;
    Vd relative[kParts] = {}, squares[kParts] = {}, most = Vd{};
    Vl above = Vl{}, below = Vl{}, small = Vl{}, small_outside = Vl{};
    for_lanes(g, m, n, [&](Vd a, Vd b, std::size_t p) {
        const Vd d = b - a, size = absolute(a);
        const Vl is_small = size < asked.small_value;
        small -= is_small;
        small_outside -= is_small & (absolute(d) > asked.small_error);
        above -= b > a;
        below -= b < a;
        const Vd normal = (Vd)((Vl)d & ~is_small);
        const Vd r = absolute(normal) / (size + kRelativeFloor);
        relative[p] += r;
        most = larger(most, r);
        squares[p] += normal * normal;
    });
    const std::size_t padded = (kLanes - n % kLanes) % kLanes;
    out.above = lane_total(above);
    out.below = lane_total(below);
    out.small = lane_total(small) - (asked.small_value > 0 ? padded + absent : 0);
    out.small_outside = lane_total(small_outside);
    out.relative = lane_sum(relative);
    out.max_relative = largest(most, 0.0);
    out.squares = lane_sum(squares);
}

template <class T>
bool chunk_reaches_in_double(const T* g, const T* m, double most) {
    Vl found = Vl{};
    for (std::size_t i = 0; i < kChunk; i += kW) {
        found |= absolute(load_wide(m + i) - load_wide(g + i)) == most;
    }
    return any(found);
}

template <class T>
void find_worst(const T* g, const T* m, std::size_t n, ToleranceSums& out) {
    Vd most = Vd{};
    for_lanes(g, m, n, [&](Vd a, Vd b, std::size_t) { most = larger(most, absolute(b - a)); });
    out.max_absolute = largest(most, 0.0);
    if (out.max_absolute == 0) return;
    for (std::size_t i = 0; i < n; i += kChunk) {
        const bool whole = n - i >= kChunk;
        if (whole && !chunk_reaches_in_double(g + i, m + i, out.max_absolute)) continue;
        for (std::size_t k = i; k < (whole ? i + kChunk : n); ++k) {
            const auto golden = static_cast<double>(g[k]);
            if (__builtin_fabs(static_cast<double>(m[k]) - golden) != out.max_absolute) continue;
            out.golden_at_max = golden;
            return;
        }
    }
}

// Of float lanes distances are below 2^32, so that a block of them adds up exactly in 64 bits,
// in any order.
struct FloatDistances {
    Vul sum{};
    Vi outside{};

    void add(Vu distance, std::uint64_t limit) {
        constexpr std::uint64_t kMost = 0xffffffff;
        const Vul pairs = (Vul)distance;
        sum += (pairs & kMost) + (pairs >> 32);
        outside -= distance >= static_cast<std::uint32_t>(limit < kMost ? limit : kMost);
    }
    void finish(ToleranceSums& out) const {
        std::uint64_t all = 0;
        for (std::size_t i = 0; i < kW; ++i) all += sum[i];
        out.ulp = static_cast<double>(all);
        out.ulp_outside = total(outside);
    }
};

struct DoubleDistances {
    double lanes[kLanes] = {};
    std::uint64_t outside = 0;
    std::size_t lane = 0;

    void add(Vul distance, std::uint64_t limit) {
        for (std::size_t k = 0; k < kW; ++k) {
            lanes[lane + k] += static_cast<double>(distance[k]);
            outside += distance[k] >= limit;
        }
        lane = (lane + kW) % kLanes;
    }
    void finish(ToleranceSums& out) const {
        out.ulp = sum_lanes(lanes);
        out.ulp_outside = outside;
    }
};

inline FloatDistances distances(Vu) { return {}; }
inline DoubleDistances distances(Vul) { return {}; }

template <bool kRounds, bool kGradual, class V, class M, class U, class T, class I>
void add_ulp_in(const T* g, const T* m, std::size_t n, const LaneGrid<T, I>& shared,
                ToleranceSums& out) {
    constexpr std::size_t kWidth = sizeof(V) / sizeof(T);
    const LaneGrid<T, I> grid = shared;
    const std::uint64_t limit = out.asked.ulp;
    auto found = distances(U{});
    const auto add = [&](V golden, V my) {
        const M a = place<kRounds, kGradual, V, M, U>(golden, grid);
        const M b = place<kRounds, kGradual, V, M, U>(my, grid);
        found.add((U)larger(a, b) - (U)smaller(a, b), limit);
    };
    std::size_t i = 0;
    for (; i + kWidth <= n; i += kWidth) add(load<V>(g + i), load<V>(m + i));
    if (i < n) {
        T golden[kWidth] = {}, my[kWidth] = {};
        for (std::size_t k = 0; i + k < n; ++k) {
            golden[k] = g[i + k];
            my[k] = m[i + k];
        }
        add(load<V>(golden), load<V>(my));
    }
    found.finish(out);
}

template <class V, class M, class U, class T, class I>
void add_ulp(const T* g, const T* m, std::size_t n, const LaneGrid<T, I>& grid,
             ToleranceSums& out) {
    if (grid.gradual) return add_ulp_in<true, true, V, M, U>(g, m, n, grid, out);
    if (grid.shift > 0) return add_ulp_in<true, false, V, M, U>(g, m, n, grid, out);
    add_ulp_in<false, false, V, M, U>(g, m, n, grid, out);
}

inline void add_ulp(const float* g, const float* m, std::size_t n, UlpGrid grid,
                    ToleranceSums& out) {
    add_ulp<Vf, Vi, Vu>(g, m, n, lane_grid<float, std::int32_t>(grid), out);
}

inline void add_ulp(const double* g, const double* m, std::size_t n, UlpGrid grid,
                    ToleranceSums& out) {
    add_ulp<Vd, Vl, Vul>(g, m, n, lane_grid<double, std::int64_t>(grid), out);
}

template <class T>
void run_tolerances(const T* g, const T* m, std::size_t n, const KernelInput& input,
                    std::size_t absent, ToleranceSums& out) {
    out.asked = *input.tolerances;
    for (std::size_t k = 0; k < out.asked.pairs; ++k) {
        out.outside[k] = count_outside(g, m, n, out.asked.atol[k], out.asked.rtol[k]);
    }
    if (out.asked.errors != 0) add_errors(g, m, n, absent, out);
    if (out.asked.worst != 0) find_worst(g, m, n, out);
    if (out.asked.ulp != 0) {
        add_ulp(g, m, n, UlpGrid{input.ulp_mantissa, input.ulp_min_exponent}, out);
    }
}
