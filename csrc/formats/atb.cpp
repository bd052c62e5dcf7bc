#include "formats/atb.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "formats/atb_header.hpp"
#include "formats/diagnostics.hpp"
#include "formats/excerpt.hpp"
#include "formats/shape.hpp"

namespace trueness {
namespace {

constexpr std::size_t kMaxRecords = 100'000;
constexpr std::size_t kMaxLinks = 8;
constexpr std::int64_t kDefaultDType = 0;  // what ATB's own reader takes when the line is missing

struct AtbType {
    std::int64_t code;
    std::string_view name;
    DType dtype;
};

constexpr std::array<AtbType, 17> kTypes{{
    {-1, "undefined", DType::kRaw},
    {0, "float32", DType::kFloat32},
    {1, "float16", DType::kFloat16},
    {2, "int8", DType::kInt8},
    {3, "int32", DType::kInt32},
    {4, "uint8", DType::kUint8},
    {6, "int16", DType::kInt16},
    {7, "uint16", DType::kUint16},
    {8, "uint32", DType::kUint32},
    {9, "int64", DType::kInt64},
    {10, "uint64", DType::kUint64},
    {11, "float64", DType::kFloat64},
    {12, "bool", DType::kBool},
    {13, "string", DType::kRaw},
    {16, "complex64", DType::kComplex64},
    {17, "complex128", DType::kComplex128},
    {27, "bfloat16", DType::kBfloat16},
}};

struct AtbFormat {
    std::int64_t code;
    std::string_view name;
    bool is_private;
};

constexpr std::array<AtbFormat, 12> kFormats{{
    {0, "NCHW", false},
    {1, "NHWC", false},
    {2, "ND", false},
    {3, "NC1HWC0", true},
    {4, "FRACTAL_Z", true},
    {12, "NC1HWC0_C04", true},
    {16, "HWCN", false},
    {27, "NDHWC", false},
    {29, "FRACTAL_NZ", true},
    {30, "NCDHW", false},
    {32, "NDC1HWC0", true},
    {33, "FRACTAL_Z_3D", true},
}};

const AtbType* find_type(std::int64_t code) {
    const auto* const found = std::find_if(kTypes.begin(), kTypes.end(),
                                           [code](const AtbType& t) { return t.code == code; });
    return found == kTypes.end() ? nullptr : found;
}

struct Record {
    std::shared_ptr<const ByteSource> source;
    AtbHeader header;
    DType dtype = DType::kRaw;
    std::uint64_t count = 0;         // of elements; 1 without dims
    std::uint64_t payload_size = 0;  // lies in the source: checked

