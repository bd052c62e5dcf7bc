#include "formats/ffts.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "formats/json.hpp"

namespace trueness {
namespace {

constexpr std::string_view kAttribute = "_sgt_json_info";

using Shapes = std::vector<std::vector<std::uint64_t>>;

// {op_type}.{op_name}.{task}.{stream}.{time}.{task_type}.{context}.{thread}.{device}: the last but
// one field, of a name that has them all.
std::optional<std::uint64_t> thread_of(std::string_view path) {
    const std::string_view name = path.substr(path.find_last_of('/') + 1);
    if (std::count(name.begin(), name.end(), '.') < 8) return std::nullopt;
    const std::size_t end = name.find_last_of('.');
    const std::size_t start = name.find_last_of('.', end - 1) + 1;
    std::uint64_t thread = 0;
    const auto [stop, error] = std::from_chars(name.data() + start, name.data() + end, thread);
    if (error != std::errc{} || stop != name.data() + end) return std::nullopt;
    return thread;
}

// {"lower": 2, "higher": 4}
std::uint64_t read_extent(JsonReader& json) {
    std::uint64_t lower = 0;
    std::uint64_t higher = 0;
    std::string key;
    json.begin_object();
    while (json.next_key(key)) {
        if (key == "lower") {
            lower = json.unsigned_integer();
        } else if (key == "higher") {
            higher = json.unsigned_integer();
        } else {
            json.skip_value();
        }
    }
    return higher - std::min(lower, higher);
}

// Of [thread][tensor][axis] the part of one thread.
Shapes read_slices(JsonReader& json, std::uint64_t thread) {
    Shapes shapes;
    json.begin_array();
    for (std::uint64_t i = 0; json.next_element(); ++i) {
        if (i != thread) {
            json.skip_value();
            continue;
        }
        json.begin_array();
        while (json.next_element()) {
            std::vector<std::uint64_t>& shape = shapes.emplace_back();
            json.begin_array();
            while (json.next_element()) shape.push_back(read_extent(json));
        }
    }
    return shapes;
}

struct SliceInfo {
    bool has_thread_mode = false;
    Shapes inputs;
    Shapes outputs;
};

SliceInfo read_info(std::string_view text, std::optional<std::uint64_t> thread) {
    SliceInfo info;
    JsonReader json(text);
    std::string key;
    json.begin_object();
    while (json.next_key(key)) {
        if (key == "threadMode") info.has_thread_mode = true;
        if (thread && key == "input_tensor_slice") {
            info.inputs = read_slices(json, *thread);
        } else if (thread && key == "output_tensor_slice") {
            info.outputs = read_slices(json, *thread);
        } else {
            json.skip_value();
        }
    }
    json.finish();
    return info;
}

}  // namespace

SlicedOperator::SlicedOperator(const GeMessage& message, const std::string& path,
                               Diagnostics& diagnostics) {
    for (const GeAttribute& attribute : message.attributes) {
        if (attribute.name != kAttribute) continue;
        const std::string prefix = "attribute " + std::string(kAttribute) + " ";
        try {
            SliceInfo info = read_info(attribute.value, thread_of(path));
            if (!info.has_thread_mode) {
                diagnostics.warn(attribute.position, "", prefix + "has no threadMode: ignored");
                continue;
            }
            inputs_ = std::move(info.inputs);
            outputs_ = std::move(info.outputs);
        } catch (const JsonError& error) {
            diagnostics.warn(attribute.position, "",
                             prefix + "is not the JSON it should be: at its byte " +
                                 std::to_string(error.position()) + " expected " +
                                 error.expected() + ", found " + error.found());
        }
    }
}

std::optional<std::vector<std::uint64_t>> SlicedOperator::shape_of(GeIo io,
                                                                   std::uint32_t index) const {
    if (io != GeIo::kInput && io != GeIo::kOutput) return std::nullopt;
    const Shapes& shapes = io == GeIo::kInput ? inputs_ : outputs_;
    if (index >= shapes.size()) return std::nullopt;
    return shapes[index];
}

}  // namespace trueness
