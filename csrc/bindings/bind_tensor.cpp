#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/widen.hpp"
#include "bindings/tensor.hpp"

namespace py = pybind11;

namespace trueness {
namespace {

// A multiple of 8, so that packed elements start on a byte; small enough to stay in the cache.
constexpr std::size_t kChunk = 32 * 1024;

// Elements [begin, begin + count) as widened(dtype); `begin` on a byte.
void fill(const TensorView& view, std::uint64_t begin, std::uint64_t count, std::byte* to) {
    const DType target = widened(view.dtype);
    const bool same = target == view.dtype && target != DType::kBool;
    const ElementReader reader(view);
    std::vector<std::byte> scratch(same ? 0 : packed_bytes(view.dtype, kChunk));
    for (std::uint64_t first = 0; first < count; first += kChunk) {
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, count - first));
        std::byte* const out = to + packed_bytes(target, first);
        const std::byte* const found =
            reader.elements(begin + first, n, same ? out : scratch.data());
        if (found != out) widen(view.dtype, found, n, out);
    }
    view.source->check();
}

py::object to_array(const TensorView& view, const std::vector<py::ssize_t>& shape,
                    std::uint64_t begin, std::uint64_t count) {
    const py::dtype dtype(std::string(info(widened(view.dtype)).name));
    py::array array(dtype, shape);
    auto* const to = static_cast<std::byte*>(array.mutable_data());
    {
        const py::gil_scoped_release nogil;
        fill(view, begin, count, to);
    }
    return array;
}

py::object to_flat_numpy(const Tensor& tensor, std::uint64_t first, std::uint64_t count) {
    const TensorView& view = readable_view(tensor);
    const std::uint64_t total = view.count();
    if (first > total || count > total - first) {
        throw std::out_of_range("the tensor has " + std::to_string(total) + " elements");
    }
    if (first % 8 != 0) throw std::invalid_argument("`first` must be a multiple of 8");
    return to_array(view, {static_cast<py::ssize_t>(count)}, first, count);
}

py::bytes raw_bytes(const Tensor& tensor, std::uint64_t offset,
                    std::optional<std::uint64_t> count) {
    const TensorView& view = tensor.info.view;
    if (view.source == nullptr || !tensor.info.dumped) readable_view(tensor);
    if (offset > view.nbytes || (count && *count > view.nbytes - offset)) {
        throw std::out_of_range("the tensor has " + std::to_string(view.nbytes) + " bytes");
    }
    const std::uint64_t size = count ? *count : view.nbytes - offset;
    PyObject* const bytes = PyBytes_FromStringAndSize(nullptr, static_cast<py::ssize_t>(size));
    if (bytes == nullptr) throw py::error_already_set();
    auto result = py::reinterpret_steal<py::bytes>(bytes);
    auto* const to = reinterpret_cast<std::byte*>(PyBytes_AS_STRING(bytes));
    const py::gil_scoped_release nogil;
    view.source->read(view.offset + offset, size, to);
    view.source->check();
    return result;
}

std::shared_ptr<Tensor> relabelled(const Tensor& tensor, std::string name, std::uint32_t index) {
    auto copy = std::make_shared<Tensor>(tensor);
    copy->info.name = std::move(name);
    copy->info.index = index;
    return copy;
}

std::shared_ptr<Tensor> unreadable(const py::object& path, std::string name, std::uint32_t index,
                                   std::string problem, std::uint64_t offset, std::string dtype,
                                   std::vector<std::int64_t> shape) {
    auto tensor = std::make_shared<Tensor>();
    tensor->path = path_from_python(path);
    tensor->info.name = std::move(name);
    tensor->info.index = index;
    tensor->info.problem = std::move(problem);
    tensor->info.readable = false;
    tensor->info.dtype = std::move(dtype);
    tensor->info.shape = std::move(shape);
    tensor->info.view.offset = offset;
    return tensor;
}

