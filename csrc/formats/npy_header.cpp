#include "formats/npy_header.hpp"

#include <charconv>
#include <cstddef>
#include <system_error>

#include "base/error.hpp"
#include "formats/excerpt.hpp"

namespace trueness {
namespace {

constexpr std::size_t kMaxRank = 64;

class LiteralReader {
public:
    LiteralReader(std::string_view text, const std::string& path, std::uint64_t offset)
        : text_(text), path_(path), offset_(offset) {}

    NpyHeader header() {
        NpyHeader header;
        bool has_descr = false;
        bool has_order = false;
        bool has_shape = false;
        expect('{');
        while (!take('}')) {
            const std::size_t at = position_;
            const std::string key = string("a key in quotes");
            bool* const has = key == "descr"           ? &has_descr
                              : key == "fortran_order" ? &has_order
                              : key == "shape"         ? &has_shape
                                                       : nullptr;
            if (has == nullptr)
                fail(at, "one of the keys descr, fortran_order, shape", quoted(key));
            if (*has) fail(at, "each key once", quoted(key) + " a second time");
            *has = true;
            expect(':');
            if (has == &has_descr) header.descr = descr();
            if (has == &has_order) header.fortran_order = boolean();
            if (has == &has_shape) header.shape = shape();
            if (!take(',')) {
                expect('}');
                break;
            }
        }
        skip_blanks();
        if (position_ != text_.size()) fail_here("only blanks after the dict");
        if (!has_descr) fail(0, "the key descr", "a dict without it");
        if (!has_order) fail(0, "the key fortran_order", "a dict without it");
        if (!has_shape) fail(0, "the key shape", "a dict without it");
        return header;
    }

private:
    [[noreturn]] void fail(std::size_t at, const std::string& expected, const std::string& found) {
        throw FormatError(path_, offset_ + at, "", expected + " in the .npy header", found);
    }

    [[noreturn]] void fail_here(const std::string& expected) {
        fail(position_, expected,
             position_ < text_.size() ? quoted(text_.substr(position_, 20)) : "its end");
    }

    void skip_blanks() {
        while (position_ < text_.size() &&
               std::string_view(" \t\r\n\f").find(text_[position_]) != std::string_view::npos) {
            ++position_;
        }
    }

    bool take(char c) {
        skip_blanks();
        if (position_ >= text_.size() || text_[position_] != c) return false;
        ++position_;
        return true;
    }

    void expect(char c) {
        if (!take(c)) fail_here(quoted(std::string_view(&c, 1)));
    }

    bool take_word(std::string_view word) {
        skip_blanks();
        if (text_.substr(position_, word.size()) != word) return false;
        position_ += word.size();
        return true;
    }

    std::string string(const char* what) {
        skip_blanks();
        if (text_.substr(position_, 2) == "u'" || text_.substr(position_, 2) == "u\"") ++position_;
        if (position_ >= text_.size() || (text_[position_] != '\'' && text_[position_] != '"')) {
            fail_here(what);
        }
        const std::size_t begin = position_ + 1;
        const std::size_t end = text_.find(text_[position_], begin);
        if (end == std::string_view::npos) fail_here("the closing quote");
        const std::string_view body = text_.substr(begin, end - begin);
        if (body.find_first_of("\\\n") != std::string_view::npos) {
            fail_here("a string without escapes or line ends");
        }
        position_ = end + 1;
        return std::string(body);
    }

    std::string descr() {
        skip_blanks();
        const char c = position_ < text_.size() ? text_[position_] : '\0';
        if (c == '[' || c == '(' || c == '{') {
            fail(position_, "a numeric dtype",
                 "the structured dtype " + quoted(text_.substr(position_)));
        }
        return string("the dtype as a string");
    }

    bool boolean() {
        if (take_word("True")) return true;
        if (take_word("False")) return false;
        fail_here("True or False");
    }

    std::vector<std::uint64_t> shape() {
        std::vector<std::uint64_t> shape;
        if (!take('(')) fail_here("the shape as a tuple");
        while (!take(')')) {
            if (shape.size() == kMaxRank) fail_here("at most 64 dimensions");
            shape.push_back(extent());
            if (take(',')) continue;
            // "(3)" is a number in brackets to Python, not a tuple.
            if (shape.size() == 1) fail_here("',' after the only dimension of a tuple");
            expect(')');
            break;
        }
        return shape;
    }

    std::uint64_t extent() {
        skip_blanks();
        std::int64_t value = 0;
        const char* const begin = text_.data() + position_;
        const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
        if (error != std::errc{} || value < 0) fail_here("a dimension from 0 to 2^63 - 1");
        position_ += static_cast<std::size_t>(end - begin);
        if (position_ < text_.size() && text_[position_] == 'L') ++position_;
        return static_cast<std::uint64_t>(value);
    }

    std::string_view text_;
    const std::string& path_;
    std::uint64_t offset_;
    std::size_t position_ = 0;
};

}  // namespace

NpyHeader parse_npy_header(std::string_view text, const std::string& path, std::uint64_t offset) {
    return LiteralReader(text, path, offset).header();
}

}  // namespace trueness
