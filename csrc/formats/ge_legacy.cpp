#include "formats/ge_legacy.hpp"

#include <string>

#include "formats/diagnostics.hpp"
#include "formats/ge_header.hpp"
#include "formats/ge_message.hpp"
#include "formats/window.hpp"

namespace trueness {
namespace {

constexpr std::uint64_t kMaxMessage = 0x7FFFFFFF;  // protobuf's own limit

// True when the bytes found for a tensor confirm that the file is of this format.
bool place(const GeTensor& tensor, Declaration& declared, Diagnostics& diagnostics) {
    declared.bytes = tensor.data.value_or(ByteRange{tensor.position, 0});
    if (!tensor.data) return false;
    if (tensor.size == tensor.data->size) return true;
    diagnostics.warn(tensor.position, tensor.label,
                     "size says " + std::to_string(tensor.size) + " bytes, but " +
                         std::to_string(tensor.data->size) + " are there");
    return false;
}

}  // namespace

bool is_ge_legacy(const Probe& probe) {
    // Field 1 of DumpData, a version of three characters; as a length word it is far too large.
    return probe.starts_with("\x0A\x03") && !probe.has_length_word();
}

FileInfo parse_ge_legacy(const std::shared_ptr<const ByteSource>& source, ByteRange range) {
    Diagnostics diagnostics(source->path());
    if (range.size > kMaxMessage) {
        diagnostics.fail(range.offset, "",
                         "a GE dump 1.0 of at most " + std::to_string(kMaxMessage) + " bytes",
                         std::to_string(range.size) + " bytes");
    }
    const Window window(*source, range.offset, range.size);
    const GeMessage message =
        decode_ge_message(window.data(), window.size(), range.offset, diagnostics);

    FileInfo file;
    file.kind = "ge_dump_1.0";
    add_attributes(message, file);
    bool confirmed = false;
    for (const GeIo io : {GeIo::kInput, GeIo::kOutput, GeIo::kBuffer, GeIo::kSpace}) {
        for (std::uint32_t i = 0; i < message.of(io).size(); ++i) {
            Declaration declared = declare(message, io, i);
            confirmed |= place(message.of(io)[i], declared, diagnostics);
            if (io == GeIo::kBuffer || io == GeIo::kSpace) {
                declared.shape.dims = {declared.bytes.size};
            }
            add_tensor(declared, io, source, diagnostics, file);
        }
    }
    if (!confirmed) {
        diagnostics.fail(range.offset, "",
                         "a GE dump 1.0 with a tensor whose inline data has the declared size",
                         "none among " + std::to_string(file.tensors.size()) + " tensors");
    }
    file.warnings = diagnostics.take_warnings();
    return file;
}

}  // namespace trueness
