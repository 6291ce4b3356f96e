// Pageblocks change their migratetype, and their free blocks change lists with them (mm/page_alloc.c). All changes of a
// type are made here, but for a merge since 6.10, which is FreeLists'.
//
//   who changes a type                           to which            calls
//   Fallback, for a request of another type      the request's       up to 6.9 set_type() and claim_block(),
//                                                                    since 6.10 convert_pageblock() and convert_block()
//   Buddy, for an atomic request                 HighAtomic          reserve()
//   Buddy, for a request that found nothing      the request's       unreserve()
//   Buddy, at boot                               CMA                 set_type()
//   isolation/                                   Isolate             isolate()
//   isolation/, giving a pageblock back          the caller's        give_back(), give_back_taken()
//   isolation/ and compaction/, taking a block   Movable             isolate_free_page()
//
// A pageblock is named by any of its pages; the zone of that page is the one that is looked at and changed. A pageblock
// that a border of zones cuts has one type for both. The zone's free pages and isolated pageblocks stay counted right.
// As in the kernel, up to 6.9 calls count free pages only where they isolate, give back or take: other moves are for
// types that count alike, not CMA or Isolate.
//
// Cost: O(pages of the pageblock). Where blocks are named, O(their pageblocks) instead, unless other free blocks move
// with them: in reserve() and unreserve() up to 6.9 and below the pageblock order, in isolate_free_page() since 6.10.
// set_type() and what looks, but for contents(), are O(1).
//
// Requires of all calls but spans_pageblock(): zone->lock is held, or the machine boots. Every change asserts that some
// spinlock is held, or that boot has not ended (FreeLists::locked()).
#pragma once

#include "allocator/buddy/free_lists.h"
#include "allocator/buddy/watermark.h"
#include "allocator/buddy/zone.h"
#include "allocator/frames/core.h"

namespace cma {

class PageblockTypes {
 public:
  // Refers to all but `core`, which outlive it.
  PageblockTypes(const Core& core, Zones& zones, const Watermarks& watermarks, FreeLists& lists);

  // --- looking ---
  // What a pageblock holds, in pages.
  struct Contents {
    std::uint64_t free = 0;      // of blocks whose head lies in it
    std::uint64_t isolated = 0;  // of them, those on Isolate lists
    std::uint64_t movable = 0;   // in use, and on the LRU or movable by a driver; each page of a huge page counts
  };
  // Returns whether the zone holds all of the pageblock. A border of zones or the end of memory may cut it.
  bool spans_pageblock(Pfn pfn) const;
  // Returns what the pageblock holds. Requires: spans_pageblock().
  Contents contents(Pfn pfn) const;
  // Returns the type of list on which a freed page is put: that of its pageblock now, and with Bug::free_stale_type (up
  // to 3.17) the one that was read before zone->lock was taken.
  Migratetype type_when_freed(Pfn pfn, Migratetype read_before) const;

  // --- moving ---
  // Moves the free blocks whose head lies in the pageblock to the lists of `type`, lowest first, and returns what the
  // pageblock holds. It keeps its type. If the zone ends inside, moves nothing and returns zeros. If it begins inside,
  // does the same since 6.10; before, moves and counts what lies from pfn on.
  Contents move_freepages_block(Pfn pfn, Migratetype type);

