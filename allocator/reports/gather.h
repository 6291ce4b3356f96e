// Reads the figures of a report off a machine: the counters of the zones as they stand, all others by a walk over its
// pages and owners.
//
// Used by reports.h and by the files of /proc. Slabs, page tables and stacks are pages that
// a program calls so (KernelUse); the model's own processes have none. There is no swap: its figures are 0. Up to 4.11
// no report calls a node or zone unreclaimable: the model does not count what those kernels go by. O(pages + owners).
//
// Locks: none are needed, as nothing can run during the walk.
#pragma once

#include "allocator/areas/areas.h"
#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"
#include "allocator/lru/lru_lists.h"
#include "allocator/owners/hugetlb.h"
#include "allocator/owners/owners.h"
#include "allocator/reclaim/lruvecs.h"
#include "allocator/reports/figures.h"

namespace cma {

// The layers that have something to count. None is owned.
struct FigureSources {
  const Core& core;
  const Buddy& buddy;
  const LruLists& lru;
  const HugetlbPool& hugetlb;
  const Owners& owners;
  const Areas& areas;
  const LruVecs& lruvecs;
};

// Returns all figures, with every zone that has memory.
MemoryFigures gather_figures(const FigureSources& from);
// Returns those of the report on a request: since 6.1 without the zones that it could not have had.
MemoryFigures gather_figures_for(const FigureSources& from, Gfp gfp);
// Returns the kernel, the nodes and the zones of that report, without a figure. O(zones).
MemoryFigures outline_figures_for(const FigureSources& from, Gfp gfp);

}  // namespace cma
