// What migration must know of a page and only its owner can tell. Implemented by the owners layer above; the callback
// is this layer's one upward call.
#pragma once

#include <cstdint>

#include "allocator/base/pfn.h"
#include "allocator/engine/task.h"
#include "allocator/frames/page_list.h"

namespace cma {

// enum migrate_mode, by its numbers: never waits (6.5 and later begin with it); waits, but not for writeback and not by
// writing; waits for everything.
enum class MoveMode : std::uint8_t { async, sync_light, sync };

class PageKinds {
 public:
  virtual ~PageKinds() = default;

  // page_mapping(page) != NULL: a page cache page (shmem included), not an anonymous one.
  virtual bool has_mapping(Pfn pfn) const = 0;
  // A dirty page need not be written to be moved: anonymous, or its mapping has a method of its own for that.
  virtual bool moves_dirty(Pfn pfn) const = 0;
  // A driver's isolate hook for a non-LRU movable page: false refuses.
  virtual bool isolate_movable(Pfn pfn) = 0;
  // try_to_unmap with migration entries: every pte that maps the page, a reference each, under
  // the page-table lock of its space. The page is locked. Mappings that must not go are left.
  virtual Task<void> unmap(Pfn pfn) = 0;
  // remove_migration_ptes: every migration entry for `old` becomes a pte of `target` (which may be `old`).
  virtual Task<void> remap(Pfn old, Pfn target) = 0;
  // One page of a file's LRU that looked clean, isolated and locked: true if it could be dropped (shrink_page_list
  // without writing anything). All its references, the list's included, are gone then, and the caller frees it.
  virtual Task<bool> reclaim_clean(Pfn pfn) = 0;
  // A page that lost its mapping after it was isolated: tries to drop its buffers.
  virtual void drop_orphaned_buffers(Pfn pfn) = 0;
  // move_to_new_page: the mapping's or driver's own way to move. 0, -EAGAIN, or a permanent error. The page is locked
  // and unmapped; on success mapping, content and flags are the new page's, which stays without list. May sleep.
  virtual Task<int> move(Pfn old, Pfn target, MoveMode mode) = 0;

  // --- compound pages, by their first page; unmap, remap and move take them whole ---
  // page_mapcount(head): mappings of the whole and of its first page, not of its other pages.
  virtual std::int32_t mapcount_of_first(Pfn head) const = 0;
  // On the deferred split list because some of its pages lost their mapping (6.12).
  virtual bool partially_mapped(Pfn head) const = 0;
  // split_huge_page_to_list: 0 and it is as many independent pages, the tails on `list` with a reference of the list's,
  // or on the LRU if there is none; or why it cannot be. The caller has locked it and has a reference.
  virtual Task<int> split(Pfn head, PageList* list) = 0;
};

// What migration asks of the pool of huge pages. Implemented by the owners layer.
class HugetlbPages {
 public:
  virtual ~HugetlbPages() = default;
  // isolate_or_dissolve_huge_page: a free page of the pool is replaced by another one and freed; one in use goes to the
  // back of `list` with a reference. 0, -EBUSY, or -ENOMEM without a replacement.
  virtual Task<int> isolate_or_dissolve(Pfn head, PageList& list) = 0;
  // A page to move to, with one reference; kNoPfn if none can be had.
  virtual Task<Pfn> target() = 0;
  // The data has moved from one to the other; both are locked.
  virtual void moved(Pfn old, Pfn target) = 0;
};

}  // namespace cma
