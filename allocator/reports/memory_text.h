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
// Returns how many of them each part of the report has, without making them. A kernel reads the figures of a part as it
// prints it: the header, the machine, each node, each zone, the blocks of each zone, huge pages, page cache, swap, the
// pages of the machine. Which parts there are, and their lines, depends on the kernel and on its nodes and zones alone.
std::vector<std::size_t> memory_parts(const MemoryFigures& memory);
// Returns how many lines all parts have.
std::size_t count_memory_lines(const MemoryFigures& memory);

// Returns the lines about one node, and about one zone: its counters, what it keeps back, and its free blocks.
std::string node_line(const MemoryFigures& memory, const NodeFigures& node);
std::string zone_line(const MemoryFigures& memory, const ZoneFigures& zone);
std::string reserve_line(const ZoneFigures& zone);
std::string blocks_line(const MemoryFigures& memory, const ZoneFigures& zone);

}  // namespace cma
