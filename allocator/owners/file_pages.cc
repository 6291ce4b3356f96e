// Pages of files: their buffers, how they are written, dropped and truncated, and the three ways in which they move
// (fs/buffer.c, mm/migrate.c, mm/vmscan.c).

#include "allocator/base/error.h"
#include "allocator/owners/owners.h"

namespace cma {

Task<OwnerId> Owners::adopt_file_page(Pfn pfn, FileId file, FileMethod method, bool slow) {
  CMA_ASSERT(core_.map.page(pfn).ref > 0 && core_.map.page(pfn).owner == 0 && core_.map.page(pfn).has(kPageLocked));
  const OwnerId id = add_record(pfn, PageKind::file);
  record(id).file = file;
  record(id).method = method;
  record(id).slow = slow;
  record(id).handed_out = false;
  core_.map.edit(pfn).flags = kPageLocked;
  co_await lru_.cache_add(pfn);
  co_return id;
}

// --- buffers ---

BufferId Owners::buffer_of(OwnerId id) {
  Owner& owner = record(id);
  CMA_ASSERT(is_file(owner.kind) && !released(id));
  if (owner.buffer == 0) owner.buffer = buffers_.attach(owner.pfn);
  return owner.buffer;
}

void Owners::hold_buffer(OwnerId id) {
  const BufferId buffer = buffer_of(id);
  // Buffers of a file's own pages are not looked up by block number, and so never in a slot.
  if (record(id).method == FileMethod::block_device)
    buffers_.hold(buffer);
  else
    buffers_.get(buffer);
}

void Owners::make_dirty(OwnerId id) {
  buffers_.set_dirty(buffer_of(id), true);
  core_.map.edit(record(id).pfn).flags |= kPageDirty;
}

bool Owners::release_buffer(OwnerId id) {
  Owner& owner = record(id);
  if (owner.buffer == 0) return true;
  if (core_.map.page(owner.pfn).has(kPageWriteback) || !buffers_.try_to_free(owner.buffer)) return false;
  owner.buffer = 0;
  // With clean buffers the page is clean, whatever its flag.
  core_.map.edit(owner.pfn).flags &= ~kPageDirty;
  return true;
}

void Owners::drop_orphaned_buffers(Pfn pfn) {
  for (BufferId id = 1; id <= buffers_.size(); ++id)
    if (buffers_.buffer(id).pfn == pfn) buffers_.try_to_free(id);
}

// --- writing ---

Task<void> Owners::write_page(OwnerId id) {
  const Pfn pfn = record(id).pfn;
  CMA_ASSERT(core_.map.page(pfn).has(kPageLocked) && !core_.map.page(pfn).has(kPageWriteback));
  write_protect(id);
  core_.map.edit(pfn).flags &= ~kPageDirty;
  const BufferId buffer = buffer_of(id);
  // Does not wait for a buffer that is locked: the page stays dirty for the next writeback.
  if (!buffers_.locks().try_lock(buffer)) {
    core_.map.edit(pfn).flags |= kPageDirty;
    locks_.unlock(pfn);
    co_return;
  }
  if (!buffers_.buffer(buffer).dirty) {
    buffers_.locks().unlock(buffer);
    locks_.unlock(pfn);
    co_return;
  }
  buffers_.set_dirty(buffer, false);
  const bool begun = writebacks_.try_lock(pfn);
  CMA_ASSERT(begun);
  locks_.unlock(pfn);
  Io io;
  io.kind = Io::Kind::write_page;
  io.pfn = pfn;
  io.buffer = buffer;
  co_await device_.submit(io, record(id).slow);
}

// Makes the next write through each mapping fault, and so ask the file first (page_mkclean).
void Owners::write_protect(OwnerId id) {
  for (PteId pte = record(id).first_pte; pte != 0; pte = spaces_.pte(pte).next) {
    spaces_.pte(pte).writable = false;
    spaces_.pte(pte).dirty = false;
  }
}

// --- leaving the cache ---

Task<void> Owners::remove_from_cache(OwnerId id) {
  const Pfn pfn = record(id).pfn;
  CMA_ASSERT(record(id).first_pte == 0);
  if (const BufferId buffer = record(id).buffer; buffer != 0) {
    // discard_buffer waits for the lock.
    co_await buffers_.locks().lock(buffer);
    buffers_.set_dirty(buffer, false);
    buffers_.locks().unlock(buffer);
    release_buffer(id);
  }
  record(id).pfn = kNoPfn;
  Page& page = core_.map.edit(pfn);
  page.flags &= ~kPageDirty;
  page.owner = 0;
  co_await at(core_.engine, Point::truncate_removed);
}

bool Owners::try_to_drop(OwnerId id) {
  const Pfn pfn = record(id).pfn;
  Page& page = core_.map.edit(pfn);
  if (page.has(kPageDirty | kPageWriteback) || page.map != 0) return false;
  // Since 5.18 looks for other users first, and leaves the buffer alone then.
  if (release_ >= Release::v5_18 && page.ref > 2 + (page.has(kPagePrivate) ? 1 : 0)) return false;
  if (!release_buffer(id)) return false;
  if (page.ref != 2) return false;
  record(id).pfn = kNoPfn;
  page.owner = 0;
  return true;
}

// Unmaps a page that is to be dropped (try_to_unmap): no entries take the mappings' places.
Task<void> Owners::reclaim_mappings(OwnerId id, Pfn pfn) {
  while (const PteId found = record(id).first_pte) {
    const SpaceId space = spaces_.pte(found).space;
    co_await spaces_.lock(space).lock(core_.engine);
    if (spaces_.pte(found).page == id) {
      zap_pte(found);
      --core_.map.edit(pfn).ref;
    }
    spaces_.lock(space).unlock(core_.engine);
  }
}

// Frees an orphan that was isolated, if without its buffer only the list's reference is left.
bool Owners::reclaim_orphan(Pfn pfn) {
  if (!core_.map.page(pfn).has(kPagePrivate)) return false;
  drop_orphaned_buffers(pfn);
  Page& page = core_.map.edit(pfn);
  if (page.has(kPagePrivate)) {
    page.flags |= kPageActive;
    return false;
  }
  if (page.ref != 1) return false;
  page.ref = 0;
  return true;
}

Task<bool> Owners::reclaim_clean(Pfn pfn) {
  const OwnerId id = core_.map.page(pfn).owner;
  if (core_.map.page(pfn).has(kPageWriteback)) {
    core_.map.edit(pfn).flags |= kPageActive | kPageReclaim;
    co_return false;
  }
  if (id == 0) co_return reclaim_orphan(pfn);
  if (record(id).kind == PageKind::anonymous) co_return co_await discard_madv_free(id, pfn);
  if (!is_file(record(id).kind)) co_return false;
  co_await reclaim_mappings(id, pfn);
  if (core_.map.page(pfn).has(kPageDirty)) {
    // The page was written to after it had been chosen.
    core_.map.edit(pfn).flags |= kPageActive | kPageReclaim;
    co_return false;
  }
  if (!release_buffer(id)) {
    core_.map.edit(pfn).flags |= kPageActive;
    co_return false;
  }
  Page& page = core_.map.edit(pfn);
  // The cache's reference and the list's, frozen at once; any other keeps the page.
  if (page.ref != 2) co_return false;
  page.ref = 0;
  page.owner = 0;
  record(id).pfn = kNoPfn;
  co_return true;
}

// --- moving ---

Task<int> Owners::move_file_page(OwnerId id, Pfn old, Pfn target, MoveMode mode) {
  switch (record(id).method) {
    case FileMethod::ordered:
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

// Writes a dirty page out first, then drops its buffer, then moves it as a bare page (fallback_migrate_page).
Task<int> Owners::fallback_move(OwnerId id, Pfn old, Pfn target, MoveMode mode) {
  const bool full = mode == MoveMode::sync;
  if (core_.map.page(old).has(kPageDirty)) {
    if (!full) co_return -kEBUSY;
    co_await write_page(id);
    co_await at(core_.engine, Point::migrate_writeout);
    co_await locks_.lock(old);
    co_return -kEAGAIN;
  }
  if (!release_buffer(id)) {
    // A mode that does not wait for the buffer gains nothing by another attempt.
    const bool is_final = !full && release_ >= Release::v5_1;
    co_return is_final ? -kEBUSY : -kEAGAIN;
  }
  co_return move_mapping(id, old, target, 2);
}

// The method up to 4.20 (buffer_migrate_page): moves the mapping first, after which nothing can fail, and then waits
// for the buffer's lock. The asynchronous mode takes that lock before. Counts on the buffer do not matter.
Task<int> Owners::buffer_move_v3_5(OwnerId id, Pfn old, Pfn target, MoveMode mode) {
  const BufferId buffer = record(id).buffer;
  const bool locked = buffer != 0 && mode == MoveMode::async;
  if (locked && !buffers_.locks().try_lock(buffer)) co_return -kEAGAIN;
  const int error = move_mapping(id, old, target, buffer != 0 ? 3 : 2);
  if (error != 0 && locked) buffers_.locks().unlock(buffer);
  if (error != 0 || buffer == 0) co_return error;
  co_await at(core_.engine, Point::buffer_mapping_moved);
  buffers_.get(buffer);
  if (!locked) co_await buffers_.locks().lock(buffer);
  buffers_.move_to(buffer, target);
  buffers_.locks().unlock(buffer);
  buffers_.put(buffer);
  co_return 0;
}

// The method since 5.0 (__buffer_migrate_folio): checks references first, then takes the buffer's lock, then checks
// (norefs) its count, and only then moves the mapping.
Task<int> Owners::buffer_move_v5_0(OwnerId id, Pfn old, Pfn target, MoveMode mode, bool norefs) {
  const BufferId buffer = record(id).buffer;
  if (buffer == 0) co_return move_mapping(id, old, target, 2);
  if (core_.map.page(old).ref != 3) co_return -kEAGAIN;
  if (!buffers_.locks().try_lock(buffer)) {
    if (mode == MoveMode::async) co_return -kEAGAIN;
    co_await buffers_.locks().lock(buffer);
  }
  int error = 0;
  if (norefs && buffers_.buffer(buffer).count != 0) {
    buffers_.invalidate_all();
    if (buffers_.buffer(buffer).count != 0) error = -kEAGAIN;
  }
  if (error == 0) {
    // norefs checks the counts and moves the mapping under one lock; without it other actors may run in between.
    if (!norefs) co_await at(core_.engine, Point::buffer_checked);
    error = move_mapping(id, old, target, 3);
  }
  if (error == 0) buffers_.move_to(buffer, target);
  buffers_.locks().unlock(buffer);
  co_return error;
}

}  // namespace cma
