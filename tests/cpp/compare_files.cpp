#include <cstddef>
#include <cstdio>
#include <exception>
#include <string_view>

#include "base/byte_source.hpp"
#include "base/error.hpp"
#include "formats/file.hpp"
#include "metrics/compare.hpp"
#include "metrics/finish.hpp"

namespace {

// The newest tensor of a file: the only one, except where dumps were appended.
trueness::TensorView open_tensor(const char* path) {
    const trueness::FileInfo file = trueness::parse_file(trueness::open_source(path));
    if (file.tensors.empty() || !file.tensors.back().readable) {
        throw trueness::ReadError(path, "has no readable tensor");
    }
    return file.tensors.back().view;
}

int compare_files(const char* golden, const char* my) {
    const trueness::TensorView views[] = {open_tensor(golden), open_tensor(my)};
    const trueness::Sums sums = trueness::compare(views[0], views[1], trueness::kAllGroups, 1);
    const trueness::MetricValues values = trueness::finish(sums);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::string_view name = trueness::kMetrics[i].name;
        std::printf("%.*s %.10g\n", static_cast<int>(name.size()), name.data(), values[i]);
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: compare_files GOLDEN MY\n");
        return 2;
    }
    try {
        return compare_files(argv[1], argv[2]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 2;
    }
}
