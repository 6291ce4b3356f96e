// The steps that all releases share when they move pages.

#include "allocator/migration/migrate_steps.h"
#include "allocator/base/error.h"

namespace cma {

MigrateSteps::MigrateSteps(const MovingLayers& layers)
    : release_(layers.core.geometry.release),
      huge_pages_(layers.core.geometry.transparent_hugepages ? order_pages(layers.core.geometry.huge_page_order()) : 0),
      core_(layers.core),
      buddy_(layers.buddy),
      page_allocator_(layers.page_allocator),
      lru_(layers.lru),
      locks_(layers.locks),
      writebacks_(layers.writebacks),
      kinds_(layers.kinds),
      hugetlb_(layers.hugetlb) {}

// Puts a page back on the LRU, or gives it back to its driver.
Task<void> MigrateSteps::put_back_page(Pfn pfn) {
  if (!core_.map.page(pfn).has(kPageMovableOps | kPageIsolated)) {
    co_await lru_.listed().putback(pfn);
    co_return;
  }
  co_await locks_.lock(pfn);
  core_.map.edit(pfn).flags &= ~(kPageIsolated | kPageTaskList);
  locks_.unlock(pfn);
  co_await lru_.references().put_page(pfn);
}

Task<void> MigrateSteps::putback(Control& control) {
  while (!control.pages.empty()) {
    core_.engine.turn();
    const Pfn pfn = core_.map.pfn(control.pages.pop_front(core_.map));
    if (core_.map.page(pfn).has(kPageHugetlb)) {
      co_await put_back_hugetlb(pfn);
      continue;
    }
    co_await put_back_page(pfn);
  }
  control.nr_pages = 0;
}

// Drops the list's reference of a page that has moved, or that its users have freed meanwhile.
Task<void> MigrateSteps::release_source(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  if (page.has(kPageIsolated))
    page.flags &= ~(kPageTaskList | kPageIsolated);
  else
    lru_.listed().let_go(pfn);
  co_await at(core_.engine, Point::migrate_moved);
  co_await lru_.references().put_page(pfn);
}

// Queues a complete new page on this CPU's pagevec, which takes a reference of its own.
Task<void> MigrateSteps::settle_target(Pfn target, bool drains) {
  co_await lru_.pagevecs().cache_add(target);
  if (drains) co_await lru_.drain().add_drain(core_.engine.cpu());
}

// alloc_migration_target: allocates a page as large as the one that moves, since 5.9 on the same node if it can.
// Before, alloc_migrate_target preferred the node of the CPU. Up to 5.12 a pin's page stays movable, outside areas.
Task<Pfn> MigrateSteps::target_of(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  const unsigned node = release_ >= Release::v5_9 ? buddy_.zone_of(pfn).node : 0;
  const Gfp of_pins = kGfpUser | kGfpNowarn | (release_ < Release::v5_13 ? kGfpMovable : 0U);
  if (core_.engine.flags().memalloc_pin) co_return co_await page_allocator_.alloc_pages(of_pins, 0, node);
  if (!page.has(kPageHead)) co_return co_await page_allocator_.alloc_pages(migration_target_gfp(release_), 0, node);
  co_return co_await page_allocator_.alloc_pages(kGfpHugeMigrationTarget, page.order, node);
}

// Gives back a target that was not needed. Up to 3.15 it is freed, wherever it came from.
Task<void> MigrateSteps::put_target(const Control& control, Pfn target) {
  if (control.compacting != nullptr && release_ >= Release::v3_16)
    co_await control.compacting->targets.give_back(target);
  else
    co_await lru_.references().put_page(target);
}

// Returns whether to wait for the page's lock, which another task holds. Not with PF_MEMALLOC, which a compaction on
// behalf of an allocation sets; and since 6.5, if writeback is not waited for, not for a page that is being read.
bool MigrateSteps::may_lock(const Control& control, Pfn pfn, bool force) const {
  if (!force || control.mode == MoveMode::async) return false;
  if (control.compacting != nullptr && control.compacting->direct) return false;
  if (core_.engine.flags().scope == ReclaimScope::noreclaim) return false;
  return release_ < Release::v6_5 || control.mode == MoveMode::sync || core_.map.page(pfn).has(kPageUptodate);
}

// Splits a huge page: its tails go to the back of `list`, its first page stays on the list it is on. Waits for its lock
// if `sync`. Returns 0, -EAGAIN, or why it cannot be split.
Task<int> MigrateSteps::try_to_split(Pfn head, PageList& list, bool sync) {
  if (!locks_.try_lock(head)) {
    if (!sync) co_return -kEAGAIN;
    co_await locks_.lock(head);
  }
  const int error = co_await kinds_.split(head, &list);
  locks_.unlock(head);
  co_return error;
}

// __unmap_and_move with both pages locked, which stay so. Returns 0, -EAGAIN, or a permanent error.
Task<int> MigrateSteps::move_locked(Pfn pfn, Pfn target, MoveMode mode, bool force) {
  const bool movable_ops = core_.map.page(pfn).has(kPageMovableOps | kPageIsolated);
  if (movable_ops) co_return co_await kinds_.move(pfn, target, mode);
  if (core_.map.page(pfn).has(kPageWriteback)) {
    if (mode != MoveMode::sync) co_return -kEBUSY;
    if (!force) co_return -kEAGAIN;
    co_await writebacks_.wait(pfn);
  }
  co_await at(core_.engine, Point::migrate_locked);
  const bool was_mapped = core_.map.page(pfn).map > 0;
  // It was truncated meanwhile: there is nothing to move. Without its buffers the last user will free it.
  if (core_.map.page(pfn).owner == 0 && core_.map.page(pfn).has(kPagePrivate)) {
    kinds_.drop_orphaned_buffers(pfn);
    co_return -kEAGAIN;
  }
  if (was_mapped) {
    co_await kinds_.unmap(pfn);
    co_await at(core_.engine, Point::migrate_unmapped);
  }
  int error = -kEAGAIN;
  if (core_.map.page(pfn).map == 0) error = co_await kinds_.move(pfn, target, mode);
  // 5.18 queues the target before it is mapped again, and then empties the pagevec at once.
  const bool settles_first = release_ >= Release::v5_18;
  if (error == 0 && settles_first) co_await settle_target(target, was_mapped);
  if (was_mapped) {
    const Pfn mapped_again = error == 0 ? target : pfn;
    co_await kinds_.remap(pfn, mapped_again);
  }
  if (error == 0 && !settles_first) co_await settle_target(target, /*drains=*/false);
  co_return error;
}

// unmap_and_move: one attempt on one page. Returns 0 if it moved or was freed by its users, -EAGAIN if it may be tried
// again, -ENOMEM if there was no target. Any other error is final: up to 5.10 the page is put back at once, 5.11 keeps
// it on `failed`. 5.5 first looks whether the page was freed, and needs no target then.
Task<int> MigrateSteps::try_to_move(const Control& control, PageList& from, PageList& failed, Pfn pfn, bool force) {
  const Frame frame = core_.map.frame(pfn);
  Pfn target = kNoPfn;
  if (release_ < Release::v5_5 || core_.map.page(pfn).ref != 1) {
    if (control.compacting != nullptr)
      target = co_await control.compacting->targets.take(pfn);
    else
      target = co_await target_of(pfn);
    if (target == kNoPfn) co_return -kENOMEM;
    co_await at(core_.engine, Point::migrate_target);
  }
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
  const int error = co_await move_locked(pfn, target, control.mode, force);
  locks_.unlock(target);
  locks_.unlock(pfn);
  if (error != -kEAGAIN) from.remove(core_.map, frame);
  if (error == 0) {
    // Drops the reference of the target's allocation: its mapping, cache or driver holds others now.
    co_await lru_.references().put_page(target);
    co_await release_source(pfn);
    co_return 0;
  }
  if (error != -kEAGAIN && release_ >= Release::v5_11) {
    failed.push_back(core_.map, frame);
  } else if (error != -kEAGAIN) {
    co_await put_back_page(pfn);
  }
  co_await put_target(control, target);
  co_return error;
}

// Traces what one call of migrate_pages did.
void MigrateSteps::trace_result(const Control& control, const Stats& stats) {
  if (release_ < Release::v3_8) return;
  const HugeResults huge{.succeeded = stats.thp_succeeded, .failed = stats.thp_failed, .split = stats.thp_split};
  auto reason = core_.engine.flags().memalloc_pin ? MigrateReason::longterm_pin : MigrateReason::contig_range;
  if (control.compacting != nullptr) reason = MigrateReason::compaction;
  const MigrateCause cause{.mode = static_cast<unsigned>(control.mode), .reason = reason};
  core_.trace.emit(Event::mm_migrate_pages, stats.succeeded, stats.failed, cause.pack(), huge.pack());
}

// try_split_folio: splits a huge page. All its pages go to the back of `split`, the first one last.
Task<int> MigrateSteps::split_to(PageList& from, PageList& split, Pfn head, bool sync) {
  const int error = co_await try_to_split(head, split, sync);
  if (error == 0) {
    from.remove(core_.map, core_.map.frame(head));
    split.push_back(core_.map, core_.map.frame(head));
  }
  co_return error;
}

// Ends a call of migrate_pages whose `result` is an error or the number of failures: lists the pages that stay, counts
// them, and returns what became of all. Pages on `failed` come before those that may be tried again.
Moved MigrateSteps::end(Control& control, PageList& failed, const Stats& stats, int result) {
  failed.splice_back(core_.map, control.pages);
  control.pages = failed;
  trace_result(control, stats);
  control.nr_pages = 0;
  for (Frame frame = control.pages.first; frame != kNil; frame = core_.map.at(frame).next) {
    core_.engine.turn();
    control.nr_pages += static_cast<unsigned>(pages_of(core_.map.at(frame)));
  }
  // Since 6.1 a huge page that was split, and each of whose pages moved, is no failure.
  if (release_ >= Release::v6_1 && control.pages.empty()) result = 0;
  return {.error = std::min(result, 0), .failed = std::max(result, 0)};
}

}  // namespace cma
