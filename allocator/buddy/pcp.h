// Per-CPU lists of free pages: refill, overflow, drain, and their sizes (mm/page_alloc.c, per_cpu_pages).
//
// They stand between the free lists and nearly all allocations and frees of small orders. A page on them is free for
// its CPU only: a range that holds such pages cannot be allocated before the lists are drained.
//
// Cost: a hit is a handful of instructions; a refill or an overflow moves a batch.
//
// Locks: the lists belong to their CPU, and zone->lock is taken inside for each transfer of a batch.
#pragma once

#include "allocator/buddy/fallback.h"
#include "allocator/buddy/free_lists.h"
#include "allocator/buddy/pageblock_types.h"
#include "allocator/buddy/zone.h"
#include "allocator/engine/mutex.h"
#include "allocator/frames/core.h"

namespace cma {

class PerCpuLists {
 public:
  static constexpr int kAllZones = -1;

  // Refers to all but `core`, which outlive it.
  PerCpuLists(const Core& core, FreeLists& free_lists, const PageblockTypes& pageblock_types, Fallback& fallback,
              Zones& zones);

  // Sets batch and bounds of a zone's lists from its watermarks and what is managed (zone_batchsize, since 5.14 with
  // zone_highsize), or as the geometry has them. Requires: the zone's watermarks are set.
  void set_sizes(Zone& zone) const;

  // Returns whether the lists hold blocks of an order.
  bool allowed_order(unsigned order) const;
  // Returns how many of a CPU's kPcpLists the release uses: the first ones.
  unsigned lists_in_use() const;
  // Returns the order of the blocks on a list. Requires: list < lists_in_use().
  unsigned list_order(unsigned list) const;

  // Takes a block from the current CPU's list of that order and type, after a refill if it is empty; returns kNoPfn if
  // that finds nothing either. `flags`: the request's, for Fallback::rmqueue(); with kAllocCold takes the last block.
  // Requires: allowed_order(order), here and in push().
  Pfn rmqueue_pcplist(Zone& zone, unsigned order, Migratetype type, std::uint32_t flags);
  // Puts a block on the current CPU's lists, and clears kPageInFlight. If they overflow, frees some of what is on them.
  void push(Zone& zone, Pfn pfn, unsigned order, Migratetype type);
  // Puts single pages of one pageblock there, upwards, as one push() after the other would.
  void push_run(Zone& zone, Pfn pfn, std::uint64_t pages, Migratetype type);

  // Frees all pages of one CPU and zone.
  void drain_pages_zone(int cpu, Zone& zone);
  // Drains every CPU whose lists of the zone, or of all for kAllZones, are not empty when examined. Passes points
  // between CPUs. Since 4.11 waits for another drain that is under way, or ends at once if called for kAllZones.
  Task<void> drain_all_pages(int zone);
  // Returns the mutex under which drain_all_pages() drains since 4.11 (pcpu_drain_mutex).
  Mutex& drain_mutex() { return drain_mutex_; }
  const Mutex& drain_mutex() const { return drain_mutex_; }

 private:
  unsigned list_index(Migratetype type, unsigned order) const;
  bool has_two_huge_lists() const;
  std::uint64_t rmqueue_bulk(Zone& zone, PageList& list, unsigned order, int blocks, Migratetype type,
                             std::uint32_t flags);
  int refill_pages(PerCpuPages& pcp, unsigned order) const;
  std::uint64_t free_tail_run(Zone& zone, PageList& list, std::uint64_t most);
  bool drains_zone(int asked, std::size_t zone) const;

  // Side by side, oldest first.
  void overflow(Zone& zone, PerCpuPages& pcp, unsigned order, unsigned list);
  void overflow_v5_14(Zone& zone, PerCpuPages& pcp, unsigned order, unsigned list);
  void overflow_v6_7(Zone& zone, PerCpuPages& pcp, unsigned order, unsigned list);
  int free_count_v5_14(PerCpuPages& pcp, bool free_high) const;
  int free_count_v6_7(const PerCpuPages& pcp, int limit, bool free_high) const;
  int limit_v6_7(PerCpuPages& pcp, bool free_high) const;
  bool adapts_high(const PerCpuPages& pcp) const;
  int refill_v6_7(PerCpuPages& pcp, unsigned order) const;
  void free_pcppages_bulk_v3_5(Zone& zone, PerCpuPages& pcp, int count);
  void free_pcppages_bulk_v5_18(Zone& zone, PerCpuPages& pcp, int count, unsigned first_list);

  Core core_;
  FreeLists& free_lists_;
  const PageblockTypes& pageblock_types_;
  Fallback& fallback_;
  Zones& zones_;
  Mutex drain_mutex_{"pcpu_drain_mutex"};
};

}  // namespace cma
