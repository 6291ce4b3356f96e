// Changes the free lists of the zones (Zone::free_by_order): blocks of 2^order pages by order and migratetype, merged
// and split (mm/page_alloc.c). Holds no lists of its own. A part of Buddy, whose other parts change lists by it; others
// only look. A block is freed as the type that its caller gives, or those of its pageblocks. These change in
// PageblockTypes, but for a merge since 6.10.
//
// Invariants, whenever zone->lock is free:
// - The head of each free block has kPageBuddy, the block's order and the type of its list; no other page has
//   kPageBuddy. Blocks are aligned to their order, do not overlap, hold no page in use and do not cross zones.
// - Two free blocks of one zone and one order below largest_order are never buddies: they have merged. Exceptions are
//   blocks of at least a pageblock
//   - whose pageblocks are of types that may_stay_apart();
//   - of which one has left the reserve for atomic requests, until a free merges them (Zone::left_highatomic, 5.18).
// - nr_free is the number of blocks on the lists of an order. The zone's counters are the pages on its lists by type,
//   without those on Isolate lists (nr_free_highatomic since 6.10 only). Up to 6.9 a block may lie on the list of a
//   type that its pageblock no longer has (has_typed_lists()).
// - The order within a list is part of the behaviour: a block goes to the end to which a real kernel puts it.
// A bug that is switched on may break them. Every public call keeps the counters, but for move_block() up to 6.9.
//
// Cost: merging and splitting take one step for each order passed, at most largest_order, each O(1); since 6.10 a merge
// from the pageblock order on is linear in the buddy's pageblocks, which it retypes. Each free also looks through
// Zone::left_highatomic, which is empty before 5.18, and most of the time since. Taking a whole block and moving one
// are O(1). A search for the smallest block looks at one list for each order from the one wanted on, one for the block
// that covers a page at one page for each order. Freeing is linear in the pages of a run, or in the pageblocks.
//
// Requires: zone->lock is held, or the machine boots, unless a function states something else. Every change of a list
// asserts that some spinlock is held (which one is not known) or that boot has not ended. `zone` is that of the block.
#pragma once

#include "allocator/buddy/zone.h"
#include "allocator/frames/core.h"

namespace cma {

// Where a freed block goes on its list.
enum class FreeTo : std::uint8_t {
  head,  // to the head; to the tail if its parent is likely to merge soon, and so should not be taken before
  tail,
};

class FreeLists {
 public:
  explicit FreeLists(const Core& core) : core_(core) {}
  FreeLists(const FreeLists&) = delete;
  FreeLists& operator=(const FreeLists&) = delete;

  // --- freeing ---
  // Merges a block with its free buddies and inserts it (__free_one_page), counted as `type`. Clears kPageInFlight and
  // kPagePcp of the head. Since 6.10 the pageblocks of a buddy of at least a pageblock become `type`. Requires: the
  // block is aligned to its order, of largest_order at most, and on no list.
  void free_one_block(Zone& zone, Pfn pfn, unsigned order, Migratetype type, FreeTo to = FreeTo::head);
  // Frees single pages of one pageblock, upwards, as freeing one after the other would, and clears kPageInFlight,
  // kPagePcp and the links of each. Requires: at least one page; they are on no list.
  void free_run(Zone& zone, Pfn pfn, std::uint64_t pages, Migratetype type);
  // Frees a block in pieces of at most a pageblock, each as the type of its own pageblock (6.10).
  // Requires: as free_one_block().
  void free_in_pageblocks(Zone& zone, Pfn pfn, unsigned order);

  // --- taking ---
  // Takes the smallest block of `type` that suffices, splits it, and returns the first 2^order pages, on no list and
  // counted out; kNoPfn, and nothing changes, if no block of `type` is large enough. Requires: `type` is not Isolate.
  Pfn rmqueue_smallest(Zone& zone, unsigned order, Migratetype type);
  // Takes the first 2^order pages of a free block, counted out as `type`. The rest goes to the lists of that type.
  // Requires: pfn is the head of a free block of at least that order, whose pages are counted as `type`, not Isolate.
  void take_piece(Zone& zone, Pfn pfn, unsigned order, Migratetype type);
  // Takes a whole free block, counted out as the type of its list, or as `counted`. Requires: pfn is the head of a free
  // block, whose pages the zone's counters hold as that type.
  void take_block(Zone& zone, Pfn pfn) { take_block(zone, pfn, core_.map.page(pfn).list_type); }
  void take_block(Zone& zone, Pfn pfn, Migratetype counted);

  // --- moving ---
  // Moves a free block to the list of `type`: to its head, since 5.10 to its tail. Merges nothing, and leaves the type
  // of its pageblock alone. Up to 6.9 counts nothing: callers move between types that count alike, or count themselves.
  // Requires: pfn is the head of a free block.
  void move_block(Zone& zone, Pfn pfn, Migratetype type);

  // --- looking; needs no lock, as in the kernel ---
  // Returns whether two free buddies of at least a pageblock may stay apart, by the types of their pageblocks: up to
  // 5.17 if one or both are isolated, since 5.18 if the types differ and one is not mergeable, or both are isolated.
  // Two that are both isolated merge when one is freed, not when they become isolated.
  bool may_stay_apart(Migratetype one, Migratetype other) const;
  // Returns the head of the free block that covers pfn; kNoPfn if none does.
  Pfn covering_block(Pfn pfn) const;
  // Returns the buddy of a block of `order`; kNoPfn unless it is a free block of the same order and zone. Requires: pfn
  // is aligned to the order and inside the map.
  Pfn free_buddy(Pfn pfn, unsigned order) const;

  // --- boot, when one task runs and no lock is needed ---
  // Returns whether boot has not ended.
  bool booting() const { return booting_; }
  // Ends boot. Requires: booting().
  void end_boot();
  // Returns whether lists and types may change: a spinlock is held, or none is needed yet. Every change asserts it.
  bool locked() const { return core_.engine.spinlocks().any_held() || booting_; }
  // Takes whether another machine boots. The blocks are its zones' and the memory map's, which their owners copy.
  void copy_from(const FreeLists& other) { booting_ = other.booting_; }

 private:
  void insert(Zone& zone, Pfn pfn, unsigned order, Migratetype type, bool tail);
  void remove(Zone& zone, Pfn pfn);
  void expand(Zone& zone, Pfn pfn, unsigned low, unsigned high, Migratetype type);
  bool merge_refused(const Zone& zone, Pfn buddy, unsigned order, Migratetype type) const;
  bool parent_merge_likely(Pfn pfn, unsigned order) const;
  void recount(Zone& zone, unsigned order, Migratetype from, Migratetype to);
  bool counts_isolated() const { return core_.bugs.active(Bug::isolated_counted); }

  Core core_;
  bool booting_ = true;
};

}  // namespace cma