    std::uint64_t needed() const { return packed_bytes(dtype, count); }
    bool is_link() const { return header.link && !header.link->empty() && payload_size == 0; }
    bool is_statistics() const { return !header.statistics.empty(); }
};

std::uint64_t count_elements(const AtbHeader& header, const std::string& path) {
    if (!header.dims) return 1;
    constexpr std::uint64_t kLargestElement = 16;
    const std::optional<std::uint64_t> count = countable(*header.dims, kLargestElement);
    if (count) return *count;
    throw FormatError(path, header.begin, "", "a tensor of less than 2^63 bytes",
                      "dims whose product is larger");
}

// What the record says its payload has; without a word on it (other writers than ATB), what dims
// and dtype need, or all that is left.
std::uint64_t payload_size(const Record& record, std::uint64_t left) {
    const AtbHeader& header = record.header;
    if (header.length) return *header.length;
    if (header.object) {
        const std::uint64_t end = header.object->offset + header.object->size;
        return end < header.object->offset ? UINT64_MAX : end;
    }
    if (record.is_statistics() || (header.link && !header.link->empty())) return 0;
    return record.dtype != DType::kRaw && header.dims ? record.needed() : left;
}

Record read_record(const std::shared_ptr<const ByteSource>& source, ByteRange range) {
    Record record;
    record.source = source;
    record.header = parse_atb_header(*source, range);
    const AtbType* const type = find_type(record.header.dtype.value_or(kDefaultDType));
    record.dtype = type == nullptr ? DType::kRaw : type->dtype;
    record.count = count_elements(record.header, source->path());
    const std::uint64_t left = range.offset + range.size - record.header.payload;
    record.payload_size = payload_size(record, left);
    if (record.payload_size > left) {
        throw FormatError(source->path(), record.header.payload, "",
                          std::to_string(record.payload_size) + " bytes of payload",
                          std::to_string(left));
    }
    return record;
}

struct Records {
    std::vector<Record> all;  // oldest first, never empty
    std::string broken;       // why the one behind them cannot be read; "" when there is none
    std::uint64_t trailing = 0;
};

// Throws FormatError when not even the first record can be read. A later one that is broken (the
// run that appended it died) must not hide the others.
Records read_records(const std::shared_ptr<const ByteSource>& source, ByteRange range) {
    Records records;
    const std::uint64_t end = range.offset + range.size;
    std::uint64_t at = range.offset;
    do {
        if (records.all.size() == kMaxRecords) {
            throw FormatError(source->path(), at, "", "at most 100000 records", "more");
        }
        try {
            records.all.push_back(read_record(source, {at, end - at}));
        } catch (const FormatError& e) {
            if (records.all.empty()) throw;
            records.broken = e.what();
            return records;
        }
        at = records.all.back().header.payload + records.all.back().payload_size;
    } while (at < end && begins_atb_header(
                             excerpt(*source, at, std::min<std::uint64_t>(end - at, kProbeBytes))));
    records.trailing = end - at;
    return records;
}

void add_problem(TensorInfo& tensor, const std::string& text) {
    tensor.problem += (tensor.problem.empty() ? "" : "; ") + text;
}

void make_unreadable(TensorInfo& tensor, const std::string& text) {
    add_problem(tensor, text);
    tensor.readable = false;
    tensor.view.dtype = DType::kRaw;
}

void describe_format(TensorInfo& tensor, const AtbHeader& header) {
    if (!header.format) return;
    tensor.format = "unknown(" + std::to_string(*header.format) + ")";
    for (const AtbFormat& format : kFormats) {
        if (format.code != *header.format) continue;
        tensor.format = format.name;
        if (format.is_private) {
            add_problem(tensor, "values are in the device order of " + tensor.format +
                                    ": ATB does not store the original shape");
        }
    }
}

void judge_payload(TensorInfo& tensor, const Record& record) {
    const std::uint64_t present = tensor.view.nbytes;
    if (record.dtype == DType::kRaw) {
        make_unreadable(tensor, "elements of dtype " + tensor.dtype + " cannot be decoded");
    } else if (record.count != 0 && present == 0) {
        tensor.dumped = false;
        make_unreadable(tensor, "no payload was written");
    } else if (present < record.needed() || (!record.header.dims && present > record.needed())) {
        make_unreadable(tensor, "dims and dtype need " + std::to_string(record.needed()) +
                                    " bytes, the payload has " + std::to_string(present));
    } else if (present > record.needed()) {
        add_problem(tensor, "the payload has " + std::to_string(present - record.needed()) +
                                " bytes more than dims and dtype need");
        tensor.view.nbytes = record.needed();
    } else if (!record.header.dims) {
        add_problem(tensor, "no dims: taken as a scalar");
    }
}

TensorInfo describe(const Record& record) {
    const AtbHeader& header = record.header;
    TensorInfo tensor;
    tensor.dtype_code = header.dtype.value_or(kDefaultDType);
    const AtbType* const type = find_type(tensor.dtype_code);
    tensor.dtype = type != nullptr ? std::string(type->name)
                                   : "unknown(" + std::to_string(tensor.dtype_code) + ")";
    const std::vector<std::uint64_t> dims = header.dims.value_or(std::vector<std::uint64_t>{});
    tensor.shape.assign(dims.begin(), dims.end());
    const ByteRange object = header.object.value_or(ByteRange{0, record.payload_size});
    const bool inside =
        object.offset <= record.payload_size && object.size <= record.payload_size - object.offset;
    tensor.view.source = record.source;
    tensor.view.offset = header.payload + (inside ? object.offset : 0);
    tensor.view.nbytes = inside ? object.size : record.payload_size;
    tensor.view.dtype = record.dtype;
    tensor.view.walk = contiguous_walk(dims);
    if (!header.dtype) add_problem(tensor, "no dtype: taken as float32, as ATB does");
    describe_format(tensor, header);
    if (!inside) {
        make_unreadable(tensor, "$Object.data lies outside the payload of " +
                                    std::to_string(record.payload_size) + " bytes");
    } else if (!record.is_link()) {
        judge_payload(tensor, record);
    }
    return tensor;
}

// Finds the record behind `data=`: the newest of a file in the same folder, over several links if
// need be. Every file is parsed once, however many records name it.
class LinkResolver {
public:
    explicit LinkResolver(const std::string& path) {
        const std::size_t slash = path.rfind('/');
        folder_ = slash == std::string::npos ? "" : path.substr(0, slash + 1);
        start_ = path.substr(folder_.size());
    }

