// What a caller of migration fills in, and what it gets back: the list of isolated pages and how far to go for them
// (struct compact_control).
//
// MigrateScanner lists pages and Migration moves them; the caller keeps the control between the two. Plain data.
#pragma once

#include "allocator/base/pfn.h"
#include "allocator/engine/task.h"
#include "allocator/frames/page_list.h"
#include "allocator/migration/page_kinds.h"

namespace cma {

// Where pages move to when the caller, not the allocator, chooses it (new_folio_t and free_folio_t).
class MigrationTargets {
 public:
  virtual ~MigrationTargets() = default;
  // Returns a page as large as `source`, with one reference; kNoPfn if there is none.
  virtual Task<Pfn> take(Pfn source) = 0;
  // Takes back a target that was not needed (3.16; before, migration frees it), which may be taken again: at once, and
  // since 6.9 only if its reference was the last.
  virtual Task<void> give_back(Pfn target) = 0;
};

// The part that only compaction uses.
struct Compacting {
  MigrationTargets& targets;
  int order = -1;                 // of the block that is wanted; -1: the whole zone is to be compacted
  bool direct = false;            // for an allocation, which must not wait for page locks
  bool ignore_skip_hint = false;  // skip bits are neither read nor set while pages are isolated
  bool contended = false;         // a fatal signal has ended a scan
  bool finish_pageblock = false;  // since 5.1: the scan goes on to the pageblock's end beyond a full batch
  Pfn last_migrated = 0;          // up to 5.0: the first page isolated since the per-CPU lists were last emptied
};

struct MigrateControl {
  PageList pages;                    // isolated, newest first
  unsigned nr_pages = 0;             // base pages listed; migration.h states what becomes of it
  Pfn next = 0;                      // where the scan goes on
  bool may_enter_fs = true;          // __GFP_FS: pages with a mapping may be taken
  bool hugetlb = false;              // the list may hold pages of the hugetlb pool
  MoveMode mode = MoveMode::sync;    // how far scan and move may wait
  Compacting* compacting = nullptr;  // not owned, outlives this; nullptr: for a contiguous range or a long-term pin
};

}  // namespace cma
