// Pageblock isolation (mm/page_isolation.c): takes the free pages of whole pageblocks away from the allocator, tests
// that a range is free, and gives the pageblocks back.
//
// Up to 5.18 callers pass whole largest blocks; only pageblock alignment is required. Since 5.19 a range consists of
// single pageblocks, and free blocks that cross one of its ends are split there. Used by contig/. Cost: O(pageblocks),
// and O(pages) where pageblocks are searched for unmovable pages (unmovable.h).
//
// Locks: callers hold no spinlock. start_isolate_page_range() and undo_isolate_page_range() take zone->lock for one
// pageblock at a time, with points between; test_pages_isolated() takes it once and passes no point.
//
// The kernel does not record who has isolated a pageblock. The model does, for the law `restored` and for
// `cmacheck run --why`; no decision depends on it.
#pragma once

#include <vector>

#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"
#include "allocator/isolation/unmovable.h"

namespace cma {

class Isolation {
 public:
  Isolation(const Core& core, Buddy& buddy);

  // Isolates the pageblocks of [start, end) for a request that will give them back as `type`.
  // Requires, up to 5.18, that both ends are aligned to pageblocks; since 5.19 they are rounded outwards.
  // Returns 0, or -EBUSY: then this call has undone what it had isolated. Up to 5.18 it drains the zone's per-CPU lists
  // after each pageblock; since 5.19 the caller drains them before it tests the range.
  Task<int> start_isolate_page_range(Pfn start, Pfn end, Migratetype type);
  // Gives every isolated pageblock of the range back as `type`, other callers' too. Both ends are rounded outwards in
  // every release.
  Task<void> undo_isolate_page_range(Pfn start, Pfn end, Migratetype type);
  // Returns 0 if every page of [start, end) is free and lies in an isolated pageblock, else -EBUSY.
  int test_pages_isolated(Pfn start, Pfn end);

  // A pageblock that an actor has isolated and not yet given back itself.
  struct Held {
    Pfn block;  // its first frame
    ActorId actor;
  };
  const std::vector<Held>& held() const { return held_; }
  // Returns the actor that has isolated this frame's pageblock, the first if there are two; kNoActor if there is none.
  ActorId isolator(Pfn pfn) const;
  // Takes over the record of `other`, a machine of the same geometry.
  void copy_from(const Isolation& other) { held_ = other.held_; }

 private:
  // --- a whole range, by era ---
  Task<int> start_range_v3_5(Pfn start, Pfn end, Migratetype type);
  Task<void> undo_failed_v3_5(Pfn start, Pfn end, Migratetype type);
  Task<int> start_range_v5_19(Pfn start, Pfn end, Migratetype type);
  // Isolates the pageblock at one end of the range (`before`: the one that ends at `boundary`), and splits a free block
  // that crosses the boundary. `skip_isolation`: the pageblock is isolated already.
  Task<int> isolate_single_pageblock(Pfn boundary, bool before, bool skip_isolation, Migratetype type);
  bool compound_crosses(Pfn boundary) const;
  // Splits a free block at `offset` from its head. Returns false if it is not that block any more.
  bool split_free_page(Pfn pfn, unsigned order, std::uint64_t offset);

  // --- isolating one pageblock: 0 or -EBUSY ---
  Task<int> set_isolate_v3_5(Pfn pfn, Migratetype type);
  int set_isolate_v5_19(Pfn pfn, Migratetype type, Pfn start, Pfn end);
  bool fits_isolation_v3_5(Pfn pfn, Migratetype type);
  void isolate_block_locked(Zone& zone, Pfn pfn);

  // --- giving one pageblock back ---
  Task<void> unset_block(Pfn pfn, Migratetype type);
  Task<void> unset_isolate_v3_5(Pfn pfn, Migratetype type);
  void unset_isolate_v5_7(Pfn pfn, Migratetype type);
  void unset_isolate_v5_18(Pfn pfn, Migratetype type);
  bool give_back_locked_v3_5(Zone& zone, Pfn pfn, Migratetype type);
  // Take a free block that could merge beyond its pageblock off its list, to be freed again. Return whether they did.
  bool take_for_merging_v3_18(Pfn pfn);
  bool take_for_merging_v5_18(Pfn pfn);
  void retype_block_v6_10(Zone& zone, Pfn pfn, Migratetype type);
  // Returns the pages that the undo adds to the zone's counters.
  std::int64_t given_back(const FreeLists::Moved& moved) const;

  // --- the record of isolators ---
  void drop_hold(Pfn pfn);
  bool begin_giving_back(Pfn pfn);

  // --- looking ---
  Pfn first_present(Pfn pfn, std::uint64_t pages) const;
  bool is_isolated(Pfn pfn) const { return core_.map.pageblock_type(pfn) == Migratetype::isolate; }

  Release release_;
  Core core_;
  Buddy& buddy_;
  UnmovablePages unmovable_;
  std::vector<Held> held_;
};

}  // namespace cma
