#include "formats/safetensors.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "formats/excerpt.hpp"
#include "formats/json.hpp"
#include "formats/shape.hpp"

namespace trueness {
namespace {

constexpr std::uint64_t kMaxHeader = 100'000'000;
constexpr std::size_t kMaxTensors = 1'000'000;
constexpr std::size_t kMaxRank = 64;
constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kLargestElement = 8;

struct NamedType {
    std::string_view name;
    DType dtype;
};

constexpr std::array<NamedType, 17> kTypes{{
    {"BOOL", DType::kBool},
    {"U8", DType::kUint8},
    {"I8", DType::kInt8},
    {"F8_E5M2", DType::kFloat8E5M2},
    {"F8_E4M3", DType::kFloat8E4M3FN},
    {"F8_E8M0", DType::kFloat8E8M0},
    {"I16", DType::kInt16},
    {"U16", DType::kUint16},
    {"F16", DType::kFloat16},
    {"BF16", DType::kBfloat16},
    {"I32", DType::kInt32},
    {"U32", DType::kUint32},
    {"F32", DType::kFloat32},
    {"F64", DType::kFloat64},
    {"I64", DType::kInt64},
    {"U64", DType::kUint64},
    {"C64", DType::kComplex64},
}};

DType dtype_of(std::string_view name) {
    for (const NamedType& type : kTypes) {
        if (type.name == name) return type.dtype;
    }
    return DType::kRaw;
}

struct Entry {
    std::size_t at = 0;  // in the JSON text
    std::string dtype;
    std::vector<std::uint64_t> shape;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
};

std::vector<std::uint64_t> read_integers(JsonReader& json, std::size_t limit) {
    std::vector<std::uint64_t> values;
    for (json.begin_array(); json.next_element();) {
        if (values.size() == limit) {
            throw JsonError(json.position(), "at most " + std::to_string(limit) + " numbers",
                            "more");
        }
        values.push_back(json.unsigned_integer());
    }
    return values;
}

void read_offsets(JsonReader& json, Entry& entry) {
    const std::size_t at = json.position();
    const std::vector<std::uint64_t> offsets = read_integers(json, 2);
    if (offsets.size() != 2) {
        throw JsonError(at, "two data_offsets", std::to_string(offsets.size()));
    }
    if (offsets[0] > offsets[1]) {
        throw JsonError(at, "data_offsets in order",
                        std::to_string(offsets[0]) + ", " + std::to_string(offsets[1]));
    }
    entry.begin = offsets[0];
    entry.end = offsets[1];
}

Entry read_entry(JsonReader& json) {
    constexpr std::array<std::string_view, 3> kKeys{"dtype", "shape", "data_offsets"};
    Entry entry;
    entry.at = json.position();
    std::array<bool, 3> seen{};
    std::string key;
    for (json.begin_object(); json.next_key(key);) {
        const auto which =
            static_cast<std::size_t>(std::find(kKeys.begin(), kKeys.end(), key) - kKeys.begin());
        if (which == kKeys.size()) {
            json.skip_value();
            continue;
        }
        if (std::exchange(seen[which], true)) {
            throw JsonError(json.position(), "each key once", quoted(key) + " a second time");
        }
        if (which == 0) entry.dtype = json.string();
        if (which == 1) entry.shape = read_integers(json, kMaxRank);
        if (which == 2) read_offsets(json, entry);
    }
    for (std::size_t i = 0; i < kKeys.size(); ++i) {
        if (!seen[i]) {
            throw JsonError(entry.at, "the key " + std::string(kKeys[i]), "a tensor without it");
        }
    }
    return entry;
}

void read_metadata(JsonReader& json, FileInfo& file) {
    std::string key;
    for (json.begin_object(); json.next_key(key);) {
        const std::size_t at = json.position();
        if (!file.attributes.emplace(key, json.string()).second) {
            throw JsonError(at, "each key once", quoted(key) + " a second time");
        }
    }
}

std::string problem_of(const Entry& entry, DType dtype, std::uint64_t available) {
    if (entry.end > available) {
        return "its bytes " + std::to_string(entry.begin) + " to " + std::to_string(entry.end) +
               " lie past the end of the data, which has " + std::to_string(available);
    }
    if (dtype == DType::kRaw) return "unknown dtype " + quoted(entry.dtype);
    const std::uint64_t needed = packed_bytes(dtype, element_count(entry.shape));
    if (needed == entry.end - entry.begin) return "";
    return "its shape and dtype need " + std::to_string(needed) + " bytes, data_offsets give it " +
           std::to_string(entry.end - entry.begin);
}

class SafetensorsReader {
public:
    SafetensorsReader(const std::shared_ptr<const ByteSource>& source, ByteRange range)
        : source_(source), range_(range) {}

