// References to pages, and the way of pages to the LRU lists, between them and off them (mm/swap.c, mm/mlock.c). The
// face of this folder: Lru composes its parts and hands them out, each with its own contract.
//
// A page can be moved only while it has no references but those of its users, and is freed with its last one.
//
// "Mlocked" is of memory that mlock() keeps (kPageMlocked); a page's lock is another matter.
//
// Invariants. A page with references is in at most one of three places; a compound page by its first page:
//   place                   flag           its reference  counted         left by
//   a CPU's lru_add         none           the slot's     as parked       a drain, to one of the five lists
//   one of the five lists   kPageLru       none           LruLists::size  isolate(), or the last reference
//   a task's private list   kPageTaskList  the list's     as isolated     putback(), put_on_list() or let_go()
// Since 5.18 a new mlocked page is in its CPU's mlock pagevec instead of lru_add.
// Which of the five (active or inactive, anonymous or file's, or unevictable), the page's other flags name. Pages of
// drivers and of the hugetlb pool are on tasks' lists too, uncounted; they and kernel memory are never on the LRU.
//
// Besides, a page that is to change lists waits in other pagevecs, wherever it is meanwhile; a drain lets it go as it
// is if it has left the lists or become unevictable. The mlock pagevec acts on unevictable pages, and takes the mark of
// a page that is to be munlocked though it has left the lists; one that is to be mlocked it lets go. Each slot of a
// pagevec holds a reference until the pagevec fills or is drained, so callers that need pages to be movable or free
// drain first.
//
// Cost: O(1) per page, of a drain per page drained; the parts name the exceptions. Freeing costs what buddy/ does.
//
// Locks: callers hold no spinlock, as a Task may stop at a point. The page-table lock, which calls for mlocked memory
// require, is a Mutex here (AddressSpaces::lock), under which callers may stop. The kernel's lru_lock is not modelled:
// nothing stops where it would be held.
#pragma once

#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"
#include "allocator/lru/drain.h"
#include "allocator/lru/listed_pages.h"
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
  // Takes pages off their lists for a task, puts them back, and moves them within their list.
  ListedPages& listed() { return listed_; }
  // Drains pagevecs, and keeps them empty.
  LruDrain& drain() { return drain_; }
  const LruDrain& drain() const { return drain_; }
  // Marks and unmarks mlocked memory.
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
  ListedPages listed_;
};

}  // namespace cma
