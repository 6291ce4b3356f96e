// The search for pages that keep a pageblock from being isolated (has_unmovable_pages of mm/page_isolation.c): pages in
// use that cannot be moved away. Isolation uses it. Cost: O(pages); a free block is one step.
//
// Requires: zone->lock is held; nothing here stops at a point.
#pragma once

#include "allocator/frames/core.h"

namespace cma {

class UnmovablePages {
 public:
  explicit UnmovablePages(const Core& core) : release_(core.geometry.release), core_(core) {}

  // Both return whether something keeps the pageblock from being isolated for a request that gives it back as `type`,
  // and report what does to the watcher of windows. They look at the pageblock's type first: an area's fits a request
  // of type CMA, and no page of it is looked at; it does not fit any other (with Bug::area_given_away it may).

  // Searches a pageblock's number of frames from `pfn` on. Up to 4.14 the pageblocks of movable pages and of areas are
  // not searched.
  bool in_block_v3_5(Pfn pfn, Migratetype type) const;
  // Searches [start, end). Requires: the range lies in one pageblock.
  bool in_range_v5_6(Pfn start, Pfn end, Migratetype type) const;

 private:
  bool refused_as_area(Pfn pfn, Migratetype type) const;
  Pfn past_movable(Pfn pfn) const;
  Pfn past_compound(Pfn pfn) const;
  Pfn unmovable(Pfn pfn) const;

  Release release_;
  Core core_;
};

}  // namespace cma
