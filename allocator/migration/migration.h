// Finding pages that can be moved (mm/compaction.c) and moving them (mm/migrate.c), as alloc_contig_range does it and
// as compaction does it, which says so in its control.
//
// The scan collects at most 32 pages on a list of the caller's; moving tries every page up to ten times a call and
// returns how many are left. Each place where the kernel drops a lock, yields or sleeps is a point.
#pragma once

#include <optional>

#include "allocator/frames/core.h"
#include "allocator/frames/page_lock.h"
#include "allocator/lru/lru.h"
#include "allocator/migration/compaction_hints.h"
#include "allocator/migration/page_kinds.h"

namespace cma {

// COMPACT_CLUSTER_MAX: pages a scan collects before they are moved.
inline constexpr unsigned kMigrateBatch = 32;
// Passes of one migrate_pages call; from the fourth on it waits for page locks and writeback.
inline constexpr int kMigratePasses = 10;

// Where pages move to when that is not the allocator's choice (new_folio_t and free_folio_t).
class MigrationTargets {
 public:
  virtual ~MigrationTargets() = default;
  // A page as large as `source`, with one reference; kNoPfn if there is none.
  virtual Task<Pfn> take(Pfn source) = 0;
  // A target that was not needed after all; with its last reference it may be taken again.
  virtual Task<void> give_back(Pfn target) = 0;
};

// What a compaction knows beyond a contiguous range (struct compact_control).
struct Compacting {
  MigrationTargets& targets;
  int order = -1;                 // of the block that is wanted; -1: the whole zone is to be compacted
  bool direct = false;            // on behalf of an allocation, which must not wait for page locks
  bool ignore_skip_hint = false;  // neither asks for skip bits nor sets them while pages are isolated
  bool contended = false;         // a fatal signal has ended a scan
  bool finish_pageblock = false;  // 5.1: goes on to the pageblock's end beyond a full batch
  Pfn last_migrated = 0;          // up to 5.0: the first page isolated since the per-CPU lists were last emptied
};

class Migration {
 public:
  // struct compact_control.
  struct Control {
    PageList pages;                    // isolated, newest first
    unsigned nr_pages = 0;             // what the list holds, in base pages
    Pfn next = 0;                      // 6.1: where to go on
    bool hugetlb = false;              // the list may hold pages of the hugetlb pool
    MoveMode mode = MoveMode::sync;    // how far scan and move may wait
    Compacting* compacting = nullptr;  // nullptr: for a contiguous range or a long-term pin
  };

  Migration(const Core& core, Buddy& buddy, Lru& lru, PageLocks& locks, Writebacks& writebacks);
  void set_page_kinds(PageKinds& kinds) { kinds_ = &kinds; }
  void set_hugetlb_pages(HugetlbPages& pages) { hugetlb_ = &pages; }

  // isolate_migratepages_range over [start, end). 4.19: the next pfn to scan, 0 when a fatal signal ended it.
  // 6.1: 0 or -EAGAIN, -EINTR; the next pfn is in the control. Both come back as: error, control.next.
  Task<int> isolate_range(Control& control, Pfn start, Pfn end);
  // isolate_migratepages_block: pages of [low, end), within one pageblock (in 3.6 within two). 0, and control.next is
  // where to go on; or -EAGAIN, -EINTR, -ENOMEM.
  Task<int> isolate_block(Control& control, Pfn low, Pfn end);
  // reclaim_clean_pages_from_list: drops clean, unused pages of files instead of moving them.
  Task<void> reclaim_clean(Control& control);
  // migrate_pages: the number of pages that did not move (still listed since 5.11, put back before when permanent), or
  // -ENOMEM when no target could be had.
  Task<int> migrate_pages(Control& control);
  // putback_movable_pages: what is left on the list goes back where it was.
  Task<void> putback(Control& control);

  CompactionHints& hints() { return hints_; }
  const CompactionHints& hints() const { return hints_; }
  void copy_from(const Migration& other) { hints_.copy_from(other.hints_); }

  // struct migrate_pages_stats: what one call of migrate_pages tells; pages are base pages.
  struct Stats {
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    std::uint64_t thp_succeeded = 0;
    std::uint64_t thp_failed = 0;
    std::uint64_t thp_split = 0;
  };

