// The state and the events of a machine in the words of the judge's language (properties/judge/kernel/README.md): what
// a real kernel answers to `dump`, and the lines that come before an answer. Used to compare model and kernel, live or
// recorded. O(size of the area) a dump.
#pragma once

#include <string>
#include <vector>

#include "allocator/machine.h"

namespace cma::judge {

// One area as five lines: bm (bitmap, runs of hex digits), mt (pageblock types), bd (free blocks), pg (pages in use),
// and with `lists` fl (the order of each free list inside the area).
std::vector<std::string> dump_area(const Machine& machine, AreaId area, bool lists);

// How many tracepoints are wanted: 0 none, 1 failing tests, 2 also all tests, migrations and allocations, 3 also scans.
enum class EventLevel : int { none, failures, steps, scans };

// The line for a record, without its two leading spaces; empty if it is not wanted. `raw`: the kernel's own text.
std::string event_line(const Machine& machine, const Record& record, EventLevel level, bool raw, bool log);

// "w+148" for a page of an area, "other" elsewhere.
std::string place_of(const Machine& machine, Pfn pfn);
// "cmaf free=3948 isolblk=0", "pcp high= batch= cma_pages_on_it=" (CPU 0), "lru inactive_anon= ...": as the driver
// words them.
std::string free_cma_line(const Machine& machine);
std::string pcp_line(const Machine& machine);
std::string lru_line(const Machine& machine);
std::string unevictable_line(const Machine& machine);
// Where an owned page is now, and what its kind has to tell.
std::string owner_line(const Machine& machine, OwnerId id);
// "ev try w+100 w=IICCCCCC cmafree=3072 isolblk=2 refuse": a driver is asked to move its page.
std::string move_line(const Machine& machine, Pfn pfn, int error);

}  // namespace cma::judge
