// Pageblock isolation (mm/page_isolation.c): takes the free pages of whole pageblocks away from the allocator, tests
// that a range is free, and gives the pageblocks back.
//
// Up to 5.18 callers pass whole largest blocks; only pageblock alignment is required. Since 5.19 a range consists of
// single pageblocks, and free blocks that cross one of its ends are split there. zone->lock is taken and dropped for
// every pageblock; each drop is a point. Used by contig/. Cost: O(pageblocks), and O(pages) where pageblocks are
// searched for unmovable pages.
//
// The kernel does not record who has isolated a pageblock. The model does, for the law `restored` and for
// `cmacheck run --why`; no decision depends on it.
#pragma once

#include <vector>

#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"

namespace cma {

class Isolation {
 public:
  Isolation(const Core& core, Buddy& buddy);

  // Isolates the pageblocks of [start, end) for a request that will give them back as `type`.
  // Requires, up to 5.18, that both ends are aligned to pageblocks; since 5.19 they are rounded outwards.
  // Returns 0, or -EBUSY: then this call has undone what it had isolated.
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
  // isolation_v3_5.cc
  Task<int> start_range_v3_5(Pfn start, Pfn end, Migratetype type);
  Task<int> set_isolate_v3_5(Pfn pfn, Migratetype type);
  Task<void> undo_failed_v3_5(Pfn start, Pfn end, Migratetype type);
  bool fits_isolation_v3_5(Pfn pfn, Migratetype type);
  bool has_unmovable_pages_v3_5(Pfn pfn, Migratetype type) const;
  bool take_for_merging_v3_18(Pfn pfn);
  bool give_back_locked_v3_5(Zone& zone, Pfn pfn, Migratetype type);
  Task<void> unset_isolate_v3_5(Pfn pfn, Migratetype type);
  void unset_isolate_v5_7(Pfn pfn, Migratetype type);

  // isolation_v5_19.cc
  Task<int> start_range_v5_19(Pfn start, Pfn end, Migratetype type);
  int set_isolate_v5_19(Pfn pfn, Migratetype type, Pfn start, Pfn end);
  bool has_unmovable_pages_v5_6(Pfn start, Pfn end, Migratetype type) const;
  Pfn past_compound_v5_6(Pfn pfn) const;
  bool take_for_merging_v5_18(Pfn pfn);
  void unset_isolate_v5_18(Pfn pfn, Migratetype type);
  Task<int> isolate_single_pageblock(Pfn boundary, bool before, bool skip_isolation, Migratetype type);
  bool compound_crosses(Pfn boundary) const;
  bool split_free_page(Pfn pfn, unsigned order, std::uint64_t offset);
  void retype_block_v6_10(Zone& zone, Pfn pfn, Migratetype type);

  // isolation.cc
  Task<void> unset_block(Pfn pfn, Migratetype type);
  void isolate_block_locked(Zone& zone, Pfn pfn);
  std::int64_t given_back(const FreeLists::Moved& moved) const;
  void drop_hold(Pfn pfn);
  bool begin_giving_back(Pfn pfn);
  bool refused_as_area(Pfn pfn, Migratetype type) const;
  Pfn past_movable(Pfn pfn) const;
  Pfn unmovable(Pfn pfn) const;
  Pfn first_present(Pfn pfn, std::uint64_t pages) const;
  bool is_isolated(Pfn pfn) const { return core_.map.pageblock_type(pfn) == Migratetype::isolate; }

  Release release_;
  Core core_;
  Buddy& buddy_;
  std::vector<Held> held_;
};

}  // namespace cma
