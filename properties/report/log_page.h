// The page about a kernel's log: the short answer, where the windows of each request lie as a picture, the evidence,
// and what to look at next. One HTML file, as the other pages of this folder are.
//
// Used by `cmacheck explain --html`. Cost: for output only. Deterministic.
#pragma once

#include <string>

#include "properties/logs/answer.h"

namespace cma {

// Returns the page. `file` is what the page calls the log. It has nothing of the log that the answer has not.
std::string log_page(const logs::LogAnswer& answer, const std::string& file);

}  // namespace cma
