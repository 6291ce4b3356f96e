// Text that stands in HTML, SVG and attributes. Used by the pages of this folder. Cost: a copy.
#pragma once

#include <string>
#include <string_view>

namespace cma {

// Returns the text with what has a meaning in HTML replaced. Control characters become U+FFFD, as neither form may hold
// one of them.
std::string escaped(std::string_view text);

}  // namespace cma
