#include <pybind11/pybind11.h>

#include "bindings/tensor.hpp"

PYBIND11_MODULE(_core, module, pybind11::mod_gil_not_used()) {
    trueness::bind_errors();
    trueness::bind_tensor(module);
    trueness::bind_files(module);
    trueness::bind_headers(module);
    trueness::bind_metrics(module);
    trueness::bind_pairs(module);
    trueness::bind_csv(module);
}
