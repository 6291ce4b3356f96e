// Moving huge pages of the hugetlb pool. A call of migrate_pages moves them before all others.

#include "allocator/base/error.h"
#include "allocator/migration/migrate_steps.h"

namespace cma {

// folio_putback_hugetlb: drops the list's reference, which frees the page if it was the last.
Task<void> MigrateSteps::put_back_hugetlb(Pfn pfn) {
  core_.map.edit(pfn).flags &= ~kPageTaskList;
  co_await lru_.references().put_page(pfn);
}

// The part of unmap_and_move_huge_page with both pages locked. Returns 0 or -EAGAIN.
Task<int> MigrateSteps::move_locked_hugetlb(Pfn pfn, Pfn target) {
  co_await at(core_.engine, Point::migrate_locked);
  const bool was_mapped = core_.map.page(pfn).map > 0;
  if (was_mapped) {
    co_await kinds_.unmap(pfn);
    co_await at(core_.engine, Point::migrate_unmapped);
  }
  int error = -kEAGAIN;
  if (core_.map.page(pfn).map == 0) error = co_await kinds_.move(pfn, target, MoveMode::sync);
  if (was_mapped) {
    const Pfn mapped_again = error == 0 ? target : pfn;
    co_await kinds_.remap(pfn, mapped_again);
  }
  if (error == 0) hugetlb_.moved(pfn, target);
  co_return error;
}

// unmap_and_move_huge_page: one attempt on one page. Returns 0, -EAGAIN, -ENOMEM, or a permanent error.
Task<int> MigrateSteps::try_to_move_hugetlb(PageList& from, PageList& failed, Pfn pfn, bool force) {
  const Frame frame = core_.map.frame(pfn);
  if (core_.map.page(pfn).ref == 1) {
    from.remove(core_.map, frame);
    co_await put_back_hugetlb(pfn);
    co_return 0;
  }
  const Pfn target = co_await hugetlb_.target();
  if (target == kNoPfn) co_return -kENOMEM;
  int error = 0;
  if (!locks_.try_lock(pfn)) {
    if (force)
      co_await locks_.lock(pfn);
    else
      error = -kEAGAIN;
  }
  if (error == 0) {
    const bool target_locked = locks_.try_lock(target);
    CMA_ASSERT(target_locked);
    error = co_await move_locked_hugetlb(pfn, target);
    // One that failed for good would be put back up to 5.10. Here none does.
    CMA_ASSERT(error == 0 || error == -kEAGAIN || core_.bugs.active(Bug::huge_page_stays));
    locks_.unlock(target);
    locks_.unlock(pfn);
  }
  if (error != -kEAGAIN) from.remove(core_.map, frame);
  if (error == 0)
    co_await put_back_hugetlb(pfn);
  else if (error != -kEAGAIN)
    failed.push_back(core_.map, frame);
  co_await lru_.references().put_page(target);
  co_return error;
}

// migrate_hugetlbs: takes all huge pages off `from` and moves them. Returns the number of failures; or -ENOMEM, and the
// rest is still on `from`.
Task<int> MigrateSteps::migrate_hugetlbs(PageList& from, PageList& failed, Stats& stats) {
  int failures = 0;
  int retry = 1;
  std::uint64_t retry_pages = 0;
  for (int pass = 0; pass < kMigratePasses && retry > 0; ++pass) {
    retry = 0;
    retry_pages = 0;
    for (Frame frame = from.first; frame != kNil;) {
      core_.engine.turn();
      const Pfn pfn = core_.map.pfn(frame);
      const std::uint64_t pages = pages_of(core_.map.at(frame));
      const bool ours = core_.map.at(frame).has(kPageHugetlb);
      frame = core_.map.at(frame).next;
      if (!ours) continue;
      co_await at(core_.engine, Point::migrate_page);
      const int error = co_await try_to_move_hugetlb(from, failed, pfn, pass > 2);
      if (error != 0) core_.trace.page_refused(pfn, Refusal::migration, error);
      if (error == 0) {
        stats.succeeded += pages;
      } else if (error == -kEAGAIN) {
        ++retry;
        retry_pages += pages;
      } else if (error == -kENOMEM) {
        stats.failed += pages + retry_pages;
        co_return error;
      } else {
        ++failures;
        stats.failed += pages;
      }
    }
  }
  stats.failed += retry_pages;
  for (Frame frame = from.first; frame != kNil;) {
    core_.engine.turn();
    const Frame here = frame;
    frame = core_.map.at(frame).next;
    if (!core_.map.at(here).has(kPageHugetlb)) continue;
    from.remove(core_.map, here);
    failed.push_back(core_.map, here);
  }
  co_return failures + retry;
}

}  // namespace cma
