// Moves pages that were isolated (mm/migrate.c), for alloc_contig_range, for long-term pins, and for compaction
// (MigrateControl::compacting is set for compaction only).
//
// The caller lists the pages, most often by a MigrateScanner (scan.h). A call makes at most ten passes over the list;
// since 6.3 as many to unmap as to move, and one for pages of huge pages that were split. Callers hold no spinlock.
// Each place where the kernel drops a lock, yields or sleeps is a point. Cost: O(passes * pages listed).
#pragma once

#include <memory>

#include "allocator/frames/core.h"
#include "allocator/frames/page_lock.h"
#include "allocator/lru/lru.h"
#include "allocator/migration/clean_reclaim.h"
#include "allocator/migration/control.h"
#include "allocator/migration/page_kinds.h"

namespace cma {

class MigrateSteps;

class Migration {
 public:
  // Refers to the layers, which outlive it.
  Migration(const Core& core, Buddy& buddy, Lru& lru, PageLocks& locks, Writebacks& writebacks);
  ~Migration();
  Migration(const Migration&) = delete;
  Migration& operator=(const Migration&) = delete;
  // Sets the receivers of the calls upwards. Neither is owned. Requires: called once, before any other call.
  void set_callbacks(PageKinds& kinds, HugetlbPages& hugetlb);

  // reclaim_clean_pages_from_list: drops clean, unused pages of files instead of moving them. Pages that were tried and
  // stay come to the front of the list.
  Task<void> reclaim_clean(MigrateControl& control) { return clean_reclaim_.reclaim(control); }
  // migrate_pages: moves the listed pages. Returns how many failed, or the error that ended the call: -ENOMEM without a
  // target; up to 6.0 also the error of splitting a huge page that had none. Pages that failed for good are still
  // listed since 5.11; before, they were put back.
  //
  // How failures count: up to 6.0 a huge page that failed for good counts all its pages. Since 6.1 it counts as one,
  // and so does a huge page that was split, even if all its pages moved; but the result is 0 if no page is left.
  //
  // Requires: each page is isolated (Lru::isolate() or its driver), and the list has that reference.
  Task<int> migrate_pages(MigrateControl& control);
  // putback_movable_pages: puts the pages that are left on the list back where they were. Empties the list;
  // leaves nr_pages.
  Task<void> putback(MigrateControl& control);

 private:
  CleanReclaim clean_reclaim_;
  std::unique_ptr<MigrateSteps> steps_;  // as the release takes them
};

}  // namespace cma
