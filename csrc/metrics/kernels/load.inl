#pragma once

#include "metrics/kernels/vector.inl"

// dtype -> float or double lanes. Each writes exactly `n` values; the conversions are exact.

constexpr bool fits_float(DType dtype) {
    switch (dtype) {
        case DType::kInt32:
        case DType::kUint32:
        case DType::kInt64:
        case DType::kUint64:
        case DType::kFloat64:
        case DType::kComplex128:
            return false;
        default:
            return true;
    }
}

constexpr bool is_complex(DType dtype) {
    return dtype == DType::kComplex32 || dtype == DType::kComplex64 || dtype == DType::kComplex128;
}

inline float half_to_float(std::uint16_t half) {
    // Shifted into place, the exponent is 112 too small: one exact multiplication mends normal and
    // subnormal numbers alike. Inf and NaN then need the exponent filled.
    const std::uint32_t magnitude = (half & 0x7fffu) << 13;
    float value;
    __builtin_memcpy(&value, &magnitude, sizeof value);
    value *= 0x1p112f;
    std::uint32_t bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    bits |= (half & 0x7c00u) == 0x7c00u ? 0x7f800000u | magnitude : 0u;
    bits |= static_cast<std::uint32_t>(half & 0x8000u) << 16;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

// Calls put(i) for every whole eight elements, four times a round: a store each is all the time
// that it should take. Returns where they end.
template <class Put>
[[maybe_unused]] inline std::size_t in_eights(std::size_t n, Put put) {
    std::size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        put(i);
        put(i + 8);
        put(i + 16);
        put(i + 24);
    }
    for (; i + 8 <= n; i += 8) put(i);
    return i;
}

void load_half(const void* from, float* to, std::size_t n) {
    const auto* bytes = static_cast<const unsigned char*>(from);
    std::size_t i = 0;
#if defined(__F16C__) && !defined(__clang__)
    typedef short Halves __attribute__((vector_size(16)));
    i = in_eights(n, [&](std::size_t at) {
        store(to + at, __builtin_ia32_vcvtph2ps256(load<Halves>(bytes + 2 * at)));
    });
#endif
    for (; i < n; ++i) {
        std::uint16_t half;
        __builtin_memcpy(&half, bytes + 2 * i, sizeof half);
        to[i] = half_to_float(half);
    }
}

void load_bfloat(const void* from, float* to, std::size_t n) {
    const auto* bytes = static_cast<const unsigned char*>(from);
    std::size_t i = 0;
#if defined(__AVX2__) && !defined(__AVX512F__) && !defined(__clang__)
    // A load into both halves and one shuffle; widening and shifting would be three instructions.
    typedef char Bytes __attribute__((vector_size(32)));
    typedef long long Pair __attribute__((vector_size(16)));
    constexpr char z = -128;
    constexpr Bytes kTops = {z, z, 0, 1, z, z, 2,  3,  z, z, 4,  5,  z, z, 6,  7,
                             z, z, 8, 9, z, z, 10, 11, z, z, 12, 13, z, z, 14, 15};
    const auto put = [&](std::size_t at) {
        const auto twice = (Bytes)__builtin_ia32_vbroadcastsi256(load<Pair>(bytes + 2 * at));
        store(to + at, __builtin_ia32_pshufb256(twice, kTops));
    };
    i = in_eights(n, put);
#else
    typedef std::uint16_t Tops __attribute__((vector_size(kW * 4)));
    for (; i + kF <= n; i += kF) {
        store(to + i, __builtin_convertvector(load<Tops>(bytes + 2 * i), Vu) << 16);
    }
#endif
    for (; i < n; ++i) {
        std::uint16_t top;
        __builtin_memcpy(&top, bytes + 2 * i, sizeof top);
        const std::uint32_t bits = static_cast<std::uint32_t>(top) << 16;
        __builtin_memcpy(to + i, &bits, sizeof bits);
    }
}

