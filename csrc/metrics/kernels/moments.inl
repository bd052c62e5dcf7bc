#pragma once

#include "metrics/kernels/vector.inl"

// Over pairs (g, m), d = m - g: sums of g, m, g*g, m*m, g*m, d*d and |d| in double, eight lanes
// each, in order. NaN or Inf anywhere make the squares non-finite, which tells the caller to clean
// the block and come again. Nothing for n = 0.

struct Moments {
    double golden_squares[kLanes];
    double my_squares[kLanes];
    double products[kLanes];
    double squared_difference[kLanes];
    double absolute_difference[kLanes];
    double golden[kLanes];
    double my[kLanes];
};

template <class T>
inline Vd plus_product(Vd a, Vd b, Vd sum) {
    if constexpr (sizeof(T) == sizeof(float)) {
        return add_exact_product(a, b, sum);
    } else {
        return sum + a * b;
    }
}

// `n` is a multiple of 8. One part of the lanes at a time: seven accumulators then fit the
// registers, and nothing is converted twice.
template <class T>
void add_moments(const T* g, const T* m, std::size_t n, Moments& out) {
    for (std::size_t part = 0; part < kLanes; part += kW) {
        Vd gg = load<Vd>(out.golden_squares + part), mm = load<Vd>(out.my_squares + part);
        Vd gm = load<Vd>(out.products + part), dd = load<Vd>(out.squared_difference + part);
        Vd ad = load<Vd>(out.absolute_difference + part);
        Vd sg = load<Vd>(out.golden + part), sm = load<Vd>(out.my + part);
        for (std::size_t i = part; i < n; i += kLanes) {
            const Vd a = load_wide(g + i), b = load_wide(m + i), d = b - a;
            gg = plus_product<T>(a, a, gg);
            mm = plus_product<T>(b, b, mm);
            gm = plus_product<T>(a, b, gm);
            dd += d * d;
            ad += absolute(d);
            sg += a;
            sm += b;
        }
        store(out.golden_squares + part, gg);
        store(out.my_squares + part, mm);
        store(out.products + part, gm);
        store(out.squared_difference + part, dd);
        store(out.absolute_difference + part, ad);
        store(out.golden + part, sg);
        store(out.my + part, sm);
    }
}

// sum + x, and what rounding lost of it added to `lost`: exact in sum.
template <class V>
inline void add_exactly(V x, V& sum, V& lost) {
    const V next = sum + x;
    const V back = next - sum;
    lost += (sum - (next - back)) + (x - back);
    sum = next;
}

// The sum with the rounding errors of all its additions carried along: high + low.
template <class T>
void compensated_sum(const T* values, std::size_t n, double& high, double& low) {
    Vd sum[kParts] = {}, lost[kParts] = {};
    std::size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
        for (std::size_t p = 0; p < kParts; ++p) {
            add_exactly(load_wide(values + i + p * kW), sum[p], lost[p]);
        }
    }
    high = low = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
        add_exactly(double{sum[lane / kW][lane % kW]}, high, low);
        low += lost[lane / kW][lane % kW];
    }
    for (; i < n; ++i) add_exactly(static_cast<double>(values[i]), high, low);
}

// Where a plain sum cancelled to a small part of its terms, its leading digits are rounding noise
// and the compensated one is worth its time.
inline bool cancelled(double sum, std::size_t n, double squares) {
    constexpr double kCancelled = 1048576;
    return sum * sum * kCancelled < static_cast<double>(n) * squares;
}

inline void plain_sum(const double* lanes, double squares, SideSums& out) {
    out.sum = sum_lanes(lanes);
    out.sum_low = 0;
    out.squares = squares;
}

// `whole()` gives the block, which is only then needed when a sum has cancelled. `exact`: the sums
// of golden and of my have not been rounded.
template <class Whole>
void finish_moments(const Moments& moments, std::size_t n, bool exact, Whole whole, Sums& out) {
    out.golden_squares = sum_lanes(moments.golden_squares);
    out.my_squares = sum_lanes(moments.my_squares);
    out.products = sum_lanes(moments.products);
    out.squared_difference = sum_lanes(moments.squared_difference);
    out.absolute_difference = sum_lanes(moments.absolute_difference);
    plain_sum(moments.golden, out.golden_squares, out.golden);
    plain_sum(moments.my, out.my_squares, out.my);
    if (exact) return;
    if (cancelled(out.golden.sum, n, out.golden_squares)) {
        compensated_sum(whole().golden, n, out.golden.sum, out.golden.sum_low);
    }
    if (cancelled(out.my.sum, n, out.my_squares)) {
        compensated_sum(whole().my, n, out.my.sum, out.my.sum_low);
    }
}
