#include "formats/ge_header.hpp"

#include <string>
#include <utility>

#include "formats/ge_types.hpp"

namespace trueness {
namespace {

void add_block_type(const GeTensor& tensor, GeIo io, Declaration& declared) {
    const char* const first = io == GeIo::kBuffer ? "L1" : "LOG";
    declared.name = tensor.type == 0 ? first : "type " + std::to_string(tensor.type);
    declared.dtype = {"uint8", DType::kUint8, {}};
    declared.format = kND;
    declared.shape.add(tensor.size);
}

void add_tensor_attributes(const GeTensor& tensor, FileInfo& file) {
    const auto add = [&](const char* name, std::string value) {
        file.attributes[tensor.label + "." + name] = std::move(value);
    };
    const auto add_number = [&](const char* name, auto value) {
        if (value != 0) add(name, std::to_string(value));
    };
    add_number("sub_format", tensor.sub_format);
    add_number("offset", tensor.offset);
    add_number("arg_index", tensor.arg_index);
    add_number("input_type", tensor.input_type);
    if (tensor.original_op) {
        add_number("original_output_index", tensor.original_op->output_index);
        if (tensor.original_op->data_type != 0) {
            add("original_dtype", ge_dtype(tensor.original_op->data_type).name);
        }
        add("original_format", ge_format_name(tensor.original_op->format));
    }
    std::string ranges;
    for (const auto& [start, end] : tensor.dim_range) {
        ranges.append("[").append(std::to_string(start)).append(",");
        ranges.append(std::to_string(end)).append("]");
    }
    if (!ranges.empty()) add("dim_range", std::move(ranges));
}

}  // namespace

Declaration declare(const GeMessage& message, GeIo io, std::uint32_t index) {
    const GeTensor& tensor = message.of(io)[index];
    Declaration declared;
    declared.io = kGeIoNames[static_cast<std::size_t>(io)];
    declared.index = index;
    declared.position = tensor.position;
    declared.bytes.size = tensor.size;
    if (io == GeIo::kBuffer || io == GeIo::kSpace) {
        add_block_type(tensor, io, declared);
        return declared;
    }
    declared.dtype = ge_dtype(tensor.type);
    declared.dtype_code = tensor.type;
    declared.is_undefined = tensor.type == kUndefinedDType;
    declared.format = tensor.format;
    if (tensor.sub_format > 1) declared.groups = static_cast<std::uint64_t>(tensor.sub_format);
    declared.shape = tensor.shape;
    declared.original_shape = tensor.original_shape;
    if (tensor.original_op) {
        declared.name = tensor.original_op->name;
        declared.origin_format = tensor.original_op->format;
    }
    return declared;
}

void add_tensor(const Declaration& declared, GeIo io,
                const std::shared_ptr<const ByteSource>& source, Diagnostics& diagnostics,
                FileInfo& file) {
    file.tensors.push_back(describe(declared, source, diagnostics));
    // Buffers and workspaces have no format of their own.
    if (io == GeIo::kBuffer || io == GeIo::kSpace) file.tensors.back().format.clear();
}

void add_attributes(const GeMessage& message, FileInfo& file) {
    if (!message.version.empty()) file.attributes["version"] = message.version;
    if (!message.op_name.empty()) file.attributes["op_name"] = message.op_name;
    if (message.dump_time != 0) file.attributes["dump_time"] = std::to_string(message.dump_time);
    if (!message.dfx_message.empty()) file.attributes["dfx_message"] = message.dfx_message;
    for (const GeAttribute& attribute : message.attributes) {
        file.attributes["attr." + attribute.name] = attribute.value;
    }
    for (const std::vector<GeTensor>& tensors : message.tensors) {
        for (const GeTensor& tensor : tensors) add_tensor_attributes(tensor, file);
    }
}

}  // namespace trueness
