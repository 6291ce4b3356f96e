// Reclaim of pages (mm/vmscan.c): what a request for pages does that finds too little memory, and kswapd.
//
// The face of the folder, which composes its parts: BatchReclaim (which pages of a batch are dropped), ListScanner
// (batches off the LRU lists, and back), NodeReclaim (how much of a node is scanned), ReclaimableSlab, Kswapd.
// Requests that may wait call try_to_free_pages(). Cost: O(pages scanned), of one call up to a few times the lists.
//
// Locks: callers hold none. Reclaim sleeps, and passes points wherever other actors can run.
#pragma once

#include <optional>

#include "allocator/buddy/buddy.h"
#include "allocator/compaction/compaction.h"
#include "allocator/frames/core.h"
#include "allocator/frames/page_lock.h"
#include "allocator/lru/lru.h"
#include "allocator/owners/owner_reclaim.h"
#include "allocator/reclaim/kswapd.h"
#include "allocator/reclaim/list_scanner.h"
#include "allocator/reclaim/lruvecs.h"
#include "allocator/reclaim/node_reclaim.h"
#include "allocator/reclaim/scan_control.h"
#include "allocator/reclaim/slab.h"

namespace cma {

// A request on whose behalf pages are reclaimed.
struct ReclaimRequest {
  Gfp gfp = kGfpKernel;
  unsigned order = 0;
  unsigned node = 0;                              // the node that is preferred
  std::uint64_t nr_to_reclaim = kSwapClusterMax;  // what the request is content with
  int priority = kDefPriority;                    // the first one
};

class Reclaim {
 public:
  // Refers to its arguments, which outlive it.
  Reclaim(const Core& core, Buddy& buddy, Lru& lru, PageLocks& locks, OwnerReclaim& owners, Compaction& compaction);
  Reclaim(const Reclaim&) = delete;
  Reclaim& operator=(const Reclaim&) = delete;

  // Frees pages of zones that the request may use, with falling priorities until it has enough (try_to_free_pages). The
  // task's reclaim scope takes flags away. Returns how many pages were freed; 1 if none was because a compaction should
  // be tried instead. 0 means that the request may have to go without.
  // Requires: 0 <= priority <= kDefPriority.
  Task<std::uint64_t> try_to_free_pages(ReclaimRequest request);

  Kswapd& kswapd() { return kswapd_; }
  const Kswapd& kswapd() const { return kswapd_; }
  ReclaimableSlab& slab() { return slab_; }
  const ReclaimableSlab& slab() const { return slab_; }

  // --- looking ---
  const LruVecs& lruvecs() const { return vecs_; }
  LruVecs& lruvecs() { return vecs_; }
  const ReclaimEvents& events() const { return events_; }
  // Parts, for tests of a single step.
  ListScanner& scanner() { return scanner_; }
  NodeReclaim& nodes() { return nodes_; }

  // Takes the state of a machine of the same geometry. Requires: no actor of either is inside an operation.
  void copy_from(const Reclaim& other);

 private:
  Gfp in_scope(Gfp gfp) const;
  bool compaction_ready(const ZoneList::Entry& entry, const ScanControl& control);
  Task<void> shrink_zones(const ZoneList& zonelist, ScanControl& control);
  Task<void> shrink_slab_v3_5(const ZoneList& zonelist, ScanControl& control);
  Task<void> down_the_priorities(const ZoneList& zonelist, ScanControl& control);
  bool tries_again(ScanControl& control, unsigned attempt) const;

  Release release_;
  Core core_;
  Buddy& buddy_;
  Compaction& compaction_;
  ReclaimEvents events_;
  LruVecs vecs_;
  ListScanner scanner_;
  ReclaimableSlab slab_;
  NodeReclaim nodes_;
  Kswapd kswapd_;
};

}  // namespace cma
