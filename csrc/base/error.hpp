#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace trueness {

// A file is not what its format promises. Carries where, for which tensor, and the two sides of
// the broken expectation, so that a user can open the file at that byte.
class FormatError : public std::runtime_error {
public:
    FormatError(std::string path, std::uint64_t offset, std::string tensor, std::string expected,
                std::string found);

    const std::string& path() const { return path_; }
    std::uint64_t offset() const { return offset_; }
    const std::string& tensor() const { return tensor_; }  // "" when the whole file is meant
    const std::string& expected() const { return expected_; }
    const std::string& found() const { return found_; }

private:
    std::string path_;
    std::uint64_t offset_;
    std::string tensor_;
    std::string expected_;
    std::string found_;
};

// The bytes of a tensor cannot be had any more: read error, or the file shrank while being read.
class ReadError : public std::runtime_error {
public:
    ReadError(std::string path, const std::string& what)
        : std::runtime_error(path + ": " + what), path_(std::move(path)), reason_(what) {}

    const std::string& path() const { return path_; }
    const std::string& reason() const { return reason_; }

private:
    std::string path_;
    std::string reason_;
};

}  // namespace trueness
