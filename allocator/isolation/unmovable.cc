#include "allocator/isolation/unmovable.h"

namespace cma {

// Returns whether the pageblock is an area's and the request is not for an area. Up to 5.0 this was not asked.
bool UnmovablePages::refused_as_area(Pfn pfn, Migratetype type) const {
  if (type == Migratetype::cma || core_.map.pageblock_type(pfn) != Migratetype::cma) return false;
  if (core_.bugs.fires(Bug::area_given_away)) return false;
  core_.trace.page_refused(pfn, Refusal::area_block);
  return true;
}

// Reports to the watcher that the page makes its pageblock unfit; returns kNoPfn.
Pfn UnmovablePages::unmovable(Pfn pfn) const {
  core_.trace.page_refused(pfn, Refusal::unmovable);
  return kNoPfn;
}

// Returns the last frame that a search for unmovable pages may step over from `pfn` on: the end of a free block, or
// `pfn` itself if it can be moved. Returns kNoPfn if it is in use and cannot be moved.
Pfn UnmovablePages::past_movable(Pfn pfn) const {
  const Page& page = core_.map.page(pfn);
  if (page.has(kPageReserved)) return unmovable(pfn);
  if (page.ref == 0) return page.has(kPageBuddy) ? pfn + order_pages(page.order) - 1 : pfn;
  return page.has(kPageMovableOps | kPageLru) ? pfn : unmovable(pfn);
}

// Returns the last page of the compound page that holds `pfn` if it can be moved, as a huge page can; kNoPfn if not, as
// a driver's. Any page of it stands for the rest.
Pfn UnmovablePages::past_compound(Pfn pfn) const {
  const Pfn head = core_.map.compound_head(pfn);
  const Page& page = core_.map.page(head);
  return page.has(kPageMovableOps | kPageLru | kPageHugetlb) ? head + pages_of(page) - 1 : unmovable(pfn);
}

// Up to 4.14 the type of a pageblock of movable pages, or of an area, is trusted: its pages are not looked at.
bool UnmovablePages::in_block_v3_5(Pfn pfn, Migratetype type) const {
  if (refused_as_area(pfn, type)) return true;
  const Migratetype block = core_.map.pageblock_type(pfn);
  if (type == Migratetype::cma && block == Migratetype::cma) return false;
  const bool trusts_type = release_ < Release::v4_15;
  if (trusts_type && (block == Migratetype::movable || block == Migratetype::cma)) return false;
  const Pfn end = pfn + core_.map.pageblock_pages();
  for (Pfn p = pfn; p < end; ++p) {
    core_.engine.turn();
    if (!core_.map.present(p)) continue;
    const Page& page = core_.map.page(p);
    p = page.has(kPageHugetlb) ? p + pages_of(page) - 1 : past_movable(p);
    if (p == kNoPfn) return true;
  }
  return false;
}

bool UnmovablePages::in_range_v5_6(Pfn start, Pfn end, Migratetype type) const {
  if (refused_as_area(start, type)) return true;
  if (core_.map.pageblock_type(start) == Migratetype::cma) return false;
  for (Pfn p = start; p < end; ++p) {
    core_.engine.turn();
    if (!core_.map.present(p)) continue;
    p = core_.map.page(p).has(kPageHead | kPageTail) ? past_compound(p) : past_movable(p);
    if (p == kNoPfn) return true;
  }
  return false;
}

}  // namespace cma
