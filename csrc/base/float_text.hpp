#pragma once

#include <array>
#include <string_view>

namespace trueness {

using FloatText = std::array<char, 32>;

// The shortest decimal that reads back as the same double, as Python's repr writes it: "0.5",
// "1.0", "1e-05", "1e+16", "inf", "nan". The text lies in `buffer`.
std::string_view float_text(double value, FloatText& buffer);

}  // namespace trueness
