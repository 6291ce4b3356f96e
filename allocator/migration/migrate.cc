#include "allocator/migration/migrate_steps.h"

namespace cma {
namespace {

// Returns the steps of migrate_pages as the release takes them.
std::unique_ptr<MigrateSteps> steps_of(Release release, const MovingLayers& layers) {
  if (release >= Release::v6_3) return std::make_unique<MigrateV6_3>(layers);
  if (release >= Release::v6_1) return std::make_unique<MigrateV6_1>(layers);
  return std::make_unique<MigrateV3_5>(layers);
}

}  // namespace

Migration::Migration(const Core& core, Buddy& buddy, Lru& lru, PageLocks& locks, Writebacks& writebacks)
    : core_(core),
      buddy_(buddy),
      lru_(lru),
      locks_(locks),
      steps_(steps_of(core.geometry.release, {core, buddy, lru, locks, writebacks})) {}

Migration::~Migration() = default;

void Migration::set_page_kinds(PageKinds& kinds) {
  kinds_ = &kinds;
  steps_->set_page_kinds(kinds);
}

void Migration::set_hugetlb_pages(HugetlbPages& pages) { steps_->set_hugetlb_pages(pages); }

Task<int> Migration::migrate_pages(Control& control) { return steps_->migrate_pages(control); }

Task<void> Migration::putback(Control& control) {
  while (!control.pages.empty()) {
    const Pfn pfn = core_.map.pfn(control.pages.pop_front(core_.map));
    if (core_.map.page(pfn).has(kPageHugetlb)) {
      co_await steps_->put_back_hugetlb(pfn);
      continue;
    }
    if (!core_.map.page(pfn).has(kPageIsolated)) lru_.lists().forget_isolated(pfn);
    co_await steps_->put_back_page(pfn);
  }
}

// Returns whether reclaim may drop the page. Anonymous and shared memory is swap-backed: without swap it must move.
// Pages of drivers and of the hugetlb pool are not reclaim's.
bool Migration::may_reclaim(const Page& page) {
  return !page.has(kPageSwapbacked | kPageDirty | kPageMovableOps | kPageIsolated | kPageUnevictable | kPageHugetlb);
}

// Drops one page that is on no list. Returns false if it is still in use.
Task<bool> Migration::reclaim_page(Pfn pfn) {
  core_.map.edit(pfn).flags &= ~kPageActive;
  co_await at(core_.engine, Point::reclaim_clean_page);
  if (!locks_.try_lock(pfn)) co_return false;
  const bool reclaimed = co_await kinds_->reclaim_clean(pfn);
  locks_.unlock(pfn);
  if (!reclaimed) co_return false;
  lru_.lists().forget_isolated(pfn);
  core_.map.edit(pfn).flags &= ~(kPageTaskList | kPageActive);
  co_await buddy_.free_unreferenced(pfn, 0);
  co_return true;
}

Task<void> Migration::reclaim_clean(Control& control) {
  PageList kept;
  for (Frame frame = control.pages.first; frame != kNil;) {
    const Page& page = core_.map.at(frame);
    const Frame next = page.next;
    if (may_reclaim(page)) {
      control.pages.remove(core_.map, frame);
      const bool reclaimed = co_await reclaim_page(core_.map.pfn(frame));
      if (reclaimed)
        --control.nr_pages;
      else
        kept.push_front(core_.map, frame);
    }
    frame = next;
  }
  // Kept pages come back in front, in the order shrink_page_list leaves them.
  while (!kept.empty()) control.pages.push_front(core_.map, kept.pop_back(core_.map));
}

}  // namespace cma
