#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trueness {

// The dict of a .npy file: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }.
struct NpyHeader {
    std::string descr;
    bool fortran_order = false;
    std::vector<std::uint64_t> shape;
};

// Parses that one dict and no other Python. All three keys must be there, each once, in any order;
// blanks, line ends and a trailing comma are free, and integers may end in Python 2's L. `offset`
// is where `text` lies in the file. Throws FormatError; also for a structured dtype, which is a
// list instead of a string.
NpyHeader parse_npy_header(std::string_view text, const std::string& path, std::uint64_t offset);

}  // namespace trueness
