// References to pages, and the LRU lists: the way of pages to the lists, between them and off them (mm/swap.c,
// mm/mlock.c). Lru is the face of this folder: it composes the parts and hands them out, each with its own contract.
//
// In use, for a page that a process gets:
//   pagevecs().cache_add()   the page waits in its CPU's lru_add, with a reference of that slot
//   drain().add_drain()      it goes to the list that its flags name; the slot's reference goes
//   listed().isolate()       a task takes it off its list, to move or to drop it, with a reference of the task's list
//   listed().putback()       it waits in lru_add again; the reference of the task's list goes
//   references().put_page()  the process drops its own. With the last one of all, the page is freed
//
// Invariant: a page with references is in at most one of these places, a compound page by its first page.
//   place          flag           counted by               leaves by
//   lru_add        none           Pagevecs::pages()        a drain, to one of the five lists
//   a list         kPageLru       LruLists::size()         isolate(), MlockPages (up to 5.17), the last reference
//   a task's list  kPageTaskList  LruLists::isolated_...   putback(), put_on_list() or let_go()
// Since 5.18 a new page of mlocked memory waits in the mlock pagevec of its CPU instead of lru_add. Pages of drivers
// and of the hugetlb pool are on tasks' lists too, uncounted; they and kernel memory are never on the LRU. Wherever a
// page is, it may wait in other pagevecs besides, to be moved from list to list (pagevecs.h, mlock.h).
//
// Cost: O(1) per page, of a drain per page drained; the parts name the exceptions. Freeing costs what buddy/ does.
//
// Locks: callers hold no spinlock, as a Task may stop at a point. The kernel's lru_lock is not modelled: nothing stops
// where it would be held.
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
  // Refers to all but `core`, which outlive it. `slots` and `hugetlb` receive its calls upwards.
  Lru(const Core& core, Buddy& buddy, SlotCache& slots, HugetlbFree& hugetlb);
  Lru(const Lru&) = delete;
  Lru& operator=(const Lru&) = delete;

  // --- parts ---
  // Takes and drops references, and frees pages with the last one.
  References& references() { return references_; }
  // Queues pages for the lists, or for another list, in the pagevecs of this CPU.
  Pagevecs& pagevecs() { return pagevecs_; }
  const Pagevecs& pagevecs() const { return pagevecs_; }
  // Takes pages off their lists for a task, puts them back, and moves them within their list.
  ListedPages& listed() { return listed_; }
  // Drains pagevecs, and keeps them empty.
  LruDrain& drain() { return drain_; }
  const LruDrain& drain() const { return drain_; }
  // Moves pages of mlocked memory to the unevictable list, and back.
  MlockPages& mlock() { return mlock_; }
  const MlockPages& mlock() const { return mlock_; }
  // The five lists, and what is counted of listed, isolated and mlocked pages; for reading only.
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
