// The text of a report of the memory, line by line as the log has them (show_mem): from "Mem-Info:" to the last line.
//
// Used by reports.h and by tests that have the figures of a report from the field. Byte for byte as the release prints
// it; README.md states what was read where. O(zones * orders).
//
// Kernel: show_free_areas in mm/page_alloc.c, since 6.5 mm/show_mem.c; show_mem in lib/show_mem.c.
#pragma once

#include <string>
#include <vector>

#include "allocator/reports/figures.h"

namespace cma {

// Returns the lines of the whole report.
std::vector<std::string> memory_lines(const MemoryFigures& memory);
// Returns how many there are, without making them.
std::size_t count_memory_lines(const MemoryFigures& memory);

// Returns the lines about one node, and about one zone: its counters, what it keeps back, and its free blocks.
std::string node_line(const MemoryFigures& memory, const NodeFigures& node);
std::string zone_line(const MemoryFigures& memory, const ZoneFigures& zone);
std::string reserve_line(const ZoneFigures& zone);
std::string blocks_line(const MemoryFigures& memory, const ZoneFigures& zone);

}  // namespace cma
