// Contiguous ranges (mm/page_alloc.c, and the capture of mm/compaction.c): alloc_contig_range isolates, migrates, tests
// and captures; free_contig_range gives pages back one by one.
//
// Callers of CMA hold cma_mutex around an allocation; others hold nothing. Sleeps in many places; each is a point.
// Cost: O(pages of the isolated units), most of it in freeing and in setting references.
#pragma once

#include "allocator/compaction/free_scan.h"
#include "allocator/frames/core.h"
#include "allocator/isolation/isolation.h"
#include "allocator/migration/migration.h"

namespace cma {

class Contig {
 public:
  Contig(const Core& core, Buddy& buddy, Lru& lru, Migration& migration, Isolation& isolation);

  // Takes [start, end), which lies in one zone, from wherever its pages are: 0 and every page has one reference and is
  // on no list, or -EBUSY, -EINTR, -ENOMEM and everything is as it was but for moved pages. `type` is what the
  // pageblocks are given back as.
  Task<int> alloc_contig_range(Pfn start, Pfn end, Migratetype type);
  // Drops one reference of each page. Pages that others still hold are reported and freed by them later.
  Task<void> free_contig_range(Pfn pfn, std::uint64_t pages);

 private:
  Task<int> alloc_v3_5(Pfn start, Pfn end, Migratetype type);
  Task<int> alloc_v4(Pfn start, Pfn end, Migratetype type);
  Task<int> alloc_v5_19(Pfn start, Pfn end, Migratetype type);
  Task<void> prepare_migration_v3_5();
  Task<void> drain_v4(int zone);
  Task<int> migrate_range(Pfn start, Pfn end);
  // What a request does that has isolated nothing: if it gives pageblocks back all the same, they are others'.
  Task<void> undo_failed_start(Pfn start, Pfn end, Migratetype type);
  // The tail both releases share: outer start, test, capture, head and tail given back.
  Task<int> test_and_capture(Pfn start, Pfn end);
  // isolate_freepages_range: the pfn behind the last captured page, 0 if something was in the way.
  Task<Pfn> capture(Pfn start, Pfn end);

  Release release_;
  std::uint64_t unit_;
  Core core_;
  Buddy& buddy_;
  Lru& lru_;
  Migration& migration_;
  Isolation& isolation_;
  FreeScanner free_scanner_;
};

}  // namespace cma
