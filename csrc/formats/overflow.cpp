#include "formats/overflow.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "formats/window.hpp"

namespace trueness {
namespace {

constexpr std::string_view kFilePrefix = "Opdebug.Node_OpDebug.";
constexpr std::string_view kOperator = "Node_OpDebug";
constexpr std::uint64_t kMagic = 0x5A5A5A5A;
constexpr std::uint64_t kOldSize = 2048;
constexpr std::uint64_t kRecordHeader = 24;

constexpr std::array<std::string_view, 11> kCoreFields{
    "model_id", "stream_id", "task_id", "task_type", "context_id", "thread_id",
    "pc_start", "para_base", "core_id", "block_id",  "status"};
constexpr std::array<std::string_view, 14> kCoreFieldsV1{
    "model_id",  "stream_id", "task_id",  "task_type", "context_id", "thread_id", "pc_start",
    "para_base", "core_id",   "block_id", "status_0",  "status_1",   "status_2",  "status_3"};
constexpr std::array<std::string_view, 8> kAicpuFields{
    "model_id", "stream_id", "task_id", "task_type", "context_id", "cpu_id", "thread_id", "status"};
constexpr std::array<std::string_view, 10> kSdmaFields{
    "model_id",  "stream_id", "task_id",  "task_type",  "context_id",
    "thread_id", "src_addr",  "dst_addr", "channel_id", "status"};

constexpr std::array<std::string_view, 6> kOldFields{"model_id",  "stream_id", "task_id",
                                                     "task_type", "pc_start",  "para_base"};
constexpr std::array<std::string_view, 1> kOldStatus{"status"};
constexpr std::array<std::string_view, 3> kOldCoreStatus{"kernel_code", "block_idx", "status"};

bool is_address(std::string_view field) {
    constexpr std::array<std::string_view, 5> kAddresses{"pc_start", "para_base", "src_addr",
                                                         "dst_addr", "kernel_code"};
    return std::find(kAddresses.begin(), kAddresses.end(), field) != kAddresses.end();
}

class Record {
public:
    Record(const Window& bytes, std::uint64_t offset, FileInfo& file, Diagnostics& diagnostics)
        : bytes_(bytes), offset_(offset), file_(file), diagnostics_(diagnostics) {}

    void read();

private:
    std::uint64_t number(std::uint64_t at, unsigned size) const {
        std::uint64_t value = 0;
        for (std::uint64_t i = at + size; i-- > at;) {
            value = value << 8U | std::to_integer<std::uint64_t>(bytes_.data()[i]);
        }
        return value;
    }

    void add(const std::string& name, std::string value) {
        file_.attributes["overflow." + name] = std::move(value);
    }

    void add_fields(std::uint64_t at, const std::string& prefix,
                    std::span<const std::string_view> fields) {
        for (const std::string_view field : fields) {
            const std::uint64_t value = number(at, 8);
            std::array<char, 19> hex{};
            std::snprintf(hex.data(), hex.size(), "0x%llx", static_cast<unsigned long long>(value));
            add(prefix + std::string(field),
                is_address(field) ? std::string(hex.data()) : std::to_string(value));
            at += 8;
        }
    }

    void warn(std::uint64_t at, const std::string& text) {
        diagnostics_.warn(offset_ + at, "output[0]", "overflow record: " + text);
    }

    void read_old();
    void read_new();

    const Window& bytes_;
    std::uint64_t offset_;
    FileInfo& file_;
    Diagnostics& diagnostics_;
};

void Record::read_old() {
    struct Unit {
        const char* name;
        std::uint64_t info;
        std::uint64_t status;
        std::span<const std::string_view> status_fields;
    };
    for (const Unit& unit :
         {Unit{"dha_atomic_add.", 0, 512, kOldStatus}, Unit{"l2_atomic_add.", 128, 768, kOldStatus},
          Unit{"ai_core.", 256, 1024, kOldCoreStatus}}) {
        add_fields(unit.info, unit.name, kOldFields);
        add_fields(unit.status, unit.name, unit.status_fields);
    }
}

void Record::read_new() {
    constexpr std::array<std::string_view, 4> kUnits{"AIC", "AIV", "AICPU", "SDMA"};
    const std::uint64_t valid = number(8, 4);
    const std::uint64_t unit = number(12, 4);
    const std::uint64_t length = number(20, 4);
    add("version", std::to_string(number(4, 4)));
    if (valid != 1) return warn(8, "expected valid flag 1, found " + std::to_string(valid));
    if (unit >= kUnits.size()) {
        return warn(12, "expected unit 0 to 3, found " + std::to_string(unit));
    }
    add("unit", std::string(kUnits[unit]));
    std::span<const std::string_view> fields = kCoreFields;
    if (unit < 2 && length == kCoreFieldsV1.size() * 8) fields = kCoreFieldsV1;
    if (unit == 2) fields = kAicpuFields;
    if (unit == 3) fields = kSdmaFields;
    if (length != fields.size() * 8 || length > bytes_.size() - kRecordHeader) {
        return warn(20, "expected " + std::to_string(fields.size() * 8) + " bytes, found length " +
                            std::to_string(length));
    }
    add_fields(kRecordHeader, "", fields);
}

void Record::read() {
    if (bytes_.size() >= kRecordHeader && number(0, 4) == kMagic) {
        read_new();
    } else if (bytes_.size() == kOldSize) {
        read_old();
    } else {
        warn(0, "expected " + std::to_string(kOldSize) + " bytes, found " +
                    std::to_string(bytes_.size()));
    }
}

bool is_overflow_dump(const ByteSource& source, const FileInfo& file) {
    const std::string_view path = source.path();
    const auto name = file.attributes.find("op_name");
    return path.substr(path.find_last_of('/') + 1).starts_with(kFilePrefix) ||
           (name != file.attributes.end() && name->second == kOperator);
}

}  // namespace

void add_overflow_attributes(const ByteSource& source, FileInfo& file, Diagnostics& diagnostics) {
    if (!is_overflow_dump(source, file)) return;
    for (const TensorInfo& tensor : file.tensors) {
        if (tensor.io != "output" || tensor.index != 0 || !tensor.dumped) continue;
        // A longer tensor is not what the hardware writes; its first bytes are enough to say so.
        const Window bytes(source, tensor.view.offset, std::min(tensor.view.nbytes, kOldSize + 1));
        Record(bytes, tensor.view.offset, file, diagnostics).read();
    }
}

}  // namespace trueness
