// References to pages, and the way of pages to the LRU lists, between them and off them (mm/swap.c, mm/mlock.c). The
// face of this folder: Lru composes its parts and hands them out, each with its own contract.
//
// A page can be moved only while it has no references but those of its users, and is freed with its last one.
//
// Invariants. A page with references is in at most one of these places; a compound page by its first page:
// - A CPU's lru_add, or since 5.18 its mlock pagevec for a new page of locked memory: it is to be put on a list.
// - One of the five lists, with kPageLru: active or inactive, anonymous or file's, or unevictable, as its other flags
//   name it.
// - A task's private list, with kPageTaskList: isolated from its list, with a reference for it, and counted as isolated
//   until it is put back or forgotten. Pages of drivers and of the hugetlb pool too, uncounted.
// Pages of drivers, kernel memory and the hugetlb pool are never on the LRU. Besides, a page that is to change lists
// waits in other pagevecs, wherever it is meanwhile; a drain lets it go as it is if it has left the lists or become
// unevictable. The mlock pagevec acts on unevictable pages, and takes the mark of a page that is to be unlocked though
// it has left the lists; one that is to be locked it lets go. Each slot of a pagevec holds a reference until the
// pagevec fills or is drained, so callers that need pages to be movable or free drain first.
//
// Cost: O(1) per page, of a drain per page drained; the parts name the exceptions. Freeing costs what buddy/ does.
//
// Locks: callers hold no spinlock, as a Task may stop at a point. The page-table lock, which calls for locked memory
// require, is a Mutex here (AddressSpaces::lock), under which callers may stop. The kernel's lru_lock is not modelled:
// nothing stops where it would be held.
#pragma once

#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"
#include "allocator/lru/drain.h"
#include "allocator/lru/isolated_pages.h"
#include "allocator/lru/lru_lists.h"
#include "allocator/lru/mlock.h"
#include "allocator/lru/pagevecs.h"
#include "allocator/lru/references.h"

namespace cma {

class HugetlbFree;
class SlotCache;

class Lru {
 public:
  // Refers to `buddy`, which outlives it.
  Lru(const Core& core, Buddy& buddy);
  Lru(const Lru&) = delete;
  Lru& operator=(const Lru&) = delete;

  // Sets the receivers of the calls upwards. Neither is owned. Requires: called once, before any other call.
  void set_callbacks(SlotCache& slots, HugetlbFree& hugetlb);

  // --- parts ---
  // Take and drop references, and free pages with the last one.
  References& references() { return references_; }
  // Queue pages for the lists, or for another list, in the pagevecs of this CPU.
  Pagevecs& pagevecs() { return pagevecs_; }
  const Pagevecs& pagevecs() const { return pagevecs_; }
  // Takes pages off their lists for a task, and puts them back.
  IsolatedPages& isolated() { return isolated_; }
  // Drains pagevecs, and keeps them empty.
  LruDrain& drain() { return drain_; }
  const LruDrain& drain() const { return drain_; }
  // Marks and unmarks locked memory.
  MlockPages& mlock() { return mlock_; }
  const MlockPages& mlock() const { return mlock_; }
  // The five lists and their counts, for reading only: the other parts change them.
  const LruLists& lists() const { return lists_; }

  // Takes the state of a machine of the same geometry. Requires: no actor of either is inside an operation.
  void copy_from(const Lru& other);

 private:
  LruLists lists_;
  References references_;
  Pagevecs pagevecs_;
  MlockPages mlock_;
  LruDrain drain_;
  IsolatedPages isolated_;
};

}  // namespace cma
