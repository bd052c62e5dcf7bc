#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/csv.hpp"
#include "base/float_text.hpp"
#include "bindings/tensor.hpp"

namespace py = pybind11;

namespace trueness {
namespace {

struct Text {
    std::string_view utf8;
};
struct Plain {
    std::string_view digits;
};
struct RowEnd {};
using Cell = std::variant<double, long long, Text, Plain, RowEnd>;

// What the cells of Python objects come to, so that it can be made into text without the GIL. Texts
// lie in the objects, which must stay, or in `made`.
struct Cells {
    std::vector<Cell> cells;
    std::deque<std::string> made;
};

std::string_view utf8_of(const py::handle& text, std::deque<std::string>& made) {
    Py_ssize_t size = 0;
    if (const char* const utf8 = PyUnicode_AsUTF8AndSize(text.ptr(), &size)) {
        return {utf8, static_cast<std::size_t>(size)};
    }
    // The name of a file that is not UTF-8.
    PyErr_Clear();
    PyObject* const bytes = PyUnicode_AsEncodedString(text.ptr(), "utf-8", "backslashreplace");
    if (bytes == nullptr) throw py::error_already_set();
    return made.emplace_back(py::reinterpret_steal<py::bytes>(bytes));
}

Cell cell_of(const py::handle& cell, std::deque<std::string>& made) {
    if (PyFloat_Check(cell.ptr())) return PyFloat_AS_DOUBLE(cell.ptr());
    if (PyUnicode_Check(cell.ptr())) return Text{utf8_of(cell, made)};
    int overflow = 0;
    const long long value = PyLong_AsLongLongAndOverflow(cell.ptr(), &overflow);
    if (overflow != 0) return Plain{made.emplace_back(py::str(cell))};
    if (value == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
    return value;
}

struct Append {
    std::string& lines;

    // NaN stands for a value that is not there.
    void operator()(double number) const {
        std::array<char, 32> buffer;
        if (!std::isnan(number)) lines += float_text(number, buffer);
        lines += ',';
    }
    void operator()(long long number) const {
        std::array<char, 32> buffer;
        lines.append(buffer.data(), std::to_chars(buffer.begin(), buffer.end(), number).ptr);
        lines += ',';
    }
    void operator()(const Text& text) const {
        append_csv_cell(lines, text.utf8);
        lines += ',';
    }
    void operator()(const Plain& plain) const {
        lines += plain.digits;
        lines += ',';
    }
    void operator()(RowEnd) const {
        if (lines.empty() || lines.back() != ',') lines += ',';
        lines.back() = '\n';
    }
};

py::bytes csv_lines(const py::list& rows) {
    Cells found;
    // Copies, since another thread could change the lists meanwhile.
    std::vector<py::tuple> held;
    for (const py::handle row : rows) {
        held.push_back(py::tuple(py::reinterpret_borrow<py::list>(row)));
        for (const py::handle cell : held.back()) {
            found.cells.push_back(cell_of(cell, found.made));
        }
        found.cells.emplace_back(RowEnd{});
    }
    std::string lines;
    {
        const py::gil_scoped_release nogil;
        lines.reserve(1024 * held.size());
        for (const Cell& cell : found.cells) std::visit(Append{lines}, cell);
    }
    return lines;
}

}  // namespace

void bind_csv(py::module_& module) {
    module.def("csv_lines", &csv_lines, py::arg("rows"), py::pos_only());
}

}  // namespace trueness
