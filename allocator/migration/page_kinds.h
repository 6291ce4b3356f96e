// What migration must know of a page that only the page's owner knows. Implemented by the layers above that own pages;
// these callbacks are migration's only upward calls. They are called without a spinlock held.
#pragma once

#include <cstdint>

#include "allocator/base/pfn.h"
#include "allocator/engine/task.h"
#include "allocator/frames/page_list.h"

namespace cma {

// enum migrate_mode, by its numbers.
enum class MoveMode : std::uint8_t {
  async,       // never waits; since 6.3 every batch begins with it, but not the hugetlb pool's pages
  sync_light,  // waits, but neither for writeback nor by writing
  sync,        // waits for everything
};

class PageKinds {
 public:
  virtual ~PageKinds() = default;

  // page_mapping(page) != NULL: returns whether it is a page cache page (shmem included), not an anonymous one.
  virtual bool has_mapping(Pfn pfn) const = 0;
  // Returns whether a dirty page can move without being written: it is anonymous, or its mapping can move it.
  virtual bool moves_dirty(Pfn pfn) const = 0;
  // Calls a driver's isolate hook for a non-LRU movable page. Returns false if the driver refuses.
  virtual bool isolate_movable(Pfn pfn) = 0;
  // try_to_unmap: replaces every pte that maps the page by a migration entry and drops its reference, under the
  // page-table lock of its space. Requires that the page is locked. Leaves mappings that must stay.
  virtual Task<void> unmap(Pfn pfn) = 0;
  // remove_migration_ptes: makes every migration entry for `old` a pte of `target`, which may be `old`.
  virtual Task<void> remap(Pfn old, Pfn target) = 0;
  // shrink_page_list for one page of a file that looked clean, without writing anything. Requires that it is isolated
  // and locked. Returns whether it was dropped: then no reference is left, not even the list's, and the caller frees
  // the page.
  virtual Task<bool> drop_clean_page(Pfn pfn) = 0;
  // Tries to drop the buffers of a page that has lost its mapping since it was isolated.
  virtual void drop_orphaned_buffers(Pfn pfn) = 0;
  // move_to_new_page: moves a page by the method of its mapping or driver. Requires that it is locked and unmapped.
  // Returns 0, -EAGAIN or a permanent error. After 0 the new page has mapping, content and flags, and is on no list.
  // May sleep.
  virtual Task<int> move(Pfn old, Pfn target, MoveMode mode) = 0;

  // --- compound pages, by their first page; unmap, remap and move take them whole ---
  // page_mapcount(head): returns the mappings of the whole and of its first page, not those of its other pages.
  virtual std::int32_t mapcount_of_first(Pfn head) const = 0;
  // Returns whether it is on the deferred split list because some of its pages have lost their mapping (6.12).
  virtual bool partially_mapped(Pfn head) const = 0;
  // split_huge_page_to_list: makes independent pages of it. The tails go on `list`, with a reference of the list's, or
  // on the LRU if `list` is nullptr. Requires its lock and a reference. Returns 0 or why it cannot be split.
  virtual Task<int> split(Pfn head, PageList* list) = 0;
};

// What migration asks of the pool of huge pages. Implemented by the layer that owns it.
class HugetlbPages {
 public:
  virtual ~HugetlbPages() = default;
  // isolate_or_dissolve_huge_page: replaces and frees a free page of the pool, or puts one in use at the back of
  // `list`, with a reference. Returns 0, -EBUSY, or -ENOMEM if there is no replacement.
  virtual Task<int> isolate_or_dissolve(Pfn head, PageList& list) = 0;
  // Returns a page to move to, with one reference; kNoPfn if there is none.
  virtual Task<Pfn> target() = 0;
  // Records that the data of one has moved to the other. Requires that both are locked.
  virtual void moved(Pfn old, Pfn target) = 0;
};

}  // namespace cma
