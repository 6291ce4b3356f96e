// reclaim_clean_pages_from_list (mm/vmscan.c): drops clean pages of files, and memory that MADV_FREE gave up, from a
// list of isolated pages, so that they need not move. A part of Migration.
//
// Callers hold no spinlock; a point is passed before each page that is tried. Cost: O(pages listed).
#pragma once

#include "allocator/frames/core.h"
#include "allocator/frames/page_lock.h"
#include "allocator/lru/lru.h"
#include "allocator/migration/control.h"

namespace cma {

class CleanReclaim {
 public:
  CleanReclaim(const Core& core, Buddy& buddy, Lru& lru, PageLocks& locks)
      : core_(core), buddy_(buddy), lru_(lru), locks_(locks) {}
  // Sets a collaborator, once, before any other call. It is not owned.
  void set_page_kinds(PageKinds& kinds) { kinds_ = &kinds; }

  // Drops what can be dropped. Pages that were tried and stay come to the front of the list.
  Task<void> reclaim(MigrateControl& control);

 private:
  static bool may_reclaim(const Page& page);
  Task<bool> reclaim_page(Pfn pfn);

  Core core_;
  Buddy& buddy_;
  Lru& lru_;
  PageLocks& locks_;
  PageKinds* kinds_ = nullptr;
};

}  // namespace cma
