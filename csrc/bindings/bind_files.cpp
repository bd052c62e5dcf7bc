#include <pybind11/stl.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "bindings/tensor.hpp"

namespace py = pybind11;

namespace trueness {
namespace {

using Source = std::shared_ptr<const ByteSource>;
using Shape = std::vector<std::uint64_t>;
using Strides = std::optional<std::vector<std::int64_t>>;

// What Python holds as _core.Source: one opening of a file, shared by the tensors in it.
struct SourceHandle {
    Source source;
};

struct File {
    std::string path;
    FileInfo info;
    std::vector<std::shared_ptr<Tensor>> tensors;
};

DType known_dtype(const std::string& name) {
    const DType dtype = dtype_from_name(name);
    if (dtype == DType::kRaw) throw std::invalid_argument("unknown dtype '" + name + "'");
    return dtype;
}

// Bytes for whole-byte types, elements for packed ones: the units of base/walk.hpp.
std::uint64_t units_of(DType dtype) {
    const unsigned bits = info(dtype).bits;
    return bits < 8 ? 1 : bits / 8;
}

std::uint64_t reached_bytes(DType dtype, const Walk& walk) {
    const auto high = static_cast<std::uint64_t>(reach(walk, units_of(dtype)).high);
    return info(dtype).bits < 8 ? packed_bytes(dtype, high) : high;
}

std::shared_ptr<Tensor> wrap(TensorView view, std::string name) {
    auto tensor = std::make_shared<Tensor>();
    tensor->path = view.source->path();
    tensor->info.name = std::move(name);
    tensor->info.dtype = info(view.dtype).name;
    tensor->info.shape.assign(view.walk.shape.begin(), view.walk.shape.end());
    tensor->info.view = std::move(view);
    return tensor;
}

std::string extent(const TensorView& view, std::uint64_t size) {
    return "bytes [" + std::to_string(view.offset) + ", +" + std::to_string(view.nbytes) +
           ") of a file of " + std::to_string(size);
}

std::shared_ptr<Tensor> tensor_in(const SourceHandle& handle, std::uint64_t offset,
                                  const std::string& dtype_name, Shape shape,
                                  const Strides& strides, std::optional<std::uint64_t> nbytes,
                                  bool byte_swapped, std::string name) {
    TensorView view{handle.source, offset, 0, known_dtype(dtype_name), byte_swapped, {}};
    try {
        const std::uint64_t units = units_of(view.dtype);
        if (strides) {
            std::vector<std::int64_t> scaled;
            for (const std::int64_t stride : *strides) {
                std::int64_t in_units = 0;
                if (__builtin_mul_overflow(stride, static_cast<std::int64_t>(units), &in_units)) {
                    throw std::overflow_error("stride overflows 64 bits");
                }
                scaled.push_back(in_units);
            }
            view.walk = strided_walk(std::move(shape), scaled, units);
        } else {
            view.walk = contiguous_walk(std::move(shape));
        }
        view.nbytes = nbytes ? *nbytes : reached_bytes(view.dtype, view.walk);
        check_bounds(view);
    } catch (const std::logic_error& error) {
        throw FormatError(
            handle.source->path(), offset, name, "a tensor inside the file",
            std::string(error.what()) + " (" + extent(view, handle.source->size()) + ")");
    } catch (const std::overflow_error& error) {
        throw FormatError(handle.source->path(), offset, name, "a tensor inside the file",
                          error.what());
    }
    return wrap(std::move(view), std::move(name));
}

SourceHandle open_handle(const py::object& path) {
    const std::string name = path_from_python(path);
    const py::gil_scoped_release nogil;
    return {open_source(name)};
}

// Drops a Python reference from whichever thread is last.
std::shared_ptr<const void> keep_alive(py::object owner) {
    auto* const held = new py::object(std::move(owner));
    return {static_cast<const void*>(held), [](const void* pointer) {
                if (Py_IsInitialized() == 0) return;
                const py::gil_scoped_acquire gil;
                delete static_cast<const py::object*>(pointer);
            }};
}

SourceHandle source_of_buffer(const py::object& name, const py::buffer& data) {
    auto view = std::make_unique<py::buffer_info>(data.request());
    std::uint64_t count = static_cast<std::uint64_t>(view->itemsize);
    for (std::size_t i = view->shape.size(); i-- > 0;) {
        if (view->strides[i] != static_cast<py::ssize_t>(count) && view->shape[i] > 1) {
            throw std::invalid_argument("the buffer must be contiguous");
        }
        count *= static_cast<std::uint64_t>(view->shape[i]);
    }
    const auto* const bytes = static_cast<const std::byte*>(view->ptr);
    const py::capsule owner(view.release(),
                            [](void* pointer) { delete static_cast<py::buffer_info*>(pointer); });
    return {memory_source(path_from_python(name), bytes, count, keep_alive(owner))};
}

std::shared_ptr<Tensor> tensor_at(std::uintptr_t address, std::uint64_t nbytes,
                                  const std::string& dtype_name, Shape shape,
                                  const Strides& strides, bool byte_swapped, py::object owner,
                                  std::string name) {
    const DType dtype = known_dtype(dtype_name);
    const auto* const data = reinterpret_cast<const std::byte*>(address);
    TensorView view{memory_source(name, data, nbytes, keep_alive(std::move(owner))),
                    0,
                    nbytes,
                    dtype,
                    byte_swapped,
                    {}};
    view.walk = strides ? strided_walk(std::move(shape), *strides, units_of(dtype))
                        : contiguous_walk(std::move(shape));
    // `address` is the lowest byte, so an axis that runs backwards starts at its far end.
    for (Segment& segment : view.walk.segments) {
        segment.base = -reach(view.walk, units_of(dtype)).low;
    }
    check_bounds(view);
    return wrap(std::move(view), std::move(name));
}

File parse(const Source& source, std::uint64_t offset, std::optional<std::uint64_t> size) {
    if (offset > source->size() || (size && *size > source->size() - offset)) {
        throw FormatError(source->path(), offset, "", "a part inside the file",
                          "a file of " + std::to_string(source->size()) + " bytes");
    }
    const ByteRange range{offset, size ? *size : source->size() - offset};
    const bool whole = range.offset == 0 && range.size == source->size();
    File file{source->path(), whole ? parse_file(source) : parse_file(source, range), {}};
    source->check();
    for (TensorInfo& info : file.info.tensors) {
        file.tensors.push_back(std::make_shared<Tensor>(Tensor{file.path, std::move(info)}));
    }
    return file;
}

File open_file(const py::object& path, std::uint64_t offset, std::optional<std::uint64_t> size) {
    const std::string name = path_from_python(path);
    const py::gil_scoped_release nogil;
    return parse(open_source(name), offset, size);
}

py::bytes read_range(const SourceHandle& handle, std::uint64_t offset, std::uint64_t count) {
    const ByteSource& source = *handle.source;
    if (offset > source.size() || count > source.size() - offset) {
        throw FormatError(source.path(), offset, "", std::to_string(count) + " bytes",
                          "a file of " + std::to_string(source.size()) + " bytes");
    }
    std::string bytes(count, '\0');
    {
        const py::gil_scoped_release nogil;
        source.read(offset, count, reinterpret_cast<std::byte*>(bytes.data()));
        source.check();
    }
    return bytes;
}

}  // namespace

std::string path_from_python(const py::object& path) {
    PyObject* encoded = nullptr;
    if (PyUnicode_FSConverter(path.ptr(), &encoded) == 0) throw py::error_already_set();
    const auto bytes = py::reinterpret_steal<py::bytes>(encoded);
    return std::string(bytes);
}

std::optional<std::string> path_if_any(const py::object& path) {
    try {
        return path_from_python(path);
    } catch (const py::error_already_set&) {
        return std::nullopt;
    }
}

py::str path_to_python(const std::string& path) {
    PyObject* const decoded =
        PyUnicode_DecodeFSDefaultAndSize(path.data(), static_cast<py::ssize_t>(path.size()));
    if (decoded == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::str>(decoded);
}

py::str interned(const std::string& text) {
    PyObject* made = PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
    if (made == nullptr) throw py::error_already_set();
    PyUnicode_InternInPlace(&made);
    return py::reinterpret_steal<py::str>(made);
}

void bind_files(py::module_& module) {
    using py::arg;
    py::class_<SourceHandle>(module, "Source", py::is_final())
        .def(py::init(&open_handle), arg("path"))
        .def_static("from_buffer", &source_of_buffer, arg("name"), arg("data"))
        .def_property_readonly(
            "path", [](const SourceHandle& s) { return path_to_python(s.source->path()); })
        .def_property_readonly("size", [](const SourceHandle& s) { return s.source->size(); })
        .def("read", &read_range, arg("offset"), arg("count"))
        .def(
            "parse",
            [](const SourceHandle& s, std::uint64_t offset, std::optional<std::uint64_t> size) {
                const py::gil_scoped_release nogil;
                return parse(s.source, offset, size);
            },
            py::kw_only(), arg("offset") = 0, arg("size") = py::none())
        .def("tensor", &tensor_in, py::kw_only(), arg("offset"), arg("dtype"), arg("shape"),
             arg("strides") = py::none(), arg("nbytes") = py::none(), arg("byte_swapped") = false,
             arg("name") = "");

    py::class_<File>(module, "File", py::is_final())
        .def_property_readonly("path", [](const File& f) { return path_to_python(f.path); })
        .def_property_readonly("kind", [](const File& f) { return f.info.kind; })
        .def_property_readonly("tensors", [](const File& f) { return f.tensors; })
        .def_property_readonly("warnings", [](const File& f) { return f.info.warnings; })
        .def_property_readonly("attributes", [](const File& f) { return f.info.attributes; });

    module.def("open_file", &open_file, arg("path"), py::kw_only(), arg("offset") = 0,
               arg("size") = py::none());

    py::object tensor = module.attr("Tensor");
    tensor.attr("from_file") = py::staticmethod(py::cpp_function(
        [](const py::object& path, std::uint64_t offset, const std::string& dtype, Shape shape,
           const Strides& strides, std::optional<std::uint64_t> nbytes, bool byte_swapped,
           std::string name) {
            return tensor_in(open_handle(path), offset, dtype, std::move(shape), strides, nbytes,
                             byte_swapped, std::move(name));
        },
        arg("path"), py::kw_only(), arg("offset"), arg("dtype"), arg("shape"),
        arg("strides") = py::none(), arg("nbytes") = py::none(), arg("byte_swapped") = false,
        arg("name") = ""));
    tensor.attr("from_address") = py::staticmethod(py::cpp_function(
        &tensor_at, arg("address"), arg("nbytes"), py::kw_only(), arg("dtype"), arg("shape"),
        arg("strides") = py::none(), arg("byte_swapped") = false, arg("owner"), arg("name") = ""));
}

}  // namespace trueness
