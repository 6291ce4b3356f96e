// Moving collected pages since 6.3: first all of them together without waiting (three passes), then the rest one page
// at a time, waiting (seven passes). Within a batch every page is unmapped before the first one is moved.

#include <vector>

#include "allocator/base/error.h"
#include "allocator/migration/migrate_steps.h"

namespace cma {
namespace {

constexpr int kAsyncPasses = 3;
constexpr int kSyncPasses = 7;
// Results of preparing a page beside 0 and errors.
constexpr int kGone = 1;   // its users have freed it
constexpr int kSplit = 2;  // it was split, and its pages are for later

}  // namespace

// One call of migrate_pages_batch: its options and its statistics.
struct MigrateV6_3::Batch {
  const Control& control;
  MoveMode mode;
  int passes;
  PageList* split;  // takes the pages of huge pages that are split; nullptr if there are no huge pages
  Stats stats;
  bool sync() const { return mode != MoveMode::async; }
};

// The part of migrate_folio_unmap with both pages locked. Returns 0, -EBUSY or -EAGAIN.
Task<int> MigrateV6_3::unmap_locked(Pfn pfn, MoveMode mode, bool& was_mapped) {
  if (core_.map.page(pfn).has(kPageWriteback)) {
    if (mode != MoveMode::sync) co_return -kEBUSY;
    co_await writebacks_.wait(pfn);
  }
  co_await at(core_.engine, Point::migrate_locked);
  if (core_.map.page(pfn).has(kPageMovableOps | kPageIsolated)) co_return 0;
  if (core_.map.page(pfn).owner == 0 && core_.map.page(pfn).has(kPagePrivate)) {
    kinds_.drop_orphaned_buffers(pfn);
    co_return -kEAGAIN;
  }
  if (core_.map.page(pfn).map == 0) co_return 0;
  was_mapped = true;
  co_await kinds_.unmap(pfn);
  co_return core_.map.page(pfn).map > 0 ? -kEAGAIN : 0;
}

// migrate_folio_unmap. Returns 0 with both pages locked and the source unmapped, kGone, or an error.
Task<int> MigrateV6_3::unmap_page(PageList& from, PageList& failed, const Batch& batch, Unmapped& page) {
  const Pfn pfn = page.pfn;
  const Frame frame = core_.map.frame(pfn);
  if (core_.map.page(pfn).ref == 1) {
    core_.map.edit(pfn).flags &= ~(kPageActive | kPageUnevictable);
    from.remove(core_.map, frame);
    co_await release_source(pfn);
    co_return kGone;
  }
  if (batch.control.compacting != nullptr)
    page.target = co_await batch.control.compacting->targets.take(pfn);
  else
    page.target = co_await target_of(pfn);
  const Pfn target = page.target;
  if (target == kNoPfn) co_return -kENOMEM;
  co_await at(core_.engine, Point::migrate_target);
  int error = 0;
  if (!locks_.try_lock(pfn)) {
    if (!batch.sync() || !may_lock(batch.control, pfn, true))
      error = -kEAGAIN;
    else
      co_await locks_.lock(pfn);
  }
  if (error == 0) {
    const bool target_locked = locks_.try_lock(target);
    CMA_ASSERT(target_locked);
    error = co_await unmap_locked(pfn, batch.mode, page.was_mapped);
    if (error == 0) co_return 0;
    if (page.was_mapped) co_await kinds_.remap(pfn, pfn);
    locks_.unlock(target);
    locks_.unlock(pfn);
  }
  if (error != -kEAGAIN) {
    from.remove(core_.map, frame);
    failed.push_back(core_.map, frame);
  }
  co_await put_target(batch.control, target);
  co_return error;
}

// migrate_folio_move of a page that unmap_page has prepared. Returns 0 or an error, with both pages unlocked; or
// -EAGAIN, with both as they were.
Task<int> MigrateV6_3::move_page(const Unmapped& page, const Batch& batch) {
  const Pfn pfn = page.pfn;
  const Pfn target = page.target;
  const bool lru = !core_.map.page(pfn).has(kPageMovableOps | kPageIsolated);
  co_await at(core_.engine, Point::migrate_unmapped);
  const int error = co_await kinds_.move(pfn, target, batch.mode);
  if (error == -kEAGAIN) co_return error;
  // Since 6.7, and in the long-term series of 6.6, only locked memory needs to be on the LRU at once.
  const bool drains = release_ >= Release::v6_6 ? page.was_mlocked : page.was_mapped;
  if (error == 0 && lru) co_await settle_target(target, drains);
  if (page.was_mapped) {
    const Pfn mapped_again = error == 0 ? target : pfn;
    co_await kinds_.remap(pfn, mapped_again);
  }
  locks_.unlock(target);
  locks_.unlock(pfn);
  if (error != 0) {
    co_await put_target(batch.control, target);
    co_return error;
  }
  co_await lru_.references().put_page(target);
  co_await release_source(pfn);
  co_return 0;
}

// migrate_folio_undo_src and _dst: maps the page again where it was, unlocks both, and gives the target back.
Task<void> MigrateV6_3::undo_unmapped(const Unmapped& page, const Batch& batch) {
  if (page.was_mapped) co_await kinds_.remap(page.pfn, page.pfn);
  locks_.unlock(page.pfn);
  locks_.unlock(page.target);
  co_await put_target(batch.control, page.target);
}

// The first half of migrate_pages_batch, for one page.
Task<int> MigrateV6_3::prepare(PageList& from, PageList& failed, Batch& batch, Unmapped& page) {
  page.was_mlocked = core_.map.page(page.pfn).has(kPageMlocked);
  const bool thp = core_.map.page(page.pfn).has(kPageHead);
  if (thp && release_ >= Release::v6_10 && kinds_.partially_mapped(page.pfn)) {
    // It is due to be split. That is no failure, but is counted as one.
    const int error = co_await split_to(from, *batch.split, page.pfn, batch.sync());
    if (error == 0) co_return kSplit;
  }
  const int error = co_await unmap_page(from, failed, batch, page);
  if (error != -kENOMEM || !thp) co_return error;
  const int split_error = co_await split_to(from, *batch.split, page.pfn, batch.sync());
  if (split_error == 0) co_return kSplit;
  co_return error;
}

Task<int> MigrateV6_3::migrate_batch(PageList& from, PageList& failed, Batch& batch) {
  std::vector<Unmapped> unmapped;
  Stats& stats = batch.stats;
  int left = 0;
  int retry = 1;
  std::uint64_t retry_pages = 0;
  std::uint64_t thp_retry = 0;
  bool no_memory = false;
  for (int pass = 0; pass < batch.passes && retry > 0 && !no_memory; ++pass) {
    retry = 0;
    retry_pages = 0;
    thp_retry = 0;
    for (Frame frame = from.first; frame != kNil && !no_memory;) {
      core_.engine.turn();
      const Frame next = core_.map.at(frame).next;
      Unmapped page{core_.map.pfn(frame), kNoPfn, false, false};
      const std::uint64_t pages = pages_of(core_.map.at(frame));
      const std::uint64_t thp = pages > 1 ? 1 : 0;
      co_await at(core_.engine, Point::migrate_page);
      const int error = co_await prepare(from, failed, batch, page);
      if (error < 0) core_.trace.page_refused(page.pfn, Refusal::migration, error);
      if (error == kGone) {
        stats.succeeded += pages;
        stats.thp_succeeded += thp;
      } else if (error == 0) {
        from.remove(core_.map, frame);
        unmapped.push_back(page);
      } else if (error == -kEAGAIN) {
        ++retry;
        retry_pages += pages;
        thp_retry += thp;
      } else {
        ++left;
        stats.thp_failed += thp;
        if (error == kSplit)
          ++stats.thp_split;
        else
          stats.failed += pages;
      }
      no_memory = error == -kENOMEM;
      frame = next;
    }
  }
  if (!no_memory) left += retry;
  stats.failed += retry_pages;
  stats.thp_failed += thp_retry;
  left += co_await move_unmapped(unmapped, failed, batch);
  co_return no_memory ? -kENOMEM : left;
}

// The second half: moves every page that was unmapped, or undoes that. Returns the number of failures.
Task<int> MigrateV6_3::move_unmapped(std::vector<Unmapped>& unmapped, PageList& failed, Batch& batch) {
  Stats& stats = batch.stats;
  int left = 0;
  int retry = 1;
  std::uint64_t retry_pages = 0;
  std::uint64_t thp_retry = 0;
  for (int pass = 0; pass < batch.passes && retry > 0; ++pass) {
    retry = 0;
    retry_pages = 0;
    thp_retry = 0;
    std::vector<Unmapped> again;
    for (const Unmapped& page : unmapped) {
      const std::uint64_t pages = pages_of(core_.map.page(page.pfn));
      const std::uint64_t thp = pages > 1 ? 1 : 0;
      const int error = co_await move_page(page, batch);
      if (error != 0) core_.trace.page_refused(page.pfn, Refusal::migration, error);
      if (error == 0) {
        stats.succeeded += pages;
        stats.thp_succeeded += thp;
      } else if (error == -kEAGAIN) {
        ++retry;
        retry_pages += pages;
        thp_retry += thp;
        again.push_back(page);
      } else {
        ++left;
        stats.failed += pages;
        stats.thp_failed += thp;
        failed.push_back(core_.map, core_.map.frame(page.pfn));
      }
    }
    unmapped = std::move(again);
  }
  stats.failed += retry_pages;
  stats.thp_failed += thp_retry;
  for (const Unmapped& page : unmapped) {
    failed.push_back(core_.map, core_.map.frame(page.pfn));
    co_await undo_unmapped(page, batch);
  }
  co_return left + retry;
}

// migrate_pages_sync: moves all pages without waiting; then the rest page by page, waiting.
Task<int> MigrateV6_3::migrate_sync(const Control& control, PageList& from, PageList& failed, PageList& split,
                                    Stats& stats) {
  PageList again;
  Batch async{control, MoveMode::async, kAsyncPasses, &split, {}};
  int result = co_await migrate_batch(from, again, async);
  stats.succeeded += async.stats.succeeded;
  stats.thp_succeeded += async.stats.thp_succeeded;
  stats.thp_split += async.stats.thp_split;
  if (result < 0) {
    stats.failed += async.stats.failed;
    stats.thp_failed += async.stats.thp_failed;
    failed.splice_back(core_.map, again);
    co_return result;
  }
  // Failures of the first round do not count, as every page is tried again, alone. Only splits do.
  stats.thp_failed += async.stats.thp_split;
  result = static_cast<int>(async.stats.thp_split);
  from.splice_back(core_.map, again);
  while (!from.empty()) {
    core_.engine.turn();
    PageList one;
    one.push_back(core_.map, from.pop_front(core_.map));
    Batch sync{control, control.mode, kSyncPasses, &split, stats};
    const int left = co_await migrate_batch(one, failed, sync);
    stats = sync.stats;
    failed.splice_back(core_.map, one);
    if (left < 0) co_return left;
    result += left;
  }
  co_return result;
}

Task<Moved> MigrateV6_3::migrate_pages(Control& control) {
  Stats stats;
  PageList failed;
  PageList split;
  int result = 0;
  if (control.hugetlb) result = co_await migrate_hugetlbs(control.pages, failed, stats);
  while (!control.pages.empty() && result >= 0) {
    core_.engine.turn();
    PageList some;
    for (std::uint64_t pages = 0; !control.pages.empty() && pages < most_batched();) {
      core_.engine.turn();
      pages += pages_of(core_.map.at(control.pages.first));
      some.push_back(core_.map, control.pages.pop_front(core_.map));
    }
    int left = 0;
    if (control.mode == MoveMode::async) {
      Batch batch{control, MoveMode::async, kMigratePasses, &split, stats};
      left = co_await migrate_batch(some, failed, batch);
      stats = batch.stats;
    } else {
      left = co_await migrate_sync(control, some, failed, split, stats);
    }
    failed.splice_back(core_.map, some);
    if (left < 0) {
      failed.splice_back(core_.map, split);
    } else if (!split.empty()) {
      // They are tried once, and no failure counts: each huge page that was split has been counted.
      Batch last{control, MoveMode::async, 1, nullptr, stats};
      co_await migrate_batch(split, failed, last);
      stats = last.stats;
      failed.splice_back(core_.map, split);
    }
    result = left < 0 ? left : result + left;
  }
  co_return end(control, failed, stats, result);
}

}  // namespace cma
