#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace trueness {

// A JSON text is not what its reader expects, at byte `position` of the text.
class JsonError : public std::runtime_error {
public:
    JsonError(std::size_t position, std::string expected, std::string found);

    std::size_t position() const { return position_; }
    const std::string& expected() const { return expected_; }
    const std::string& found() const { return found_; }

private:
    std::size_t position_;
    std::string expected_;
    std::string found_;
};

// Reads JSON by pulling one value after the other, so that no tree of a hostile text is ever built.
// Strict RFC 8259: UTF-8 only, no lone surrogates, no comments, no trailing commas. Every call
// throws JsonError when the next value is not of the kind asked for.
//
//     reader.begin_object();
//     while (reader.next_key(key)) { ... read or skip exactly one value ... }
class JsonReader {
public:
    explicit JsonReader(std::string_view text) : text_(text) {}

    void begin_object() { open('{', "an object"); }
    bool next_key(std::string& key);  // false: the object was closed
    void begin_array() { open('[', "an array"); }
    bool next_element();  // false: the array was closed

    std::string string();
    std::uint64_t unsigned_integer();
    void skip_value();
    void finish();  // nothing but blanks may be left

    std::size_t position() const { return position_; }

private:
    [[noreturn]] void fail(const std::string& expected) const;
    void skip_blanks();
    bool take(char c);
    void open(char bracket, const char* what);
    bool separator(char close);
    void escape(std::string& out);
    std::uint32_t hex4();
    void skip_number();
    void skip_word(std::string_view word);

    std::string_view text_;
    std::size_t position_ = 0;
    unsigned depth_ = 0;
    bool first_ = false;  // just behind an opening bracket
};

}  // namespace trueness