  // --- changing the type, and moving what is free ---
  // Makes the pageblock one of `type`, and moves its free blocks (move_freepages_block since 6.10). Returns false, and
  // does nothing, if the zone does not hold all of it. Requires: since 6.10; no free block that is
  // larger than the pageblock covers any of it.
  bool convert_pageblock(Pfn pfn, Migratetype type);
  // Makes all pageblocks of a free block ones of `type`, and moves the block. Requires: since 6.10; pfn is the head of
  // a free block of at least a pageblock.
  void convert_block(Pfn pfn, Migratetype type);
  // Makes the pageblock Isolate, and moves its free blocks, counted out (since 6.10 move_freepages_block_isolate,
  // before a part of set_migratetype_isolate). Counts the pageblock as isolated. A block that is larger than a
  // pageblock is split since 6.10, and before moves with its first pageblock. Requires: since 6.10, spans_pageblock().
  void isolate(Pfn pfn);
  // Makes an isolated pageblock one of `type`, and moves its free blocks, counted in; else as isolate(). Counts the
  // pageblock as isolated no longer. Requires: the pageblock is Isolate.
  void give_back(Pfn pfn, Migratetype type);
  // Does the same, but moves and counts in no pages: isolate_free_page() has taken the block at `pfn`, and the caller
  // frees it as `type` next. Requires: the pageblock is Isolate; pfn heads no free block.
  void give_back_taken(Pfn pfn, Migratetype type);
  // Reserves the pageblock of a block that was taken for an atomic request (reserve_highatomic_pageblock), or since
  // 6.10 all pageblocks of the block, and counts that. Does nothing if it is not of a mergeable type; since 6.10 nor if
  // a border of zones or the end of memory cuts it. Before, a cut one is reserved and counted whole, whatever moves.
  void reserve(Pfn pfn, unsigned order);
  // Gives the pageblock of a free block of the reserve to `type`, or since 6.10 all pageblocks of the block. Returns
  // whether its pages moved: not if the zone ends in the pageblock, since 6.10 nor if it begins there. Up to 4.9 the
  // reserve shrinks even if the pageblock is not of it. Requires: pfn is the head of a free block on a HighAtomic list.
  bool unreserve(Pfn pfn, Migratetype type);

  // --- changing the type alone ---
  // Makes the pageblock one of `type`, and moves nothing (set_pageblock_migratetype): the caller has moved what is free
  // there, or has taken it off its list, and uses it or frees it as `type` next. Requires: since 6.10, pfn heads no
  // free block.
  void set_type(Pfn pfn, Migratetype type);
  // Makes all pageblocks of a block ones of `type`, for a request that falls back, but for those that are isolated, and
  // moves nothing (change_pageblock_range). A reserved one after the first goes on being counted as reserved
  // (Zone::lost_highatomic). Requires: up to 6.9; pfn is the head of a free block of at least a pageblock, and its
  // first pageblock is not reserved.
  void claim_block(Pfn pfn, Migratetype type);

  // --- taking and splitting free blocks ---
  // Takes a whole free block off its list (__isolate_free_page), to use its pages or to free it again. Returns false,
  // and does nothing, if a watermark forbids it: min, up to 4.8 low; none for a block of an isolated pageblock.
  // Requires: pfn is the head of a free block. The head has kPageInFlight until the block is freed or in use.
  //
  // A block of at least half a pageblock (but no single page) makes its pageblocks of mergeable types (is_mergeable)
  // Movable; since 6.10 their other free blocks move too, and a cut pageblock keeps its type.
  bool isolate_free_page(Pfn pfn);
  // Frees a block that isolate_free_page() took, as `type`, to the tail of its list (__putback_isolated_page, 5.7).
  void put_back_taken(Pfn pfn, Migratetype type);
  // Splits a free block `offset` pages after its head (split_free_page, 5.19). Each piece goes to the list of its own
  // pageblock. Requires: pfn is the head of a free block of more than `offset` pages; offset > 0.
  void split_free_block(Pfn pfn, std::uint64_t offset);

 private:
  template <class Visit>
  Contents walk(Pfn next, Pfn end, Visit visit) const;
  bool may_take(const Zone& zone, unsigned order, Migratetype type) const;
  void make_movable(Pfn pfn, unsigned order);
  void isolate_v3_5(Pfn pfn);
  void give_back_v3_5(Pfn pfn, Migratetype type);
  void retype_v6_10(Pfn pfn, Migratetype type);

  Core core_;
  Zones& zones_;
  const Watermarks& watermarks_;
  FreeLists& lists_;
};

}  // namespace cma
