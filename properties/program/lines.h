// Text as lines. Used where a text of several lines is printed inside another.
#pragma once

#include <string>
#include <string_view>

namespace cma {

// Returns the text with the prefix before each of its lines, and each line ended.
std::string prefixed_lines(std::string_view text, std::string_view prefix);

}  // namespace cma
