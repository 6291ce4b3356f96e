// Memory that the kernel gives to two at once, or follows though there is none: it checks neither, prints nothing or a
// line that says something else, and crashes or corrupts data much later.
//
// why_not.h reports it. Cost: O(n^2) in areas and regions. No locks; it stands on holders.h.
//
// Sources: init_cma_reserved_pageblock of mm/page_alloc.c and cma_activate_area of mm/cma.c (an area's pages lose their
// reservation, whatever it was for), __reserved_mem_init_node of drivers/of/of_reserved_mem.c (memory that is given
// back), read at 6.1 and 6.12.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "properties/board/holders.h"

namespace cma {

struct Danger {
  std::string name;                   // of the area or region
  std::string what;                   // what is wrong
  std::vector<std::string> evidence;  // each culprit and its range
  std::optional<std::size_t> node;    // of the area or region
  std::optional<AreaId> area;
  std::vector<ByteRange> others;  // that it should keep away from
};

// Returns all dangers, areas first. Each two holders that share memory are named once, at the later one.
std::vector<Danger> dangers(const BoardRun& run);

}  // namespace cma
