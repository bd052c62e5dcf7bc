// fuzz_replay MUTANTS PATH...: every file of the folders as it is, and MUTANTS damaged copies of
// each, the same ones at every run.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

// A mutant of a larger file would spend its time on payload.
constexpr std::size_t kLargest = 1U << 16U;
constexpr std::size_t kHeader = 1024;

Bytes load(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Headers are at the beginning in every format, so that is where most of the damage is done.
Bytes damaged(const Bytes& whole, std::minstd_rand& random) {
    Bytes bytes = whole;
    const auto below = [&](std::size_t limit) {
        return random() % std::max<std::size_t>(limit, 1);
    };
    if (random() % 4 == 0) bytes.resize(below(bytes.size()));
    for (std::size_t left = 1 + below(3); left > 0 && !bytes.empty(); --left) {
        const std::size_t at = below(std::min(bytes.size(), kHeader));
        const auto value = static_cast<std::uint8_t>(random());
        const bool flip = random() % 2 == 0;
        bytes[at] = flip ? static_cast<std::uint8_t>(bytes[at] ^ 1U << value % 8) : value;
    }
    return bytes;
}

// A copy of its own size, so that a read past its end is a read past an allocation.
void run(const Bytes& bytes) {
    const Bytes exact(bytes.begin(), bytes.end());
    LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

}  // namespace

int main(int argc, char** argv) {
    const int mutants = argc > 1 ? std::atoi(argv[1]) : 0;
    std::vector<std::filesystem::path> paths;
    for (int i = 2; i < argc; ++i) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
            if (entry.is_regular_file()) paths.push_back(entry.path());
        }
    }
    std::sort(paths.begin(), paths.end());
    std::minstd_rand random(1);
    for (const auto& path : paths) {
        const Bytes bytes = load(path);
        run(bytes);
        for (int i = 0; i < mutants && bytes.size() <= kLargest; ++i) run(damaged(bytes, random));
    }
    std::printf("%zu files, %d mutants each\n", paths.size(), mutants);
    return paths.empty() ? 1 : 0;
}
