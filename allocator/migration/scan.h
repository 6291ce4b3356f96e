// Finds pages that can be moved (mm/compaction.c), for alloc_contig_range and for compaction
// (MigrateControl::compacting is set for compaction only).
//
// Takes pages off the LRU, or from their drivers, onto the caller's list, until a batch is full. Callers hold no
// spinlock. Each place where the kernel drops a lock, yields or sleeps is a point. Cost: O(pages scanned).
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

// COMPACT_CLUSTER_MAX: pages a scan collects before they are moved.
inline constexpr unsigned kMigrateBatch = 32;

class MigrateScanner {
 public:
  MigrateScanner(const Core& core, Lru& lru, PageLocks& locks, Migration& migration);
  // Sets the receivers of the calls upwards. Neither is owned. Requires: called once, before any other call.
  void set_callbacks(PageKinds& kinds, HugetlbPages& hugetlb);

  // isolate_migratepages_range: collects pages of [start, end) until a batch is full; control.next is where to go on.
  // Returns 0; -EAGAIN: too many pages are isolated and this call must not wait, move what is listed first; -EINTR: a
  // fatal signal; -ENOMEM: no replacement for a page of the hugetlb pool, and the list has been put back. Up to 5.12
  // the kernel returns the next pfn, and 0 for any error.
  Task<int> isolate_range(MigrateControl& control, Pfn start, Pfn end);
  // isolate_migratepages_block: the same for [low, end), which lies within one pageblock (up to 3.17 within two).
  Task<int> isolate_block(MigrateControl& control, Pfn low, Pfn end);

  CompactionHints& hints() { return hints_; }
  const CompactionHints& hints() const { return hints_; }
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
  PageKinds* kinds_ = nullptr;
  HugetlbPages* hugetlb_ = nullptr;
  CompactionHints hints_;
};

}  // namespace cma
