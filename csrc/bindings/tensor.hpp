#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/file.hpp"

namespace trueness {

// What Python holds as _core.Tensor: a description and where the values are.
struct Tensor {
    std::string path;
    TensorInfo info;
};

// "input 0", "output 2 'Add'" ...: how messages call this tensor.
std::string label(const TensorInfo& info);

// The values. Throws FormatError when they cannot be had or their type cannot be decoded.
const TensorView& readable_view(const Tensor& tensor);

// A new array in logical order and shape, in the type that base/widen.hpp names.
pybind11::object to_numpy(const Tensor& tensor);

// File names are bytes to the system and str with surrogate escapes to Python.
std::string path_from_python(const pybind11::object& path);
// Nothing for what is no name that a file can have.
std::optional<std::string> path_if_any(const pybind11::object& path);
pybind11::str path_to_python(const std::string& path);

// One object for all texts that are the same, which most names of types and kinds are.
pybind11::str interned(const std::string& text);

template <class Dim>
pybind11::tuple to_tuple(const std::vector<Dim>& dims) {
    pybind11::tuple result(dims.size());
    for (std::size_t i = 0; i < dims.size(); ++i) result[i] = dims[i];
    return result;
}

void bind_errors();
void bind_tensor(pybind11::module_& module);
void bind_files(pybind11::module_& module);
void bind_headers(pybind11::module_& module);
void bind_metrics(pybind11::module_& module);
void bind_pairs(pybind11::module_& module);
void bind_csv(pybind11::module_& module);

}  // namespace trueness
