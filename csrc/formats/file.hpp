#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/byte_source.hpp"
#include "base/tensor_view.hpp"

namespace trueness {

// What a file says about one tensor, plus where its values are. Nothing is read until asked for.
struct TensorInfo {
    std::string name;  // as stored in the file; may be empty
    std::string io;    // "input", "output", "buffer", "space", or "" where the format has none
    std::uint32_t index = 0;  // position among the tensors of the same `io`
    std::string dtype;        // name, also of types that cannot be decoded: "int2", "unknown(200)"
    std::int64_t dtype_code = -1;  // the format's own number, -1 where it has none
    std::string format;  // "ND", "NC1HWC0", "unknown(77)" ...; "" where the format has none
    std::vector<std::int64_t> shape;           // as stored (device layout); -1 for an unknown dim
    std::vector<std::int64_t> original_shape;  // logical shape the producer declared
    bool has_original_shape = false;
    bool dumped = true;    // false: declared, but its bytes were never written
    std::string problem;   // "": good. Otherwise why it is suspect, or why it cannot be read
    bool readable = true;  // false: values cannot be had; `problem` says why
    TensorView view;       // view.dtype == kRaw: bytes only
};

struct FileInfo {
    std::string kind;  // "ge_dump", "ge_dump_1.0", "nano", "atb", "npy", "safetensors", "raw" ...
    std::vector<TensorInfo> tensors;
    std::vector<std::string> warnings;              // odd but survivable, one sentence each
    std::map<std::string, std::string> attributes;  // op_name, dump_time, version ... as text
};

// A part of a source, for formats inside containers (a .npy in a .npz).
struct ByteRange {
    std::uint64_t offset;
    std::uint64_t size;
};

// Recognises the content (never the suffix) and parses it. Throws FormatError when the content is
// of no known kind or breaks its own format, ReadError when bytes cannot be had.
FileInfo parse_file(const std::shared_ptr<const ByteSource>& source);
FileInfo parse_file(const std::shared_ptr<const ByteSource>& source, ByteRange range);

}  // namespace trueness
