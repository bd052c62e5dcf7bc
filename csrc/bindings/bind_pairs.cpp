#include <pybind11/stl.h>

#include <cstdint>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings/tensor.hpp"
#include "metrics/compare.hpp"

namespace py = pybind11;

namespace trueness {
namespace {

using Names = std::pair<std::string, std::string>;  // of golden and my

struct Question {
    std::uint32_t groups = 0;
    std::optional<Tolerances> tolerances;
};

using Questions = std::map<Names, Question>;  // by dtypes

struct Answer {
    Names dtypes;
    std::vector<std::uint64_t> shape;
    std::uint64_t nbytes = 0;
    Sums sums{};
};

bool is_plain(const FileInfo& file) {
    if (file.tensors.size() != 1) return false;
    const TensorInfo& tensor = file.tensors[0];
    return tensor.dumped && tensor.readable && tensor.problem.empty() &&
           tensor.view.source != nullptr && tensor.view.dtype != DType::kRaw;
}

std::optional<Answer> compare_plain(const Names& paths, const Questions& questions,
                                    std::uint64_t below) {
    const auto golden_source = open_source(paths.first);
    const auto my_source = open_source(paths.second);
    if (golden_source->size() >= below || my_source->size() >= below) return std::nullopt;
    const FileInfo golden_file = parse_file(golden_source), my_file = parse_file(my_source);
    if (!is_plain(golden_file) || !is_plain(my_file)) return std::nullopt;
    const TensorInfo &golden = golden_file.tensors[0], &my = my_file.tensors[0];
    const std::uint64_t nbytes = golden.view.nbytes + my.view.nbytes;
    const auto question = questions.find({golden.dtype, my.dtype});
    if (question == questions.end() || golden.view.walk.shape != my.view.walk.shape ||
        golden.view.count() == 0 || nbytes >= below) {
        return std::nullopt;
    }
    const auto& tolerances = question->second.tolerances;
    return Answer{{golden.dtype, my.dtype},
                  golden.view.walk.shape,
                  nbytes,
                  compare(golden.view, my.view, question->second.groups, 1,
                          tolerances ? &*tolerances : nullptr)};
}

std::optional<Answer> answer(const std::optional<Names>& paths, const Questions& questions,
                             std::uint64_t below) {
    if (!paths) return std::nullopt;
    try {
        return compare_plain(*paths, questions, below);
    } catch (const std::exception&) {
        // Whoever looks at the pair alone finds the same, and says it better.
        return std::nullopt;
    }
}

using PathPair = std::optional<std::pair<py::object, py::object>>;

std::optional<Names> names_from_python(const PathPair& paths) {
    if (!paths) return std::nullopt;
    auto golden = path_if_any(paths->first), my = path_if_any(paths->second);
    if (!golden || !my) return std::nullopt;
    return Names{std::move(*golden), std::move(*my)};
}

py::object to_python(std::optional<Answer>& answer) {
    if (!answer) return py::none();
    return py::make_tuple(interned(answer->dtypes.first), interned(answer->dtypes.second),
                          to_tuple(answer->shape), answer->nbytes, answer->sums);
}

py::list compare_files(const std::vector<PathPair>& paths,
                       const std::map<Names, std::pair<int, const Tolerances*>>& asked,
                       std::uint64_t below) {
    std::vector<std::optional<Names>> names;
    for (const auto& pair : paths) names.push_back(names_from_python(pair));
    Questions questions;
    for (const auto& [dtypes, question] : asked) {
        Question& made = questions[dtypes];
        made.groups = static_cast<std::uint32_t>(question.first) & kAllGroups;
        if (question.second != nullptr) made.tolerances = *question.second;
    }
    std::vector<std::optional<Answer>> answers;
    {
        const py::gil_scoped_release nogil;
        for (const auto& pair : names) answers.push_back(answer(pair, questions, below));
    }
    py::list out(answers.size());
    for (std::size_t i = 0; i < answers.size(); ++i) out[i] = to_python(answers[i]);
    return out;
}

}  // namespace

void bind_pairs(py::module_& module) {
    module.def("compare_files", &compare_files, py::arg("paths"), py::kw_only(), py::arg("asked"),
               py::arg("below"));
}

}  // namespace trueness
