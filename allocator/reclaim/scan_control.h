// What a call of reclaim may do and what it has found so far (struct scan_control, struct reclaim_stat), the state of a
// node that outlasts the call, and what /proc/vmstat counts of reclaim.
//
// Plain data. A caller of this folder fills in a ScanControl for its call; each level of the folder adds to it. All
// counts are in pages.
#pragma once

#include <cstddef>
#include <cstdint>

#include "allocator/base/gfp.h"
#include "allocator/engine/engine.h"

namespace cma {

// SWAP_CLUSTER_MAX: the pages that are isolated at once.
inline constexpr std::uint64_t kSwapClusterMax = 32;
// DEF_PRIORITY: a list's size is shifted right by the priority to get the number of pages to scan.
inline constexpr int kDefPriority = 12;
// MAX_RECLAIM_RETRIES: kswapd gives a node up after so many runs without a page.
inline constexpr unsigned kMaxReclaimRetries = 16;
// HZ / 10: how long kswapd waits that meets pages under writeback too often.
inline constexpr Time kWritebackWait = 100 * kMillisecond;

// What became of the pages of one batch that were looked at (struct reclaim_stat).
struct BatchCounts {
  std::uint64_t dirty = 0;           // dirty or under writeback; up to 3.10 dirty only, after they were unmapped
  std::uint64_t unqueued_dirty = 0;  // dirty, and not under writeback (3.11)
  // Under writeback and met a second time (3.11); up to 3.10 those that could not be written.
  std::uint64_t congested = 0;
  std::uint64_t writeback = 0;  // under writeback, now marked to be reclaimed when that is over
  std::uint64_t immediate = 0;  // so marked before, while the node has too many of them
  std::uint64_t pageout = 0;    // handed to the device
  std::uint64_t activated_anon = 0;
  std::uint64_t activated_file = 0;
  std::uint64_t ref_keep = 0;       // used once
  std::uint64_t unmap_fail = 0;     // still mapped after an attempt to unmap them
  std::uint64_t lazyfree_fail = 0;  // of these, memory that was written to after MADV_FREE
};

// The flags and counts of a node (pg_data_t); up to 4.7 of a zone. `dirty` and `writeback` are set by scans, and
// cleared when the node is balanced.
struct NodeState {
  bool writeback = false;        // PGDAT_WRITEBACK (3.11): a batch was under writeback as a whole; kswapd stalls
  bool dirty = false;            // PGDAT_DIRTY (3.11): a batch was dirty as a whole; kswapd writes pages of files
  bool congested = false;        // PGDAT_CONGESTED: all dirty pages of a batch were met a second time
  unsigned kswapd_failures = 0;  // runs of kswapd in a row without a page (4.12)
  friend bool operator==(const NodeState&, const NodeState&) = default;
};

struct ScanControl {
  // --- set by the caller ---
  std::uint64_t nr_to_reclaim = kSwapClusterMax;
  Gfp gfp = kGfpKernel;
  unsigned order = 0;
  int priority = kDefPriority;
  std::size_t ceiling = 0;          // the last zone of the node that pages are taken from (reclaim_idx)
  bool may_writepage = true;        // dirty pages may be written
  bool kswapd = false;              // the caller is the node's kswapd
  bool force_deactivate = false;    // the active list is shortened, however short it is (5.5)
  bool no_cache_trim_mode = false;  // unused pages of files are no reason to leave others alone (6.10)

  // --- found ---
  std::uint64_t nr_scanned = 0;      // pages that were tried; up to 5.3 mapped ones count twice
  std::uint64_t nr_reclaimed = 0;    // those that were freed, slabs' included
  bool compaction_ready = false;     // enough is free for a compaction: reclaim would only disturb
  bool skipped_deactivate = false;   // the active list was to be scanned, and may not be shortened (5.5)
  bool may_deactivate_file = false;  // in this scan of the node (DEACTIVATE_FILE, 5.5)
  bool cache_trim_mode = false;      // there are unused pages of files, so that no others are touched (5.5)
  bool cache_trim_mode_failed = false;
  // Sums over the batches of one scan of a node (4.11).
  struct Sums {
    BatchCounts counts;
    std::uint64_t taken = 0;
    std::uint64_t file_taken = 0;
  };
  Sums sums;
};

// Counters of /proc/vmstat that reclaim alone moves, since boot.
struct ReclaimEvents {
  std::uint64_t pgscan_kswapd = 0;
  std::uint64_t pgscan_direct = 0;
  std::uint64_t pgsteal_kswapd = 0;
  std::uint64_t pgsteal_direct = 0;
  std::uint64_t pgscan_skip = 0;
  std::uint64_t pgrefill = 0;
  std::uint64_t pgactivate = 0;  // by reclaim
  std::uint64_t pgdeactivate = 0;
  std::uint64_t pglazyfreed = 0;
  std::uint64_t slabs_scanned = 0;
  std::uint64_t allocstall = 0;
  std::uint64_t pageoutrun = 0;
  std::uint64_t nr_vmscan_write = 0;
  std::uint64_t nr_vmscan_immediate_reclaim = 0;
  std::uint64_t flusher_wakeups = 0;  // no counter of the kernel's: how often the flushers were woken
  friend bool operator==(const ReclaimEvents&, const ReclaimEvents&) = default;
};

}  // namespace cma
