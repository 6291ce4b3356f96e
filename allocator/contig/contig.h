// Contiguous ranges (mm/page_alloc.c, and the capture of mm/compaction.c): alloc_contig_range isolates, migrates, tests
// and captures; free_contig_range gives pages back one by one.
//
// Used by areas/ and by programs. Callers for an area hold cma_mutex around an allocation; others hold no lock. Sleeps
// in many places; each is a point. Cost: O(pages of the isolated pageblocks).
#pragma once

#include "allocator/compaction/free_scan.h"
#include "allocator/frames/core.h"
#include "allocator/isolation/isolation.h"
#include "allocator/migration/migration.h"
#include "allocator/migration/scan.h"

namespace cma {

class Contig {
 public:
  Contig(const Core& core, Buddy& buddy, Lru& lru, MigrateScanner& scanner, Migration& migration, Isolation& isolation);

  // Allocates exactly [start, end). Gives its pageblocks back as `type`. Requires: the range is not empty, and lies
  // inside the memory map and in one zone.
  // Returns 0: each page has one reference and is on no list. Or -EBUSY, -EINTR, -ENOMEM: pages may have moved, nothing
  // else has changed. (4.5 to 4.14 -EBUSY may stand for a range that was taken and is lost: Bug::success_reported_busy.
  // Up to 3.7 and since 5.19 a refused isolation also ends those of others: Bug::failed_start_undoes.)
  Task<int> alloc_contig_range(Pfn start, Pfn end, Migratetype type);
  // Drops one reference of each page. Pages with further references are reported since 3.8; the last holder frees each
  // of them. Requires: the references are the caller's.
  Task<void> free_contig_range(Pfn pfn, std::uint64_t pages);

 private:
  Task<int> alloc_v3_5(Pfn start, Pfn end, Migratetype type);
  Task<int> alloc_v4_5(Pfn start, Pfn end, Migratetype type);
  Task<int> alloc_v5_19(Pfn start, Pfn end, Migratetype type);

  Task<void> undo_failed_start(Pfn start, Pfn end, Migratetype type);
  int result_of(int migrated, int captured);
  Task<void> drain_zone(int zone);
  Task<void> drain_v3_5(int zone);
  Task<void> prepare_migration_v3_5();
  Task<int> migrate_range(Pfn start, Pfn end);
  bool any_in_use(Pfn start, Pfn end) const;
  Pfn tested_from(Pfn start);
  void log_busy(Pfn outer, Pfn end);
  Task<int> test_and_capture(Pfn start, Pfn end);
  Task<Pfn> capture(Pfn start, Pfn end);

  Release release_;
  std::uint64_t unit_;  // up to 5.18 ranges are isolated in multiples of it
  Core core_;
  Buddy& buddy_;
  Lru& lru_;
  MigrateScanner& scanner_;
  Migration& migration_;
  Isolation& isolation_;
  FreeScanner free_scanner_;
};

}  // namespace cma
