// Dropping clean pages instead of moving them: reclaim_clean_pages_from_list of mm/vmscan.c.

#include "allocator/migration/migrate_steps.h"

namespace cma {
namespace {

// Returns whether reclaim may drop the page. Anonymous and shared memory is swap-backed: without swap it must move.
// Pages of drivers and of the hugetlb pool are not reclaim's.
bool may_drop(const Page& page) {
  return !page.has(kPageSwapbacked | kPageDirty | kPageMovableOps | kPageIsolated | kPageUnevictable | kPageHugetlb);
}

}  // namespace

// Drops one page that is on no list. Returns false if it is still in use.
Task<bool> MigrateSteps::try_to_drop(Pfn pfn) {
  core_.map.edit(pfn).flags &= ~kPageActive;
  co_await at(core_.engine, Point::reclaim_clean_page);
  if (!locks_.try_lock(pfn)) co_return false;
  const bool dropped = co_await kinds_.drop_clean_page(pfn);
  locks_.unlock(pfn);
  if (!dropped) co_return false;
  lru_.listed().let_go(pfn);
  core_.map.edit(pfn).flags &= ~kPageActive;
  co_await buddy_.free_unreferenced(pfn, 0);
  co_return true;
}

Task<void> MigrateSteps::reclaim_clean_pages(Control& control) {
  PageList kept;
  for (Frame frame = control.pages.first; frame != kNil;) {
    core_.engine.turn();
    const Page& page = core_.map.at(frame);
    const Frame next = page.next;
    if (may_drop(page)) {
      control.pages.remove(core_.map, frame);
      const bool dropped = co_await try_to_drop(core_.map.pfn(frame));
      if (dropped)
        --control.nr_pages;
      else
        kept.push_front(core_.map, frame);
    }
    frame = next;
  }
  // Kept pages come back in front, in the order shrink_page_list leaves them.
  while (!kept.empty()) {
    core_.engine.turn();
    control.pages.push_front(core_.map, kept.pop_back(core_.map));
  }
}

}  // namespace cma
