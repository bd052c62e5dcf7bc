// Any bytes must parse to a file or fail with FormatError, and what a file calls readable must be
// readable within its bytes. With clang this is a libFuzzer target; with other compilers main()
// replays files, and mutated copies of them:
//     fuzz_parse [--mutations N] PATH...
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "base/byte_source.hpp"
#include "base/error.hpp"
#include "base/tensor_view.hpp"
#include "formats/file.hpp"

namespace {

using trueness::ByteSource;

// As a file that cannot be mapped: bytes can only be had by copying them.
class CopyingSource : public ByteSource {
public:
    CopyingSource(const std::byte* bytes, std::size_t size)
        : ByteSource("Opdebug.Node_OpDebug.1.2.3.4.5.0.0", size, nullptr), bytes_(bytes) {}

    void read(std::uint64_t offset, std::size_t count, std::byte* to) const override {
        if (offset > size() || count > size() - offset) std::abort();
        if (count > 0) std::memcpy(to, bytes_ + offset, count);
    }
    void check() const override {}

private:
    const std::byte* bytes_;
};

void read_some(const trueness::TensorView& view) {
    constexpr std::uint64_t kSome = 1024;
    check_bounds(view);
    const trueness::ElementReader reader(view);
    const std::uint64_t count = view.count();
    std::vector<std::byte> scratch(trueness::packed_bytes(view.dtype, kSome));
    for (const std::uint64_t first : {std::uint64_t{0}, (count - std::min(count, kSome)) / 8 * 8}) {
        const std::uint64_t n = std::min(count - first, kSome);
        const std::byte* const found = reader.elements(first, n, scratch.data());
        // Every byte is looked at, so that a sanitizer sees one that is not there.
        unsigned sum = 0;
        for (std::uint64_t i = 0; i < trueness::packed_bytes(view.dtype, n); ++i) {
            sum += std::to_integer<unsigned>(found[i]);
        }
        static volatile unsigned sink;
        sink = sink + sum;
    }
}

void parse(const std::shared_ptr<const ByteSource>& source) {
    try {
        for (const trueness::TensorInfo& tensor : parse_file(source).tensors) {
            if (tensor.view.offset > source->size() ||
                tensor.view.nbytes > source->size() - tensor.view.offset) {
                std::abort();
            }
            if (tensor.readable && tensor.dumped) read_some(tensor.view);
        }
    } catch (const trueness::FormatError&) {
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(data);
    parse(trueness::memory_source("Add.Add_2.1.2.3.4.5.0.0", bytes, size, nullptr));
    parse(std::make_shared<CopyingSource>(bytes, size));
    return 0;
}

#ifndef TRUENESS_LIBFUZZER
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

namespace {

using Bytes = std::vector<std::uint8_t>;

// A copy of exact size on the heap: a sanitizer then catches a read one past the end.
void run(const Bytes& bytes) {
    const auto copy = std::make_unique<std::uint8_t[]>(bytes.size());
    std::copy(bytes.begin(), bytes.end(), copy.get());
    LLVMFuzzerTestOneInput(copy.get(), bytes.size());
}

Bytes mutated(Bytes bytes, std::mt19937& random) {
    constexpr std::uint8_t kEdges[] = {0, 1, 2, 4, 8, 16, 32, 64, 0x7F, 0x80, 0xFE, 0xFF};
    for (unsigned changes = 1 + random() % 4; changes > 0 && !bytes.empty(); --changes) {
        // Headers are short and at the front: most changes go there.
        const std::size_t reach =
            random() % 4 == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 128);
        const std::size_t at = random() % reach;
        const auto offset = static_cast<std::ptrdiff_t>(at);
        switch (random() % 5) {
            case 0:
                bytes[at] = static_cast<std::uint8_t>(random());
                break;
            case 1:
                bytes[at] = kEdges[random() % std::size(kEdges)];
                break;
            case 2:
                bytes[at] ^= static_cast<std::uint8_t>(1U << random() % 8);
                break;
            case 3:
                bytes.erase(bytes.begin() + offset);
                break;
            default:
                bytes.insert(bytes.begin() + offset, kEdges[random() % std::size(kEdges)]);
        }
    }
    if (random() % 8 == 0) bytes.resize(random() % (bytes.size() + 1));
    return bytes;
}

void replay(const std::filesystem::path& path, unsigned mutations) {
    std::ifstream file(path, std::ios::binary);
    const Bytes bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    run(bytes);
    std::mt19937 random(static_cast<std::mt19937::result_type>(bytes.size()));
    for (unsigned i = 0; i < mutations; ++i) run(mutated(bytes, random));
}

}  // namespace

int main(int argc, char** argv) {
    unsigned mutations = 0;
    std::size_t files = 0;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument == "--mutations" && i + 1 < argc) {
            mutations = static_cast<unsigned>(std::stoul(argv[++i]));
        } else if (!std::filesystem::is_directory(argument)) {
            replay(argument, mutations);
            ++files;
        } else {
            for (const auto& entry : std::filesystem::recursive_directory_iterator(argument)) {
                if (!entry.is_regular_file()) continue;
                replay(entry.path(), mutations);
                ++files;
            }
        }
    }
    std::printf("%zu files, %u mutations of each: no crash\n", files, mutations);
    return files == 0 ? 2 : 0;
}
#endif
