// Compaction (mm/compaction.c): moves pages from a zone's beginning to free pages at its end, so that large free blocks
// form at the beginning. It is modelled because it interferes with contiguous allocations: it takes pages off the LRU
// before they can, and free pages out of isolated pageblocks.
//
// Used by the operation `compact` of programs, by requests for pages and by reclaim. Callers hold no lock. Sleeps and
// yields in many places; each is a point. Cost: O(pages of the zone).
#pragma once

#include <vector>

#include "allocator/compaction/deferral.h"
#include "allocator/compaction/free_scan.h"
#include "allocator/frames/core.h"
#include "allocator/migration/migration.h"
#include "allocator/migration/scan.h"
#include "allocator/pressure/endless_turns.h"
#include "allocator/pressure/relief.h"

namespace cma {

struct CompactRequest;

// Returns how many pages more than a watermark must be free for a compaction (compact_gap): room for its targets, and
// for as many pages that are freed late.
constexpr std::uint64_t compact_gap(unsigned order) { return std::uint64_t{2} << order; }

class Compaction {
 public:
  // Refers to the layers, which outlive it. Up to 3.6 also sets where each zone's free scanner begins.
  Compaction(const Core& core, Buddy& buddy, Lru& lru, MigrateScanner& scanner, Migration& migration,
             EndlessTurns& endless);

  // `echo 1 > /proc/sys/vm/compact_memory`: drains the pagevecs of all CPUs, then compacts every zone as a whole. Waits
  // for whatever is in the way (up to 3.15 not for writeback).
  Task<void> compact_memory();
  // try_to_compact_pages for an allocation of 2^order pages, GFP_HIGHUSER_MOVABLE or GFP_KERNEL by `type`. Tries zones
  // downwards, node 0's first, and ends at the first success or a fatal signal. Drains the pagevecs of this CPU only,
  // before it scans a zone. Returns the greatest result; `skipped` if no zone was tried.
  //
  // Failed compactions are not counted (compaction_deferred), so none is put off. `restarting` is the verdict that the
  // counters would give (compaction_restarting): a zone's hints are cleared first if its scanners have met, in a
  // compaction for an allocation, since that was last done (3.7). Up to 4.8 priority `full` is `light`. A caller that
  // may start no I/O is skipped at once; one that must not enter a file system passes over pages with a mapping: of
  // files and of shared memory. Requires: 1 <= order <= Buddy::largest_order().
  //
  // Since 6.3 a driver that refuses to move a page may keep it going without end (ZoneCompaction::goes_round). It ends
  // once TaskFlags::given_up is set, with `contended`, as all calls of this class do; a caller outside a request for
  // pages clears the flag.
  Task<CompactResult> compact_for(unsigned order, Migratetype type, CompactPriority priority, bool restarting);

  // try_to_compact_pages for a request under way, with the flags ALLOC_* of its attempts. Tries its zones in their
  // order, but those that are put off after failures, up to the first success or a fatal signal. Up to 4.7 its first
  // zone stands for all: if that is put off, none is tried. Returns the greatest result. Without __GFP_IO, up to 4.9
  // also without __GFP_FS, no zone is tried; pages with a mapping stay without __GFP_FS. Requires, as has_room() and
  // suitable() do: 1 <= order <= Buddy::largest_order().
  Task<CompactResult> try_to_compact_pages(const PageRequest& request, std::uint32_t flags, CompactPriority priority);
  // Notes that a request got a block of the zone after a compaction.
  void served(std::size_t zone, unsigned order);
  // Returns whether a compaction would have room for its targets with so many pages of the zone
  // free (__compaction_suitable).
  bool has_room(std::size_t zone, unsigned order, std::size_t class_zone, std::int64_t free);

  // compaction_suitable, for reclaim: returns `success` if an allocation of 2^order pages down to the min watermark
  // would succeed, `go_on` if enough is free for a compaction, else `skipped`. `class_zone` is the highest zone that it
  // may use.
  CompactResult suitable(std::size_t zone, unsigned order, std::size_t class_zone);

  // Returns how many times compaction of a zone has begun since boot. Counts a zone that was found to have too little
  // to gain; not a caller that may start no I/O, for which no zone is tried.
  std::uint64_t runs() const { return runs_; }
  // Returns how a zone is put off.
  const CompactionDeferral& deferral(std::size_t zone) const { return deferrals_[zone]; }
  // Takes over these; positions and hints are MigrateScanner's.
  void copy_from(const Compaction& other) {
    runs_ = other.runs_;
    deferrals_ = other.deferrals_;
  }

 private:
  static CompactRequest request_with(CompactPriority priority, Release release);
  Task<CompactResult> compact_zone(std::size_t zone, const CompactRequest& request);

  Release release_;
  Core core_;
  Buddy& buddy_;
  Lru& lru_;
  MigrateScanner& scanner_;
  Migration& migration_;
  FreeScanner free_scanner_;
  EndlessTurns& endless_;
  std::uint64_t runs_ = 0;
  std::vector<CompactionDeferral> deferrals_;  // by zone
};

}  // namespace cma
