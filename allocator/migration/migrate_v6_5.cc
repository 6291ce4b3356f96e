// Moving collected pages since 6.5: first all of them together without waiting (three passes), then what is left one
// page at a time, waiting (seven passes). Within a batch every page is unmapped before the first one is moved.

#include <vector>

#include "allocator/base/error.h"
#include "allocator/migration/migration.h"

namespace cma {
namespace {

constexpr int kAsyncPasses = 3;
constexpr int kSyncPasses = 7;

}  // namespace

// One call of migrate_pages_batch: how it may behave, and what came of it.
struct Migration::Batch {
  bool sync;
  std::uint64_t succeeded = 0;
  std::uint64_t failed_pages = 0;
};

// The part of migrate_folio_unmap with both pages locked.
Task<int> Migration::unmap_locked_v6_5(Pfn pfn, bool sync, bool& was_mapped) {
  if (map_.page(pfn).has(kPageWriteback)) {
    if (!sync) co_return -kEBUSY;
    co_await writebacks_.wait(pfn);
  }
  co_await at(engine_, Point::migrate_locked);
  if (map_.page(pfn).has(kPageMovableOps | kPageIsolated)) co_return 0;
  if (map_.page(pfn).owner == 0 && map_.page(pfn).has(kPagePrivate)) {
    kinds_->drop_orphaned_buffers(pfn);
    co_return -kEAGAIN;
  }
  if (map_.page(pfn).map == 0) co_return 0;
  was_mapped = true;
  co_await kinds_->unmap(pfn);
  co_return map_.page(pfn).map > 0 ? -kEAGAIN : 0;
}

// migrate_folio_unmap: 0 with both pages locked and the source unmapped; 1 when the page was freed under us; or an
// error.
Task<int> Migration::unmap_page_v6_5(PageList& from, PageList& failed, Pfn pfn, bool sync, Pfn& target,
                                     bool& was_mapped) {
  const Frame frame = map_.frame(pfn);
  if (map_.page(pfn).ref == 1) {
    map_.edit(pfn).flags &= ~(kPageActive | kPageUnevictable);
    from.remove(map_, frame);
    co_await release_source(pfn);
    co_return 1;
  }
  target = buddy_.alloc_pages(kGfpMigrationTarget, 0);
  if (target == kNoPfn) co_return -kENOMEM;
  co_await at(engine_, Point::migrate_target);
  int error = 0;
  if (!locks_.try_lock(pfn)) {
    if (!sync)
      error = -kEAGAIN;
    else
      co_await locks_.lock(pfn);
  }
  if (error == 0) {
    const bool target_locked = locks_.try_lock(target);
    CMA_ASSERT(target_locked);
    error = co_await unmap_locked_v6_5(pfn, sync, was_mapped);
    if (error == 0) co_return 0;
    if (was_mapped) co_await kinds_->remap(pfn, pfn);
    locks_.unlock(target);
    locks_.unlock(pfn);
  }
  if (error != -kEAGAIN) {
    from.remove(map_, frame);
    failed.push_back(map_, frame);
  }
  co_await lru_.put_page(target);
  co_return error;
}

// migrate_folio_move of a page that unmap_page_v6_5 prepared: on success everything is let go of; on -EAGAIN nothing.
Task<int> Migration::move_page_v6_5(Pfn pfn, Pfn target, bool sync, bool was_mapped) {
  const bool lru = !map_.page(pfn).has(kPageMovableOps | kPageIsolated);
  co_await at(engine_, Point::migrate_unmapped);
  const MoveMode mode = sync ? MoveMode::sync : MoveMode::async;
  const int error = co_await kinds_->move(pfn, target, mode);
  if (error == -kEAGAIN) co_return error;
  if (error == 0) co_await settle_target(target, lru, was_mapped);
  if (was_mapped) {
    const Pfn mapped_again = error == 0 ? target : pfn;
    co_await kinds_->remap(pfn, mapped_again);
  }
  locks_.unlock(target);
  locks_.unlock(pfn);
  co_await lru_.put_page(target);
  if (error == 0) co_await release_source(pfn);
  co_return error;
}

Task<void> Migration::undo_unmapped_v6_5(Pfn pfn, Pfn target, bool was_mapped) {
  if (was_mapped) co_await kinds_->remap(pfn, pfn);
  locks_.unlock(pfn);
  locks_.unlock(target);
  co_await lru_.put_page(target);
}

Task<int> Migration::migrate_batch_v6_5(PageList& from, PageList& failed, Batch& batch) {
  struct Unmapped {
    Pfn pfn;
    Pfn target;
    bool was_mapped;
  };
  std::vector<Unmapped> unmapped;
  const int passes = batch.sync ? kSyncPasses : kAsyncPasses;
  int left = 0;
  int retry = 1;
  bool no_memory = false;
  for (int pass = 0; pass < passes && retry > 0 && !no_memory; ++pass) {
    retry = 0;
    for (Frame frame = from.first; frame != kNil && !no_memory;) {
      const Frame next = map_.at(frame).next;
      const Pfn pfn = map_.pfn(frame);
      Pfn target = kNoPfn;
      bool was_mapped = false;
      co_await at(engine_, Point::migrate_page);
      const int error = co_await unmap_page_v6_5(from, failed, pfn, batch.sync, target, was_mapped);
      if (error < 0) trace_.page_refused(pfn, Refusal::migration, error);
      if (error == 1) {
        ++batch.succeeded;
      } else if (error == 0) {
        from.remove(map_, frame);
        unmapped.push_back({pfn, target, was_mapped});
      } else if (error == -kEAGAIN) {
        ++retry;
      } else {
        ++left;
        ++batch.failed_pages;
      }
      no_memory = error == -kENOMEM;
      frame = next;
    }
  }
  if (!no_memory) left += retry;
  batch.failed_pages += static_cast<std::uint64_t>(retry);

  retry = 1;
  for (int pass = 0; pass < passes && retry > 0; ++pass) {
    retry = 0;
    std::vector<Unmapped> again;
    for (const Unmapped& page : unmapped) {
      const Pfn pfn = page.pfn;
      const int error = co_await move_page_v6_5(pfn, page.target, batch.sync, page.was_mapped);
      if (error != 0) trace_.page_refused(pfn, Refusal::migration, error);
      if (error == 0) {
        ++batch.succeeded;
      } else if (error == -kEAGAIN) {
        ++retry;
        again.push_back(page);
      } else {
        ++left;
        ++batch.failed_pages;
        failed.push_back(map_, map_.frame(pfn));
      }
    }
    unmapped = std::move(again);
  }
  left += retry;
  batch.failed_pages += static_cast<std::uint64_t>(retry);
  for (const Unmapped& page : unmapped) {
    failed.push_back(map_, map_.frame(page.pfn));
    co_await undo_unmapped_v6_5(page.pfn, page.target, page.was_mapped);
  }
  co_return no_memory ? -kENOMEM : left;
}

// migrate_pages_sync.
Task<int> Migration::migrate_pages_v6_5(Control& control) {
  PageList failed;
  Batch async{false};
  int result = co_await migrate_batch_v6_5(control.pages, failed, async);
  std::uint64_t succeeded = async.succeeded;
  std::uint64_t failed_pages = 0;
  if (result < 0) {
    failed_pages = async.failed_pages;
  } else {
    // Failures of the first round do not count: every page is tried again, alone.
    result = 0;
    while (!failed.empty()) control.pages.push_back(map_, failed.pop_front(map_));
    while (!control.pages.empty() && result >= 0) {
      PageList one;
      one.push_back(map_, control.pages.pop_front(map_));
      Batch sync{true};
      const int left = co_await migrate_batch_v6_5(one, failed, sync);
      succeeded += sync.succeeded;
      failed_pages += sync.failed_pages;
      while (!one.empty()) failed.push_back(map_, one.pop_front(map_));
      result = left < 0 ? left : result + left;
    }
  }
  while (!failed.empty()) control.pages.push_front(map_, failed.pop_back(map_));
  constexpr std::uint64_t kMigrateSync = 2;
  trace_.emit(Event::mm_migrate_pages, succeeded, failed_pages, kMigrateSync);
  co_return result;
}

}  // namespace cma
