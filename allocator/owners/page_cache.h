// Pages of a page cache: their buffers, and how they are written, dropped and truncated (fs/buffer.c, mm/truncate.c).
//
// files/ and processes/ dirty and write pages through it, Owners truncates them, and owner_moves.h writes and drops
// those that it cannot move. Which file has a page at which index is in files/. Cost: O(1), and O(ptes of the page) to
// write it.
//
// Locks: place, content and writeback change under the page lock.
#pragma once

#include "allocator/buffers/buffers.h"
#include "allocator/buffers/device.h"
#include "allocator/frames/core.h"
#include "allocator/frames/page_lock.h"
#include "allocator/owners/owner.h"
#include "allocator/owners/owner_records.h"
#include "allocator/owners/reverse_map.h"

namespace cma {

class PageCache {
 public:
  PageCache(const Core& core, PageLocks& locks, Buffers& buffers, Writebacks& writebacks, Device& device,
            OwnerRecords& records, ReverseMap& reverse_map);

  // page_mapping(page) != NULL: returns whether it is a page cache page (shmem included), not an anonymous one.
  bool has_mapping(Pfn pfn) const;

  // --- buffers ---
  // Returns the buffer of the page, which is made when it is looked up first.
  // Requires: the page is a file's (is_file), and in its cache.
  BufferId buffer_of(OwnerId id);
  // Returns the page whose buffer this is; 0 if it has left its cache. O(records).
  OwnerId page_with(BufferId buffer) const;
  // Takes another count on the buffer; of a block device's page by way of this CPU's slots.
  // Requires: as for buffer_of().
  void hold_buffer(OwnerId id);
  // Makes the page's data and its buffer dirty.
  // Requires: as for buffer_of().
  void make_dirty(OwnerId id);
  // Frees the page's buffer (try_to_release_page). Returns true if the page has none left; false if the buffer is busy,
  // or the page under writeback.
  // Requires: the page is a file's, in its cache, and locked.
  bool release_buffer(OwnerId id);

  // --- writing ---
  // Puts a dirty page under writeback and unlocks it (block_write_full_page). It stays dirty if its buffer is locked,
  // and becomes clean without I/O if its buffer is clean.
  // Requires: the page is a file's, in its cache, locked, and not under writeback.
  Task<void> write_page(OwnerId id);

  // --- leaving the cache ---
  // Removes the page from its cache if it is clean and not in use (invalidate_complete_page); true if so. The cache's
  // reference passes to the caller.
  // Requires: the page is a file's, in its cache, and locked, and the caller has one reference.
  bool try_to_drop(OwnerId id);
  // Removes the page from its cache (truncate_complete_page). The cache's reference passes to the caller. A buffer in
  // use keeps the page as an orphan.
  // Requires: the page is a file's or shmem, in its cache, locked, and neither mapped nor under writeback.
  Task<void> remove_from_cache(OwnerId id);

 private:
  Release release_;
  Core core_;
  PageLocks& locks_;
  Buffers& buffers_;
  Writebacks& writebacks_;
  Device& device_;
  OwnerRecords& records_;
  ReverseMap& reverse_map_;
};

}  // namespace cma
