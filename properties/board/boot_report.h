// What a boot reserved where, as text for people: a table, a picture of memory, the kernel's lines, and why not.
//
// `cmacheck boot` prints it. Cost: for output only, and that of why_not.h. No locks; it stands on why_not.h.
#pragma once

#include <string>
#include <vector>

#include "properties/board/board.h"
#include "properties/board/why_not.h"

namespace cma {

// Returns the whole report. Requires: `answers` explain this run.
std::string boot_report(const BoardRun& run, const std::vector<WhyNot>& answers);

}  // namespace cma
