// Moving collected pages: migrate_pages and what it does to one page.

#include "allocator/base/error.h"
#include "allocator/migration/migration.h"

namespace cma {

// A page goes back to the LRU, or to its driver.
Task<void> Migration::put_back_page(Pfn pfn) {
  if (!core_.map.page(pfn).has(kPageMovableOps | kPageIsolated)) {
    co_await lru_.putback(pfn);
    co_return;
  }
  co_await locks_.lock(pfn);
  core_.map.edit(pfn).flags &= ~(kPageIsolated | kPageTaskList);
  locks_.unlock(pfn);
  co_await lru_.put_page(pfn);
}

// The page has moved, or was freed by its users meanwhile: the list's reference was the last one we hold.
Task<void> Migration::release_source(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  if (!page.has(kPageIsolated)) lru_.forget_isolated(pfn);
  page.flags &= ~(kPageTaskList | kPageIsolated);
  co_await at(core_.engine, Point::migrate_moved);
  co_await lru_.put_page(pfn);
}

// The new page is complete: LRU pages go to this CPU's pagevec, and only the reference of their allocation goes.
Task<void> Migration::settle_target(Pfn target, bool drains) {
  co_await lru_.cache_add(target);
  if (drains) co_await lru_.add_drain(core_.engine.cpu());
}

// alloc_migration_target: as large as what moves.
Pfn Migration::target_of(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  if (core_.engine.memalloc_pin()) return buddy_.alloc_pages(kGfpUser | kGfpNowarn, 0);
  if (!page.has(kPageHead)) return buddy_.alloc_pages(migration_target_gfp(release_), 0);
  return buddy_.alloc_pages(kGfpHugeMigrationTarget, page.order);
}

// A target that was not needed. Up to 3.15 it goes the way of all pages, whoever gave it.
Task<void> Migration::put_target(const Control& control, Pfn target) {
  const bool v3_16 = release_ >= Release::v4_9;
  if (control.compacting != nullptr && v3_16)
    co_await control.compacting->targets.give_back(target);
  else
    co_await lru_.put_page(target);
}

// Whether the page's lock, which somebody has, is waited for. Not on behalf of an allocation (PF_MEMALLOC); and since
// 6.5, where writeback is not waited for, not that of a page that is being read.
bool Migration::may_lock(const Control& control, Pfn pfn, bool force) const {
  if (!force || control.mode == MoveMode::async) return false;
  if (control.compacting != nullptr && control.compacting->direct) return false;
  const bool v6_5 = release_ >= Release::v6_12;
  return !v6_5 || control.mode == MoveMode::sync || core_.map.page(pfn).has(kPageUptodate);
}

// A huge page on a list of ours is split: its tails go to the back of `list`. It stays where it is itself. Waits for
// its lock if `sync`.
Task<int> Migration::try_to_split(Pfn head, PageList& list, bool sync) {
  if (!locks_.try_lock(head)) {
    if (!sync) co_return -kEAGAIN;
    co_await locks_.lock(head);
  }
  const int error = co_await kinds_->split(head, &list);
  locks_.unlock(head);
  co_return error;
}

// __unmap_and_move / __migrate_folio_move with both pages locked. The source is unlocked by the caller.
Task<int> Migration::move_locked(Pfn pfn, Pfn target, MoveMode mode, bool force) {
  const bool movable_ops = core_.map.page(pfn).has(kPageMovableOps | kPageIsolated);
  const bool v5_13 = release_ >= Release::v6_1;
  if (movable_ops) co_return co_await kinds_->move(pfn, target, mode);
  if (core_.map.page(pfn).has(kPageWriteback)) {
    if (mode != MoveMode::sync) co_return -kEBUSY;
    if (!force) co_return -kEAGAIN;
    co_await writebacks_.wait(pfn);
  }
  co_await at(core_.engine, Point::migrate_locked);
  const bool was_mapped = core_.map.page(pfn).map > 0;
  // Truncated meanwhile: there is nothing to move. Without its buffers the last user will free it.
  if (core_.map.page(pfn).owner == 0 && core_.map.page(pfn).has(kPagePrivate)) {
    kinds_->drop_orphaned_buffers(pfn);
    co_return -kEAGAIN;
  }
  if (was_mapped) {
    co_await kinds_->unmap(pfn);
    co_await at(core_.engine, Point::migrate_unmapped);
  }
  int error = -kEAGAIN;
  if (core_.map.page(pfn).map == 0) error = co_await kinds_->move(pfn, target, mode);
  // A target that is about to be mapped again should be on the LRU at once.
  if (error == 0 && v5_13) co_await settle_target(target, was_mapped);
  if (was_mapped) {
    const Pfn mapped_again = error == 0 ? target : pfn;
    co_await kinds_->remap(pfn, mapped_again);
  }
  if (error == 0 && !v5_13) co_await settle_target(target, false);
  co_return error;
}

// unmap_and_move: one attempt on one page. 0 moved or gone, -EAGAIN to be tried again, -ENOMEM no target, another error
// for good: up to 5.10 such a page is put back at once, 5.11 keeps it on `failed`. 5.10 first looks whether the page
// was freed meanwhile, and needs no target then.
Task<int> Migration::try_to_move(const Control& control, PageList& from, PageList& failed, Pfn pfn, bool force) {
  const bool v5_10 = release_ >= Release::v5_10;
  const bool v5_11 = release_ >= Release::v6_1;
  const Frame frame = core_.map.frame(pfn);
  Pfn target = kNoPfn;
  if (!v5_10 || core_.map.page(pfn).ref != 1) {
    if (control.compacting != nullptr)
      target = co_await control.compacting->targets.take(pfn);
    else
      target = target_of(pfn);
    if (target == kNoPfn) co_return -kENOMEM;
    co_await at(core_.engine, Point::migrate_target);
  }
  int error = 0;
  if (core_.map.page(pfn).ref == 1) {
    core_.map.edit(pfn).flags &= ~(kPageActive | kPageUnevictable);
    if (target != kNoPfn) co_await put_target(control, target);
    from.remove(core_.map, frame);
    co_await release_source(pfn);
    co_return 0;
  }
  if (!locks_.try_lock(pfn)) {
    if (!may_lock(control, pfn, force)) {
      co_await put_target(control, target);
      co_return -kEAGAIN;
    }
    co_await locks_.lock(pfn);
  }
  const bool target_locked = locks_.try_lock(target);
  CMA_ASSERT(target_locked);
  error = co_await move_locked(pfn, target, control.mode, force);
  locks_.unlock(target);
  locks_.unlock(pfn);
  if (error != -kEAGAIN) from.remove(core_.map, frame);
  if (error == 0) {
    // The reference of the target's allocation: its mapping, cache or driver holds others now.
    co_await lru_.put_page(target);
    co_await release_source(pfn);
    co_return 0;
  }
  if (error != -kEAGAIN && v5_11) failed.push_back(core_.map, frame);
  if (error != -kEAGAIN && !v5_11) {
    if (!core_.map.page(pfn).has(kPageIsolated)) lru_.forget_isolated(pfn);
    co_await put_back_page(pfn);
  }
  co_await put_target(control, target);
  co_return error;
}

Task<int> Migration::migrate_pages(Control& control) {
  if (release_ >= Release::v6_12) return migrate_pages_v6_5(control);
  if (release_ >= Release::v6_1) return migrate_pages_v6_1(control);
  return migrate_pages_v3_5(control);
}

void Migration::tell(const Control& control, const Stats& stats) {
  const bool v3_8 = release_ >= Release::v4_9;
  const std::uint64_t huge = stats.thp_succeeded | stats.thp_failed << 16 | stats.thp_split << 32;
  auto reason = core_.engine.memalloc_pin() ? MigrateReason::longterm_pin : MigrateReason::contig_range;
  if (control.compacting != nullptr) reason = MigrateReason::compaction;
  const std::uint64_t mode_and_reason = static_cast<std::uint64_t>(control.mode) | static_cast<std::uint64_t>(reason)
                                                                                       << 8;
  if (v3_8) core_.trace.emit(Event::mm_migrate_pages, stats.succeeded, stats.failed, mode_and_reason, huge);
}

// A huge page without a target. 5.9: its first page is tried again at once, the others behind the rest of the list.
// When it cannot be split the call ends with that error.
Task<int> Migration::split_or_give_up_v5_9(Control& control, Pfn head, Stats& stats) {
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

Task<int> Migration::migrate_pages_v3_5(Control& control) {
  Stats stats;
  int failures = 0;  // a huge page that failed for good counts as all its pages, one that is to be tried again as one
  int retry = 1;
  std::uint64_t thp_retry = 0;
  PageList failed;
  int gave_up = 0;
  for (int pass = 0; pass < kMigratePasses && retry > 0 && gave_up == 0; ++pass) {
    retry = 0;
    thp_retry = 0;
    for (Frame frame = control.pages.first; frame != kNil && gave_up == 0;) {
      co_await at(core_.engine, Point::migrate_page);
      const Pfn pfn = core_.map.pfn(frame);
      const std::uint64_t pages = pages_of(core_.map.page(pfn));
      const bool thp = pages > 1;
      Frame next = core_.map.at(frame).next;
      const int error = co_await try_to_move(control, control.pages, failed, pfn, pass > 2);
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
  CMA_ASSERT(failed.empty());
  tell(control, stats);
  co_return gave_up != 0 ? gave_up : left;
}

Task<void> Migration::putback(Control& control) {
  while (!control.pages.empty()) {
    const Pfn pfn = core_.map.pfn(control.pages.pop_front(core_.map));
    if (core_.map.page(pfn).has(kPageHugetlb)) {
      co_await put_back_hugetlb(pfn);
      continue;
    }
    if (!core_.map.page(pfn).has(kPageIsolated)) lru_.forget_isolated(pfn);
    co_await put_back_page(pfn);
  }
}

}  // namespace cma
