// Requests for pages by callers that may sleep (mm/page_alloc.c): the layer between them and the buddy allocator.
//
// Processes, files, the hugetlb pool, migration and the operations that stand for drivers ask here, so that a request
// can wait where the kernel's slow path does. Callers that must not wait, such as one that holds a page-table lock, ask
// Buddy::alloc_pages() itself.
//
// Cost: a coroutine frame more than Buddy::alloc_pages(); without a page above the low watermark that of the slow path.
//
// Locks: takes zone->lock as Buddy::alloc_pages() does; callers must not hold it.
#pragma once

#include <vector>

#include "allocator/base/gfp.h"
#include "allocator/base/pfn.h"
#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"
#include "allocator/pressure/endless_turns.h"
#include "allocator/pressure/process_killer.h"
#include "allocator/pressure/relief.h"

namespace cma {

class PageAllocator {
 public:
  // Refers to `buddy`, which outlives it.
  PageAllocator(const Core& core, Buddy& buddy) : core_(core), buddy_(buddy) {}
  // Sets what makes memory free. Without it a request ends where the kernel would begin to compact or to reclaim. It is
  // not owned.
  void relieve_by(Relief* relief) { relief_ = relief; }
  // Sets what kills a process for a request that nothing else helps; nullptr: none is killed. It is not owned.
  void kill_by(ProcessKiller* killer) { killer_ = killer; }

  // Allocates 2^order pages for the current actor (__alloc_pages, up to 5.12 __alloc_pages_nodemask). Requires of the
  // flags what Buddy::alloc_pages() does, and fails as it does, but reclaims first if they have kGfpDirectReclaim. With
  // it the caller holds no spinlock (might_alloc), and is inside an operation if the request may have to wait for
  // others (slow_path.h).
  Task<Pfn> alloc_pages(Gfp gfp, unsigned order, unsigned node = 0);

  // The requests that have found nothing yet, and those that only another task can end.
  EndlessTurns& endless() { return endless_; }
  const EndlessTurns& endless() const { return endless_; }
  // Returns whether the actor's last request was one of them, and was given up.
  bool gave_up(ActorId actor) const { return std::find(gave_up_.begin(), gave_up_.end(), actor) != gave_up_.end(); }

  // Forgets all requests under way.
  void reset() {
    endless_.reset();
    gave_up_.clear();
  }

 private:
  Task<Pfn> serve_slowly(PageRequest& request);

  Core core_;
  Buddy& buddy_;
  Relief* relief_ = nullptr;
  ProcessKiller* killer_ = nullptr;
  EndlessTurns endless_;
  std::vector<ActorId> gave_up_;
};

}  // namespace cma
