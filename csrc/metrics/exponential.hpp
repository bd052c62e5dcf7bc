#pragma once

// exp(r) = 1 + r + r^2 * P(r) for |r| <= ln 2 / 2; P fitted for the least relative error of the
// whole, 4e-16 in double and 6e-6 in float.
namespace trueness {

inline constexpr double kExpTerms[9] = {
    0x1.000000000000dp-1,  0x1.55555555506d0p-3,  0x1.555555554d45cp-5,
    0x1.11111125daee9p-7,  0x1.6c16c18f7ad30p-10, 0x1.a0198cdcbe23ap-13,
    0x1.a0197c2b89880p-16, 0x1.72e99605b0860p-19, 0x1.28c7d7b964400p-22};
inline constexpr float kExpTermsFloat[3] = {0.49998950958251953f, 0.16753901541233063f,
                                            0.041921213269233704f};
// 2^f for |f| <= 1/2, relative error 2.7e-6.
inline constexpr float kPowerTerms[5] = {0x1.ffffe8p-1f, 0x1.62e0dcp-1f, 0x1.ec06dap-3f,
                                         0x1.ca1440p-5f, 0x1.3997d4p-7f};
// exp(d) - 1 - d = d^2 * Q(d) for |d| <= kNear, relative error 2e-8: the series, cut.
inline constexpr double kNear = 0x1p-4;
inline constexpr float kExcessTerms[4] = {1.0f / 2, 1.0f / 6, 1.0f / 24, 1.0f / 120};

inline constexpr double kLn2 = 0x1.62e42fefa39efp-1;
inline constexpr double kLog2E = 0x1.71547652b82fep+0;
// ln 2 in two parts, the first with enough trailing zeros for an exact product with an exponent.
inline constexpr double kLn2High = 0x1.62e42fee00000p-1;
inline constexpr double kLn2Low = 0x1.a39ef35793c76p-33;

// Below these exp is taken as zero: such weights cannot show beside one of size 1.
inline constexpr double kExpFloor = -700.0;
inline constexpr float kExpFloorFloat = -80.0f;

}  // namespace trueness
