// The test device behind `at=`: gets hold of one chosen frame, whatever is there, if it can be moved. Used by
// operations that put pages where a program wants them. Costs a contiguous allocation.
#pragma once

#include "allocator/machine.h"

namespace cma {

// Whether the kernel's callers may ask for these pages at once: frames that exist, in one zone together with the units
// that are isolated for them.
bool contig_may_be_asked(const Machine& machine, Pfn first, std::uint64_t pages);
// 0 and the frame has one reference and is on no list; -EINVAL where no frame can be had; or what alloc_contig_range
// answers.
Task<int> take_frame(Machine& machine, Pfn pfn);
// The same for a huge page: 0 and the frames from `head` on are a compound page with one reference. -EINVAL if it is
// not aligned, -EBUSY if somebody took a reference of one of them meanwhile.
Task<int> take_huge_frame(Machine& machine, Pfn head);

}  // namespace cma
