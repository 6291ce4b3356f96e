// Compaction (mm/compaction.c): moves pages from a zone's beginning to free pages at its end, so that large free blocks
// form at the beginning. It is modelled because it interferes with contiguous allocations: it takes pages off the LRU
// before they can, and free pages out of isolated pageblocks.
//
// Used by the operation `compact` of programs. Callers hold no lock. Sleeps and yields in many places; each is a point.
// Cost: O(pages of the zone).
#pragma once

#include "allocator/compaction/free_scan.h"
#include "allocator/frames/core.h"
#include "allocator/migration/migration.h"
#include "allocator/migration/scan.h"

namespace cma {

// enum compact_priority: how hard an allocation's compaction tries. `full` passes over no pageblock because of its
// type or hint.
enum class CompactPriority : std::uint8_t { full, light, async };

// enum compact_result, by name; releases number them differently. Ascending: compact_for() returns the greatest.
enum class CompactResult : std::uint8_t {
  skipped,          // too little free memory, too little to gain, or no zone was tried
  go_on,            // compaction begins, or goes on
  complete,         // the whole zone was scanned
  partial_skipped,  // the scanners have met, but began within the zone
  contended,        // given up: a fatal signal, too many pages isolated, no targets
  success,          // a block of the order wanted is free
};

struct CompactRequest;

class Compaction {
 public:
  // Refers to the layers, which outlive it. Up to 3.6 also sets where each zone's free scanner begins.
  Compaction(const Core& core, Buddy& buddy, Lru& lru, MigrateScanner& scanner, Migration& migration);

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
  Task<CompactResult> compact_for(unsigned order, Migratetype type, CompactPriority priority, bool restarting);

  // compaction_suitable, for reclaim: returns `success` if an allocation of 2^order pages down to the min watermark
  // would succeed, `go_on` if enough is free for a compaction, else `skipped`. `class_zone` is the highest zone that it
  // may use. Requires: 1 <= order <= Buddy::largest_order().
  CompactResult suitable(std::size_t zone, unsigned order, std::size_t class_zone);

  // Returns how many times compaction of a zone has begun since boot. Counts a zone that was found to have too little
  // to gain; not a caller that may start no I/O, for which no zone is tried.
  std::uint64_t runs() const { return runs_; }
  // Takes over that number; positions and hints are MigrateScanner's.
  void copy_from(const Compaction& other) { runs_ = other.runs_; }

 private:
  Task<CompactResult> compact_zone(std::size_t zone, const CompactRequest& request);

  Release release_;
  Core core_;
  Buddy& buddy_;
  Lru& lru_;
  MigrateScanner& scanner_;
  Migration& migration_;
  FreeScanner free_scanner_;
  std::uint64_t runs_ = 0;
};

}  // namespace cma