std::string describe(const Tensor& tensor) {
    std::string text = "<Tensor " + label(tensor.info) + " " + tensor.info.dtype + " (";
    for (const std::uint64_t dim : tensor.info.view.walk.shape) text += std::to_string(dim) + ",";
    return text + ")>";
}

}  // namespace

std::string label(const TensorInfo& info) {
    std::string text = info.io.empty() ? "" : info.io + " " + std::to_string(info.index);
    if (!info.name.empty()) text += (text.empty() ? "'" : " '") + info.name + "'";
    return text.empty() ? "tensor " + std::to_string(info.index) : text;
}

const TensorView& readable_view(const Tensor& tensor) {
    const TensorInfo& info = tensor.info;
    if (!info.dumped || !info.readable || info.view.source == nullptr) {
        throw FormatError(tensor.path, info.view.offset, label(info), "readable values",
                          info.problem.empty() ? "no values" : info.problem);
    }
    if (info.view.dtype == DType::kRaw) {
        throw FormatError(tensor.path, info.view.offset, label(info),
                          "a type whose decoding is known", info.dtype);
    }
    return info.view;
}

py::object to_numpy(const Tensor& tensor) {
    const TensorView& view = readable_view(tensor);
    const std::vector<py::ssize_t> shape(view.walk.shape.begin(), view.walk.shape.end());
    return to_array(view, shape, 0, view.count());
}

void bind_tensor(py::module_& module) {
    py::dict bits;
    for (std::size_t i = 0; i < kDTypeCount; ++i) {
        const DTypeInfo& type = info(static_cast<DType>(i));
        if (type.bits != 0) bits[py::str(type.name.data(), type.name.size())] = type.bits;
    }
    module.attr("DTYPE_BITS") = bits;

    py::class_<Tensor, std::shared_ptr<Tensor>>(module, "Tensor", py::is_final())
        .def_property_readonly("path", [](const Tensor& t) { return path_to_python(t.path); })
        .def_property_readonly("name", [](const Tensor& t) { return t.info.name; })
        .def_property_readonly("io", [](const Tensor& t) { return t.info.io; })
        .def_property_readonly("index", [](const Tensor& t) { return t.info.index; })
        .def_property_readonly("dtype", [](const Tensor& t) { return t.info.dtype; })
        .def_property_readonly("dtype_code", [](const Tensor& t) { return t.info.dtype_code; })
        .def_property_readonly("format", [](const Tensor& t) { return t.info.format; })
        .def_property_readonly("shape", [](const Tensor& t) { return to_tuple(t.info.shape); })
        .def_property_readonly("original_shape",
                               [](const Tensor& t) -> py::object {
                                   if (!t.info.has_original_shape) return py::none();
                                   return to_tuple(t.info.original_shape);
                               })
        .def_property_readonly("logical_shape",
                               [](const Tensor& t) { return to_tuple(t.info.view.walk.shape); })
        .def_property_readonly("offset", [](const Tensor& t) { return t.info.view.offset; })
        .def_property_readonly("nbytes", [](const Tensor& t) { return t.info.view.nbytes; })
        .def_property_readonly("dumped", [](const Tensor& t) { return t.info.dumped; })
        .def_property_readonly("readable", [](const Tensor& t) { return t.info.readable; })
        .def_property_readonly("problem",
                               [](const Tensor& t) -> py::object {
                                   if (t.info.problem.empty()) return py::none();
                                   return py::str(t.info.problem);
                               })
        .def("relabelled", &relabelled, py::kw_only(), py::arg("name"), py::arg("index"))
        .def_static("unreadable", &unreadable, py::arg("path"), py::kw_only(), py::arg("name"),
                    py::arg("index"), py::arg("problem"), py::arg("offset") = 0,
                    py::arg("dtype") = "unknown", py::arg("shape") = std::vector<std::int64_t>{})
        .def("numpy", &to_numpy)
        .def("flat_numpy", &to_flat_numpy, py::arg("first"), py::arg("count"))
        .def("raw", &raw_bytes, py::arg("offset") = 0, py::arg("count") = py::none())
        .def("__repr__", &describe);
}

}  // namespace trueness
