#pragma once

#include <string>
#include <string_view>

namespace trueness {

// Appends a cell as it stands in a CSV file. `text` is UTF-8, or any bytes that agree with ASCII.
void append_csv_cell(std::string& line, std::string_view text);

}  // namespace trueness
