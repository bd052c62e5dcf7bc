#include <pybind11/gil_safe_call_once.h>
#include <pybind11/stl.h>

#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "bindings/tensor.hpp"
#include "metrics/compare.hpp"
#include "metrics/dispatch.hpp"
#include "metrics/finish.hpp"
#include "metrics/merge.hpp"

namespace py = pybind11;

namespace trueness {
namespace {

// Version of Sums in a pickle: another layout must not be read as this one.
constexpr std::uint64_t kSumsVersion = 2;

py::bytes pack(const Sums& sums) {
    char bytes[sizeof kSumsVersion + sizeof sums];
    std::memcpy(bytes, &kSumsVersion, sizeof kSumsVersion);
    std::memcpy(bytes + sizeof kSumsVersion, &sums, sizeof sums);
    return {bytes, sizeof bytes};
}

Sums unpack(const py::bytes& state) {
    const std::string bytes = state;
    std::uint64_t version = 0;
    Sums sums{};
    if (bytes.size() == sizeof version + sizeof sums) {
        std::memcpy(&version, bytes.data(), sizeof version);
    }
    if (version != kSumsVersion) {
        throw py::value_error("these sums were pickled by another version of trueness");
    }
    std::memcpy(&sums, bytes.data() + sizeof version, sizeof sums);
    return sums;
}

// Made once: a dict of metrics is built for every pair of a run.
const py::tuple& metric_names() {
    PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<py::tuple> storage;
    return storage
        .call_once_and_store_result([] {
            py::tuple names(kMetrics.size());
            for (std::size_t i = 0; i < kMetrics.size(); ++i) {
                PyObject* name = PyUnicode_FromStringAndSize(
                    kMetrics[i].name.data(), static_cast<Py_ssize_t>(kMetrics[i].name.size()));
                if (name == nullptr) throw py::error_already_set();
                PyUnicode_InternInPlace(&name);
                names[i] = py::reinterpret_steal<py::str>(name);
            }
            return names;
        })
        .get_stored();
}

py::dict finish_dict(const Sums& sums) {
    const MetricValues values = finish(sums);
    const py::tuple& names = metric_names();
    py::dict out;
    for (std::size_t i = 0; i < values.size(); ++i) out[names[i]] = values[i];
    return out;
}

py::bytes finish_packed(const Sums& sums) {
    const MetricValues values = finish(sums);
    return {reinterpret_cast<const char*>(values.data()), sizeof values};
}

Tolerances make_tolerances(const std::vector<std::pair<double, double>>& within, bool errors,
                           double small_value, double small_error, bool worst,
                           std::optional<std::uint64_t> ulp) {
    if (within.size() > kTolerancePairs) {
        throw py::value_error("more than " + std::to_string(kTolerancePairs) + " tolerances");
    }
    const auto checked = [](double x) {
        if (!(x >= 0)) throw py::value_error("a tolerance is a number of at least 0");
        return x;
    };
    Tolerances out{};
    out.pairs = within.size();
    for (std::size_t k = 0; k < within.size(); ++k) {
        out.atol[k] = checked(within[k].first);
        out.rtol[k] = checked(within[k].second);
    }
    out.errors = errors;
    out.small_value = checked(small_value);
    out.small_error = checked(small_error);
    out.worst = worst;
    out.ulp = ulp ? *ulp + 1 : 0;
    return out;
}

py::dict tolerances_dict(const Sums& sums) {
    const ToleranceValues values = finish_tolerances(sums);
    py::dict out;
    for (std::size_t k = 0; k < sums.tolerances.asked.pairs; ++k) {
        out[py::str("outside_ratio_" + std::to_string(k))] = values.outside_ratio[k];
    }
    out["mare"] = values.mare;
    out["mere"] = values.mere;
    out["normal_rmse"] = values.rmse;
    out["error_balance"] = values.error_balance;
    out["small_value_count"] = values.small_value_count;
    out["small_error_count"] = values.small_error_count;
    out["max_absolute_error"] = values.max_absolute;
    out["golden_at_max_absolute"] = values.golden_at_max;
    out["mean_ulp_error"] = values.mean_ulp;
    out["ulp_outside_ratio"] = values.ulp_outside_ratio;
    return out;
}

Sums compare_tensors(const Tensor& golden, const Tensor& my, unsigned threads, int metrics,
                     const Tolerances* tolerances) {
    const TensorView& golden_view = readable_view(golden);
    const TensorView& my_view = readable_view(my);
    const py::gil_scoped_release nogil;
    return compare(golden_view, my_view, static_cast<std::uint32_t>(metrics) & kAllGroups, threads,
                   tolerances);
}

py::dict metric_groups() {
    py::dict groups;
    for (std::size_t i = 0; i < kMetrics.size(); ++i) {
        groups[metric_names()[i]] = static_cast<int>(kMetrics[i].group);
    }
    return groups;
}

}  // namespace

void bind_metrics(py::module_& module) {
    py::class_<Tolerances>(module, "Tolerances", py::is_final())
        .def(py::init(&make_tolerances), py::arg("within") = py::tuple(), py::kw_only(),
             py::arg("errors") = false, py::arg("small_value") = 0.0, py::arg("small_error") = 0.0,
             py::arg("worst") = false, py::arg("ulp") = py::none());
    py::class_<Sums>(module, "Sums", py::is_final())
        .def_static("merge", &merge, py::arg("a"), py::arg("b"))
        .def("finish", &finish_dict)
        .def("finish_packed", &finish_packed)
        .def_property_readonly("ordinary", &ordinary)
        .def("tolerances", &tolerances_dict)
        .def("__eq__",
             [](const Sums& a, const py::object& other) {
                 return py::isinstance<Sums>(other) &&
                        std::memcmp(&a, &other.cast<const Sums&>(), sizeof a) == 0;
             })
        .def(py::pickle(&pack, &unpack));
    module.def("compare", &compare_tensors, py::arg("golden"), py::arg("my"), py::kw_only(),
               py::arg("threads") = 0, py::arg("metrics") = -1, py::arg("tolerances") = nullptr);
    module.attr("METRIC_NAMES") = metric_names();
    module.attr("METRIC_GROUPS") = metric_groups();
    module.def("isas", &runnable_isas);
    module.def("isa", &current_isa);
    module.def("use_isa", &use_isa, py::arg("name"));
    module.def("build_info", [] {
        py::dict facts;
        facts["compiler"] = __VERSION__;
        facts["isa"] = current_isa();
        facts["isas"] = runnable_isas();
        return facts;
    });
}

}  // namespace trueness
