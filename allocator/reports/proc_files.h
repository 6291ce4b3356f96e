// The text of /proc/meminfo and /proc/vmstat, made of the figures of a report. Lines of what no machine counts are left
// out: slab, stacks and page tables, commitments, vmalloc, NUMA, workingset, and all events but those of areas.
//
// Used by MemoryReports::read(). O(zones).
//
// Kernel: meminfo_proc_show in fs/proc/meminfo.c, si_mem_available in mm/page_alloc.c (since 6.5 mm/show_mem.c),
// hugetlb_report_meminfo in mm/hugetlb.c; vmstat_text in mm/vmstat.c.
#pragma once

#include <string>

#include "allocator/reports/figures.h"

namespace cma {

std::string meminfo(const MemoryFigures& memory);
std::string vmstat(const MemoryFigures& memory);

}  // namespace cma
