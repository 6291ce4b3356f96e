// Pageblock isolation (mm/page_isolation.c): takes the free pages of whole pageblocks away from the allocator, tests
// that a range is free, and gives the pageblocks back.
//
// Up to 5.18 callers pass whole largest blocks; only pageblock alignment is required. Since 5.19 a range consists of
// single pageblocks, and free blocks that cross one of its ends are split there. Cost: O(pages of all the pageblocks),
// and to give a pageblock back also O(pageblocks that are isolated), whose record is searched for it.
//
// Locks: callers hold no spinlock. start_isolate_page_range() and undo_isolate_page_range() take and drop zone->lock
// for each pageblock, with points between: callers may not rely on two pageblocks changing together. Up to 5.10 start
// also drains (PerCpuLists). test_pages_isolated() takes zone->lock once at most, and passes no point.
#pragma once

#include <memory>
#include <vector>

#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"
#include "allocator/isolation/isolators.h"

namespace cma {

class IsolationSteps;

class Isolation {
 public:
  // Refers to `buddy`, which outlives it.
  Isolation(const Core& core, Buddy& buddy);
  ~Isolation();
  Isolation(const Isolation&) = delete;
  Isolation& operator=(const Isolation&) = delete;

  // Isolates the pageblocks of [start, end) for a request that will give them back as `type`.
  // Requires: start < end, inside the memory map; up to 5.18 both aligned to pageblocks (since 5.19 rounded outwards).
  // Returns 0. Up to 5.10 the zone's per-CPU lists have been drained after each pageblock; since 5.11 the caller drains
  // them before it tests the range.
  // Returns -EBUSY if a pageblock
  //   - holds a page that cannot move now: a reserved one, or one in use that is neither on the LRU nor of the hugetlb
  //     pool nor of a driver that moves it. Not searched: an area's pageblock for type CMA; up to 4.14 a Movable one.
  //     Up to 5.5 the search of one that begins with a hole goes on into the next, by as many frames as the hole has;
  //   - lies at an end of the range that a driver's compound page crosses (since 5.19);
  //   - is isolated already (with Bug::two_isolators, up to 4.16, that is no reason);
  //   - is an area's while `type` is not CMA (with Bug::area_given_away, up to 5.0, that is no reason);
  //   - is cut by a border of zones or the end of memory (since 6.10).
  // Then this call has undone what it had isolated (with Bug::undo_skips_hole, 4.13 to 5.15, not the pageblocks that
  // begin with a hole).
  Task<int> start_isolate_page_range(Pfn start, Pfn end, Migratetype type);
  // Gives every isolated pageblock of the range back as `type`, other callers' too. Both ends are rounded outwards in
  // every release. Requires: start < end, inside the memory map.
  Task<void> undo_isolate_page_range(Pfn start, Pfn end, Migratetype type);
  // Returns 0 if free blocks cover [start, end) and the pageblocks looked at are isolated; else -EBUSY, also if `start`
  // lies inside a free block. Looks at the pageblocks of start, start + pageblock_pages() and so on up to `end`: of a
  // range that is not aligned the last may not be among them. Requires: start < end, inside the memory map.
  int test_pages_isolated(Pfn start, Pfn end);

  // --- the record of isolators ---
  using Held = Isolators::Held;
  // Returns a record for each pageblock that an actor has isolated and not given back itself, oldest first.
  const std::vector<Held>& held() const { return isolators_.held(); }
  // Returns the actor that has isolated this frame's pageblock, the first if there are two; kNoActor if there is none.
  ActorId isolator(Pfn pfn) const { return isolators_.of(core_.map.pageblock_start(pfn)); }
  // Takes over the record of `other`, a machine of the same geometry.
  void copy_from(const Isolation& other) { isolators_ = other.isolators_; }

 private:
  Core core_;
  Isolators isolators_;
  std::unique_ptr<IsolationSteps> steps_;
};

}  // namespace cma
