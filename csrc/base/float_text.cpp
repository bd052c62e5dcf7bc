#include "base/float_text.hpp"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <system_error>

namespace trueness {
namespace {

constexpr int kLeastFixed = -4, kMostFixed = 15;  // decimal exponents that repr writes out

// Digits of a shortest scientific text, "d", "d.ddd", and what follows its 'e'.
struct Scientific {
    std::string_view digits;
    int exponent;
};

Scientific parts_of(std::string_view text, FloatText& room) {
    const std::size_t e = text.find('e');
    std::size_t count = 0;
    for (const char c : text.substr(0, e)) {
        if (c != '.') room[count++] = c;
    }
    int exponent = 0;
    const bool negative = text[e + 1] == '-';
    std::from_chars(text.data() + e + 2, text.data() + text.size(), exponent);
    return {{room.data(), count}, negative ? -exponent : exponent};
}

}  // namespace

std::string_view float_text(double value, FloatText& buffer) {
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
    if (value == 0) return std::signbit(value) ? "-0.0" : "0.0";
    FloatText shortest, room;
    const char* const end = std::to_chars(shortest.data(), shortest.data() + shortest.size(),
                                          std::fabs(value), std::chars_format::scientific)
                                .ptr;
    const std::string_view text(shortest.data(), static_cast<std::size_t>(end - shortest.data()));
    char* out = buffer.data();
    const auto put = [&out](std::string_view piece) {
        for (const char c : piece) *out++ = c;
    };
    if (value < 0) put("-");
    const auto [digits, exponent] = parts_of(text, room);
    const auto zeros = [&put](std::size_t count) {
        while (count-- > 0) put("0");
    };
    if (exponent < kLeastFixed || exponent > kMostFixed) {
        put(text);
    } else if (exponent < 0) {
        put("0.");
        zeros(static_cast<std::size_t>(-exponent - 1));
        put(digits);
    } else if (const auto whole = static_cast<std::size_t>(exponent) + 1; digits.size() <= whole) {
        put(digits);
        zeros(whole - digits.size());
        put(".0");
    } else {
        put(digits.substr(0, whole));
        put(".");
        put(digits.substr(whole));
    }
    return {buffer.data(), static_cast<std::size_t>(out - buffer.data())};
}

}  // namespace trueness
