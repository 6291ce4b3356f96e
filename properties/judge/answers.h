// The state and the events of a machine in the words of the driver's language (properties/judge/kernel/README.md): the
// lines that a real kernel would answer. Used to compare model and kernel, live or recorded. A dump is linear in the
// size of the area.
#pragma once

#include <string>
#include <vector>

#include "allocator/machine.h"

namespace cma::judge {

// Returns an area as four lines: bm (bitmap, runs of hex digits), mt (pageblock types), bd (free blocks), pg (pages in
// use), and with `lists` further lines fl, one a free list that has blocks of the area, in list order.
std::vector<std::string> dump_area(const Machine& machine, AreaId area, bool lists);

// Which tracepoints are reported: 0 none, 1 failing tests, 2 all tests, migrations and allocations too, 3 scans too.
enum class EventLevel : int { none, failures, steps, scans };

// Returns the line for a record, without its two leading blanks; empty if it is not reported. `raw` asks for the
// kernel's own text, `log` for log lines.
std::string event_line(const Machine& machine, const Record& record, EventLevel level, bool raw, bool log);

// Returns "w+148" for a page of an area, "other" for any other page.
std::string place_of(const Machine& machine, Pfn pfn);
// Return the driver's answers to its operations of these names.
std::string free_cma_line(const Machine& machine);     // "cmaf free=3948 isolblk=0"
std::string pcp_line(const Machine& machine);          // "pcp high=90 batch=15 cma_pages_on_it=3", of CPU 0
std::string lru_line(const Machine& machine);          // "lru inactive_anon=1 active_anon=0 ..."
std::string unevictable_line(const Machine& machine);  // "unev pages=1 mlocked=1"
// Returns where an owned page is now, with the counts that the driver reports for its kind; "none" if it is nowhere.
std::string owner_line(const Machine& machine, OwnerId id);
// Returns the event of a driver that is asked to move its page:
// "ev try w+100 w=IICCCCCC cmafree=3072 isolblk=2 refuse".
std::string move_line(const Machine& machine, Pfn pfn, int error);

}  // namespace cma::judge
