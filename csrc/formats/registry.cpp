#include "base/error.hpp"
#include "formats/file.hpp"

namespace trueness {

FileInfo parse_file(const std::shared_ptr<const ByteSource>& source) {
    return parse_file(source, ByteRange{0, source->size()});
}

FileInfo parse_file(const std::shared_ptr<const ByteSource>& source, ByteRange range) {
    throw FormatError(source->path(), range.offset, "", "content of a known format",
                      "no known format");
}

}  // namespace trueness
