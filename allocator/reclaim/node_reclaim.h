// Reclaim of one node, up to 4.7 of one zone: how much of each list is scanned, how long, and what a scan says about
// the node (shrink_lruvec, shrink_node, should_continue_reclaim; mm/vmscan.c).
//
// A part of Reclaim. Passes a point after each round over the lists and after each scan. Cost: O(pages scanned).
//
// Without a swap device the anonymous lists are never scanned, so that nothing has to be balanced: of each file list
// its size, shifted right by the priority, is.
//
// Locks: callers hold none.
#pragma once

#include <array>
#include <cstdint>

#include "allocator/buddy/buddy.h"
#include "allocator/compaction/compaction.h"
#include "allocator/frames/core.h"
#include "allocator/reclaim/list_scanner.h"
#include "allocator/reclaim/lruvecs.h"
#include "allocator/reclaim/scan_control.h"
#include "allocator/reclaim/slab.h"

namespace cma {

class NodeReclaim {
 public:
  // Refers to its arguments, which outlive it.
  NodeReclaim(const Core& core, Buddy& buddy, Compaction& compaction, ListScanner& scanner, ReclaimableSlab& slab,
              LruVecs& vecs);

  // Scans the lists, and since 3.19 for node 0 the slabs, and repeats that while a large block is wanted and pages are
  // found for it. Adds to `control`; sets flags of the node, and clears its failures if a page was freed.
  // Requires: control.ceiling is a zone of the node, or the zone itself.
  Task<void> shrink_node(LruVec vec, ScanControl& control);

  // Sleeps a tick, unless kswapd has given the node up or little of what could be freed is dirty or under writeback
  // (reclaim_throttle for lack of progress or because of congestion, 5.16). Does nothing before 5.16.
  Task<void> throttle_noprogress(LruVec vec);

 private:
  using ToScan = std::array<std::uint64_t, kLruLists>;

  void prepare(LruVec vec, ScanControl& control) const;
  ToScan scan_counts(LruVec vec, const ScanControl& control) const;
  bool enough(const ScanControl& control, std::uint64_t reclaimed) const;
  bool shortens_active(LruVec vec, ScanControl& control) const;
  Task<void> shrink_lruvec(LruVec vec, ScanControl& control);
  std::uint64_t eligible_pages(LruVec vec, const ScanControl& control) const;
  Task<void> shrink_slab(LruVec vec, ScanControl& control, std::uint64_t scanned, std::uint64_t eligible);
  Task<void> judge_scan(LruVec vec, const ScanControl& control);
  bool compacts_after(const ScanControl& control) const;
  bool compaction_suits(LruVec vec, const ScanControl& control) const;
  bool should_continue(LruVec vec, const ScanControl& control, std::uint64_t reclaimed, std::uint64_t scanned) const;

  Release release_;
  Core core_;
  Buddy& buddy_;
  Compaction& compaction_;
  ListScanner& scanner_;
  ReclaimableSlab& slab_;
  LruVecs& vecs_;
};

}  // namespace cma
