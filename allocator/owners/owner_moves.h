// How pages that have an owner are unmapped, moved, dropped and split: what migration asks by PageKinds.
//
// Each kind of page has its own way. Used by migration/ as its PageKinds, and by processes/ for splitting. Waits for
// page-table locks, buffers and writeback; each wait is a point. Cost: O(mappings) per page.
//
// Locks: unmap(), drop_clean_page() and split() require the page's lock, remap() and move() those of both pages, and
// the other calls none. A pte changes under the page-table lock of its space, which the calls take. unmap() and remap()
// require a page with an owner of any kind; the others take every page.
#pragma once

#include <cstdint>

#include "allocator/buffers/buffers.h"
#include "allocator/frames/core.h"
#include "allocator/frames/page_lock.h"
#include "allocator/lru/lru.h"
#include "allocator/migration/page_kinds.h"
#include "allocator/owners/owner.h"
#include "allocator/owners/owner_parts.h"
#include "allocator/owners/owner_reclaim.h"

namespace cma {

// Sees every attempt to move a movable-ops page, when its driver is asked.
class MoveWatcher {
 public:
  virtual ~MoveWatcher() = default;
  // `error` is the driver's answer: 0, or why it refuses.
  virtual void move_tried(Pfn pfn, int error) = 0;
};

class OwnerMoves final : public PageKinds {
 public:
  // Refers to its arguments, which outlive it.
  OwnerMoves(const Core& core, Lru& lru, PageLocks& locks, Buffers& buffers, const OwnerParts& parts,
             OwnerReclaim& reclaim);
  void set_move_watcher(MoveWatcher* watcher) { watcher_ = watcher; }

  // --- PageKinds ---
  bool has_mapping(Pfn pfn) const override;
  bool moves_dirty(Pfn pfn) const override;
  bool isolate_movable(Pfn pfn) override;
  Task<void> unmap(Pfn pfn) override;
  Task<void> remap(Pfn old, Pfn target) override;
  Task<bool> drop_clean_page(Pfn pfn) override;
  void drop_orphaned_buffers(Pfn pfn) override;
  Task<int> move(Pfn old, Pfn target, MoveMode mode) override;
  std::int32_t mapcount_of_first(Pfn head) const override;
  bool partially_mapped(Pfn head) const override;
  Task<int> split(Pfn head, PageList* list) override;

 private:
  // Flags that describe content and history: they follow the data to its new page.
  static constexpr std::uint32_t kMovingFlags =
      kPageActive | kPageUnevictable | kPageReferenced | kPageDirty | kPageSwapbacked | kPageUptodate | kPageAnon;

  // --- unmapping and mapping again ---
  Task<void> unmap_ptes(OwnerId id, Pfn counted);
  Task<void> unmap_pmds(HugeId id);
  Task<void> unmap_huge(HugeId id);
  Task<void> remap_ptes(OwnerId id, Pfn counted);
  Task<void> remap_huge(HugeId id, Pfn head);

  bool reclaim_orphan(Pfn pfn);

  // --- moving ---
  std::uint32_t moved_flags(std::uint32_t flags);
  void take_over(Owner& owner, Pfn old, Pfn target);
  int move_mapping(OwnerId id, Pfn old, Pfn target, int expected);
  int move_movable_ops(Owner& owner, Pfn old, Pfn target);
  int move_huge(HugeId id, Pfn old, Pfn target);
  Task<int> refuse_file_page();
  Task<int> move_file_page(OwnerId id, Pfn old, Pfn target, MoveMode mode);
  Task<int> fallback_move(OwnerId id, Pfn old, Pfn target, MoveMode mode);
  Task<int> buffer_move_v3_5(OwnerId id, Pfn old, Pfn target, MoveMode mode);
  Task<int> buffer_move_v5_0(OwnerId id, Pfn old, Pfn target, MoveMode mode, bool norefs);

  // --- splitting ---
  Task<void> split_pmds(HugeId id);
  void split_into_pages(HugeId id, Pfn head, PageList* list);
  void split_records(HugeId id);
  Task<void> remap_split(OwnerId first, Pfn head, std::uint64_t pages);

  Release release_;
  Core core_;
  Lru& lru_;
  PageLocks& locks_;
  Buffers& buffers_;
  AddressSpaces& spaces_;
  OwnerRecords& records_;
  ReverseMap& reverse_map_;
  PageCache& page_cache_;
  OwnerReclaim& reclaim_;
  MoveWatcher* watcher_ = nullptr;
};

}  // namespace cma
