// Moves pages that were isolated (mm/migrate.c), for alloc_contig_range, for long-term pins, and for compaction
// (MigrateControl::compacting is set for compaction only).
//
// In use: the caller lists pages in a MigrateControl, most often by a MigrateScanner (scan.h); may drop clean ones by
// reclaim_clean(); moves the others by migrate_pages(); and puts back what is left by putback(). Each call takes pages
// off control.pages, with the reference that the list has, and leaves the rest on it. nr_pages, the base pages listed,
// is counted by callers that list pages and by reclaim_clean(). migrate_pages() and putback() leave it alone; since 6.9
// compaction's targets change it while pages move (MigrationTargets).
//
// Passes over the list: at most ten. Pages of huge pages that were split get up to ten more in 6.1 and 6.2, and one
// since 6.3, where passes to unmap and passes to move are counted apart. Cost: O(passes * pages listed).
//
// Locks: callers hold no spinlock, and no lock of a listed page. Each place where the kernel drops a lock, yields or
// sleeps is a point.
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

  // Requires of all calls: each listed page is isolated, by Lru::isolate() or from its driver or the hugetlb pool, and
  // the list has a reference of it for that.
  //
  // reclaim_clean_pages_from_list: drops clean, unused pages of files instead of moving them. Pages that were tried and
  // stay come to the front of the list.
  Task<void> reclaim_clean(MigrateControl& control) { return clean_reclaim_.reclaim(control); }
  // migrate_pages: moves the listed pages. Returns how many failed, or the error that ended the call: -ENOMEM without a
  // target; up to 6.0 also the error of splitting a huge page that had none. The pages that stay are listed; those that
  // were not tried come last. Pages that failed for good are among them since 5.11; before, they were put back.
  //
  // How failures count: up to 6.0 a huge page that failed for good counts all its pages. Since 6.1 it counts as one,
  // and so does a huge page that was split, even if all its pages moved; but the result is 0 if no page is left.
  //
  // Requires: control.hugetlb is set if a page of the pool is listed. Since 6.1 those are moved first, and without it
  // they would be taken for transparent huge pages.
  Task<int> migrate_pages(MigrateControl& control);
  // putback_movable_pages: puts the pages that are left on the list back where they were, and so empties the list.
  Task<void> putback(MigrateControl& control);

 private:
  CleanReclaim clean_reclaim_;
  std::unique_ptr<MigrateSteps> steps_;  // as the release takes them
};

}  // namespace cma
