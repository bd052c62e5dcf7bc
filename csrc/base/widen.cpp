#include "base/widen.hpp"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace trueness {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

// A binary float of `1 + exponent_bits + fraction_bits` bits with subnormals, before any code is
// given a special meaning.
float plain_float(unsigned code, unsigned exponent_bits, unsigned fraction_bits) {
    const unsigned fraction = code & ((1U << fraction_bits) - 1);
    const unsigned exponent = (code >> fraction_bits) & ((1U << exponent_bits) - 1);
    const bool negative = (code >> (exponent_bits + fraction_bits)) != 0;
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const unsigned leading = exponent == 0 ? 0 : 1U << fraction_bits;
    const int scale = (exponent == 0 ? 1 : static_cast<int>(exponent)) - bias;
    const float value =
        std::ldexp(static_cast<float>(leading + fraction), scale - static_cast<int>(fraction_bits));
    return negative ? -value : value;
}

// IEEE meaning of the topmost exponent: infinity and NaN.
float ieee_float(unsigned code, unsigned exponent_bits, unsigned fraction_bits) {
    const unsigned top = (1U << exponent_bits) - 1;
    if (((code >> fraction_bits) & top) != top) {
        return plain_float(code, exponent_bits, fraction_bits);
    }
    if ((code & ((1U << fraction_bits) - 1)) != 0) return kNan;
    return (code >> (exponent_bits + fraction_bits)) != 0 ? -kInf : kInf;
}

float e4m3fn(unsigned code) { return (code & 0x7F) == 0x7F ? kNan : plain_float(code, 4, 3); }

float e5m2(unsigned code) { return ieee_float(code, 5, 2); }

float e8m0(unsigned code) {
    return code == 0xFF ? kNan : std::ldexp(1.0F, static_cast<int>(code) - 127);
}

// The "dot" prefix says how many exponent bits follow it; the fraction has what is left.
float hifloat8(unsigned code) {
    if (code == 0x80) return kNan;
    const unsigned body = code & 0x7F;
    const float sign = (code & 0x80) != 0 ? -1.0F : 1.0F;
    if (body == 0x6F) return sign * kInf;
    if (body < 0x08) {
        const int exponent = static_cast<int>(body) - 23;
        return body == 0 ? 0.0F : sign * std::ldexp(1.0F, exponent);
    }
    struct Dot {
        unsigned length;
        unsigned exponent_bits;
    };
    const Dot dot = body >= 0x60   ? Dot{2, 4}
                    : body >= 0x40 ? Dot{2, 3}
                    : body >= 0x20 ? Dot{2, 2}
                    : body >= 0x10 ? Dot{3, 1}
                                   : Dot{4, 0};
    const unsigned fraction_bits = 7 - dot.length - dot.exponent_bits;
    const unsigned fraction = body & ((1U << fraction_bits) - 1);
    int exponent = 0;
    if (dot.exponent_bits > 0) {
        const unsigned stored = (body >> fraction_bits) & ((1U << dot.exponent_bits) - 1);
        const unsigned leading = 1U << (dot.exponent_bits - 1);
        const auto magnitude = static_cast<int>(leading | (stored & (leading - 1)));
        exponent = (stored & leading) != 0 ? -magnitude : magnitude;
    }
    const float significand =
        1.0F + static_cast<float>(fraction) / static_cast<float>(1U << fraction_bits);
    return sign * std::ldexp(significand, exponent);
}

using Table = std::array<float, 256>;

Table tabulate(float (*decode)(unsigned)) {
    Table table{};
    for (unsigned code = 0; code < table.size(); ++code) table[code] = decode(code);
    return table;
}

const Table& table_of(DType dtype) {
    static const Table kE4m3fn = tabulate(e4m3fn);
    static const Table kE5m2 = tabulate(e5m2);
    static const Table kE8m0 = tabulate(e8m0);
    static const Table kHifloat8 = tabulate(hifloat8);
    switch (dtype) {
        case DType::kFloat8E4M3FN:
            return kE4m3fn;
        case DType::kFloat8E5M2:
            return kE5m2;
        case DType::kFloat8E8M0:
            return kE8m0;
        default:
            return kHifloat8;
    }
}

template <class Value, class Decode>
void write_each(std::size_t count, std::byte* to, Decode decode) {
    for (std::size_t i = 0; i < count; ++i) {
        const Value value = decode(i);
        std::memcpy(to + i * sizeof(Value), &value, sizeof(Value));
    }
}

std::uint16_t load16(const std::byte* packed, std::size_t i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, packed + i * sizeof(bits), sizeof(bits));
    return bits;
}

unsigned load8(const std::byte* packed, std::size_t i) {
    return std::to_integer<unsigned>(packed[i]);
}

}  // namespace

DType widened(DType dtype) {
    switch (dtype) {
        case DType::kBfloat16:
        case DType::kFloat8E4M3FN:
        case DType::kFloat8E5M2:
        case DType::kFloat8E8M0:
        case DType::kHifloat8:
            return DType::kFloat32;
        case DType::kInt4:
            return DType::kInt8;
        case DType::kUint1:
            return DType::kUint8;
        case DType::kComplex32:
            return DType::kComplex64;
        default:
            return dtype;
    }
}

void widen(DType dtype, const std::byte* packed, std::size_t count, std::byte* to) {
    switch (dtype) {
        case DType::kBool:
            return write_each<std::uint8_t>(
                count, to, [&](std::size_t i) { return std::uint8_t{load8(packed, i) != 0}; });
        case DType::kBfloat16:
            return write_each<std::uint32_t>(count, to, [&](std::size_t i) {
                return static_cast<std::uint32_t>(load16(packed, i)) << 16;
            });
        case DType::kFloat8E4M3FN:
        case DType::kFloat8E5M2:
        case DType::kFloat8E8M0:
        case DType::kHifloat8:
            return write_each<float>(count, to, [&, &table = table_of(dtype)](std::size_t i) {
                return table[load8(packed, i)];
            });
        case DType::kComplex32:
            return write_each<float>(
                2 * count, to, [&](std::size_t i) { return ieee_float(load16(packed, i), 5, 10); });
        case DType::kInt4:
            return write_each<std::int8_t>(count, to, [&](std::size_t i) {
                const unsigned nibble = (load8(packed, i / 2) >> (i % 2 * 4)) & 0xF;
                return static_cast<std::int8_t>(static_cast<int>(nibble ^ 8U) - 8);
            });
        case DType::kUint1:
            return write_each<std::uint8_t>(count, to, [&](std::size_t i) {
                return static_cast<std::uint8_t>((load8(packed, i / 8) >> (7 - i % 8)) & 1);
            });
        default:
            std::memcpy(to, packed, packed_bytes(dtype, count));
    }
}

}  // namespace trueness
