// How a request is served from the free lists, and what it takes when those of its own type are empty (__rmqueue).
//
// A request of one type falls back to lists of other types. It takes a block from them and, where that pays, claims the
// whole pageblock, so that later requests of its type find the rest there. Buddy and the per-CPU lists ask it for each
// block they take; compaction/ asks whether a block would do. The lists of reserved and isolated pageblocks are never a
// source. Those of areas serve movable requests only, which never claim the pageblock.
//
// Cost: a block of the request's own type as FreeLists::rmqueue_smallest(). Falling back looks at two lists for each
// order, and is linear in the pageblock where it counts or moves one.
//
// Requires: `type` is unmovable, movable or reclaimable. zone->lock is held, though can_be_claimed() needs no lock.
#pragma once

#include <optional>

#include "allocator/buddy/free_lists.h"
#include "allocator/buddy/pageblock_types.h"
#include "allocator/buddy/watermark_setup.h"
#include "allocator/buddy/zone.h"
#include "allocator/frames/core.h"

namespace cma {

class Fallback {
 public:
  // Refers to `boosts`, `lists` and `pageblocks`, which outlive it.
  Fallback(const Core& core, const WatermarkSetup& boosts, FreeLists& lists, PageblockTypes& pageblocks);

  // Takes 2^order pages, counted out, from the lists of `type`, from area memory or from other types. Returns the first
  // page; kNoPfn, and nothing changes, if there are none. `flags`: the request's; only kAllocCma counts (since 5.9),
  // and kAllocNoFragment (5.1): blocks of other types must be of a pageblock at least. `refilled`: pages that the same
  // refill of a per-CPU list took before, which up to 6.9 still count as free where requests are balanced between areas
  // and other memory.
  Pfn rmqueue(Zone& zone, unsigned order, Migratetype type, std::uint32_t flags, std::uint64_t refilled = 0);

  // Returns whether a request of `type` would take a block of this order from another type, and might claim the
  // pageblock (find_suitable_fallback with only_stealable).
  bool can_be_claimed(const BlocksOfOrder& blocks, unsigned order, Migratetype type) const {
    const std::optional<Source> source = suitable(blocks, order, type);
    return source && source->claimable;
  }

 private:
  // A list of another type that has a block.
  struct Source {
    unsigned order;
    Migratetype type;
    bool claimable;  // whole pageblocks may change their type
  };
  // Return the source of exactly this order; the one of the largest and of the smallest blocks of at least this order.
  std::optional<Source> suitable(const BlocksOfOrder& blocks, unsigned order, Migratetype type) const;
  std::optional<Source> largest(const Zone& zone, unsigned order, Migratetype type) const;
  std::optional<Source> smallest(const Zone& zone, unsigned order, Migratetype type) const;
  Pfn first_of(const Zone& zone, const Source& source) const;

  // Side by side, oldest first. v4_12 only moves a block to the lists of `start`, where rmqueue() looks again.
  Pfn rmqueue_fallback_v3_5(Zone& zone, unsigned order, Migratetype start);
  Pfn rmqueue_fallback_v4_1(Zone& zone, unsigned order, Migratetype start);
  bool rmqueue_fallback_v4_12(Zone& zone, unsigned order, Migratetype start, std::uint32_t flags);
  Pfn rmqueue_fallback_v6_10(Zone& zone, unsigned order, Migratetype start, std::uint32_t flags);
  unsigned least_order(unsigned order, std::uint32_t flags) const;

  Pfn break_block(Zone& zone, Pfn pfn, unsigned order, const Source& source, Migratetype rest, Migratetype start);
  void steal_v3_5(Pfn pfn, Migratetype start);
  void steal_v4_12(Zone& zone, Pfn pfn, Migratetype start, bool whole);
  Pfn claim_block_v6_10(Zone& zone, Pfn pfn, unsigned order, Migratetype start);
  bool worth_claiming(const PageblockTypes::Contents& found, Migratetype start, Migratetype old) const;
  void trace_fallback(Pfn pfn, unsigned order, const Source& source, Migratetype start);

  Core core_;
  const WatermarkSetup& boosts_;
  FreeLists& lists_;
  PageblockTypes& pageblocks_;
};

}  // namespace cma
