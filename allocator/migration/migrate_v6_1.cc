// Moving collected pages in 6.1 and 6.2: in batches of a huge page's size, which 6.1.y took over from 6.3. A huge
// page without a target is split, and its pages are tried once the rest of the batch is done.

#include "allocator/base/error.h"
#include "allocator/migration/migrate_steps.h"

namespace cma {

// migrate_pages_batch. Pages that stay are on `failed`, or on `from` if they may be tried again. Returns the number of
// failures, in which a huge page counts as one, or -ENOMEM.
Task<int> MigrateV6_1::migrate_batch(const Control& control, PageList& from, PageList& failed, Stats& stats) {
  PageList split;
  bool counting = true;  // false for the pages of a huge page that was split: it was counted itself
  int left = 0;
  while (true) {
    core_.engine.turn();
    int retry = 1;
    std::uint64_t retry_pages = 0;
    std::uint64_t thp_retry = 0;
    for (int pass = 0; pass < kMigratePasses && retry > 0; ++pass) {
      retry = 0;
      retry_pages = 0;
      thp_retry = 0;
      for (Frame frame = from.first; frame != kNil;) {
        core_.engine.turn();
        const Frame next = core_.map.at(frame).next;
        co_await at(core_.engine, Point::migrate_page);
        const Pfn pfn = core_.map.pfn(frame);
        const std::uint64_t pages = pages_of(core_.map.page(pfn));
        const bool thp = pages > 1;
        const int error = co_await try_to_move(control, from, failed, pfn, pass > 2);
        if (error != 0) core_.trace.page_refused(pfn, Refusal::migration, error);
        frame = next;
        if (error == 0) {
          stats.succeeded += pages;
          stats.thp_succeeded += thp ? 1 : 0;
          continue;
        }
        if (error == -kEAGAIN) {
          retry += thp || counting ? 1 : 0;
          thp_retry += thp ? 1 : 0;
          retry_pages += pages;
          continue;
        }
        left += thp || counting ? 1 : 0;
        stats.thp_failed += thp ? 1 : 0;
        int split_error = error;
        if (error == -kENOMEM && thp)
          split_error = co_await split_to(from, split, pfn, control.mode != MoveMode::async);
        if (split_error == 0) {
          ++stats.thp_split;
          continue;
        }
        stats.failed += pages;
        if (error != -kENOMEM) continue;
        stats.failed += retry_pages;
        stats.thp_failed += thp_retry;
        failed.splice_back(core_.map, split);
        co_return -kENOMEM;
      }
    }
    left += retry;
    stats.thp_failed += thp_retry;
    stats.failed += retry_pages;
    if (split.empty()) co_return left;
    failed.splice_back(core_.map, from);
    from.splice_back(core_.map, split);
    counting = false;
  }
}

Task<Moved> MigrateV6_1::migrate_pages(Control& control) {
  Stats stats;
  PageList failed;
  int result = 0;
  if (control.hugetlb) result = co_await migrate_hugetlbs(control.pages, failed, stats);
  while (!control.pages.empty() && result >= 0) {
    core_.engine.turn();
    PageList batch;
    std::uint64_t pages = 0;
    while (!control.pages.empty()) {
      core_.engine.turn();
      pages += pages_of(core_.map.at(control.pages.first));
      if (pages > most_batched()) break;
      batch.push_back(core_.map, control.pages.pop_front(core_.map));
    }
    const int left = co_await migrate_batch(control, batch, failed, stats);
    failed.splice_back(core_.map, batch);
    result = left < 0 ? left : result + left;
  }
  co_return end(control, failed, stats, result);
}

}  // namespace cma
