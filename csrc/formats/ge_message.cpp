#include "formats/ge_message.hpp"

#include <span>

#include "formats/wire.hpp"

namespace trueness {
namespace {

// A header can claim a tensor in two bytes; nothing real has more than some hundreds.
constexpr std::size_t kMaxTensors = 65536;
constexpr std::size_t kMaxAttributes = 4096;

enum class Slot : std::uint8_t {
    kNone,
    kType,
    kFormat,
    kShape,
    kOriginalOp,
    kData,
    kSize,
    kOriginalShape,
    kSubFormat,
    kAddress,
    kDimRange,
    kOffset,
    kArgIndex,
    kInputType,
};

// What each field number means in the four messages that describe a tensor.
constexpr std::array kOutputSlots{
    Slot::kNone,     Slot::kType,   Slot::kFormat,        Slot::kShape,     Slot::kOriginalOp,
    Slot::kData,     Slot::kSize,   Slot::kOriginalShape, Slot::kSubFormat, Slot::kAddress,
    Slot::kDimRange, Slot::kOffset, Slot::kArgIndex};
constexpr std::array kInputSlots{Slot::kNone,          Slot::kType,      Slot::kFormat,
                                 Slot::kShape,         Slot::kData,      Slot::kSize,
                                 Slot::kOriginalShape, Slot::kSubFormat, Slot::kAddress,
                                 Slot::kOffset,        Slot::kArgIndex,  Slot::kInputType};
constexpr std::array kBufferSlots{Slot::kNone, Slot::kType, Slot::kData, Slot::kSize};
constexpr std::array kSpaceSlots{Slot::kNone, Slot::kType, Slot::kData, Slot::kSize,
                                 Slot::kArgIndex};

std::span<const Slot> slots_of(GeIo io) {
    switch (io) {
        case GeIo::kInput:
            return kInputSlots;
        case GeIo::kOutput:
            return kOutputSlots;
        case GeIo::kBuffer:
            return kBufferSlots;
        case GeIo::kSpace:
            break;
    }
    return kSpaceSlots;
}

class Decoder {
public:
    explicit Decoder(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

    void dump_data(WireCursor cursor, GeMessage& message);

private:
    bool is(const WireField& field, WireType type, std::string_view label);
    std::string text(const WireField& field, std::string_view label);
    void tensor(const WireCursor& parent, const WireField& field, GeIo io, GeMessage& message);
    void tensor_field(const WireCursor& cursor, const WireField& field, Slot slot,
                      GeTensor& tensor);
    void tensor_number(const WireField& field, Slot slot, GeTensor& tensor) const;
    void shape(WireCursor cursor, DeclaredShape& shape);
    void original_op(WireCursor cursor, GeOriginalOp& op, std::string_view label);
    void dim_range(WireCursor cursor, GeTensor& tensor);
    void attribute(WireCursor cursor, GeMessage& message);

    Diagnostics& diagnostics_;
    std::size_t tensor_count_ = 0;
};

std::int32_t to_int32(std::uint64_t value) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
}

// A known field whose wire type is not the expected one is an unknown field to protobuf: it keeps
// its default, which deserves a word.
bool Decoder::is(const WireField& field, WireType type, std::string_view label) {
    if (field.type == type) return true;
    diagnostics_.warn(field.offset, label,
                      "field " + std::to_string(field.number) + " has wire type " +
                          std::string(wire_type_name(field.type)) + " instead of " +
                          std::string(wire_type_name(type)) + ": ignored");
    return false;
}

std::string Decoder::text(const WireField& field, std::string_view label) {
    bool valid = true;
    std::string result = escaped_utf8(field.text(), valid);
    if (!valid) {
        diagnostics_.warn(field.offset, label,
                          "field " + std::to_string(field.number) +
                              " is not valid UTF-8: its odd bytes are shown as \\xNN");
    }
    return result;
}

void Decoder::shape(WireCursor cursor, DeclaredShape& shape) {
    WireField field;
    while (cursor.next(field)) {
        if (field.number != 1) continue;
        if (field.type == WireType::kBytes) {
            WireCursor packed = cursor.inside(field, cursor.label());
            while (!packed.at_end()) shape.add(packed.varint());
        } else if (is(field, WireType::kVarint, cursor.label())) {
            shape.add(field.value);
        }
    }
}

void Decoder::original_op(WireCursor cursor, GeOriginalOp& op, std::string_view label) {
    WireField field;
    while (cursor.next(field)) {
        if (field.number == 1) {
            if (is(field, WireType::kBytes, label)) op.name = text(field, label);
        } else if (field.number <= 4 && is(field, WireType::kVarint, label)) {
            if (field.number == 2) op.output_index = static_cast<std::uint32_t>(field.value);
            if (field.number == 3) op.data_type = to_int32(field.value);
            if (field.number == 4) op.format = to_int32(field.value);
        }
    }
}

void Decoder::dim_range(WireCursor cursor, GeTensor& tensor) {
    std::pair<std::uint64_t, std::uint64_t> range{0, 0};
    WireField field;
    while (cursor.next(field)) {
        if (field.number > 2 || !is(field, WireType::kVarint, cursor.label())) continue;
        (field.number == 1 ? range.first : range.second) = field.value;
    }
    if (tensor.dim_range.size() < kMaxRank) tensor.dim_range.push_back(range);
}

void Decoder::tensor_number(const WireField& field, Slot slot, GeTensor& tensor) const {
    switch (slot) {
        case Slot::kType:
            tensor.type = to_int32(field.value);
            return;
        case Slot::kFormat:
            tensor.format = to_int32(field.value);
            return;
        case Slot::kSize:
            tensor.size = field.value;
            return;
        case Slot::kSubFormat:
            tensor.sub_format = to_int32(field.value);
            return;
        case Slot::kAddress:
            tensor.address = field.value;
            return;
        case Slot::kOffset:
            tensor.offset = field.value;
            return;
        case Slot::kArgIndex:
            tensor.arg_index = static_cast<std::uint32_t>(field.value);
            return;
        case Slot::kInputType:
            tensor.input_type = static_cast<std::uint32_t>(field.value);
            return;
        default:
            return;
    }
}

void Decoder::tensor_field(const WireCursor& cursor, const WireField& field, Slot slot,
                           GeTensor& tensor) {
    const auto is_bytes = [&] { return is(field, WireType::kBytes, tensor.label); };
    const auto message = [&] { return cursor.inside(field, tensor.label); };
    switch (slot) {
        case Slot::kNone:
            return;
        case Slot::kShape:
            if (is_bytes()) shape(message(), tensor.shape);
            return;
        case Slot::kOriginalShape:
            if (!is_bytes()) return;
            if (!tensor.original_shape) tensor.original_shape.emplace();
            shape(message(), *tensor.original_shape);
            return;
        case Slot::kOriginalOp:
            if (!is_bytes()) return;
            if (!tensor.original_op) tensor.original_op.emplace();
            original_op(message(), *tensor.original_op, tensor.label);
            return;
        case Slot::kDimRange:
            if (is_bytes()) dim_range(message(), tensor);
            return;
        case Slot::kData:
            if (is_bytes()) tensor.data = ByteRange{field.data_offset, field.size};
            return;
        default:
            if (is(field, WireType::kVarint, tensor.label)) tensor_number(field, slot, tensor);
    }
}

void Decoder::tensor(const WireCursor& parent, const WireField& field, GeIo io,
                     GeMessage& message) {
    std::vector<GeTensor>& list = message.of(io);
    if (++tensor_count_ > kMaxTensors) {
        diagnostics_.fail(field.offset, "", "at most " + std::to_string(kMaxTensors) + " tensors",
                          "more");
    }
    GeTensor& tensor = list.emplace_back();
    tensor.label = tensor_label(kGeIoNames[static_cast<std::size_t>(io)],
                                static_cast<std::uint32_t>(list.size() - 1));
    tensor.position = field.offset;
    const std::span<const Slot> slots = slots_of(io);
    WireCursor cursor = parent.inside(field, tensor.label);
    WireField inner;
    while (cursor.next(inner)) {
        if (inner.number < slots.size()) tensor_field(cursor, inner, slots[inner.number], tensor);
    }
}

void Decoder::attribute(WireCursor cursor, GeMessage& message) {
    if (message.attributes.size() == kMaxAttributes) {
        diagnostics_.fail(cursor.position(), "",
                          "at most " + std::to_string(kMaxAttributes) + " attributes", "more");
    }
    GeAttribute& attribute = message.attributes.emplace_back();
    attribute.position = cursor.position();
    WireField field;
    while (cursor.next(field)) {
        if (field.number > 2 || !is(field, WireType::kBytes, "")) continue;
        (field.number == 1 ? attribute.name : attribute.value) = text(field, "");
    }
}

void Decoder::dump_data(WireCursor cursor, GeMessage& message) {
    WireField field;
    while (cursor.next(field)) {
        if (field.number > 9) continue;
        const WireType type = field.number == 2 ? WireType::kVarint : WireType::kBytes;
        if (!is(field, type, "")) continue;
        message.has_known_field = true;
        switch (field.number) {
            case 1:
                message.version = text(field, "");
                break;
            case 2:
                message.dump_time = field.value;
                break;
            case 3:
                tensor(cursor, field, GeIo::kOutput, message);
                break;
            case 4:
                tensor(cursor, field, GeIo::kInput, message);
                break;
            case 5:
                tensor(cursor, field, GeIo::kBuffer, message);
                break;
            case 6:
                message.op_name = text(field, "");
                break;
            case 7:
                attribute(cursor.inside(field, ""), message);
                break;
            case 8:
                tensor(cursor, field, GeIo::kSpace, message);
                break;
            default:
                message.dfx_message = text(field, "");
        }
    }
}

}  // namespace

GeMessage decode_ge_message(const std::byte* data, std::size_t size, std::uint64_t offset,
                            Diagnostics& diagnostics) {
    GeMessage message;
    Decoder(diagnostics).dump_data(WireCursor(diagnostics, "", data, size, offset), message);
    return message;
}

}  // namespace trueness
