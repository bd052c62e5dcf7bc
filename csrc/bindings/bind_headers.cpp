#include <pybind11/stl.h>

#include <algorithm>
#include <atomic>
#include <compare>
#include <cstdint>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bindings/tensor.hpp"
#include "metrics/compare.hpp"

namespace py = pybind11;

namespace trueness {
namespace {

// Fewer files are read before another thread has begun.
constexpr std::size_t kFilesAThread = 32;

struct TensorHeader {
    std::string io;
    std::uint32_t index;
    std::string dtype;
    std::vector<std::uint64_t> shape;
    std::string name;

    auto operator<=>(const TensorHeader&) const = default;
};

struct Header {
    std::string kind;
    std::vector<TensorHeader> tensors;

    auto operator<=>(const Header&) const = default;
};

std::optional<Header> read_header(const std::string& path) {
    try {
        FileInfo file = parse_file(open_source(path));
        Header header{std::move(file.kind), {}};
        for (TensorInfo& tensor : file.tensors) {
            header.tensors.push_back({std::move(tensor.io), tensor.index, std::move(tensor.dtype),
                                      std::move(tensor.view.walk.shape), std::move(tensor.name)});
        }
        return header;
    } catch (const std::exception&) {
        return std::nullopt;  // Whoever opens the file alone finds the same, and says it better.
    }
}

std::vector<std::optional<Header>> read_headers(
    const std::vector<std::optional<std::string>>& paths) {
    std::vector<std::optional<Header>> headers(paths.size());
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
        for (std::size_t i = next++; i < paths.size(); i = next++) {
            if (paths[i]) headers[i] = read_header(*paths[i]);
        }
    };
    const std::size_t threads =
        std::min<std::size_t>(default_threads(), paths.size() / kFilesAThread);
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work);
    work();
    others.clear();
    return headers;
}

py::tuple header_to_python(const Header& header) {
    py::tuple tensors(header.tensors.size());
    for (std::size_t i = 0; i < header.tensors.size(); ++i) {
        const TensorHeader& tensor = header.tensors[i];
        tensors[i] = py::make_tuple(interned(tensor.io), tensor.index, interned(tensor.dtype),
                                    to_tuple(tensor.shape), tensor.name);
    }
    return py::make_tuple(interned(header.kind), std::move(tensors));
}

py::list describe_files(const std::vector<py::object>& paths) {
    std::vector<std::optional<std::string>> names;
    for (const auto& path : paths) names.push_back(path_if_any(path));
    std::vector<std::optional<Header>> headers;
    {
        const py::gil_scoped_release nogil;
        headers = read_headers(names);
    }
    py::list out(headers.size());
    std::map<Header, py::tuple> made;
    for (std::size_t i = 0; i < headers.size(); ++i) {
        out[i] = py::none();
        if (!headers[i]) continue;
        auto found = made.find(*headers[i]);
        if (found == made.end()) {
            found = made.emplace(*headers[i], header_to_python(*headers[i])).first;
        }
        out[i] = found->second;
    }
    return out;
}

}  // namespace

void bind_headers(py::module_& module) {
    module.def("describe_files", &describe_files, py::arg("paths"));
}

}  // namespace trueness
