#include "allocator/files/files.h"

#include <algorithm>

#include "allocator/base/error.h"

namespace cma {

Files::Files(const Core& core, PageAllocator& page_allocator, Lru& lru, PageLocks& locks, Writebacks& writebacks,
             Buffers& buffers, Device& device, ReverseMap& reverse_map, PageCache& page_cache, Owners& owners)
    : release_(core.geometry.release),
      core_(core),
      page_allocator_(page_allocator),
      lru_(lru),
      locks_(locks),
      writebacks_(writebacks),
      buffers_(buffers),
      device_(device),
      reverse_map_(reverse_map),
      page_cache_(page_cache),
      owners_(owners) {}

FileId Files::open(FileMethod method, bool slow) {
  File file;
  file.method = method;
  file.slow = slow;
  files_.push_back(std::move(file));
  return static_cast<FileId>(files_.size());
}

OwnerId Files::cached(FileId file, std::uint64_t index) const {
  const std::vector<OwnerId>& pages = files_[file - 1].pages;
  if (index >= pages.size() || pages[index] == 0 || owners_.released(pages[index])) return 0;
  return pages[index];
}

std::uint64_t Files::index_of(FileId file, OwnerId page) const {
  const std::vector<OwnerId>& pages = files_[file - 1].pages;
  const auto found = std::find(pages.begin(), pages.end(), page);
  CMA_ASSERT(found != pages.end());
  return static_cast<std::uint64_t>(found - pages.begin());
}

// --- reading ---

// Adds a new page to the cache (add_to_page_cache_lru): locked, and in this CPU's pagevec. The allocation's reference
// stays with the caller. If another actor was faster, returns that actor's page.
Task<Files::Added> Files::add_to_cache(FileId file, std::uint64_t index, Gfp gfp, Pfn frame) {
  if (frame == kNoPfn) frame = co_await page_allocator_.alloc_pages(gfp, 0);
  Added result;
  if (frame == kNoPfn) co_return result;
  co_await at(core_.engine, Point::file_page_allocated);
  result.page = cached(file, index);
  if (result.page != 0) {
    co_await lru_.references().put_page(frame);
    co_return result;
  }
  const bool locked = locks_.try_lock(frame);
  CMA_ASSERT(locked);
  lru_.references().get_page(frame);
  // The page is in the cache before it is in the pagevec, whose drain may let others run.
  std::vector<OwnerId>& pages = files_[file - 1].pages;
  if (index >= pages.size()) pages.resize(index + 1, 0);
  pages[index] = static_cast<OwnerId>(owners_.size() + 1);
  result.page = co_await owners_.adopt_file_page(frame, file, files_[file - 1].method, files_[file - 1].slow);
  result.ours = true;
  CMA_ASSERT(files_[file - 1].pages[index] == result.page);
  co_return result;
}

Task<Files::Read> Files::read_as(Reading how, FileId file, std::uint64_t index, Pfn frame) {
  Read result;
  result.page = cached(file, index);
  if (result.page == 0) {
    Gfp gfp = files_[file - 1].method == FileMethod::block_device ? kGfpUser : kGfpHighuserMovable;
    if (how == Reading::ahead) gfp |= kGfpNowarn;
    const Added added = co_await add_to_cache(file, index, gfp, frame);
    result.page = added.page;
    frame = kNoPfn;
    if (result.page == 0) {
      result.error = -kENOMEM;
      co_return result;
    }
    if (added.ours) {
      const Pfn pfn = owners_.owner(result.page).pfn;
      Io io;
      io.pfn = pfn;
      // A block device is read by its buffers, a regular file past them.
      if (files_[file - 1].method == FileMethod::block_device) {
        io.buffer = page_cache_.buffer_of(result.page);
        co_await buffers_.locks().lock(io.buffer);
      }
      const bool slow = files_[file - 1].slow;
      co_await device_.submit(io, slow);
      if (how != Reading::ahead) co_await locks_.wait(pfn);
      if (how == Reading::by_reader) co_await lru_.pagevecs().mark_accessed(pfn);
      co_await lru_.references().put_page(pfn);
      co_return result;
    }
  }
  if (frame != kNoPfn) co_await lru_.references().put_page(frame);
  if (how != Reading::by_reader) co_return result;
  // generic_file_read: takes a reference, and waits if the page is still being read.
  const Pfn pfn = owners_.owner(result.page).pfn;
  if (pfn == kNoPfn) co_return result;
  lru_.references().get_page(pfn);
  if (!core_.map.page(pfn).has(kPageUptodate)) co_await locks_.wait(pfn);
  co_await lru_.pagevecs().mark_accessed(pfn);
  co_await lru_.references().put_page(pfn);
  co_return result;
}

// Locks the page only while it gets its buffer (__getblk), and then waits for the buffer (__bread).
Task<Files::Read> Files::bread(FileId file, std::uint64_t index, bool unmovable, Pfn frame) {
  CMA_ASSERT(files_[file - 1].method == FileMethod::block_device);
  const bool as_asked = unmovable && release_ >= Release::v3_18 && !core_.bugs.fires(Bug::bread_always_movable);
  const Gfp movable = as_asked ? 0U : kGfpMovable;
  Read result;
  result.page = cached(file, index);
  if (result.page == 0) {
    const Added added = co_await add_to_cache(file, index, (kGfpUser & ~kGfpFs) | movable, frame);
    result.page = added.page;
    frame = kNoPfn;
    if (result.page == 0) {
      result.error = -kENOMEM;
      co_return result;
    }
    if (added.ours) {
      const Pfn pfn = owners_.owner(result.page).pfn;
      page_cache_.buffer_of(result.page);
      locks_.unlock(pfn);
      co_await lru_.references().put_page(pfn);
    }
  }
  if (frame != kNoPfn) co_await lru_.references().put_page(frame);
  // Another actor may have dropped it again.
  if (owners_.released(result.page)) {
    result.error = -kEAGAIN;
    co_return result;
  }
  page_cache_.hold_buffer(result.page);
  const BufferId buffer = page_cache_.buffer_of(result.page);
  result.buffer = buffer;
  const Pfn pfn = buffers_.buffer(buffer).pfn;
  if (core_.map.page(pfn).has(kPageUptodate)) {
    co_await lru_.pagevecs().mark_accessed(pfn);
    co_return result;
  }
  co_await buffers_.locks().lock(buffer);
  if (core_.map.page(pfn).has(kPageUptodate)) {
    buffers_.locks().unlock(buffer);
    co_return result;
  }
  Io io;
  io.kind = Io::Kind::read_buffer;
  io.pfn = pfn;
  io.buffer = buffer;
  const bool slow = files_[file - 1].slow;
  co_await device_.submit(io, slow);
  co_await buffers_.locks().wait(buffer);
  co_return result;
}

// --- writing ---

// Locks the page where it is now, and takes a reference, as a lookup does. Returns false if it has left the cache.
Task<bool> Files::lock_cached(OwnerId page, Pfn& pfn) {
  while (!owners_.released(page)) {
    core_.engine.turn();
    pfn = owners_.owner(page).pfn;
    lru_.references().get_page(pfn);
    co_await locks_.lock(pfn);
    if (owners_.owner(page).pfn == pfn) co_return true;
    locks_.unlock(pfn);
    co_await lru_.references().put_page(pfn);
  }
  co_return false;
}

Task<void> Files::write(OwnerId page) {
  Pfn pfn = kNoPfn;
  if (!co_await lock_cached(page, pfn)) co_return;
  owners_.write_content(page);
  if (!core_.bugs.fires(Bug::write_stays_clean)) page_cache_.make_dirty(page);
  locks_.unlock(pfn);
  co_await lru_.pagevecs().mark_accessed(pfn);
  co_await lru_.references().put_page(pfn);
}

Task<void> Files::writeback(OwnerId page) {
  Pfn pfn = kNoPfn;
  if (!co_await lock_cached(page, pfn)) co_return;
  if (core_.map.page(pfn).has(kPageDirty) && !core_.map.page(pfn).has(kPageWriteback))
    co_await page_cache_.write_page(page);
  else
    locks_.unlock(pfn);
  co_await lru_.references().put_page(pfn);
}

// --- leaving the cache ---

// Looks up a pagevec's worth of cached pages from `index` on, moves `index` past the last of them, and takes a
// reference of each. Also locks each whose lock it gets, if `how.in_lookup` (find_lock_entries, 5.12; in a truncation
// since 4.15); else the caller tries to lock one after the other. Does not wait. Up to 5.11 pages whose lock others
// have are among those found.
std::vector<Files::Found> Files::look_up(FileId file, std::uint64_t& index, Locking how) {
  std::vector<Found> found;
  for (std::uint64_t next = index; next < size(file) && found.size() < pagevec_size(release_); ++next) {
    core_.engine.turn();
    const OwnerId page = cached(file, next);
    if (page == 0) continue;
    Found each{page, owners_.owner(page).pfn, next};
    if (how.in_lookup) each.locked = try_to_lock(file, each, how);
    if (how.in_lookup && !each.locked && release_ >= Release::v5_12) continue;
    lru_.references().get_page(each.pfn);
    found.push_back(each);
    index = next + 1;
  }
  return found;
}

// Locks a page that a lookup has found. Returns false if another has it locked, it left the cache meanwhile, or it is
// under writeback and the caller wants no such page.
bool Files::try_to_lock(FileId file, const Found& found, Locking how) {
  if (cached(file, found.index) != found.page || owners_.owner(found.page).pfn != found.pfn) return false;
  if (!locks_.try_lock(found.pfn)) return false;
  if (how.take_writeback || !core_.map.page(found.pfn).has(kPageWriteback)) return true;
  locks_.unlock(found.pfn);
  return false;
}

// Puts the references of a lookup (pagevec_release). Drains the pagevecs of this CPU before, since 4.15 once in a call.
Task<void> Files::release(const std::vector<Found>& found, bool& drained) {
  if (found.empty()) co_return;
  if (!drained || release_ < Release::v4_15) co_await lru_.drain().add_drain(core_.engine.cpu());
  drained = true;
  std::vector<Pfn> pages;
  for (const Found& each : found) pages.push_back(each.pfn);
  co_await lru_.references().release_pages(std::move(pages));
}

// Removes a locked page from the cache. The cache's reference is not the last one, as the caller has one.
Task<void> Files::remove_locked(const Found& found) {
  co_await at(core_.engine, Point::truncate_locked);
  co_await writebacks_.wait(found.pfn);
  // Another process may have mapped it again.
  co_await reverse_map_.unmap_for_good(found.page);
  co_await page_cache_.remove_from_cache(found.page);
  co_await lru_.references().put_page(found.pfn);
}

// The first pass of truncate_inode_pages_range, which passes over pages that it would have to wait for.
Task<void> Files::truncate_without_waiting(FileId file, std::uint64_t from, bool& drained) {
  const Locking how{.in_lookup = release_ >= Release::v4_15, .take_writeback = false};
  for (std::uint64_t index = from;;) {
    core_.engine.turn();
    std::vector<Found> found = look_up(file, index, how);
    if (found.empty()) co_return;
    for (Found& each : found) {
      if (!how.in_lookup) each.locked = try_to_lock(file, each, how);
      if (!each.locked) continue;
      co_await remove_locked(each);
      if (!how.in_lookup) locks_.unlock(each.pfn);
    }
    for (const Found& each : found)
      if (how.in_lookup && each.locked) locks_.unlock(each.pfn);
    co_await release(found, drained);
  }
}

// The second pass of it, which takes what the first has left. It holds a reference of each page that a lookup has
// found, so that none moves, while it waits for one after the other. Readers may bring pages back meanwhile: it ends
// when a lookup from `from` on finds nothing.
Task<void> Files::truncate_waiting(FileId file, std::uint64_t from, bool& drained) {
  for (std::uint64_t index = from;;) {
    core_.engine.turn();
    const bool from_start = index == from;
    const std::vector<Found> found = look_up(file, index, {.in_lookup = false, .take_writeback = true});
    if (found.empty() && from_start) co_return;
    if (found.empty()) index = from;
    for (const Found& each : found) {
      co_await locks_.lock(each.pfn);
      // One that another truncation has removed is not under writeback.
      if (cached(file, each.index) == each.page && owners_.owner(each.page).pfn == each.pfn)
        co_await remove_locked(each);
      locks_.unlock(each.pfn);
    }
    co_await release(found, drained);
  }
}

bool Files::ends_before(FileId file, std::uint64_t index) const {
  const std::vector<std::uint64_t>& ends = files_[file - 1].ends;
  return std::ranges::any_of(ends, [index](std::uint64_t end) { return end <= index; });
}

Task<void> Files::truncate(FileId file, std::uint64_t from) {
  // The length is set before anything is removed (truncate_setsize), so that no fault brings a page back.
  files_[file - 1].ends.push_back(from);
  std::uint64_t first = from;
  for (std::uint64_t index = from; index < size(file); ++index) {
    const OwnerId page = cached(file, index);
    if (page != 0) co_await reverse_map_.unmap_for_good(page);
  }
  if (from < size(file) && cached(file, from) != 0 && core_.bugs.fires(Bug::truncate_keeps_first)) ++first;
  bool drained = false;
  co_await truncate_without_waiting(file, first, drained);
  co_await truncate_waiting(file, first, drained);
  std::vector<std::uint64_t>& ends = files_[file - 1].ends;
  const auto own = std::ranges::find(ends, from);
  CMA_ASSERT(own != ends.end());
  ends.erase(own);
}

Task<void> Files::drop(FileId file) {
  bool drained = false;
  // Since 5.12 pages under writeback are passed over.
  const Locking how{.in_lookup = release_ >= Release::v5_12, .take_writeback = release_ < Release::v5_12};
  for (std::uint64_t index = 0;;) {
    core_.engine.turn();
    std::vector<Found> found = look_up(file, index, how);
    if (found.empty()) co_return;
    for (Found& each : found) {
      if (!how.in_lookup) each.locked = try_to_lock(file, each, how);
      if (!each.locked) continue;
      co_await at(core_.engine, Point::drop_locked);
      const bool dropped = page_cache_.try_to_drop(each.page);
      locks_.unlock(each.pfn);
      if (!dropped) co_await lru_.pagevecs().deactivate_file(each.pfn);
      // The cache's reference.
      if (dropped) co_await lru_.references().put_page(each.pfn);
    }
    co_await release(found, drained);
  }
}

// --- the journal ---

bool Files::journal(OwnerId page) {
  const FileMethod method = owners_.owner(page).method;
  if (method == FileMethod::ordered) return false;
  const FileId id = owners_.owner(page).file;
  if (id == 0) return false;
  // A file system reads a page before it changes part of it.
  if (!core_.map.page(owners_.owner(page).pfn).has(kPageUptodate)) return false;
  const BufferId buffer = page_cache_.buffer_of(page);
  std::vector<BufferId>& transaction = files_[id - 1].transaction;
  if (std::find(transaction.begin(), transaction.end(), buffer) != transaction.end()) return false;
  buffers_.get(buffer);
  transaction.push_back(buffer);
  owners_.write_content(page);
  return true;
}

void Files::commit(FileId file) {
  for (const BufferId buffer : files_[file - 1].transaction) {
    const Pfn pfn = buffers_.buffer(buffer).pfn;
    // A page that was truncated is forgotten, not written.
    if (const OwnerId page = core_.map.page(pfn).owner; page != 0 && owners_.owner(page).buffer == buffer)
      page_cache_.make_dirty(page);
    buffers_.put(buffer);
  }
  files_[file - 1].transaction.clear();
}

int Files::journal_holds(BufferId buffer) const {
  std::ptrdiff_t holds = 0;
  for (const File& file : files_) holds += std::count(file.transaction.begin(), file.transaction.end(), buffer);
  return static_cast<int>(holds);
}

}  // namespace cma
