// Moves pages that were isolated (mm/migrate.c), for alloc_contig_range, for long-term pins, and for compaction
// (Control::compacting is set for compaction only).
//
// The caller lists the pages, most often by a MigrateScanner (scan.h). A call tries every page up to ten times. Callers
// hold no spinlock. Each place where the kernel drops a lock, yields or sleeps is a point.
// Cost: O(passes * pages moved).
#pragma once

#include <cstdint>
#include <vector>

#include "allocator/frames/core.h"
#include "allocator/frames/page_lock.h"
#include "allocator/lru/lru.h"
#include "allocator/migration/page_kinds.h"

namespace cma {

// Passes of one migrate_pages call. Up to 6.2 it waits for page locks and writeback from the fourth on.
inline constexpr int kMigratePasses = 10;

// Where pages move to when the allocator does not choose it (new_folio_t and free_folio_t).
class MigrationTargets {
 public:
  virtual ~MigrationTargets() = default;
  // Returns a page as large as `source`, with one reference; kNoPfn if there is none.
  virtual Task<Pfn> take(Pfn source) = 0;
  // Takes back a target that was not needed; with its last reference gone it may be taken again.
  virtual Task<void> give_back(Pfn target) = 0;
};

// The part of struct compact_control that only compaction uses.
struct Compacting {
  MigrationTargets& targets;
  int order = -1;                 // of the block that is wanted; -1: the whole zone is to be compacted
  bool direct = false;            // for an allocation, which must not wait for page locks
  bool ignore_skip_hint = false;  // skip bits are neither read nor set while pages are isolated
  bool contended = false;         // a fatal signal has ended a scan
  bool finish_pageblock = false;  // since 5.1: the scan goes on to the pageblock's end beyond a full batch
  Pfn last_migrated = 0;          // up to 5.0: the first page isolated since the per-CPU lists were last emptied
};

class Migration {
 public:
  // struct compact_control.
  struct Control {
    PageList pages;                    // isolated, newest first
    unsigned nr_pages = 0;             // base pages that the scan has listed since the caller set this to 0
    Pfn next = 0;                      // where the scan goes on
    bool hugetlb = false;              // the list may hold pages of the hugetlb pool
    MoveMode mode = MoveMode::sync;    // how far scan and move may wait
    Compacting* compacting = nullptr;  // nullptr: for a contiguous range or a long-term pin
  };

  Migration(const Core& core, Buddy& buddy, Lru& lru, PageLocks& locks, Writebacks& writebacks);
  // Both are set once, before any other call.
  void set_page_kinds(PageKinds& kinds) { kinds_ = &kinds; }
  void set_hugetlb_pages(HugetlbPages& pages) { hugetlb_ = &pages; }

  // reclaim_clean_pages_from_list: drops clean, unused pages of files instead of moving them.
  Task<void> reclaim_clean(Control& control);
  // migrate_pages: moves the listed pages. Returns how many did not move (a huge page that failed for good counts all
  // its pages up to 6.0, one later), or the error that ended the call: -ENOMEM without a target; up to 6.0 also the
  // error of splitting a huge page that had none. Pages that failed for good are still listed since 5.11; before, they
  // were put back.
  Task<int> migrate_pages(Control& control);
  // putback_movable_pages: puts the pages that are left on the list back where they were.
  Task<void> putback(Control& control);

  // struct migrate_pages_stats: what one call of migrate_pages reports; pages are base pages.
  struct Stats {
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    std::uint64_t thp_succeeded = 0;
    std::uint64_t thp_failed = 0;
    std::uint64_t thp_split = 0;
  };

 private:
  struct Batch;
  // A page between the two halves of a batch.
  struct Unmapped {
    Pfn pfn;
    Pfn target;
    bool was_mapped;
    bool was_mlocked;
  };

  static bool may_reclaim(const Page& page);
  Task<bool> reclaim_page(Pfn pfn);

  // migrate.cc
  Task<void> put_back_page(Pfn pfn);
  Task<void> release_source(Pfn pfn);
  Task<void> settle_target(Pfn target, bool drains);
  Pfn target_of(Pfn pfn);
  Task<void> put_target(const Control& control, Pfn target);
  bool may_lock(const Control& control, Pfn pfn, bool force) const;
  Task<int> try_to_split(Pfn head, PageList& list, bool sync);
  Task<int> move_locked(Pfn pfn, Pfn target, MoveMode mode, bool force);
  Task<int> try_to_move(const Control& control, PageList& from, PageList& failed, Pfn pfn, bool force);
  void trace_result(const Control& control, const Stats& stats);
  Task<int> migrate_pages_v3_5(Control& control);
  Task<int> split_or_give_up_v5_9(Control& control, Pfn head, Stats& stats);

  // migrate_hugetlb.cc
  Task<void> put_back_hugetlb(Pfn pfn);
  Task<int> move_locked_hugetlb(Pfn pfn, Pfn target);
  Task<int> try_to_move_hugetlb(PageList& from, PageList& failed, Pfn pfn, bool force);
  Task<int> migrate_hugetlbs(PageList& from, PageList& failed, Stats& stats);

  // migrate_v6_1.cc
  // NR_MAX_BATCHED_MIGRATION: base pages that are moved together.
  std::uint64_t most_batched() const { return huge_pages_ != 0 ? huge_pages_ : 512; }
  Task<int> split_to(PageList& from, PageList& split, Pfn head, bool sync);
  int end_v5_11(Control& control, PageList& failed, const Stats& stats, int result);
  Task<int> migrate_batch_v6_1(const Control& control, PageList& from, PageList& failed, Stats& stats);
  Task<int> migrate_pages_v6_1(Control& control);

  // migrate_v6_3.cc
  Task<int> unmap_locked_v6_3(Pfn pfn, MoveMode mode, bool& was_mapped);
  Task<int> unmap_page_v6_3(PageList& from, PageList& failed, const Batch& batch, Unmapped& page);
  Task<int> move_page_v6_3(const Unmapped& page, const Batch& batch);
  Task<void> undo_unmapped_v6_3(const Unmapped& page, const Batch& batch);
  Task<int> prepare_v6_3(PageList& from, PageList& failed, Batch& batch, Unmapped& page);
  Task<int> migrate_batch_v6_3(PageList& from, PageList& failed, Batch& batch);
  Task<int> move_unmapped_v6_3(std::vector<Unmapped>& unmapped, PageList& failed, Batch& batch);
  Task<int> migrate_sync_v6_3(const Control& control, PageList& from, PageList& failed, PageList& split, Stats& stats);
  Task<int> migrate_pages_v6_3(Control& control);

  Release release_;
  std::uint64_t huge_pages_;  // of a huge page; 0 where there are none
  Core core_;
  Buddy& buddy_;
  Lru& lru_;
  PageLocks& locks_;
  Writebacks& writebacks_;
  PageKinds* kinds_ = nullptr;
  HugetlbPages* hugetlb_ = nullptr;
};

}  // namespace cma
