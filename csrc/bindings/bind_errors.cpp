#include <exception>
#include <stdexcept>

#include "base/error.hpp"
#include "bindings/tensor.hpp"

namespace py = pybind11;

namespace trueness {
namespace {

// Messages quote names from files and file systems, which need not be UTF-8.
py::str to_text(const std::string& text) {
    PyObject* const decoded = PyUnicode_DecodeUTF8(
        text.data(), static_cast<py::ssize_t>(text.size()), "backslashreplace");
    if (decoded == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::str>(decoded);
}

template <class... Args>
void raise(const char* name, const Args&... args) {
    const py::object type = py::module_::import("trueness.errors").attr(name);
    const py::object error = type(args...);
    PyErr_SetObject(type.ptr(), error.ptr());
}

void translate(std::exception_ptr pointer) {
    try {
        if (pointer) std::rethrow_exception(pointer);
    } catch (const FormatError& error) {
        raise("FormatError", path_to_python(error.path()), error.offset(), to_text(error.tensor()),
              to_text(error.expected()), to_text(error.found()));
    } catch (const ReadError& error) {
        raise("ReadError", path_to_python(error.path()), to_text(error.reason()));
    } catch (const std::invalid_argument& error) {
        raise("UsageError", to_text(error.what()));
    }
}

}  // namespace

void bind_errors() { py::register_exception_translator(translate); }

}  // namespace trueness
