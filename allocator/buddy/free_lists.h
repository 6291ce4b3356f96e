// The free lists of the zones: blocks of 2^order pages by order and migratetype, merged and split (mm/page_alloc.c).
// Buddy owns it; allocation, per-CPU lists, isolation and compaction free blocks to it and take them from it.
//
// Invariants, whenever zone->lock is free:
// - The head of each free block, and no other page, has kPageBuddy, the block's order and the type of its list. It is
//   aligned to the order. Blocks do not overlap, hold no page in use and do not cross zones.
// - Two free blocks of one zone and one order below largest_order are never buddies: they have merged. Excepted are
//   blocks of at least a pageblock, while one or both are isolated, and since 5.18 where their types differ and one is
//   not mergeable.
// - nr_free is the number of blocks on an area's lists. The zone's counters are the pages on its lists by type, without
//   those on Isolate lists. Up to 6.9 a block may lie on the list of a type that its pageblock no longer has.
// - The order within a list is part of the behaviour: a block goes to the end to which a real kernel puts it.
// A bug that is switched on may break them. Every call keeps the counters, but up to 6.9 not those that move blocks
// between lists, retype_pageblock() apart.
//
// Cost: merging and splitting take one step for each order passed, at most largest_order, each O(1); since 6.10 a merge
// from the pageblock order on also retypes the buddy's pageblocks. Taking a whole block and moving one are O(1), a
// search for the smallest block looks at one list for each order. Calls about a pageblock or a run are linear in it.
//
// Requires: zone->lock is held, or the machine boots, unless a function states something else. Every change of a list
// asserts that some spinlock is held (which one is not known) or that boot has not ended. `zone` is that of the block.
#pragma once

#include "allocator/buddy/watermark.h"
#include "allocator/buddy/zone.h"
#include "allocator/frames/core.h"

namespace cma {

class FreeLists {
 public:
  // Makes empty lists. `booting` is whether boot has not ended. Refers to `watermarks` and `booting`, which outlive it.
  FreeLists(const Core& core, const Watermarks& watermarks, const bool& booting);
  FreeLists(const FreeLists&) = delete;
  FreeLists& operator=(const FreeLists&) = delete;

  // Returns whether every free block lies on the list of its pageblock's type (6.10).
  bool typed_lists() const { return release_ >= Release::v6_10; }

  // --- freeing ---
  // Merges a block with its free buddies and inserts it (__free_one_page): at the head, or at the tail if its parent is
  // likely to merge soon, or if `to_tail`. Counted as `type`. Requires: the block is aligned to its order, of
  // largest_order at most, and on no list.
  void free_one_block(Zone& zone, Pfn pfn, unsigned order, Migratetype type, bool to_tail = false);
  // Frees single pages of one pageblock, upwards, as freeing one after the other would. Does nothing for 0 pages.
  // Requires: they are on no list; the links of each are cleared.
  void free_run(Zone& zone, Pfn pfn, std::uint64_t pages, Migratetype type);
  // Frees a block of any order in pieces of at most a pageblock, each as the type of its own pageblock (6.10).
  // Requires: as free_one_block().
  void free_in_pageblocks(Zone& zone, Pfn pfn, unsigned order);
  // Returns the type of list on which a freed page is put: that of its pageblock now, and with Bug::free_stale_type (up
  // to 3.17) the one that was read before zone->lock was taken.
  Migratetype type_when_freed(Pfn pfn, Migratetype read_before) const;

