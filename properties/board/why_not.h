// Why boot did not reserve what was asked for, and what would make it fit.
//
// `cmacheck boot` prints it. Each remedy is tried: the board boots again with that one change, and a remedy is named
// only if the region or area then exists. Cost: that of a boot for each remedy, a dozen at most for each failure. No
// locks; it stands on board.h.
#pragma once

#include <string>
#include <vector>

#include "properties/board/board.h"

namespace cma {

struct WhyNot {
  std::string what;                   // "linux,cma" or "default area"
  std::string brief;                  // the rule that refused it
  std::vector<std::string> evidence;  // the places that were considered, and what was in the way of each
  std::vector<std::string> remedies;  // "alloc-ranges left out: at [0x3c000000, 0x40000000)"
};

// Explains all that was asked for and does not exist after the boot, in the order in which boot came to it.
std::vector<WhyNot> explain_boot(const BoardRun& run);

// Returns "4 MiB", or KiB where it is no whole number of them.
std::string size_in_words(std::uint64_t bytes);
std::string range_in_words(const ByteRange& range);
// Returns what has a range of memory: areas, regions, reservations, or that there is no memory.
std::string holders_of(const BoardRun& run, const ByteRange& range);

}  // namespace cma
