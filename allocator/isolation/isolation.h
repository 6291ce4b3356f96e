// Pageblock isolation (mm/page_isolation.c): takes the free pages of whole pageblocks away from the allocator, tests
// that a range is free, and gives the pageblocks back.
//
// In use:
//   start_isolate_page_range()  its free blocks go to lists that serve no request; what is freed there later joins them
//   the caller                  drains the per-CPU lists, which may hold pages freed before, and moves what is in use
//   test_pages_isolated()       if all of it is free, the caller may take its blocks
//   undo_isolate_page_range()   whatever came of that; not after a start that failed
//
// What releases do differently:
// - The range. Up to 5.18 whole pageblocks (callers pass whole largest blocks). Since 5.19 any: both ends are rounded
//   outwards to pageblocks first. The pageblocks there are isolated before the others, and free blocks that cross a
//   rounded end are split there.
// - Per-CPU lists. Up to 5.10 start drains those of the zone after each pageblock; since 5.11 the caller does once.
// - Pages in the way. Up to 4.14 a Movable pageblock is not searched for them. Up to 5.5 the search of a pageblock that
//   begins with a hole goes on into the next, by as many frames as the hole has.
// - Borders. Since 6.10 a pageblock that a border of zones or the end of memory cuts is refused.
// - Undo. Up to 5.6 a free block that may merge when its pageblock is given back is on no list for a moment; since 5.7
//   it merges under one hold of zone->lock.
//
// All this holds of a machine without bugs; base/bug.h has those that change isolation.
//
// Cost: O(pages of all the pageblocks), and to give a pageblock back also O(pageblocks that are isolated), whose record
// is searched for it: quadratic in a range's pageblocks.
//
// Locks: callers hold no spinlock. start_isolate_page_range() and undo_isolate_page_range() take and drop zone->lock
// for each pageblock, with points between: callers may not rely on two pageblocks changing together.
// test_pages_isolated() takes zone->lock once at most, and passes no point.
#pragma once

#include <memory>

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

  // Isolates the pageblocks of [start, end) for a request that will give them back as `type`. Requires: start < end,
  // inside the memory map; up to 5.18 both aligned to pageblocks (since 5.19 rounded outwards). Returns 0, or -EBUSY if
  // a pageblock
  //   - holds a page that cannot move now: a reserved one, or one in use that is neither on the LRU nor of the hugetlb
  //     pool nor of a driver that moves it. For type CMA an area's pageblock is not searched;
  //   - lies at a rounded end that a driver's compound page crosses (since 5.19);
  //   - is isolated already;
  //   - is an area's while `type` is not CMA;
  //   - is cut by a border of zones or the end of memory (since 6.10).
  // Then this call has given back, as `type`, what it had isolated: the types of before are lost.
  Task<int> start_isolate_page_range(Pfn start, Pfn end, Migratetype type);
  // Gives every isolated pageblock of the range back as `type`, other callers' too. Both ends are rounded outwards in
  // every release. Requires: start < end, inside the memory map.
  Task<void> undo_isolate_page_range(Pfn start, Pfn end, Migratetype type);
  // Returns 0 if free blocks cover [start, end) and the pageblocks looked at are isolated; else -EBUSY, also if `start`
  // lies inside a free block. Looks at the pageblocks of start, start + pageblock_pages() and so on up to `end`: of a
  // range that is not aligned the last may not be among them. Requires: start < end, inside the memory map.
  int test_pages_isolated(Pfn start, Pfn end);

  // Returns the record of the actors that have isolated pageblocks and not given them back.
  const Isolators& isolators() const { return isolators_; }
  // Takes over the record of `other`, a machine of the same geometry.
  void copy_from(const Isolation& other) { isolators_ = other.isolators_; }

 private:
  Core core_;
  Isolators isolators_;
  std::unique_ptr<IsolationSteps> steps_;
};

}  // namespace cma
