#include "base/error.hpp"

#include <utility>

namespace trueness {
namespace {

std::string describe(const std::string& path, std::uint64_t offset, const std::string& tensor,
                     const std::string& expected, const std::string& found) {
    std::string text = path + ": byte " + std::to_string(offset);
    if (!tensor.empty()) text += ", " + tensor;
    return text + ": expected " + expected + ", found " + found;
}

}  // namespace

FormatError::FormatError(std::string path, std::uint64_t offset, std::string tensor,
                         std::string expected, std::string found)
    : std::runtime_error(describe(path, offset, tensor, expected, found)),
      path_(std::move(path)),
      offset_(offset),
      tensor_(std::move(tensor)),
      expected_(std::move(expected)),
      found_(std::move(found)) {}

}  // namespace trueness
