// Why boot did not reserve what was asked for, or not safely, and what would make it fit.
//
// `cmacheck boot` prints it. Each remedy is tried (trials.h). Cost: that of a boot for each remedy, a dozen at most for
// each failure. No locks; it stands on losses.h, dangers.h and trials.h.
#pragma once

#include <string>
#include <vector>

#include "properties/board/board.h"

namespace cma {

struct WhyNot {
  std::string what;                   // "linux,cma" or "default area"
  std::string brief;                  // the rule that refused it, or why it is not safe
  std::vector<std::string> evidence;  // the places that were considered, and what was in the way of each
  std::vector<std::string> remedies;  // "with alloc-ranges left out: at [0x3c000000, 0x40000000)"
  bool unsafe = false;                // it exists, and the kernel corrupts memory by it
};

// Explains all that was asked for and does not exist after the boot, in the order in which boot came to it: nodes,
// regions, areas, their activation. What is not safe comes last.
std::vector<WhyNot> explain_boot(const BoardRun& run);

}  // namespace cma