    FileInfo read() {
        const std::uint64_t length = header_length();
        const std::string text = excerpt(*source_, range_.offset + kLengthBytes, length);
        data_ = range_.offset + kLengthBytes + length;
        available_ = range_.size - kLengthBytes - length;
        file_.kind = "safetensors";
        try {
            read_header(text);
        } catch (const JsonError& e) {
            throw FormatError(source_->path(), range_.offset + kLengthBytes + e.position(), "",
                              e.expected() + " in the safetensors header", e.found());
        }
        check_extents();
        return std::move(file_);
    }

private:
    std::uint64_t header_length() const {
        if (range_.size < kLengthBytes) {
            throw FormatError(source_->path(), range_.offset, "", "an 8-byte header length",
                              std::to_string(range_.size) + " bytes");
        }
        const std::string head = excerpt(*source_, range_.offset, kLengthBytes);
        std::uint64_t length = 0;
        for (std::size_t i = kLengthBytes; i-- > 0;) {
            length = length << 8 | static_cast<unsigned char>(head[i]);
        }
        const std::uint64_t limit = std::min(range_.size - kLengthBytes, kMaxHeader);
        if (length > limit) {
            throw FormatError(source_->path(), range_.offset, "",
                              "a header of at most " + std::to_string(limit) + " bytes",
                              std::to_string(length));
        }
        return length;
    }

    void read_header(const std::string& text) {
        JsonReader json(text);
        std::set<std::string> names;
        std::string key;
        for (json.begin_object(); json.next_key(key);) {
            if (!names.insert(key).second) {
                throw JsonError(json.position(), "each name once", quoted(key) + " a second time");
            }
            if (key == "__metadata__") {
                read_metadata(json, file_);
                continue;
            }
            if (file_.tensors.size() == kMaxTensors) {
                throw JsonError(json.position(), "at most 1000000 tensors", "more");
            }
            add_tensor(key, read_entry(json));
        }
        json.finish();
    }

    void add_tensor(const std::string& name, Entry entry) {
        if (!countable(entry.shape, kLargestElement)) {
            throw JsonError(entry.at, "a tensor of less than 2^63 bytes",
                            "a shape that needs more");
        }
        TensorInfo tensor;
        const DType dtype = dtype_of(entry.dtype);
        tensor.name = name;
        tensor.index = static_cast<std::uint32_t>(file_.tensors.size());
        tensor.dtype = dtype == DType::kRaw ? entry.dtype : std::string(info(dtype).name);
        tensor.shape.assign(entry.shape.begin(), entry.shape.end());
        tensor.problem = problem_of(entry, dtype, available_);
        tensor.readable = tensor.problem.empty();
        const std::uint64_t begin = std::min(entry.begin, available_);
        tensor.view.source = source_;
        tensor.view.offset = data_ + begin;
        tensor.view.nbytes = std::min(entry.end, available_) - begin;
        tensor.view.dtype = tensor.readable ? dtype : DType::kRaw;
        tensor.view.walk = contiguous_walk(std::move(entry.shape));
        extents_.push_back({entry.begin, entry.end, entry.at});
        file_.tensors.push_back(std::move(tensor));
    }

    // The format promises tensors back to back. Sharing bytes is refused: one of the two is wrong.
    void check_extents() {
        std::sort(extents_.begin(), extents_.end(), [](const Extent& a, const Extent& b) {
            return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
        });
        std::uint64_t reached = 0;
        for (const Extent& extent : extents_) {
            if (extent.begin < reached) {
                throw FormatError(source_->path(), range_.offset + kLengthBytes + extent.at, "",
                                  "tensors that do not share bytes",
                                  "one that begins at " + std::to_string(extent.begin) +
                                      " where another reaches to " + std::to_string(reached));
            }
            if (extent.begin > reached) warn_unused(reached, extent.begin);
            reached = extent.end;
        }
        if (reached < available_) warn_unused(reached, available_);
        if (reached > available_) {
            file_.warnings.push_back("the file is cut: its header describes " +
                                     std::to_string(reached) + " bytes of data, it has " +
                                     std::to_string(available_));
        }
    }

    void warn_unused(std::uint64_t begin, std::uint64_t end) {
        constexpr std::size_t kMaxGaps = 10;
        if (++gaps_ <= kMaxGaps) {
            file_.warnings.push_back("bytes " + std::to_string(begin) + " to " +
                                     std::to_string(end) + " of the data belong to no tensor");
        } else if (gaps_ == kMaxGaps + 1) {
            file_.warnings.push_back("more bytes of the data belong to no tensor");
        }
    }

    struct Extent {
        std::uint64_t begin;
        std::uint64_t end;
        std::size_t at;
    };

    std::shared_ptr<const ByteSource> source_;
    ByteRange range_;
    std::uint64_t data_ = 0;
    std::uint64_t available_ = 0;
    std::vector<Extent> extents_;
    std::size_t gaps_ = 0;
    FileInfo file_;
};

}  // namespace

bool is_safetensors(const Probe& probe) {
    // A cut file must still be known for what it is, so the length need not fit in it: it is enough
    // that it is no larger than 2^40. In no other format '{' comes after such a word.
    return probe.head.size() > kLengthBytes && probe.head[kLengthBytes] == '{' &&
           probe.uint64_at(0) >> 40 == 0;
}

FileInfo parse_safetensors(const std::shared_ptr<const ByteSource>& source, ByteRange range) {
    return SafetensorsReader(source, range).read();
}

}  // namespace trueness
