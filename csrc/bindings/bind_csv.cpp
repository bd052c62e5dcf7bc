#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "base/csv.hpp"
#include "base/float_text.hpp"
#include "bindings/tensor.hpp"

namespace py = pybind11;

namespace trueness {
namespace {

void append_text(std::string& line, const py::handle& text) {
    Py_ssize_t size = 0;
    if (const char* const utf8 = PyUnicode_AsUTF8AndSize(text.ptr(), &size)) {
        append_csv_cell(line, {utf8, static_cast<std::size_t>(size)});
        return;
    }
    // The name of a file that is not UTF-8.
    PyErr_Clear();
    PyObject* const bytes = PyUnicode_AsEncodedString(text.ptr(), "utf-8", "backslashreplace");
    if (bytes == nullptr) throw py::error_already_set();
    append_csv_cell(line, std::string_view(py::reinterpret_steal<py::bytes>(bytes)));
}

void append_number(std::string& line, const py::handle& number) {
    std::array<char, 32> buffer;
    int overflow = 0;
    if (PyFloat_Check(number.ptr())) {
        line += float_text(PyFloat_AS_DOUBLE(number.ptr()), buffer);
    } else if (const auto value = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
               overflow == 0) {
        if (value == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
        line.append(buffer.data(), std::to_chars(buffer.begin(), buffer.end(), value).ptr);
    } else {
        line += std::string(py::str(number));
    }
}

py::bytes csv_line(const py::list& cells) {
    std::string line;
    line.reserve(1024);
    for (const py::handle cell : cells) {
        if (PyUnicode_Check(cell.ptr())) {
            append_text(line, cell);
        } else {
            append_number(line, cell);
        }
        line += ',';
    }
    if (line.empty()) line += ',';
    line.back() = '\n';
    return line;
}

}  // namespace

void bind_csv(py::module_& module) {
    module.def("csv_line", &csv_line, py::arg("cells"), py::pos_only());
}

}  // namespace trueness
