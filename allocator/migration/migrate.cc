// Moving collected pages: migrate_pages and what it does to one page.

#include "allocator/base/error.h"
#include "allocator/migration/migration.h"

namespace cma {

// A page goes back to the LRU, or to its driver.
Task<void> Migration::put_back_page(Pfn pfn) {
  if (!map_.page(pfn).has(kPageMovableOps | kPageIsolated)) {
    co_await lru_.putback(pfn);
    co_return;
  }
  co_await locks_.lock(pfn);
  map_.edit(pfn).flags &= ~(kPageIsolated | kPageTaskList);
  locks_.unlock(pfn);
  co_await lru_.put_page(pfn);
}

// The page has moved, or was freed by its users meanwhile: the list's reference was the last one we hold.
Task<void> Migration::release_source(Pfn pfn) {
  Page& page = map_.edit(pfn);
  if (!page.has(kPageIsolated)) lru_.forget_isolated(pfn);
  page.flags &= ~(kPageTaskList | kPageIsolated);
  co_await at(engine_, Point::migrate_moved);
  co_await lru_.put_page(pfn);
}

// The new page is complete: LRU pages go to this CPU's pagevec, and only the reference of their allocation goes.
Task<void> Migration::settle_target(Pfn target, bool lru, bool was_mapped) {
  if (!lru) co_return;
  co_await lru_.cache_add(target);
  // 5.13: a target that is about to be mapped again should be on the LRU at once.
  if (release_ >= Release::v6_1 && was_mapped) co_await lru_.add_drain(engine_.cpu());
}

// __unmap_and_move / __migrate_folio_move with both pages locked. The source is unlocked by the caller.
Task<int> Migration::move_locked(Pfn pfn, Pfn target, bool force) {
  const bool movable_ops = map_.page(pfn).has(kPageMovableOps | kPageIsolated);
  const bool v5_13 = release_ >= Release::v6_1;
  if (movable_ops) co_return co_await kinds_->move(pfn, target, MoveMode::sync);
  if (map_.page(pfn).has(kPageWriteback)) {
    if (!force) co_return -kEAGAIN;
    co_await writebacks_.wait(pfn);
  }
  co_await at(engine_, Point::migrate_locked);
  const bool was_mapped = map_.page(pfn).map > 0;
  // Truncated meanwhile: there is nothing to move. Without its buffers the last user will free it.
  if (map_.page(pfn).owner == 0 && map_.page(pfn).has(kPagePrivate)) {
    kinds_->drop_orphaned_buffers(pfn);
    co_return -kEAGAIN;
  }
  if (was_mapped) {
    co_await kinds_->unmap(pfn);
    co_await at(engine_, Point::migrate_unmapped);
  }
  int error = -kEAGAIN;
  if (map_.page(pfn).map == 0) error = co_await kinds_->move(pfn, target, MoveMode::sync);
  if (error == 0 && v5_13) co_await settle_target(target, true, was_mapped);
  if (was_mapped) {
    const Pfn mapped_again = error == 0 ? target : pfn;
    co_await kinds_->remap(pfn, mapped_again);
  }
  if (error == 0 && !v5_13) co_await settle_target(target, true, was_mapped);
  co_return error;
}

// unmap_and_move: one attempt on one page. 0 moved or gone, -EAGAIN to be tried again, -ENOMEM no target, another error
// for good: up to 5.10 such a page is put back at once, 5.11 keeps it on `failed`. 5.10 first looks whether the page
// was freed meanwhile, and needs no target then.
Task<int> Migration::try_to_move(Control& control, PageList& failed, Pfn pfn, bool force) {
  const bool v5_10 = release_ >= Release::v5_10;
  const bool v5_11 = release_ >= Release::v6_1;
  const Frame frame = map_.frame(pfn);
  Pfn target = kNoPfn;
  if (!v5_10 || map_.page(pfn).ref != 1) {
    target = buddy_.alloc_pages(migration_target_gfp(release_), 0);
    if (target == kNoPfn) co_return -kENOMEM;
    co_await at(engine_, Point::migrate_target);
  }
  int error = 0;
  if (map_.page(pfn).ref == 1) {
    map_.edit(pfn).flags &= ~(kPageActive | kPageUnevictable);
    if (target != kNoPfn) co_await lru_.put_page(target);
    control.pages.remove(map_, frame);
    co_await release_source(pfn);
    co_return 0;
  }
  if (!locks_.try_lock(pfn)) {
    if (!force) {
      co_await lru_.put_page(target);
      co_return -kEAGAIN;
    }
    co_await locks_.lock(pfn);
  }
  const bool target_locked = locks_.try_lock(target);
  CMA_ASSERT(target_locked);
  error = co_await move_locked(pfn, target, force);
  locks_.unlock(target);
  locks_.unlock(pfn);
  if (error != -kEAGAIN) control.pages.remove(map_, frame);
  if (error == 0) {
    // The reference of the target's allocation: its mapping, cache or driver holds others now.
    co_await lru_.put_page(target);
    co_await release_source(pfn);
    co_return 0;
  }
  if (error != -kEAGAIN && v5_11) failed.push_back(map_, frame);
  if (error != -kEAGAIN && !v5_11) {
    if (!map_.page(pfn).has(kPageIsolated)) lru_.forget_isolated(pfn);
    co_await put_back_page(pfn);
  }
  co_await lru_.put_page(target);
  co_return error;
}

Task<int> Migration::migrate_pages(Control& control) {
  if (release_ >= Release::v6_12) co_return co_await migrate_pages_v6_5(control);
  std::uint64_t succeeded = 0;
  int failed_for_good = 0;
  int retry = 1;
  PageList failed;
  bool no_memory = false;
  for (int pass = 0; pass < kMigratePasses && retry > 0 && !no_memory; ++pass) {
    retry = 0;
    for (Frame frame = control.pages.first; frame != kNil && !no_memory;) {
      const Frame next = map_.at(frame).next;
      co_await at(engine_, Point::migrate_page);
      const Pfn pfn = map_.pfn(frame);
      const int error = co_await try_to_move(control, failed, pfn, pass > 2);
      if (error != 0) trace_.page_refused(pfn, Refusal::migration, error);
      if (error == 0)
        ++succeeded;
      else if (error == -kEAGAIN)
        ++retry;
      else
        ++failed_for_good;
      no_memory = error == -kENOMEM;
      frame = next;
    }
  }
  // A call that ran out of memory leaves the retries of its last pass uncounted on 4.19; 6.1 counts them in the trace.
  const int left = failed_for_good + (no_memory && release_ < Release::v6_1 ? 0 : retry);
  // Pages that cannot move go back to the caller's list, in front of those that may (5.11).
  for (Frame frame = failed.last; frame != kNil; frame = failed.last) {
    failed.remove(map_, frame);
    control.pages.push_front(map_, frame);
  }
  constexpr std::uint64_t kMigrateSync = 2;
  const bool v3_8 = release_ >= Release::v4_9;
  if (v3_8) trace_.emit(Event::mm_migrate_pages, succeeded, static_cast<std::uint64_t>(left), kMigrateSync);
  co_return no_memory ? -kENOMEM : left;
}

Task<void> Migration::putback(Control& control) {
  while (!control.pages.empty()) {
    const Pfn pfn = map_.pfn(control.pages.pop_front(map_));
    if (!map_.page(pfn).has(kPageIsolated)) lru_.forget_isolated(pfn);
    co_await put_back_page(pfn);
  }
}

}  // namespace cma
