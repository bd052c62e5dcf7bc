#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/error.hpp"
#include "base/tensor_view.hpp"
#include "formats/file.hpp"

// Visible from outside, so that no compiler drops the reads it is made of.
unsigned fuzz_checksum = 0;

namespace {

constexpr std::size_t kBlock = 4096;

// Touches every element, as a comparison would.
void read_all(const trueness::TensorView& view) {
    const trueness::ElementReader reader(view);
    std::vector<std::byte> scratch(trueness::packed_bytes(view.dtype, kBlock));
    const std::uint64_t count = view.count();
    for (std::uint64_t first = 0; first < count; first += kBlock) {
        const auto n = static_cast<std::size_t>(count - first < kBlock ? count - first : kBlock);
        const std::byte* const at = reader.elements(first, n, scratch.data());
        const std::uint64_t bytes = trueness::packed_bytes(view.dtype, n);
        for (std::uint64_t i = 0; i < bytes; ++i) fuzz_checksum += std::to_integer<unsigned>(at[i]);
    }
}

}  // namespace

// Any bytes may be refused by the two errors a reader is allowed; everything else is a finding.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace trueness;
    const auto* const bytes = reinterpret_cast<const std::byte*>(data);
    try {
        for (const TensorInfo& tensor :
             parse_file(memory_source("fuzz", bytes, size, nullptr)).tensors) {
            if (tensor.readable && tensor.dumped && tensor.view.dtype != DType::kRaw) {
                read_all(tensor.view);
            }
        }
    } catch (const FormatError&) {
    } catch (const ReadError&) {
    }
    return 0;
}
