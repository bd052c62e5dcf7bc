#include "base/csv.hpp"

#include <array>
#include <cstdint>

namespace trueness {
namespace {

// A spreadsheet runs a text that starts like a formula; a quote before it makes it text. Some
// readers take a bare carriage return for the end of a row, or stop at a zero character.
enum Mark : std::uint8_t { kQuoted = 1, kEscaped = 2, kFormula = 4 };

constexpr std::array<std::uint8_t, 256> kMarks = [] {
    std::array<std::uint8_t, 256> marks{};
    for (const unsigned char c : {',', '"', '\n'}) marks[c] |= kQuoted;
    for (const unsigned char c : {'"', '\r', '\0'}) marks[c] |= kEscaped;
    for (const unsigned char c : {'=', '+', '-', '@', '\t', '\r'}) marks[c] |= kFormula;
    return marks;
}();

std::uint8_t marks_of(char c) { return kMarks[static_cast<unsigned char>(c)]; }

void append_escaped(std::string& line, std::string_view text) {
    for (const char c : text) {
        switch (c) {
            case '"':
                line += "\"\"";
                break;
            case '\r':
                line += "\\r";
                break;
            case '\0':
                line += "\\0";
                break;
            default:
                line += c;
        }
    }
}

}  // namespace

void append_csv_cell(std::string& line, std::string_view text) {
    unsigned found = 0;
    for (const char c : text) found |= marks_of(c);
    if ((found & kQuoted) != 0) line += '"';
    if ((found & kFormula) != 0 && (marks_of(text.front()) & kFormula) != 0) line += '\'';
    if ((found & kEscaped) != 0) {
        append_escaped(line, text);
    } else {
        line += text;
    }
    if ((found & kQuoted) != 0) line += '"';
}

}  // namespace trueness