  // --- taking ---
  // Takes the smallest block of `type` that suffices, splits it, and returns the first 2^order pages, on no list and
  // counted out; kNoPfn, and nothing changes, if no block of `type` is large enough.
  Pfn rmqueue_smallest(Zone& zone, unsigned order, Migratetype type);
  // Takes the first 2^order pages of a free block, counted out as `type`. The rest goes to the lists of that type.
  // Requires: pfn is the head of a free block of at least that order, whose pages are counted as `type`.
  void take_piece(Zone& zone, Pfn pfn, unsigned order, Migratetype type);
  // Takes a whole free block, counted out by the type of its list. Requires: pfn is the head of a free block.
  void take_block(Zone& zone, Pfn pfn);
  // Takes a free block for its pages to be used one by one (__isolate_free_page). Returns false, and does nothing, if a
  // watermark forbids it: min, up to 4.8 low; none for an isolated pageblock, whose pages are in no counter. Requires:
  // pfn is the head of a free block. A block of at least half a pageblock also makes its pageblocks of mergeable types
  // (is_mergeable) Movable. Since 6.10 the other free blocks of such a pageblock move with its type.
  bool isolate_free_page(Zone& zone, Pfn pfn);

  // --- moving between lists; up to 6.9 only retype_pageblock() counts: the others are for types that count alike ---
  struct Moved {
    std::uint64_t pages = 0;     // moved to the list
    std::uint64_t isolated = 0;  // of them, pages that came from Isolate lists
    std::uint64_t movable = 0;   // pages in use that are on the LRU or movable by a driver
  };
  // Returns whether all of pfn's pageblock lies in the zone. A border of zones or the end of memory may cut it.
  bool spans_pageblock(const Zone& zone, Pfn pfn) const;
  // Moves the free blocks whose head lies in pfn's pageblock to the lists of `type`. Moves nothing if the zone ends
  // inside the pageblock. If it begins inside, moves only blocks from pfn on; since 6.10 nothing.
  Moved move_freepages_block(Zone& zone, Pfn pfn, Migratetype type);
  // Makes pfn's pageblock one of `type`, and moves its free blocks with it. Returns false, and does nothing, if the
  // zone does not hold all of it. Requires: 6.10; no free block is larger than the pageblock and begins in it.
  bool convert_pageblock(Zone& zone, Pfn pfn, Migratetype type);
  // Moves one free block to the list of `type`: to its head, since 5.10 to its tail. Requires: pfn is the head of a
  // free block.
  void move_to_list(Zone& zone, Pfn pfn, Migratetype type);
  // Makes a pageblock Isolate, or an isolated one `type`, and moves its free blocks with it, counted out or in. Since
  // 6.10 splits a block that is larger than a pageblock; before, such a block moves with its first pageblock. The
  // caller keeps nr_isolate_pageblock.
  void retype_pageblock(Zone& zone, Pfn pfn, Migratetype type);

  // --- looking; in places the kernel does this without zone->lock ---
  // Returns the head of the free block that covers pfn; pfn itself if it is the head, or if none does.
  Pfn covering_block(Pfn pfn) const;
  // Returns the buddy of a block of `order`; kNoPfn unless it is a free block of the same order and zone. Requires: pfn
  // is aligned to the order and inside the map.
  Pfn free_buddy(Pfn pfn, unsigned order) const;

 private:
  // Returns whether a spinlock is held, or none is needed yet.
  bool locked() const { return core_.engine.spinlocks().any_held() || booting_; }
  void insert(Zone& zone, Pfn pfn, unsigned order, Migratetype type, bool tail);
  void remove(Zone& zone, Pfn pfn);
  void expand(Zone& zone, Pfn pfn, unsigned low, unsigned high, Migratetype type);
  bool merge_refused(const Zone& zone, Pfn buddy, unsigned order, Migratetype type) const;
  bool parent_merge_likely(Pfn pfn, unsigned order) const;
  void recount(Zone& zone, unsigned order, Migratetype from, Migratetype to);
  void make_movable(Zone& zone, Pfn pfn, unsigned order);
  void isolate_pageblock_v3_5(Zone& zone, Pfn pfn);
  void restore_pageblock_v3_5(Zone& zone, Pfn pfn, Migratetype type);
  void retype_pageblock_v6_10(Zone& zone, Pfn pfn, Migratetype type);
  bool counts_isolated() const { return core_.bugs.active(Bug::isolated_counted); }

  Release release_;
  unsigned pageblock_order_;
  unsigned largest_order_;
  Core core_;
  const Watermarks& watermarks_;
  const bool& booting_;
};

}  // namespace cma
