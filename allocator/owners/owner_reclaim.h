// How reclaim looks at pages that have an owner, unmaps, writes and drops them: page_referenced, try_to_unmap without
// entries, pageout, and the end of shrink_page_list (mm/rmap.c, mm/vmscan.c).
//
// Each call is one question of shrink_page_list. reclaim/ asks all of them; OwnerMoves those that a contiguous
// allocation asks of clean pages. Waits for page-table locks and for I/O. Cost: O(mappings) per page; of a page that
// was truncated, O(buffers of the machine).
//
// Locks: every call requires the page's lock, referenced() only as it states. A pte changes under the page-table lock
// of its space, which the calls take. Pages are single ones that the caller has isolated: one reference is the list's.
#pragma once

#include <cstdint>

#include "allocator/buffers/buffers.h"
#include "allocator/frames/core.h"
#include "allocator/lru/lru.h"
#include "allocator/owners/owner.h"
#include "allocator/owners/owner_parts.h"

namespace cma {

class OwnerReclaim {
 public:
  // Refers to its arguments, which outlive it.
  OwnerReclaim(const Core& core, Lru& lru, Buffers& buffers, const OwnerParts& parts);
  OwnerReclaim(const OwnerReclaim&) = delete;
  OwnerReclaim& operator=(const OwnerReclaim&) = delete;

  // What page_referenced() finds.
  struct Referenced {
    unsigned ptes = 0;        // ptes through which the page was used since they were last asked
    bool locked = false;      // a pte of locked memory maps it; the ptes after that one were not asked
    bool executable = false;  // one of `ptes` is of an executable mapping
  };
  // Counts the ptes that were used, and makes them unused. Since 5.18 a page that locked memory maps is marked as such.
  // Requires: the lock of a page that has a mapping; of anonymous memory none.
  Task<Referenced> referenced(Pfn pfn);

  // Removes the page's ptes, and puts their references (try_to_unmap). Returns whether none is left. Lazily freed
  // memory (MADV_FREE) stays mapped if locked memory maps it, and if it was written to or, since 5.10, others refer to
  // it: then it is ordinary anonymous memory again, and counted as isolated anonymous memory.
  Task<bool> unmap(Pfn pfn);

  // What pageout() achieves.
  enum class Written : std::uint8_t {
    keep,      // others use the page, or its mapping is gone; it is locked
    activate,  // it cannot be written: its mapping writes no single pages, or has no place for it; it is locked
    submitted  // it was handed to the device, or stays dirty for its buffer's lock; it is not locked
  };
  // Writes a dirty page of a file, marked to be reclaimed when that is over. A page whose writing ends at once is clean
  // then, and loses the mark. Requires: the page is dirty, unmapped, and not under writeback.
  Task<Written> page_out(Pfn pfn);

  // Frees the buffers of a page (try_to_release_page), also of one that was truncated. Returns whether none is left.
  bool release_buffers(Pfn pfn);
  // Takes an unmapped page from its cache if the cache and the caller's list alone refer to it, and it is clean
  // (__remove_mapping); lazily freed memory, if the list alone does. Returns true if so: then the page has no reference
  // and no owner, and the caller frees it.
  bool remove_mapping(Pfn pfn);
  // Takes the list's reference of a truncated page whose buffers are gone. Returns false, and does nothing, if the page
  // has others, or buffers. Requires: the page has no owner.
  bool take_orphan(Pfn pfn);

 private:
  Task<void> unmap_cached(OwnerId id, Pfn pfn);
  Task<bool> unmap_lazyfree(OwnerId id, Pfn pfn);
  bool writes_single_pages(FileMethod method) const;

  Release release_;
  Core core_;
  Lru& lru_;
  Buffers& buffers_;
  AddressSpaces& spaces_;
  OwnerRecords& records_;
  ReverseMap& reverse_map_;
  PageCache& page_cache_;
};

}  // namespace cma