template <class From, class To>
void load_as(const void* from, To* to, std::size_t n) {
    const auto* bytes = static_cast<const unsigned char*>(from);
    for (std::size_t i = 0; i < n; ++i) {
        From value;
        __builtin_memcpy(&value, bytes + i * sizeof(From), sizeof value);
        to[i] = static_cast<To>(value);
    }
}

void load_bool(const void* from, float* to, std::size_t n) {
    const auto* bytes = static_cast<const unsigned char*>(from);
    for (std::size_t i = 0; i < n; ++i) to[i] = bytes[i] != 0 ? 1.0f : 0.0f;
}

void load_table(const void* from, const float* table, float* to, std::size_t n) {
    const auto* bytes = static_cast<const unsigned char*>(from);
    for (std::size_t i = 0; i < n; ++i) to[i] = table[bytes[i]];
}

// Two to a byte, the low nibble first.
void load_int4(const void* from, float* to, std::size_t n) {
    const auto* bytes = static_cast<const unsigned char*>(from);
    for (std::size_t i = 0; i < n; ++i) {
        const int nibble = (bytes[i / 2] >> (4 * (i % 2))) & 15;
        to[i] = static_cast<float>(nibble < 8 ? nibble : nibble - 16);
    }
}

// Eight to a byte, the highest bit first.
void load_uint1(const void* from, float* to, std::size_t n) {
    const auto* bytes = static_cast<const unsigned char*>(from);
    for (std::size_t i = 0; i < n; ++i) {
        to[i] = static_cast<float>((bytes[i / 8] >> (7 - i % 8)) & 1);
    }
}

void load_float(DType dtype, const void* from, const float* const* tables, float* to,
                std::size_t n) {
    switch (dtype) {
        case DType::kBool:
            return load_bool(from, to, n);
        case DType::kInt8:
            return load_as<std::int8_t>(from, to, n);
        case DType::kUint8:
            return load_as<std::uint8_t>(from, to, n);
        case DType::kInt16:
            return load_as<std::int16_t>(from, to, n);
        case DType::kUint16:
            return load_as<std::uint16_t>(from, to, n);
        case DType::kFloat16:
            return load_half(from, to, n);
        case DType::kComplex32:
            return load_half(from, to, 2 * n);
        case DType::kBfloat16:
            return load_bfloat(from, to, n);
        case DType::kFloat32:
            return load_as<float>(from, to, n);
        case DType::kComplex64:
            return load_as<float>(from, to, 2 * n);
        case DType::kInt4:
            return load_int4(from, to, n);
        case DType::kUint1:
            return load_uint1(from, to, n);
        default:
            return load_table(from, tables[static_cast<std::size_t>(dtype)], to, n);
    }
}

// `floats` is scratch for types that pass through float.
void load_double(DType dtype, const void* from, const float* const* tables, float* floats,
                 double* to, std::size_t n) {
    switch (dtype) {
        case DType::kInt32:
            return load_as<std::int32_t>(from, to, n);
        case DType::kUint32:
            return load_as<std::uint32_t>(from, to, n);
        case DType::kInt64:
            return load_as<std::int64_t>(from, to, n);
        case DType::kUint64:
            return load_as<std::uint64_t>(from, to, n);
        case DType::kFloat64:
            return load_as<double>(from, to, n);
        case DType::kComplex128:
            return load_as<double>(from, to, 2 * n);
        default:
            load_float(dtype, from, tables, floats, n);
            return load_as<float>(floats, to, is_complex(dtype) ? 2 * n : n);
    }
}

// A real number beside a complex one is a complex number without imaginary part. From the end, so
// that it can be done in place.
template <class T>
void interleave_zeros(T* values, std::size_t n) {
    for (std::size_t i = n; i-- > 0;) {
        values[2 * i] = values[i];
        values[2 * i + 1] = 0;
    }
}