 private:
  struct BlockScan;
  int throttled_v5_10();
  bool may_wait_for(Pfn pfn, const Control& control);
  bool claim_block_v5_1(const Control& control, BlockScan& scan, Pfn pfn);
  bool suits_compaction(const Control& control, BlockScan& scan, Pfn pfn);
  void note_scanned(const Control& control, const BlockScan& scan, Pfn low, std::uint64_t taken);
  Pfn past_unsuitable_v3_5(const Control& control, Pfn low) const;
  Task<int> throttle(const Control& control);
  Task<void> give_up_group(Control& control, BlockScan& scan, Pfn& low, std::uint64_t& taken);
  bool skips_compound_v6_9(const Control& control, Pfn pfn) const;
  std::optional<Refusal> try_to_isolate(Control& control, BlockScan& scan, Pfn pfn);
  Task<int> isolate_range_v3_5(Control& control, Pfn start, Pfn end);
  bool isolate_movable_page(Pfn pfn);
  bool pinned(Pfn pfn);
  void list_page(Control& control, Pfn pfn);
  // NR_MAX_BATCHED_MIGRATION: base pages that are moved together.
  std::uint64_t most_batched() const { return huge_pages_ != 0 ? huge_pages_ : 512; }
  Pfn target_of(Pfn pfn);
  Task<void> put_target(const Control& control, Pfn target);
  bool may_lock(const Control& control, Pfn pfn, bool force) const;
  Task<int> split_to(PageList& from, PageList& split, Pfn head, bool sync);
  Task<int> try_to_split(Pfn head, PageList& list, bool sync);
  void tell(const Control& control, const Stats& stats);
  Task<int> isolate_hugetlb_v5_13(Control& control, Pfn& low, std::uint64_t& scanned, std::uint64_t& taken);
  Task<void> put_back_hugetlb(Pfn pfn);
  Task<int> move_locked_hugetlb(Pfn pfn, Pfn target);
  Task<int> try_to_move_hugetlb(PageList& from, PageList& failed, Pfn pfn, bool force);
  Task<int> migrate_hugetlbs(PageList& from, PageList& failed, Stats& stats);
  Task<int> migrate_pages_v3_5(Control& control);
  Task<int> split_or_give_up_v5_9(Control& control, Pfn head, Stats& stats);
  int end_v5_11(Control& control, PageList& failed, const Stats& stats, int result);
  Task<int> migrate_pages_v6_1(Control& control);
  Task<int> migrate_batch_v6_1(const Control& control, PageList& from, PageList& failed, Stats& stats);
  Task<int> migrate_pages_v6_5(Control& control);
  Task<int> migrate_sync_v6_5(const Control& control, PageList& from, PageList& failed, PageList& split, Stats& stats);
  struct Batch;
  // A page between the two halves of a batch.
  struct Unmapped {
    Pfn pfn;
    Pfn target;
    bool was_mapped;
    bool was_mlocked;
  };
  Task<int> migrate_batch_v6_5(PageList& from, PageList& failed, Batch& batch);
  Task<int> prepare_v6_5(PageList& from, PageList& failed, Batch& batch, Unmapped& page);
  Task<int> move_unmapped_v6_5(std::vector<Unmapped>& unmapped, PageList& failed, Batch& batch);
  Task<int> unmap_page_v6_5(PageList& from, PageList& failed, const Batch& batch, Unmapped& page);
  Task<int> move_page_v6_5(const Unmapped& page, const Batch& batch);
  Task<int> unmap_locked_v6_5(Pfn pfn, MoveMode mode, bool& was_mapped);
  Task<void> undo_unmapped_v6_5(const Unmapped& page, const Batch& batch);
  Task<int> try_to_move(const Control& control, PageList& from, PageList& failed, Pfn pfn, bool force);
  Task<int> move_locked(Pfn pfn, Pfn target, MoveMode mode, bool force);
  Task<void> settle_target(Pfn target, bool drains);
  Task<void> release_source(Pfn pfn);
  Task<void> put_back_page(Pfn pfn);

  Release release_;
  std::uint64_t huge_pages_;  // of a huge page; 0 where there are none
  Core core_;
  Buddy& buddy_;
  Lru& lru_;
  PageLocks& locks_;
  Writebacks& writebacks_;
  PageKinds* kinds_ = nullptr;
  HugetlbPages* hugetlb_ = nullptr;
  CompactionHints hints_;
};

}  // namespace cma
