#include "formats/json.hpp"

#include <charconv>
#include <system_error>
#include <utility>

#include "formats/diagnostics.hpp"
#include "formats/excerpt.hpp"

namespace trueness {
namespace {

constexpr unsigned kMaxDepth = 64;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::string& out, std::uint32_t code) {
    const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xc0 | code >> 6);
        put(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        put(0xe0 | code >> 12);
        put(0x80 | (code >> 6 & 0x3f));
        put(0x80 | (code & 0x3f));
    } else {
        put(0xf0 | code >> 18);
        put(0x80 | (code >> 12 & 0x3f));
        put(0x80 | (code >> 6 & 0x3f));
        put(0x80 | (code & 0x3f));
    }
}

}  // namespace

JsonError::JsonError(std::size_t position, std::string expected, std::string found)
    : std::runtime_error("byte " + std::to_string(position) + ": expected " + expected +
                         ", found " + found),
      position_(position),
      expected_(std::move(expected)),
      found_(std::move(found)) {}

void JsonReader::fail(const std::string& expected) const {
    throw JsonError(
        position_, expected,
        position_ < text_.size() ? quoted(text_.substr(position_, 20)) : "the end of the text");
}

void JsonReader::skip_blanks() {
    while (position_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[position_]) != std::string_view::npos) {
        ++position_;
    }
}

bool JsonReader::take(char c) {
    skip_blanks();
    if (position_ >= text_.size() || text_[position_] != c) return false;
    ++position_;
    return true;
}

void JsonReader::open(char bracket, const char* what) {
    if (!take(bracket)) fail(what);
    if (++depth_ > kMaxDepth) fail("at most " + std::to_string(kMaxDepth) + " nested values");
    first_ = true;
}

bool JsonReader::separator(char close) {
    if (take(close)) {
        --depth_;
        first_ = false;
        return false;
    }
    if (!first_ && !take(',')) fail(std::string("',' or '") + close + "'");
    first_ = false;
    return true;
}

bool JsonReader::next_key(std::string& key) {
    if (!separator('}')) return false;
    key = string();
    if (!take(':')) fail("':'");
    return true;
}

bool JsonReader::next_element() { return separator(']'); }

std::string JsonReader::string() {
    if (!take('"')) fail("a string");
    const std::size_t begin = position_;
    std::string out;
    while (true) {
        const std::size_t plain = position_;
        while (position_ < text_.size() && text_[position_] != '"' && text_[position_] != '\\' &&
               static_cast<unsigned char>(text_[position_]) >= 0x20) {
            ++position_;
        }
        out += text_.substr(plain, position_ - plain);
        if (position_ >= text_.size()) fail("the closing quote");
        const char c = text_[position_++];
        if (c == '"') break;
        if (c != '\\') {
            --position_;
            fail("no raw control character in a string");
        }
        escape(out);
    }
    bool valid = true;
    escaped_utf8(out, valid);
    if (!valid) throw JsonError(begin, "a string in UTF-8", quoted(out));
    return out;
}

void JsonReader::escape(std::string& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    if (position_ >= text_.size()) fail("an escape");
    const char c = text_[position_++];
    if (const std::size_t i = kNames.find(c); i != std::string_view::npos) {
        out += kValues[i];
        return;
    }
    if (c != 'u') {
        --position_;
        fail("a known escape");
    }
    std::uint32_t code = hex4();
    if (code >= 0xd800 && code < 0xdc00 && text_.substr(position_, 2) == "\\u") {
        position_ += 2;
        const std::uint32_t low = hex4();
        if (low < 0xdc00 || low >= 0xe000) fail("the low half of a surrogate pair");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    if (code >= 0xd800 && code < 0xe000) fail("a surrogate pair");
    append_utf8(out, code);
}

std::uint32_t JsonReader::hex4() {
    std::uint32_t code = 0;
    const std::string_view digits = text_.substr(position_, 4);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() < 4 || error != std::errc{} || end != digits.data() + 4) {
        fail("four hexadecimal digits");
    }
    position_ += 4;
    return code;
}

std::uint64_t JsonReader::unsigned_integer() {
    skip_blanks();
    std::uint64_t value = 0;
    const char* const begin = text_.data() + position_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    if (error != std::errc{} || (*begin == '0' && end != begin + 1)) {
        fail("an integer from 0 to 2^64 - 1");
    }
    const auto after = position_ + static_cast<std::size_t>(end - begin);
    if (after < text_.size() &&
        (text_[after] == '.' || text_[after] == 'e' || text_[after] == 'E')) {
        fail("an integer");
    }
    position_ = after;
    return value;
}

void JsonReader::skip_number() {
    const auto digits = [this] {
        if (position_ >= text_.size() || !is_digit(text_[position_])) fail("a digit");
        while (position_ < text_.size() && is_digit(text_[position_])) ++position_;
    };
    const auto at = [this](char c) { return position_ < text_.size() && text_[position_] == c; };
    if (at('-')) ++position_;
    if (at('0')) {
        ++position_;
    } else {
        digits();
    }
    if (at('.')) {
        ++position_;
        digits();
    }
    if (at('e') || at('E')) {
        ++position_;
        if (at('+') || at('-')) ++position_;
        digits();
    }
}

void JsonReader::skip_word(std::string_view word) {
    if (text_.substr(position_, word.size()) != word) fail("a value");
    position_ += word.size();
}

void JsonReader::skip_value() {
    skip_blanks();
    const char c = position_ < text_.size() ? text_[position_] : '\0';
    if (c == '{') {
        std::string key;
        for (begin_object(); next_key(key);) skip_value();
    } else if (c == '[') {
        for (begin_array(); next_element();) skip_value();
    } else if (c == '"') {
        string();
    } else if (c == 't') {
        skip_word("true");
    } else if (c == 'f') {
        skip_word("false");
    } else if (c == 'n') {
        skip_word("null");
    } else if (c == '-' || is_digit(c)) {
        skip_number();
    } else {
        fail("a value");
    }
}

void JsonReader::finish() {
    skip_blanks();
    if (position_ != text_.size()) fail("the end of the text");
}

}  // namespace trueness
