// Moving collected pages up to 6.0: one page after the other, in up to ten passes.

#include "allocator/base/error.h"
#include "allocator/migration/migrate_steps.h"

namespace cma {

// Splits a huge page for which there is no target. Since 5.9 its first page is then tried again at once, the others
// after the rest of the list. Returns the error with which the call ends if it cannot be split.
Task<int> MigrateV3_5::split_or_give_up_v5_9(Control& control, Pfn head, Stats& stats) {
  const std::uint64_t pages = pages_of(core_.map.page(head));
  const bool sync = control.mode != MoveMode::async;
  const int error = co_await try_to_split(head, control.pages, sync);
  if (error == 0) {
    ++stats.thp_split;
    co_return 0;
  }
  ++stats.thp_failed;
  stats.failed += pages;
  co_return error;
}

Task<Moved> MigrateV3_5::migrate_pages(Control& control) {
  Stats stats;
  int failures = 0;  // a huge page that failed for good counts as all its pages; as one page in `retry`
  int retry = 1;
  std::uint64_t thp_retry = 0;
  PageList failed;
  int gave_up = 0;
  for (int pass = 0; pass < kMigratePasses && retry > 0 && gave_up == 0; ++pass) {
    retry = 0;
    thp_retry = 0;
    for (Frame frame = control.pages.first; frame != kNil && gave_up == 0;) {
      core_.engine.turn();
      co_await at(core_.engine, Point::migrate_page);
      const Pfn pfn = core_.map.pfn(frame);
      const std::uint64_t pages = pages_of(core_.map.page(pfn));
      const bool hugetlb = core_.map.page(pfn).has(kPageHugetlb);
      const bool thp = pages > 1 && !hugetlb;
      Frame next = core_.map.at(frame).next;
      int error = 0;
      if (hugetlb)
        error = co_await try_to_move_hugetlb(control.pages, failed, pfn, pass > 2);
      else
        error = co_await try_to_move(control, control.pages, failed, pfn, pass > 2);
      if (error != 0) core_.trace.page_refused(pfn, Refusal::migration, error);
      if (error == 0) {
        stats.succeeded += pages;
        stats.thp_succeeded += thp ? 1 : 0;
      } else if (error == -kEAGAIN) {
        ++retry;
        thp_retry += thp ? 1 : 0;
      } else if (error == -kENOMEM && thp) {
        gave_up = co_await split_or_give_up_v5_9(control, pfn, stats);
        next = frame;
      } else {
        failures += static_cast<int>(pages);
        stats.thp_failed += thp ? 1 : 0;
        if (error == -kENOMEM) gave_up = error;
      }
      frame = next;
    }
  }
  // A call that ran out of memory leaves the retries of its last pass uncounted.
  const int left = failures + (gave_up == 0 ? retry : 0);
  if (gave_up == 0) stats.thp_failed += thp_retry;
  stats.failed += static_cast<std::uint64_t>(left);
  co_return end(control, failed, stats, gave_up != 0 ? gave_up : left);
}

}  // namespace cma
