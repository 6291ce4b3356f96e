// Moves pages that were isolated (mm/migrate.c), for alloc_contig_range, for long-term pins, and for compaction
// (Control::compacting is set for compaction only).
//
// The caller lists the pages, most often by a MigrateScanner (scan.h). A call tries every page up to ten times. Callers
// hold no spinlock. Each place where the kernel drops a lock, yields or sleeps is a point.
// Cost: O(passes * pages moved).
#pragma once

#include <memory>

#include "allocator/frames/core.h"
#include "allocator/frames/page_lock.h"
#include "allocator/lru/lru.h"
#include "allocator/migration/page_kinds.h"

namespace cma {

class MigrateSteps;

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
  ~Migration();
  // Set two collaborators. Neither is owned; both are set once, before any other call.
  void set_page_kinds(PageKinds& kinds);
  void set_hugetlb_pages(HugetlbPages& pages);

  // reclaim_clean_pages_from_list: drops clean, unused pages of files instead of moving them.
  Task<void> reclaim_clean(Control& control);
  // migrate_pages: moves the listed pages. Returns how many did not move (a huge page that failed for good counts all
  // its pages up to 6.0, one later), or the error that ended the call: -ENOMEM without a target; up to 6.0 also the
  // error of splitting a huge page that had none. Pages that failed for good are still listed since 5.11; before, they
  // were put back.
  Task<int> migrate_pages(Control& control);
  // putback_movable_pages: puts the pages that are left on the list back where they were.
  Task<void> putback(Control& control);

 private:
  static bool may_reclaim(const Page& page);
  Task<bool> reclaim_page(Pfn pfn);

  Core core_;
  Buddy& buddy_;
  Lru& lru_;
  PageLocks& locks_;
  PageKinds* kinds_ = nullptr;
  std::unique_ptr<MigrateSteps> steps_;
};

}  // namespace cma
