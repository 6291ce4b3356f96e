// References to pages, and the way of pages to the LRU lists, between them and off them (mm/swap.c, mm/mlock.c). The
// face of this folder: everything that holds, uses, isolates or locks a page calls it here.
//
// A page can be moved only while it has no references but those of its users, and is freed with its last one. A page
// that was added to the LRU or is to change lists first waits in a pagevec of this CPU, whose slot holds a further
// reference until the pagevec fills or is drained. So callers that need pages to be movable or free drain first.
//
// The parts do the work and are handed out for reading only: LruLists (the five lists), References, Pagevecs and
// MlockPages (pages of locked memory, which have a pagevec of their own since 5.18).
//
// Cost: O(1) per page, and a search of the locked pages' counts for each that leaves its list (since 5.18).
//
// Locks: callers hold no spinlock, as a Task may stop at a point. The kernel's lru_lock is not modelled: nothing stops
// where it would be held.
#pragma once

#include <vector>

#include "allocator/buddy/buddy.h"
#include "allocator/engine/mutex.h"
#include "allocator/frames/core.h"
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

  // --- the upward calls. Set once, before any other call; neither is owned ---
  void set_slot_cache(SlotCache& slots) { slots_ = &slots; }
  void set_hugetlb_free(HugetlbFree& hugetlb) { references_.set_hugetlb_free(hugetlb); }

  // --- references ---
  // Takes a reference on a page in use. Requires: the page has a reference.
  void get_page(Pfn pfn) { references_.get_page(pfn); }
  // Drops a reference; the last one takes the page off the LRU and frees it, or gives it back to the hugetlb pool.
  // Requires: the reference is the caller's.
  Task<void> put_page(Pfn pfn) { return references_.put_page(pfn); }
  // Drops one reference of each page; those that were the last go off the LRU and are freed. Up to 6.8 compound pages
  // are freed one by one, then all others together, last first; since 6.9 one pagevec's worth at a time, in order.
  // Requires: the references are the caller's; since 6.9, no page is of the hugetlb pool.
  Task<void> release_pages(std::vector<Pfn> pages) { return references_.release_pages(std::move(pages)); }

  // --- queueing, in the pagevecs of this CPU. Requires of all of this section: a reference, or the page's lock ---
  // Queues a page for the LRU (lru_cache_add). Requires: a reference; the page is not on the LRU.
  Task<void> cache_add(Pfn pfn) { return pagevecs_.cache_add(pfn); }
  // Makes a page referenced, or active if it was referenced.
  Task<void> mark_accessed(Pfn pfn) { return pagevecs_.mark_accessed(pfn); }
  // Deactivates a page of a file that could not be dropped (deactivate_file_page).
  Task<void> deactivate_file(Pfn pfn) { return pagevecs_.deactivate_file(pfn); }
  // Deactivates a page (deactivate_page); before 5.4 there is none, and nothing happens.
  Task<void> deactivate(Pfn pfn) { return pagevecs_.deactivate(pfn); }
  // Marks an anonymous page that may be dropped instead of kept. Before 4.12 it only stops being active.
  Task<void> madv_free(Pfn pfn) { return pagevecs_.madv_free(pfn); }
  // Moves a page whose writeback has ended and that is to be reclaimed to the tail (rotate_reclaimable_page).
  Task<void> rotate_reclaimable(Pfn pfn) { return pagevecs_.rotate_reclaimable(pfn); }

  // --- draining ---
  // Drains all pagevecs of one CPU, that of locked memory last (lru_add_drain_cpu).
  Task<void> add_drain(int cpu);
  Task<void> add_drain_here() { return add_drain(core_.engine.cpu()); }
  // Drains the pagevec of locked memory of one CPU alone (mlock_page_drain_local, 5.18).
  Task<void> drain_mlock(int cpu) { return mlock_.drain(cpu); }
  // Looks at each CPU once, and drains those whose pagevecs hold pages then (lru_add_drain_all); since 5.13 also those
  // whose SlotCache is occupied. Sleeps. Since 5.5 returns without draining if another drain began while it waited,
  // unless it must be `certain`.
  Task<void> add_drain_all(bool certain = false);
  // Empties the caches of all CPUs and keeps them empty until the matching enable (5.13). Calls nest. Every caller
  // drains for itself, so none continues before a drain has finished. Sleeps.
  Task<void> cache_disable();
  // Ends one cache_disable(). Requires: disable_count() > 0.
  void cache_enable();
  int disable_count() const { return disable_count_; }
  // Returns how many pages are in all pagevecs of a CPU, that of locked memory included.
  std::size_t parked(int cpu) const { return pagevecs_.parked(cpu) + mlock_.pagevec(cpu).size(); }

  // --- isolating, for migration, reclaim or a pin ---
  // Takes the page off its list onto the caller's, with one more reference. Returns false if it is on none or free.
  bool isolate(Pfn pfn) { return lists_.isolate(pfn); }
  // Records that the caller's list lets go of the page, which went back or away.
  void forget_isolated(Pfn pfn) { lists_.forget_isolated(pfn); }
  // Records that an isolated page which was counted as a file's is anonymous memory (5.8).
  void isolated_file_is_anon() { lists_.isolated_file_is_anon(); }
  // Puts a page back from a task's list, whose reference goes (putback_lru_page): into lru_add; up to 4.15 a page of
  // locked memory at once on the unevictable list. Requires: isolate() put the page on that list, and the caller has
  // called forget_isolated().
  Task<void> putback(Pfn pfn);
  // Puts a page that was the tail of a huge page in front of its former head (lru_add_page_tail), with which it has
  // been counted already.
  void split_tail(Pfn tail, Pfn head) { lists_.split_tail(tail, head); }

  // --- locked memory ---
  // Moves a page of locked memory to the unevictable list: at once; since 4.16 by way of lru_add, with a drain before
  // it; since 5.18 by way of this CPU's mlock pagevec, and counted on that list, once for each locked mapping.
  // Requires: the page-table lock.
  Task<void> mlock(Pfn pfn) { return mlock_.mlock(pfn); }
  // Takes a new page of locked memory, instead of cache_add(). Requires: the page-table lock.
  Task<void> mlock_new(Pfn pfn) { return mlock_.mlock_new(pfn); }
  // Records that locked memory stopped mapping the page (up to 5.17). If other locked memory maps it, it stays
  // unevictable. Otherwise it returns to its ordinary list: at once if nothing else maps it, else through lru_add.
  // Requires: the page's lock.
  Task<void> munlock_under_page_lock(Pfn pfn, StillMapped still_mapped) {
    return mlock_.munlock_under_page_lock(pfn, still_mapped);
  }
  // Records the same by way of the mlock pagevec (munlock_page, 5.18). Requires: the page-table lock.
  Task<void> munlock_when_unmapped(Pfn pfn) { return mlock_.munlock_when_unmapped(pfn); }
  // Moves the flag of locked memory from a page to the one that takes its place (mlock_migrate_page).
  void move_mlock_flag(Pfn from, Pfn to) { mlock_.move_flag(from, to); }

  // --- parts, for reading ---
  const LruLists& lists() const { return lists_; }
  const Pagevecs& pagevecs() const { return pagevecs_; }
  const MlockPages& mlock_pages() const { return mlock_; }

  // Takes the state of a machine of the same geometry. Requires: no actor of either is inside an operation.
  void copy_from(const Lru& other);

 private:
  Release release_;
  Core core_;
  SlotCache* slots_ = nullptr;
  LruLists lists_;
  References references_;
  Pagevecs pagevecs_;
  MlockPages mlock_;
  int disable_count_ = 0;
  std::uint64_t drains_begun_ = 0;
  Mutex drain_mutex_{"lru_add_drain_all mutex"};
};

}  // namespace cma
