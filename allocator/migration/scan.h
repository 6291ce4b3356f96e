// Finds pages that can be moved (mm/compaction.c), for alloc_contig_range and for compaction
// (MigrateControl::compacting is set for compaction only).
//
// Takes pages off the LRU, from their drivers, and since 5.13 from the hugetlb pool onto the caller's list, until a
// batch is full: kMigrateBatch base pages, or more if the last page is a huge one or Compacting::finish_pageblock is
// set. A free huge page of the pool is replaced and freed instead. Pages that stay are reported to the watcher of
// windows, each with its Refusal.
//
// Cost: O(pages scanned); a free block is one step. Locks: callers hold no spinlock, and no page lock. Points lie where
// point.h lists them.
#pragma once

#include <optional>

#include "allocator/frames/core.h"
#include "allocator/frames/page_lock.h"
#include "allocator/lru/lru.h"
#include "allocator/migration/compaction_hints.h"
#include "allocator/migration/control.h"
#include "allocator/migration/page_kinds.h"

namespace cma {

class Migration;

// COMPACT_CLUSTER_MAX: how many base pages a scan collects before they are moved.
inline constexpr unsigned kMigrateBatch = 32;

class MigrateScanner {
 public:
  // Refers to all but `core`, which outlive it. `migration` puts pages back that a scan gives up; `kinds` and `hugetlb`
  // receive its calls upwards.
  MigrateScanner(const Core& core, Lru& lru, PageLocks& locks, Migration& migration, PageKinds& kinds,
                 HugetlbPages& hugetlb);

  // Lists pages of [start, end) until a batch is full (isolate_migratepages_range). control.next is where to go on.
  // Requires: start < end, inside the memory map. Returns 0, or an error that ended the scan:
  // - -EAGAIN: too many pages are isolated, and this call must not wait: its control lists pages, which are to be moved
  //   first, or the mode is async;
  // - -EINTR: a fatal signal, or the actor's operation was given up, while the call waited for others to put pages
  //   back; since 5.3 also a fatal signal during the scan, which before only stops it short;
  // - -ENOMEM: no replacement for a page of the hugetlb pool. The list has been put back (5.13).
  // Up to 5.12 the kernel returns the next pfn, and 0 for any error.
  Task<int> isolate_range(MigrateControl& control, Pfn start, Pfn end);
  // Lists pages of [low, end) (isolate_migratepages_block). Requires: as isolate_range(); since 3.18 the range lies in
  // one pageblock. Returns as isolate_range().
  Task<int> isolate_block(MigrateControl& control, Pfn low, Pfn end);

  // Returns what scans and compactions have left for the next.
  CompactionHints& hints() { return hints_; }
  const CompactionHints& hints() const { return hints_; }
  // Takes the hints of a machine of the same geometry.
  void copy_from(const MigrateScanner& other) { hints_.copy_from(other.hints_); }

 private:
  using Control = MigrateControl;
  struct BlockScan;

  bool pinned(Pfn pfn);
  bool enters_file_systems(const Control& control) const;
  bool leaves_to_file_system(const Control& control, Pfn pfn);
  bool may_wait_for(Pfn pfn, const Control& control);
  bool claim_block_v5_1(BlockScan& scan, Pfn pfn);
  bool suits_compaction(BlockScan& scan, Pfn pfn);
  Pfn past_unsuitable_v3_5(const Control& control, Pfn low) const;
  bool passes_over_compound(const BlockScan& scan, Pfn pfn) const;
  std::optional<Refusal> try_to_isolate(BlockScan& scan, Pfn pfn);
  bool isolate_movable_page(Pfn pfn);
  void list_page(BlockScan& scan);
  bool refusal_matters(const BlockScan& scan, Refusal why) const;
  void note_refusal(BlockScan& scan, Refusal why);
  bool meets_hugetlb_v5_13(const BlockScan& scan, const Page& page) const;
  Task<bool> scan_hugetlb_v5_13(BlockScan& scan);
  int throttled_v5_10();
  Task<int> throttle(const Control& control);
  bool enter_group(BlockScan& scan) const;
  bool attend(BlockScan& scan) const;
  Task<void> give_up_group(BlockScan& scan);
  void note_scanned(const BlockScan& scan);
  int finish_scan(BlockScan& scan);
  Task<int> isolate_range_v3_5(Control& control, Pfn start, Pfn end);

  Release release_;
  Core core_;
  Lru& lru_;
  PageLocks& locks_;
  Migration& migration_;
  PageKinds& kinds_;
  HugetlbPages& hugetlb_;
  CompactionHints hints_;
};

}  // namespace cma
