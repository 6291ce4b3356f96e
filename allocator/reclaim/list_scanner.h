// Scans of LRU lists: takes pages off their tails in batches, has BatchReclaim try the inactive ones, makes active ones
// inactive, and puts back what stays (isolate_lru_pages, shrink_inactive_list, shrink_active_list; mm/vmscan.c).
//
// A part of Reclaim. Where lru_lock is dropped after an isolation a point is passed; a caller that finds too many pages
// isolated sleeps. Cost: O(pages scanned); on a machine with several nodes, up to 4.7 several zones, also of others'
// pages that lie between them.
//
// Locks: callers hold none.
#pragma once

#include "allocator/frames/core.h"
#include "allocator/frames/page_lock.h"
#include "allocator/lru/lru.h"
#include "allocator/owners/owner_reclaim.h"
#include "allocator/reclaim/batch.h"
#include "allocator/reclaim/lruvecs.h"
#include "allocator/reclaim/scan_control.h"

namespace cma {

// Returns whether an inactive list of so many pages is short beside its active list (inactive_list_is_low): 1 to 1, for
// 1 GiB in all 1 to 3, then with the square root of the size. Up to 4.6 file lists are to be equally long.
bool inactive_is_low(std::uint64_t inactive, std::uint64_t active, unsigned page_shift);

class ListScanner {
 public:
  // Refers to its arguments, which outlive it.
  ListScanner(const Core& core, Lru& lru, PageLocks& locks, OwnerReclaim& owners, LruVecs& vecs, ReclaimEvents& events);

  // Scans up to `most` pages of an inactive list; returns how many were freed. Waits first while too many are isolated:
  // gives up after the first wait (4.14), and says that a whole batch was freed if a fatal signal is pending.
  // Requires: 0 < most <= kSwapClusterMax; the list is inactive.
  Task<std::uint64_t> shrink_inactive(std::uint64_t most, LruVec vec, ScanControl& control, LruList list);
  // Makes up to `most` pages of an active list inactive, used or not: only those of files that are used by executable
  // mappings stay active.
  // Requires: 0 < most <= kSwapClusterMax; the list is active.
  Task<void> shrink_active(std::uint64_t most, LruVec vec, ScanControl& control, LruList list);

  // Returns whether the inactive file list is short beside the active one. 4.8 to 5.4 count zones up to the
  // ceiling only.
  bool inactive_file_is_low(LruVec vec, const ScanControl& control) const;

 private:
  // Pages taken off a list, the one taken last in front.
  struct Isolated {
    PageList pages;
    std::uint64_t taken = 0;
    std::uint64_t scanned = 0;  // skipped ones as the release counts them
  };
  enum class Throttled : std::uint8_t { go_on, give_up, dying };

  Isolated isolate(std::uint64_t most, LruVec vec, const ScanControl& control, LruList list);
  std::uint64_t count_scanned(std::uint64_t scan, std::uint64_t skipped, bool exhausted) const;
  bool too_many_isolated(LruVec vec, bool file, const ScanControl& control) const;
  bool too_short_v4_8(LruVec vec, bool file, const ScanControl& control) const;
  Task<Throttled> throttle(LruVec vec, bool file, const ScanControl& control);
  Task<std::uint64_t> put_back(PageList& pages, std::vector<Pfn>& dead);
  Task<void> free_dead(std::vector<Pfn> dead);
  Task<bool> stays_active(Pfn pfn);
  Task<void> note_batch(LruVec vec, ScanControl& control, const BatchCounts& counts, std::uint64_t taken, bool file);
  static void add(BatchCounts& sums, const BatchCounts& counts);

  Release release_;
  Core core_;
  Lru& lru_;
  PageLocks& locks_;
  OwnerReclaim& owners_;
  LruVecs& vecs_;
  ReclaimEvents& events_;
  BatchReclaim batch_;
};

}  // namespace cma
