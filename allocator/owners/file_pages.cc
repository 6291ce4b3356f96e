// Pages of files: their buffers, and how they are written, dropped and truncated (fs/buffer.c, mm/truncate.c).

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
  co_await lru_.pagevecs().cache_add(pfn);
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

}  // namespace cma