    void resolve(TensorInfo& tensor, const Record& record) {
        try {
            const TensorInfo target = describe(follow(record));
            if (target.dtype_code != tensor.dtype_code || target.shape != tensor.shape) {
                throw LinkError("which holds " + target.dtype + " " + shape_text(target.shape));
            }
            tensor.view = target.view;
            tensor.dumped = target.dumped;
            tensor.readable = target.readable;
            tensor.problem = target.problem;
        } catch (const LinkError& e) {
            tensor.view.source.reset();
            make_unreadable(tensor,
                            "its data are in " + quoted(*record.header.link) + ", " + e.what());
        }
    }

private:
    class LinkError : public std::runtime_error {
        using std::runtime_error::runtime_error;
    };

    const Record& follow(const Record& first) {
        std::set<std::string> seen{start_};
        const Record* record = &first;
        while (record->is_link()) {
            const std::string& name = *record->header.link;
            if (name.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos ||
                name == "." || name == "..") {
                throw LinkError("which is not the name of a file in the same folder");
            }
            if (!seen.insert(name).second) throw LinkError("which leads back to itself");
            if (seen.size() > kMaxLinks) throw LinkError("the first of too many links");
            record = &newest(name);
        }
        return *record;
    }

    const Record& newest(const std::string& name) {
        const auto known = newest_.find(name);
        if (known != newest_.end()) return known->second;
        try {
            const auto source = open_source(folder_ + name);
            if (!is_atb_source(*source)) throw LinkError("which is no ATB file");
            Records records = read_records(source, {0, source->size()});
            if (!records.broken.empty()) throw LinkError("whose newest record is broken");
            return newest_.emplace(name, std::move(records.all.back())).first->second;
        } catch (const FormatError& e) {
            throw LinkError(std::string("which cannot be read: ") + e.what());
        } catch (const ReadError& e) {
            throw LinkError(std::string("which cannot be read: ") + e.what());
        }
    }

    static bool is_atb_source(const ByteSource& source) {
        return begins_atb_header(
            excerpt(source, 0, std::min<std::uint64_t>(source.size(), kProbeBytes)));
    }

    std::string folder_;
    std::string start_;
    std::map<std::string, Record> newest_;
};

void add_tensors(FileInfo& file, const Records& records, const std::string& path) {
    LinkResolver links(path);
    for (const Record& record : records.all) {
        if (record.is_statistics()) continue;
        TensorInfo tensor = describe(record);
        if (record.is_link()) links.resolve(tensor, record);
        file.tensors.push_back(std::move(tensor));
    }
    if (!records.broken.empty()) {
        TensorInfo tensor;
        tensor.dtype = "unknown";
        make_unreadable(tensor, "the newest record is broken: " + records.broken);
        file.tensors.push_back(std::move(tensor));
    }
    const std::size_t count = file.tensors.size();
    for (std::size_t i = 0; i < count; ++i) {
        file.tensors[i].index = static_cast<std::uint32_t>(i);
        if (i + 1 < count) file.tensors[i].name = "record " + std::to_string(i) + " (older)";
    }
    if (count > 1) {
        add_problem(file.tensors.back(),
                    "newest of " + std::to_string(count) + " records in its file");
    }
}

}  // namespace

bool is_atb(const Probe& probe) { return begins_atb_header(probe.head); }

FileInfo parse_atb(const std::shared_ptr<const ByteSource>& source, ByteRange range) {
    const Records records = read_records(source, range);
    const Record& newest = records.all.back();
    FileInfo file;
    file.kind = newest.is_statistics() ? "atb_statistics" : "atb";
    add_tensors(file, records, source->path());
    file.attributes = newest.header.statistics;
    if (!newest.header.version.empty()) file.attributes["version"] = newest.header.version;

    Diagnostics diagnostics(source->path());
    for (const Record& record : records.all) {
        for (const std::string& line : record.header.unknown_lines) {
            diagnostics.warn(record.header.begin, "", "header line " + quoted(line) + " not known");
        }
        if (record.header.link && record.payload_size != 0) {
            diagnostics.warn(record.header.begin, "", "both data= and a payload: data= ignored");
        }
    }
    const std::size_t count = records.all.size() + (records.broken.empty() ? 0 : 1);
    if (count > 1) {
        diagnostics.warn(range.offset, "",
                         std::to_string(count) +
                             " records, appended by as many dumps; the newest "
                             "is the tensor");
    }
    if (records.trailing != 0) {
        diagnostics.warn(range.offset + range.size - records.trailing, "",
                         std::to_string(records.trailing) + " bytes behind the last record");
    }
    file.warnings = diagnostics.take_warnings();
    return file;
}

}  // namespace trueness
