// Zone Movable as the command line asks for it: kernelcore= and movablecore=.
//
// Boards ask before their machine is made (properties/board/), as boot sizes zones before it activates areas. Cost:
// O(nodes^2 x ranges of memory). No locks; it stands on parameters.h and on the numbers of areas/.
//
// Sources: find_zone_movable_pfns_for_nodes, find_usable_zone_for_movable, adjust_zone_range_for_zone_movable and
// cmdline_parse_core of mm/page_alloc.c, since 6.4 of mm/mm_init.c, read at 6.1 and 6.12. That
// percentages came with 4.17 is recalled.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "allocator/base/geometry.h"

namespace cma {

// How much memory one of the parameters asks for: so many pages, or a part of all memory if that is not 0. A percentage
// leaves the pages of an earlier word as they are, and 0% is none.
struct CoreSize {
  std::uint64_t pages = 0;
  std::uint64_t percent = 0;
};

struct MovableParameters {
  CoreSize kernelcore;
  CoreSize movablecore;
};

// Reads both from a command line; of several the last counts. Words without a value ask for nothing, and neither does
// kernelcore=mirror since 4.6: no memory of a machine here is mirrored.
MovableParameters movable_parameters(std::string_view cmdline, const Geometry& geometry);

// Returns the zones of the machine, each node's with zone Movable at its end. What the kernel may keep is shared by the
// nodes as evenly as they have memory; zones below the highest one count as the kernel's and are never Movable. Returns
// the zones as they are if nothing is asked for, or the kernel needs all memory. Requires: the machine has no such zone
// yet, and the zones of a node are neighbours.
std::vector<ZoneSpec> zones_with_movable(const Geometry& geometry, const MovableParameters& asked);

}  // namespace cma
