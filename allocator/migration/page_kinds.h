// What migration must know of a page that only the page's owner knows, and what it asks of the hugetlb pool: its calls
// upwards, which owners/ implements. compaction/ implements one more, MigrationTargets (control.h).
//
// Called without a spinlock held; each Task may sleep. Cost: O(mappings) per page, and O(pages) of a compound one.
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

  // Returns whether the page is in the page cache, shared memory included, not an anonymous one (page_mapping).
  virtual bool has_mapping(Pfn pfn) const = 0;
  // Returns whether a dirty page can move without being written: it is anonymous, or its mapping can move it.
  virtual bool moves_dirty(Pfn pfn) const = 0;
  // Asks the driver of a page that is on no LRU list to let it go for a move (isolate_page of address_space_operations
  // or movable_operations). Returns false if the driver refuses.
  virtual bool isolate_movable(Pfn pfn) = 0;
  // Replaces every pte that maps the page by a migration entry, and drops its reference, under the page-table lock of
  // its space (try_to_unmap). Of a huge page, mappings that fork adds meanwhile may be left: callers look. Requires:
  // the page is locked and has an owner.
  virtual Task<void> unmap(Pfn pfn) = 0;
  // Makes every migration entry for `old` a pte of `target`, which may be `old`; does nothing if there is none
  // (remove_migration_ptes). Requires: both are locked.
  virtual Task<void> remap(Pfn old, Pfn target) = 0;
  // Drops one page that looked clean, without writing anything (shrink_page_list). Returns whether it was dropped: then
  // no reference is left, not even the list's, and the caller frees it. Requires: the page is isolated and locked.
  virtual Task<bool> drop_clean_page(Pfn pfn) = 0;
  // Drops the buffers of a page that has lost its mapping since it was isolated, if they are not in use. Requires: the
  // page is locked.
  virtual void drop_orphaned_buffers(Pfn pfn) = 0;
  // Moves a page by the method of its mapping or driver (move_to_new_page). Returns 0, -EAGAIN or a permanent error.
  // After 0 the new page has mapping, content and flags, and is on no list. Requires: both are locked, and the page is
  // not mapped.
  virtual Task<int> move(Pfn old, Pfn target, MoveMode mode) = 0;

  // --- compound pages, by their first page; unmap, remap and move take them whole ---
  // Returns the mappings of the whole and of its first page, not those of its other pages (page_mapcount of the head).
  virtual std::int32_t mapcount_of_first(Pfn head) const = 0;
  // Returns whether it waits for its split, as some of its pages have lost their mapping (asked since 6.10).
  virtual bool partially_mapped(Pfn head) const = 0;
  // Makes independent pages of it (split_huge_page_to_list). The tails go to the back of `list`, with a reference of
  // the list's, or on the LRU if `list` is nullptr. Returns 0, or why it cannot be split. Requires: the caller has its
  // lock and a reference.
  virtual Task<int> split(Pfn head, PageList* list) = 0;
};

// What migration asks of the pool of huge pages, whose pages are named by their first page.
class HugetlbPages {
 public:
  virtual ~HugetlbPages() = default;
  // Replaces and frees a free page of the pool, or puts one in use at the back of `list`, with a reference
  // (isolate_or_dissolve_huge_page, 5.13). Returns 0, -EBUSY, or -ENOMEM if there is no replacement.
  virtual Task<int> isolate_or_dissolve(Pfn head, PageList& list) = 0;
  // Returns a page of the pool to move to, with one reference; kNoPfn if there is none.
  virtual Task<Pfn> target() = 0;
  // Records that the data of one has moved to the other (move_hugetlb_state). Requires: both are locked.
  virtual void moved(Pfn old, Pfn target) = 0;
};

}  // namespace cma
