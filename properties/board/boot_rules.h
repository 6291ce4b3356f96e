// What holds of every boot, whatever its tree, command line and memory: what the kernel places lies in memory and
// overlaps nothing, tables keep to their limits, and the lines agree with what became of areas and regions.
//
// The fuzz target of boots and tests ask it. It judges a boot by its results and lines only: it places nothing itself.
// Cost: O(n^2) in regions and areas, and linear in the lines. No locks; it stands on board.h.
#pragma once

#include <string>
#include <vector>

#include "properties/board/board.h"

namespace cma {

// Returns the first rule that the boot broke, "RULE: what was found"; empty if it broke none. Rules are
//   table     there are no more areas and regions than their tables have room for
//   place     what the kernel placed lies in memory, below its limit, in whole units if it is an area
//   overlap   what the kernel placed overlaps nothing that was reserved before it
//   default   the default area is the one that the command line, the configuration or a node asked for
//   lines     as many areas, regions and failures are printed as there are, each area where it lies
std::string broken_rule(const BoardRun& run);
// The same, of these lines instead of those of the boot.
std::string broken_rule(const BoardRun& run, const std::vector<std::string>& lines);

// Returns the lines of the kernel's log.
std::vector<std::string> log_of(const BoardRun& run);

}  // namespace cma
