#include "allocator/owners/page_cache.h"

namespace cma {

PageCache::PageCache(const Core& core, PageLocks& locks, Buffers& buffers, Writebacks& writebacks, Device& device,
                     OwnerRecords& records, ReverseMap& reverse_map)
    : release_(core.geometry.release),
      core_(core),
      locks_(locks),
      buffers_(buffers),
      writebacks_(writebacks),
      device_(device),
      records_(records),
      reverse_map_(reverse_map) {}

bool PageCache::has_mapping(Pfn pfn) const {
  const OwnerId id = core_.map.page(pfn).owner;
  return id != 0 && is_cached(records_.owner(id).kind);
}

// --- buffers ---

BufferId PageCache::buffer_of(OwnerId id) {
  Owner& owner = records_.edit(id);
  CMA_ASSERT(is_file(owner.kind) && owner.pfn != kNoPfn);
  if (owner.buffer == 0) owner.buffer = buffers_.attach(owner.pfn);
  return owner.buffer;
}

OwnerId PageCache::page_with(BufferId buffer) const {
  for (OwnerId id = 1; id <= records_.size(); ++id)
    if (records_.owner(id).buffer == buffer && records_.owner(id).pfn != kNoPfn) return id;
  return 0;
}

void PageCache::hold_buffer(OwnerId id) {
  const BufferId buffer = buffer_of(id);
  // Buffers of a file's own pages are not looked up by block number, and so never in a slot.
  if (records_.owner(id).method == FileMethod::block_device)
    buffers_.hold(buffer);
  else
    buffers_.get(buffer);
}

void PageCache::make_dirty(OwnerId id) {
  buffers_.set_dirty(buffer_of(id), true);
  core_.map.edit(records_.owner(id).pfn).flags |= kPageDirty;
}

bool PageCache::release_buffer(OwnerId id) {
  Owner& owner = records_.edit(id);
  CMA_ASSERT(is_file(owner.kind));
  if (owner.buffer == 0) return true;
  if (core_.map.page(owner.pfn).has(kPageWriteback) || !buffers_.try_to_free(owner.buffer)) return false;
  owner.buffer = 0;
  // With clean buffers the page is clean, whatever its flag.
  core_.map.edit(owner.pfn).flags &= ~kPageDirty;
  return true;
}

// --- writing ---

Task<void> PageCache::write_page(OwnerId id) {
  const Pfn pfn = records_.owner(id).pfn;
  CMA_ASSERT(core_.map.page(pfn).has(kPageLocked) && !core_.map.page(pfn).has(kPageWriteback));
  if (core_.map.page(pfn).map != 1 || !core_.bugs.fires(Bug::lone_mapper_writable)) reverse_map_.write_protect(id);
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
  co_await device_.submit(io, records_.owner(id).slow);
}

// --- leaving the cache ---

Task<void> PageCache::remove_from_cache(OwnerId id) {
  const Pfn pfn = records_.owner(id).pfn;
  CMA_ASSERT(is_cached(records_.owner(id).kind) && records_.owner(id).first_pte == 0);
  if (const BufferId buffer = records_.owner(id).buffer; buffer != 0) {
    // discard_buffer waits for the lock.
    co_await buffers_.locks().lock(buffer);
    buffers_.set_dirty(buffer, false);
    buffers_.locks().unlock(buffer);
    release_buffer(id);
  }
  records_.edit(id).pfn = kNoPfn;
  Page& page = core_.map.edit(pfn);
  page.flags &= ~kPageDirty;
  page.owner = 0;
  co_await at(core_.engine, Point::truncate_removed);
}

bool PageCache::try_to_drop(OwnerId id) {
  CMA_ASSERT(is_file(records_.owner(id).kind));
  const Pfn pfn = records_.owner(id).pfn;
  Page& page = core_.map.edit(pfn);
  if (page.has(kPageDirty | kPageWriteback) || page.map != 0) return false;
  // Since 5.18 looks for other users first, and leaves the buffer alone then.
  if (release_ >= Release::v5_18 && page.ref > 2 + (page.has(kPagePrivate) ? 1 : 0)) return false;
  if (!release_buffer(id)) return false;
  if (page.ref != 2) return false;
  records_.edit(id).pfn = kNoPfn;
  page.owner = 0;
  return true;
}

}  // namespace cma
