#pragma once

#include "metrics/kernels/load.inl"
#include "metrics/kernels/vector.inl"

// Where the passes find the values of a block: in place where they are stored as the lanes want
// them, else decoded, strip by strip into room that stays in the first cache, or, for the few who
// ask, as a whole.

template <class T>
struct Side {
    const T* values;
    T* buffer;
    const unsigned char* raw;
    DType dtype;
    bool decode;
};

// While a strip is worked on, memory can bring what follows it: of both sides at once and evenly
// over all that time, as a queue that is full makes the others wait, and little sooner than it is
// needed, as the first cache has no room for more.
constexpr std::size_t kAhead = kStrip + kStrip / 4;

// `next_...`: where the bytes lie that are worth fetching meanwhile.
template <class T>
struct Block {
    const T* golden;
    const T* my;
    std::size_t n;
    const unsigned char* next_golden;
    const unsigned char* next_my;
};

// One of the 2 kStrip steps that the two passes over a strip take together.
inline void fetch_ahead(const Block<float>& strip, std::size_t step) {
    __builtin_prefetch(strip.next_golden + step * sizeof(float) / 2);
    __builtin_prefetch(strip.next_my + step * sizeof(float) / 2);
}

inline std::size_t bits_of(DType dtype) {
    switch (dtype) {
        case DType::kUint1:
            return 1;
        case DType::kInt4:
            return 4;
        case DType::kInt16:
        case DType::kUint16:
        case DType::kFloat16:
        case DType::kBfloat16:
            return 16;
        case DType::kInt32:
        case DType::kUint32:
        case DType::kFloat32:
        case DType::kComplex32:
            return 32;
        case DType::kInt64:
        case DType::kUint64:
        case DType::kFloat64:
        case DType::kComplex64:
            return 64;
        case DType::kComplex128:
            return 128;
        default:
            return 8;
    }
}

inline void decode(const Side<float>& side, std::size_t from, std::size_t n,
                   const KernelInput& input, float*, float* to) {
    load_float(side.dtype, side.raw + from * bits_of(side.dtype) / 8, input.tables, to, n);
}

inline void decode(const Side<double>& side, std::size_t from, std::size_t n,
                   const KernelInput& input, float* floats, double* to) {
    load_double(side.dtype, side.raw + from * bits_of(side.dtype) / 8, input.tables, floats, to, n);
}

template <class T>
Side<T> make_side(const void* raw, std::uint32_t code, T* buffer) {
    constexpr DType kReal = sizeof(T) == 4 ? DType::kFloat32 : DType::kFloat64;
    constexpr DType kComplex = sizeof(T) == 4 ? DType::kComplex64 : DType::kComplex128;
    const auto dtype = static_cast<DType>(code);
    const bool aligned = reinterpret_cast<std::uintptr_t>(raw) % alignof(T) == 0;
    const bool in_place = aligned && (dtype == kReal || dtype == kComplex);
    return {in_place ? static_cast<const T*>(raw) : buffer, buffer,
            static_cast<const unsigned char*>(raw), dtype, !in_place};
}

// Complex elements become two numbers each; done for the whole block at once.
template <class T>
void decode_complex(Side<T>& side, std::size_t n, const KernelInput& input, float* floats) {
    if (side.decode) decode(side, 0, n, input, floats, side.buffer);
    if (!is_complex(side.dtype)) {
        for (std::size_t i = 0; i < n; ++i) side.buffer[i] = side.values[i];
        interleave_zeros(side.buffer, n);
        side.values = side.buffer;
    }
    side.decode = false;
}

template <class T>
class Source {
public:
    Source(const Side<T>& golden, const Side<T>& my, std::size_t n, const KernelInput& input,
           float* floats)
        : golden_(golden), my_(my), n_(n), input_(input), floats_(floats) {}

    std::size_t size() const { return n_; }

    // Valid until the next strip is asked for.
    Block<T> strip(std::size_t from, std::size_t n) {
        return {strip_of(golden_, from, n, golden_strip_), strip_of(my_, from, n, my_strip_), n,
                stored(golden_, from + kAhead), stored(my_, from + kAhead)};
    }

    Block<T> whole() {
        complete(golden_);
        complete(my_);
        return {golden_.values, my_.values, n_, nullptr, nullptr};
    }

private:
    const T* strip_of(const Side<T>& side, std::size_t from, std::size_t n, T* to) const {
        if (!side.decode) return side.values + from;
        decode(side, from, n, input_, floats_, to);
        return to;
    }

    static const unsigned char* stored(const Side<T>& side, std::size_t from) {
        if (side.decode) return side.raw + from * bits_of(side.dtype) / 8;
        return reinterpret_cast<const unsigned char*>(side.values + from);
    }

    void complete(Side<T>& side) const {
        if (side.decode) decode(side, 0, n_, input_, floats_, side.buffer);
        side.decode = false;
    }

    Side<T> golden_;
    Side<T> my_;
    std::size_t n_;
    const KernelInput& input_;
    float* floats_;
    alignas(64) T golden_strip_[kStrip];
    alignas(64) T my_strip_[kStrip];
};
