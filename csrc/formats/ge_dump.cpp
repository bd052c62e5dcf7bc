#include "formats/ge_dump.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "formats/diagnostics.hpp"
#include "formats/ffts.hpp"
#include "formats/ge_header.hpp"
#include "formats/ge_message.hpp"
#include "formats/overflow.hpp"
#include "formats/window.hpp"

namespace trueness {
namespace {

constexpr std::uint64_t kLengthWord = 8;
constexpr std::uint64_t kMaxHeader = 0x7FFFFFFF;  // protobuf's own limit

constexpr std::array kPayloadOrder{GeIo::kInput, GeIo::kOutput, GeIo::kBuffer, GeIo::kSpace};

std::uint64_t read_length_word(const ByteSource& source, std::uint64_t offset) {
    std::array<std::byte, kLengthWord> bytes{};
    source.read(offset, bytes.size(), bytes.data());
    std::uint64_t length = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) {
        length = length << 8U | std::to_integer<std::uint64_t>(bytes[i]);
    }
    return length;
}

// Buffers and workspaces never tell their address.
bool has_null_address(const GeTensor& tensor, GeIo io) {
    return tensor.address == 0 && (io == GeIo::kInput || io == GeIo::kOutput);
}

// A writer on the device skips tensors it has no address of, yet declares their size. Only a file
// that is short by exactly these sizes proves it: other writers never set an address.
bool skips_null_addresses(const GeMessage& message, std::uint64_t available) {
    for (const GeIo io : kPayloadOrder) {
        for (const GeTensor& tensor : message.of(io)) {
            if (has_null_address(tensor, io)) continue;
            if (tensor.size > available) return false;
            available -= tensor.size;
        }
    }
    return available == 0;
}

bool all_fit(const GeMessage& message, std::uint64_t available) {
    for (const std::vector<GeTensor>& tensors : message.tensors) {
        for (const GeTensor& tensor : tensors) {
            if (tensor.size > available) return false;
            available -= tensor.size;
        }
    }
    return true;
}

class Payload {
public:
    Payload(const GeMessage& message, std::uint64_t offset, std::uint64_t size,
            Diagnostics& diagnostics)
        : diagnostics_(diagnostics),
          offset_(offset),
          left_(size),
          skip_null_(!all_fit(message, size) && skips_null_addresses(message, size)) {}

    // Gives the next tensor its bytes.
    void place(const GeTensor& tensor, GeIo io, Declaration& declared) {
        declared.bytes = {offset_, tensor.size};
        if (skip_null_ && has_null_address(tensor, io)) {
            declared.has_null_address = tensor.size > 0;
            return;
        }
        if (tensor.size > left_) {
            diagnostics_.fail(offset_, tensor.label, std::to_string(tensor.size) + " bytes of data",
                              std::to_string(left_) + " bytes to the end of the file");
        }
        offset_ += tensor.size;
        left_ -= tensor.size;
    }

    // A header cut off behind a whole field shows nowhere else.
    void finish() const {
        if (left_ == 0) return;
        diagnostics_.warn(offset_, "",
                          std::to_string(left_) +
                              " bytes left over behind the last tensor: the header may be cut off");
    }

private:
    Diagnostics& diagnostics_;
    std::uint64_t offset_;
    std::uint64_t left_;
    bool skip_null_;
};

GeMessage read_header(const ByteSource& source, ByteRange header, Diagnostics& diagnostics) {
    if (header.size > kMaxHeader) {
        diagnostics.fail(header.offset - kLengthWord, "",
                         "a header of at most " + std::to_string(kMaxHeader) + " bytes",
                         "length " + std::to_string(header.size));
    }
    const Window window(source, header.offset, header.size);
    GeMessage message = decode_ge_message(window.data(), window.size(), header.offset, diagnostics);
    if (!message.has_known_field) {
        diagnostics.fail(header.offset, "", "the header of a GE dump", "only unknown fields");
    }
    return message;
}

}  // namespace

bool is_ge_dump(const Probe& probe) { return probe.has_length_word(); }

FileInfo parse_ge_dump(const std::shared_ptr<const ByteSource>& source, ByteRange range) {
    Diagnostics diagnostics(source->path());
    const ByteRange header{range.offset + kLengthWord, read_length_word(*source, range.offset)};
    const GeMessage message = read_header(*source, header, diagnostics);

    FileInfo file;
    file.kind = "ge_dump";
    add_attributes(message, file);
    const SlicedOperator sliced(message, source->path(), diagnostics);
    Payload payload(message, header.offset + header.size, range.size - kLengthWord - header.size,
                    diagnostics);
    for (const GeIo io : kPayloadOrder) {
        for (std::uint32_t i = 0; i < message.of(io).size(); ++i) {
            Declaration declared = declare(message, io, i);
            declared.slice = sliced.shape_of(io, i);
            payload.place(message.of(io)[i], io, declared);
            add_tensor(declared, io, source, diagnostics, file);
        }
    }
    payload.finish();
    if (file.tensors.empty()) diagnostics.warn(header.offset, "", "the header declares no tensor");
    add_overflow_attributes(*source, file, diagnostics);
    file.warnings = diagnostics.take_warnings();
    return file;
}

}  // namespace trueness
