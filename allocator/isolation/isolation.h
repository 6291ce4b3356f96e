// Pageblock isolation (mm/page_isolation.c): taking the free pages of whole pageblocks away from the allocator, testing
// that a range is free, and giving it back.
//
// Up to 5.10 it is asked for ranges of whole largest blocks, isolates one pageblock after the other and drains the
// per-CPU lists after each. 6.1 works on single pageblocks and splits free blocks that cross the ends. zone->lock is
// taken and dropped for every pageblock: each drop is a point.
//
// The kernel keeps no account of who has isolated a pageblock. The model does, beside the kernel's state and without
// any say in it: for the law that what somebody has isolated stays so, and for those who ask who was in the way.
#pragma once

#include <vector>

#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"

namespace cma {

class Isolation {
 public:
  Isolation(const Core& core, Buddy& buddy);

  // Isolates the pageblocks of [start, end). Up to 5.10: both ends aligned to pageblocks. 6.1: any ends, rounded
  // outwards. 0 or -EBUSY; nothing of ours stays isolated after a failure on either release.
  Task<int> start_isolate_page_range(Pfn start, Pfn end, Migratetype type);
  // Gives every Isolate pageblock of the range back as `type`.
  Task<void> undo_isolate_page_range(Pfn start, Pfn end, Migratetype type);
  // 0 if every page of [start, end) is free within Isolate pageblocks, else -EBUSY.
  int test_pages_isolated(Pfn start, Pfn end);

  // A pageblock that somebody has isolated and not given back himself.
  struct Held {
    Pfn block;  // its first frame
    ActorId actor;
  };
  const std::vector<Held>& held() const { return held_; }
  // Who has isolated this frame's pageblock; kNoActor if nobody has. Of two, who did so first.
  ActorId isolator(Pfn pfn) const;
  // Takes over what others have of their own; both are of one geometry.
  void copy_from(const Isolation& other) { held_ = other.held_; }

 private:
  Task<int> start_range_v4(Pfn start, Pfn end, Migratetype type);
  Task<int> set_isolate_v4(Pfn pfn, Migratetype type);
  Task<void> undo_failed_v4(Pfn start, Pfn end, Migratetype type);
  Task<void> unset_isolate_v4(Pfn pfn, Migratetype type);
  void unset_isolate_v5_7(Pfn pfn, Migratetype type);
  // The one of the two that this release has; a point behind it.
  Task<void> unset_block_v4(Pfn pfn, Migratetype type);
  bool has_unmovable_pages_v4(Pfn pfn, Migratetype type) const;
  bool fit_for_isolation_v4(Pfn pfn, Migratetype type);
  bool take_for_merging_v4(Pfn pfn);

  Task<int> start_range_v5_19(Pfn start, Pfn end, Migratetype type);
  int set_isolate_v5_11(Pfn pfn, Migratetype type, Pfn start, Pfn end);
  void unset_isolate_v5_11(Pfn pfn, Migratetype type);
  bool has_unmovable_pages_v5_6(Pfn start, Pfn end, Migratetype type) const;
  Task<int> isolate_single_pageblock(Pfn boundary, bool before, bool skip_isolation, Migratetype type);
  bool compound_crosses(Pfn boundary) const;
  bool split_free_page(Pfn pfn, unsigned order, std::uint64_t offset);
  // 6.10: retypes a pageblock and moves its free pages, splitting a larger free block that reaches beyond it.
  void retype_block_v6_10(Zone& zone, Pfn pfn, Migratetype type);

  // Pages that a pageblock's undo adds to the counters.
  std::int64_t given_back(const Buddy::Moved& moved) const;
  void isolate_block_locked(Zone& zone, Pfn pfn);
  // The current actor no longer holds this frame's pageblock, if it did.
  void let_go(Pfn pfn);
  // Says so if somebody else holds the pageblock that is being given back.
  void tell_of_loss(Pfn pfn) const;
  // Whether pageblocks of areas are refused to a request for memory of this type.
  bool refused_as_area(Pfn pfn, Migratetype type) const;
  // First existing frame of [pfn, pfn + pages), kNoPfn if there is none.
  Pfn first_present(Pfn pfn, std::uint64_t pages) const;
  // Says so, and is true.
  bool unmovable(Pfn pfn) const {
    core_.trace.page_refused(pfn, Refusal::unmovable);
    return true;
  }
  bool is_isolated(Pfn pfn) const { return core_.map.pageblock_type(pfn) == Migratetype::isolate; }

  Release release_;
  Core core_;
  Buddy& buddy_;
  std::vector<Held> held_;
};

}  // namespace cma
