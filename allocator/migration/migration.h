// Moves pages that were isolated (mm/migrate.c), for alloc_contig_range, for long-term pins and for compaction
// (MigrateControl::compacting is set for compaction only).
//
// In use:
//   MigrateScanner (scan.h)  lists pages in a MigrateControl; a long-term pin lists its own
//   reclaim_clean_pages()    drops clean ones, if the caller asks for that: they need not move
//   migrate_pages()          moves the others; those that stay are listed still
//   putback()                puts back what is left
// A call takes pages off the list together with its reference of them. Afterwards control.nr_pages is the number of
// base pages listed. Since 6.9 compaction's targets change it while pages move (MigrationTargets).
//
// Targets: the hugetlb pool gives those of its pages. For others the control's MigrationTargets do, for compaction;
// else the allocator, for a task with TaskFlags::memalloc_pin outside areas: a long-term pin has set it before.
//
// Passes over the list, each linear in the pages listed and in the ptes that map them:
//   up to 6.0   ten at most over all pages; pages of a huge page that was split join the list
//   6.1, 6.2    ten at most over each batch, then over the pages of its huge pages that were split
//   since 6.3   ten at most over each batch if the call must not wait; else three that do not wait, then seven over
//               each page that is left. At last one over the pages of its huge pages that were split. Passes to unmap
//               and to move are counted apart
// Of ten passes only those from the fourth on may wait for page locks and writeback; but to split a huge page, any pass
// of a call that may wait waits for its lock. Since 6.1 the pages of the hugetlb pool come first, in ten passes at
// most. A batch has a huge page's size, 512 pages where there are none; since 6.3 its last page may exceed that.
//
// Locks: callers hold no spinlock, and no lock of a listed page. Points lie where point.h lists them, not wherever
// the kernel drops a lock.
#pragma once

#include <memory>

#include "allocator/frames/core.h"
#include "allocator/frames/page_lock.h"
#include "allocator/lru/lru.h"
#include "allocator/migration/control.h"
#include "allocator/migration/page_kinds.h"
#include "allocator/pressure/page_allocator.h"

namespace cma {

class MigrateSteps;

// The layers that pages move through, and the receivers of the calls upwards. They outlive the Migration.
struct MovingLayers {
  const Core& core;
  Buddy& buddy;
  PageAllocator& page_allocator;
  Lru& lru;
  PageLocks& locks;
  Writebacks& writebacks;
  PageKinds& kinds;
  HugetlbPages& hugetlb;
};

// What became of the pages of one migrate_pages().
struct Moved {
  int error = 0;   // the error that ended the call early; else 0
  int failed = 0;  // failures, as migrate_pages() counts them; 0 if there was an error
  // Returns whether nothing failed.
  bool all() const { return error == 0 && failed == 0; }
};

// Requires of all calls with a list: each listed page is isolated, by ListedPages::isolate() or from its driver or the
// hugetlb pool, and the list has a reference of it for that.
class Migration {
 public:
  explicit Migration(const MovingLayers& layers);
  ~Migration();
  Migration(const Migration&) = delete;
  Migration& operator=(const Migration&) = delete;

  // Drops, instead of moving them, clean pages of files, mapped or not, and since 4.12 memory that MADV_FREE gave up,
  // if nothing else has a reference (reclaim_clean_pages_from_list of mm/vmscan.c). Unevictable pages are not tried.
  // Pages that were tried and stay come to the front of the list, the last one first: as active ones if they are under
  // writeback, were written to meanwhile or keep a buffer; else, and if another task has their lock, as inactive ones.
  // Requires: control.nr_pages is the number of base pages listed.
  Task<void> reclaim_clean_pages(MigrateControl& control);
  // Moves the listed pages (migrate_pages). The pages that stay are listed, in no order to rely on. -ENOMEM ends the
  // call early: a page had no target and, if it is a transparent huge one, could not be split. Requires:
  // control.hugetlb is set if a page of the pool is listed (since 6.1 those are moved first, and without it they would
  // be taken for transparent huge pages).
  // - Up to 5.10 pages that failed for good are not listed: they were put back.
  // - Up to 6.0 a huge page that could not be split ends the call with the error of the split.
  // - Since 6.3 a page of a split huge page that has no target stays, as do those after it; the call does not end.
  //
  // How failures count:
  // - Up to 6.0 a huge page that failed for good counts all its pages, one that might still have moved counts as one.
  // - Since 6.1 either counts as one, and so does a huge page that was split, whatever becomes of its pages; but if no
  //   page is left, nothing failed.
  Task<Moved> migrate_pages(MigrateControl& control);
  // Puts all listed pages back on the LRU, to their driver or to the hugetlb pool (putback_movable_pages). Then the
  // list is empty.
  Task<void> putback(MigrateControl& control);

 private:
  std::unique_ptr<MigrateSteps> steps_;  // those of the machine's release
};

}  // namespace cma
