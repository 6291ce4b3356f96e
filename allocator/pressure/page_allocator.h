// Requests for pages by callers that may sleep (mm/page_alloc.c): the layer between them and the buddy allocator.
//
// Processes, files, the hugetlb pool, migration, readers of files and the operations that stand for drivers ask here,
// so that a request can wait where the kernel's slow path does. Callers that must not wait, such as one that holds a
// page-table lock, ask Buddy::alloc_pages() itself. A request ends where the kernel would begin to reclaim, and so
// passes no point.
//
// Cost: a coroutine frame more than Buddy::alloc_pages().
//
// Locks: takes zone->lock as Buddy::alloc_pages() does; callers must not hold it.
#pragma once

#include "allocator/base/gfp.h"
#include "allocator/base/pfn.h"
#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"

namespace cma {

class PageAllocator {
 public:
  // Refers to `buddy`, which outlives it.
  PageAllocator(const Core& core, Buddy& buddy) : core_(core), buddy_(buddy) {}

  // Allocates 2^order pages for the current actor (__alloc_pages, up to 5.12 __alloc_pages_nodemask). Requires of the
  // flags what Buddy::alloc_pages() does, returns what it does, and fails as it does. With kGfpDirectReclaim the caller
  // holds no spinlock (might_alloc).
  Task<Pfn> alloc_pages(Gfp gfp, unsigned order, unsigned node = 0);

 private:
  Core core_;
  Buddy& buddy_;
};

}  // namespace cma
