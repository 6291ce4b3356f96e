// The test device of `at=`: takes a chosen frame, by moving what is there. Used by operations that put pages where a
// program wants them. Costs a contiguous allocation.
#pragma once

#include <optional>

#include "allocator/machine.h"

namespace cma {

// Returns the first isolation unit of the range that holds pageblocks of areas and others; nothing if there is none.
// Boot leaves such a unit up to 5.11, where it gives up an area at a pageblock that it cannot have. An isolation would
// give all pageblocks of the unit one type. Requires: the units lie in the memory.
std::optional<Pfn> divided_unit(const Machine& machine, Pfn first, std::uint64_t pages);
// Returns whether a caller of alloc_contig_range may ask for these pages: all of them exist, they lie in one zone
// together with the units that are isolated for them, and none of these is divided.
bool contig_may_be_asked(const Machine& machine, Pfn first, std::uint64_t pages);
// Takes a frame. On 0 it has one reference and is on no list. Fails with -EINVAL if no caller may ask for it, or with
// the error of alloc_contig_range.
Task<int> take_frame(Machine& machine, Pfn pfn);
// Takes the frames of a huge page. On 0 those from `head` on are a compound page with one reference. Fails with -EINVAL
// also if `head` is not aligned, with -EBUSY if one of the pages has got another reference meanwhile.
Task<int> take_huge_frame(Machine& machine, Pfn head);

}  // namespace cma
