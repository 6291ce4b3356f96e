// How pages of files are dropped, and the three ways in which they move (fs/buffer.c, mm/migrate.c, mm/vmscan.c).

#include "allocator/base/error.h"
#include "allocator/owners/owner_moves.h"

namespace cma {

void OwnerMoves::drop_orphaned_buffers(Pfn pfn) { reclaim_.release_buffers(pfn); }

Task<bool> OwnerMoves::drop_clean_page(Pfn pfn) {
  const OwnerId id = core_.map.page(pfn).owner;
  if (core_.map.page(pfn).has(kPageWriteback)) {
    core_.map.edit(pfn).flags |= kPageActive | kPageReclaim;
    co_return false;
  }
  if (id == 0) co_return reclaim_orphan(pfn);
  const bool anonymous = records_.owner(id).kind == PageKind::anonymous;
  if (!anonymous && !is_file(records_.owner(id).kind)) co_return false;
  if (!co_await reclaim_.unmap(pfn)) {
    // Memory that was written to is active again.
    if (core_.map.page(pfn).has(kPageSwapbacked)) core_.map.edit(pfn).flags |= kPageActive;
    co_return false;
  }
  if (anonymous) co_return reclaim_.remove_mapping(pfn);
  if (core_.map.page(pfn).has(kPageDirty)) {
    // The page was written to after it had been chosen.
    core_.map.edit(pfn).flags |= kPageActive | kPageReclaim;
    co_return false;
  }
  if (!reclaim_.release_buffers(pfn)) {
    core_.map.edit(pfn).flags |= kPageActive;
    co_return false;
  }
  co_return reclaim_.remove_mapping(pfn);
}

// Drops a page that was truncated after it was isolated, if without its buffer only the list refers to it.
bool OwnerMoves::reclaim_orphan(Pfn pfn) {
  if (!core_.map.page(pfn).has(kPagePrivate)) return false;
  if (reclaim_.release_buffers(pfn)) return reclaim_.take_orphan(pfn);
  core_.map.edit(pfn).flags |= kPageActive;
  return false;
}

// Returns a permanent error, which no page of a file gives without a planted mistake.
Task<int> OwnerMoves::refuse_file_page() { co_return -kEBUSY; }

Task<int> OwnerMoves::move_file_page(OwnerId id, Pfn old, Pfn target, MoveMode mode) {
  if (core_.map.page(old).has(kPageDirty) && core_.bugs.fires(Bug::dirty_page_stays)) return refuse_file_page();
  switch (records_.owner(id).method) {
    case FileMethod::ordered:
      if (core_.bugs.fires(Bug::ordered_page_stays)) return refuse_file_page();
      if (release_ >= Release::v5_0) return buffer_move_v5_0(id, old, target, mode, /*norefs=*/false);
      return buffer_move_v3_5(id, old, target, mode);
    case FileMethod::journalled:
      if (release_ >= Release::v6_4) return buffer_move_v5_0(id, old, target, mode, /*norefs=*/true);
      return fallback_move(id, old, target, mode);
    case FileMethod::block_device:
      if (release_ >= Release::v5_0) return buffer_move_v5_0(id, old, target, mode, /*norefs=*/true);
      return fallback_move(id, old, target, mode);
  }
  return fallback_move(id, old, target, mode);
}

// Writes a dirty page out first, then drops its buffer, then moves it as a bare page (fallback_migrate_page). While it
// is written it is not locked, and so its mappings are back (writeout).
Task<int> OwnerMoves::fallback_move(OwnerId id, Pfn old, Pfn target, MoveMode mode) {
  const bool full = mode == MoveMode::sync;
  if (core_.map.page(old).has(kPageDirty)) {
    if (!full) co_return -kEBUSY;
    co_await remap(old, old);
    co_await page_cache_.write_page(id);
    co_await at(core_.engine, Point::migrate_writeout);
    co_await locks_.lock(old);
    co_return -kEAGAIN;
  }
  if (!page_cache_.release_buffer(id)) {
    // A mode that does not wait for the buffer gains nothing by another attempt.
    const bool is_final = !full && release_ >= Release::v5_1;
    co_return is_final ? -kEBUSY : -kEAGAIN;
  }
  co_return move_mapping(id, old, target, 2);
}

// The method up to 4.20 (buffer_migrate_page): moves the mapping first, after which nothing can fail, and then waits
// for the buffer's lock. The asynchronous mode takes that lock before. Counts on the buffer do not matter.
Task<int> OwnerMoves::buffer_move_v3_5(OwnerId id, Pfn old, Pfn target, MoveMode mode) {
  const BufferId buffer = records_.owner(id).buffer;
  const bool locked = buffer != 0 && mode == MoveMode::async;
  if (locked && !buffers_.locks().try_lock(buffer)) co_return -kEAGAIN;
  const int error = move_mapping(id, old, target, buffer != 0 ? 3 : 2);
  if (error != 0 && locked) buffers_.locks().unlock(buffer);
  if (error != 0 || buffer == 0) co_return error;
  co_await at(core_.engine, Point::buffer_mapping_moved);
  buffers_.get(buffer);
  if (!locked) co_await buffers_.locks().lock(buffer);
  if (!core_.bugs.fires(Bug::buffer_stays_behind)) buffers_.move_to(buffer, target);
  buffers_.locks().unlock(buffer);
  buffers_.put(buffer);
  co_return 0;
}

// The method since 5.0 (__buffer_migrate_folio): checks references first, then takes the buffer's lock, then checks
// (norefs) its count, and only then moves the mapping.
Task<int> OwnerMoves::buffer_move_v5_0(OwnerId id, Pfn old, Pfn target, MoveMode mode, bool norefs) {
  const BufferId buffer = records_.owner(id).buffer;
  if (buffer == 0) co_return move_mapping(id, old, target, 2);
  if (core_.map.page(old).ref != 3) co_return -kEAGAIN;
  if (!buffers_.locks().try_lock(buffer)) {
    if (mode == MoveMode::async) co_return -kEAGAIN;
    co_await buffers_.locks().lock(buffer);
  }
  int error = 0;
  if (norefs && buffers_.buffer(buffer).count != 0) {
    if (!core_.bugs.fires(Bug::slots_outlast_drain)) buffers_.invalidate_all();
    if (buffers_.buffer(buffer).count != 0) error = -kEAGAIN;
  }
  if (error == 0) {
    // norefs checks the counts and moves the mapping under one lock; without it other actors may run in between.
    if (!norefs) co_await at(core_.engine, Point::buffer_checked);
    error = move_mapping(id, old, target, 3);
  }
  if (error == 0 && !core_.bugs.fires(Bug::buffer_stays_behind)) buffers_.move_to(buffer, target);
  buffers_.locks().unlock(buffer);
  co_return error;
}

}  // namespace cma
