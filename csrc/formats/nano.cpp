#include "formats/nano.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/declaration.hpp"
#include "formats/diagnostics.hpp"
#include "formats/window.hpp"

namespace trueness {
namespace {

constexpr std::uint32_t kMagic = 0x5A5A5A5A;
constexpr std::uint64_t kLengthWord = 8;
constexpr std::uint32_t kInputs = 4;
constexpr std::uint32_t kOutputs = 5;
constexpr std::uint32_t kInputBytes = 40;  // of a description, without its sub sections
constexpr std::uint32_t kOutputBytes = 52;

enum SubSection : std::uint32_t { kShape = 0, kOriginalShape = 1, kOriginName = 2 };

// Reads little-endian numbers out of a part of the header, never past its end.
class Section {
public:
    Section(const Diagnostics& diagnostics, const std::byte* data, std::uint64_t size,
            std::uint64_t offset)
        : diagnostics_(&diagnostics), data_(data), size_(size), offset_(offset) {}

    std::uint64_t left() const { return size_ - at_; }
    std::uint64_t position() const { return offset_ + at_; }
    std::string_view text() const { return {reinterpret_cast<const char*>(data_ + at_), left()}; }

    std::uint32_t uint32(const char* what) { return static_cast<std::uint32_t>(number(4, what)); }
    std::int32_t int32(const char* what) { return static_cast<std::int32_t>(uint32(what)); }
    std::uint64_t uint64(const char* what) { return number(8, what); }

    Section take(std::uint64_t size, const char* what) {
        need(size, what);
        Section part(*diagnostics_, data_ + at_, size, position());
        at_ += size;
        return part;
    }

    // A `tag`, then a length and as many bytes.
    Section tagged(std::uint32_t& tag) {
        tag = uint32("a section tag");
        const std::uint32_t length = uint32("a section length");
        return take(length, "a section");
    }

private:
    void need(std::uint64_t size, const char* what) const {
        if (size <= left()) return;
        diagnostics_->fail(position(), "", std::to_string(size) + " bytes of " + what,
                           std::to_string(left()) + " bytes to the end of its section");
    }

    std::uint64_t number(std::uint64_t size, const char* what) {
        need(size, what);
        std::uint64_t value = 0;
        for (std::uint64_t i = at_ + size; i-- > at_;) {
            value = value << 8U | std::to_integer<std::uint64_t>(data_[i]);
        }
        at_ += size;
        return value;
    }

    const Diagnostics* diagnostics_;
    const std::byte* data_;
    std::uint64_t size_;
    std::uint64_t offset_;
    std::uint64_t at_ = 0;
};

class NanoReader {
public:
    explicit NanoReader(const std::shared_ptr<const ByteSource>& source)
        : source_(source), diagnostics_(source->path()) {}

    FileInfo read(ByteRange range);

private:
    void read_tensors(Section& head, std::uint32_t tag);
    Declaration read_declaration(Section& list, std::uint32_t tag, std::uint32_t index);
    void read_sub_sections(Section sections, Declaration& declared);
    DeclaredShape read_shape(Section section);
    void place(ByteRange payload);

