#include "formats/shape.hpp"

namespace trueness {

std::optional<std::uint64_t> countable(const std::vector<std::uint64_t>& shape,
                                       std::uint64_t element_size) {
    std::uint64_t bytes = element_size;
    bool empty = false;
    for (const std::uint64_t extent : shape) {
        empty = empty || extent == 0;
        if (extent > static_cast<std::uint64_t>(INT64_MAX) ||
            (extent != 0 && bytes > static_cast<std::uint64_t>(INT64_MAX) / extent)) {
            return std::nullopt;
        }
        if (extent != 0) bytes *= extent;
    }
    return empty ? 0 : bytes / element_size;
}

}  // namespace trueness