    const std::shared_ptr<const ByteSource>& source_;
    Diagnostics diagnostics_;
    std::vector<Declaration> declared_;
    FileInfo file_;
};

DeclaredShape NanoReader::read_shape(Section section) {
    if (section.left() % 8 != 0) {
        diagnostics_.fail(section.position(), "", "dims of 8 bytes each",
                          std::to_string(section.left()) + " bytes");
    }
    DeclaredShape shape;
    while (section.left() > 0) shape.add(section.uint64("a dim"));
    return shape;
}

void NanoReader::read_sub_sections(Section sections, Declaration& declared) {
    while (sections.left() > 0) {
        const std::uint64_t position = sections.position();
        std::uint32_t tag = 0;
        const Section section = sections.tagged(tag);
        const std::string label = tensor_label(declared.io, declared.index);
        if (tag == kShape) {
            declared.shape = read_shape(section);
        } else if (tag == kOriginalShape) {
            declared.original_shape = read_shape(section);
        } else if (tag == kOriginName) {
            bool valid = true;
            declared.name = escaped_utf8(section.text(), valid);
            if (!valid) diagnostics_.warn(position, label, "its name is not valid UTF-8");
        } else {
            diagnostics_.warn(position, label, "section " + std::to_string(tag) + " is unknown");
        }
    }
}

Declaration NanoReader::read_declaration(Section& list, std::uint32_t tag, std::uint32_t index) {
    Declaration declared;
    declared.io = tag == kInputs ? "input" : "output";
    declared.index = index;
    declared.position = list.position();
    declared.dtype_code = list.int32("data_type");
    declared.dtype = nano_dtype(declared.dtype_code);
    // The lowest byte is the format proper; above it lies the group count of a FRACTAL_Z.
    const std::uint32_t format = list.uint32("format");
    declared.format = static_cast<std::int32_t>(format & 0xFFU);
    if ((format >> 8U & 0xFFFFU) > 1) declared.groups = format >> 8U & 0xFFFFU;
    list.uint32("address_type");
    if (tag == kOutputs) {
        list.uint32("original_index");
        list.uint32("original_data_type");
        declared.origin_format = static_cast<std::int32_t>(list.uint32("original_format") & 0xFFU);
    }
    list.uint64("address");
    list.uint64("offset");
    declared.bytes.size = list.uint64("size");
    const std::uint32_t length = list.uint32("the length of sub sections");
    read_sub_sections(list.take(length, "sub sections"), declared);
    return declared;
}

void NanoReader::read_tensors(Section& head, std::uint32_t tag) {
    if (head.left() == 0) return;
    Section ahead = head;
    std::uint32_t found = 0;
    Section list = ahead.tagged(found);
    if (found != tag) {
        diagnostics_.warn(
            head.position(), "",
            "expected section " + std::to_string(tag) + ", found " + std::to_string(found));
        return;
    }
    head = ahead;
    const std::uint64_t position = list.position();
    const std::uint32_t count = list.uint32("a tensor count");
    const std::uint32_t smallest = tag == kInputs ? kInputBytes : kOutputBytes;
    if (count > list.left() / smallest) {
        diagnostics_.fail(position, "",
                          "at most " + std::to_string(list.left() / smallest) + " tensors in " +
                              std::to_string(list.left()) + " bytes",
                          "count " + std::to_string(count));
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        declared_.push_back(read_declaration(list, tag, i));
    }
    if (list.left() > 0) {
        diagnostics_.warn(
            list.position(), "",
            std::to_string(list.left()) + " bytes left over in section " + std::to_string(tag));
    }
}

void NanoReader::place(ByteRange payload) {
    std::uint64_t at = payload.offset;
    std::uint64_t left = payload.size;
    for (Declaration& declared : declared_) {
        if (declared.bytes.size > left) {
            diagnostics_.fail(at, tensor_label(declared.io, declared.index),
                              std::to_string(declared.bytes.size) + " bytes of data",
                              std::to_string(left) + " bytes to the end of the file");
        }
        declared.bytes.offset = at;
        at += declared.bytes.size;
        left -= declared.bytes.size;
    }
    if (left > 0) {
        diagnostics_.fail(at, "", "the end of the file", std::to_string(left) + " more bytes");
    }
}

FileInfo NanoReader::read(ByteRange range) {
    const Window word(*source_, range.offset, kLengthWord);
    const std::uint64_t length =
        Section(diagnostics_, word.data(), kLengthWord, range.offset).uint64("a length word");
    if (length > range.size - kLengthWord) {
        diagnostics_.fail(range.offset, "",
                          "a header length of at most " + std::to_string(range.size - kLengthWord) +
                              " (file size - 8)",
                          "length " + std::to_string(length));
    }
    const Window bytes(*source_, range.offset + kLengthWord, length);
    Section head(diagnostics_, bytes.data(), length, range.offset + kLengthWord);
    head.uint32("the magic number");
    file_.kind = "nano";
    file_.attributes["version"] = std::to_string(head.uint32("a version"));
    read_tensors(head, kInputs);
    read_tensors(head, kOutputs);
    if (head.left() > 0) {
        diagnostics_.warn(head.position(), "",
                          std::to_string(head.left()) + " bytes left over in the header");
    }
    place({range.offset + kLengthWord + length, range.size - kLengthWord - length});
    for (const Declaration& declared : declared_) {
        file_.tensors.push_back(describe(declared, source_, diagnostics_));
    }
    file_.warnings = diagnostics_.take_warnings();
    return std::move(file_);
}

}  // namespace

bool is_nano(const Probe& probe) { return probe.size > 12 && probe.uint32_at(8) == kMagic; }

FileInfo parse_nano(const std::shared_ptr<const ByteSource>& source, ByteRange range) {
    return NanoReader(source).read(range);
}

}  // namespace trueness
