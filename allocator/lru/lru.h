// References to pages, and the way of pages to the LRU lists, between them and off them (mm/swap.c, mm/mlock.c). The
// face of this folder: everything that holds, uses, isolates or locks a page calls it here.
//
// A page can be moved only while it has no references but those of its users, and is freed with its last one.
//
// Invariants. A page with references is in at most one of these places; a compound page by its first page:
// - A CPU's lru_add, or since 5.18 its mlock pagevec for a new page of locked memory: it is to be put on a list.
// - One of the five lists, with kPageLru: active or inactive, anonymous or file's, or unevictable, as its other flags
//   name it.
// - A task's private list, with kPageTaskList: isolated from its list, with a reference for it, and counted as isolated
//   until forget_isolated(). Pages of drivers and of the hugetlb pool too, uncounted.
// Pages of drivers, kernel memory and the hugetlb pool are never on the LRU. Besides, a page that is to change lists
// waits in other pagevecs, wherever it is meanwhile; a drain lets it go as it is if it has left the lists or become
// unevictable. The mlock pagevec acts on unevictable pages, and takes the mark of a page that is to be unlocked though
// it has left the lists; one that is to be locked it lets go. Each slot of a pagevec holds a reference until the
// pagevec fills or is drained, so callers that need pages to be movable or free drain first.
//
// Cost: O(1) per page, of a drain per page drained. mark_accessed() of a page off the LRU searches this CPU's lru_add,
// 31 pages at most. Since 5.18, for a page that leaves its list or is locked, linear in the number of pages with a
// count of locked mappings. Freeing costs what it does in buddy/.
//
// Locks: callers hold no spinlock, as a Task may stop at a point. The page-table lock, which calls for locked memory
// require, is a Mutex here (AddressSpaces::lock), under which callers may stop. The kernel's lru_lock is not modelled:
// nothing stops where it would be held.
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

  // Sets the receivers of the calls upwards. Neither is owned. Requires: called once, before any other call.
  void set_callbacks(SlotCache& slots, HugetlbFree& hugetlb);

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

  // --- queueing, in the pagevecs of this CPU ---
  // What is queued has a reference more until the drain. A call drains its pagevec at once if that is full now, the
  // caches are disabled, the page is compound (4.7), or it has as many slots as it can count. Requires of all of this
  // section: the page has a reference, and the caller holds that or the page's lock.
  //
  // Queues a page for the LRU (lru_cache_add). Requires: the caller's reference; the page is neither on the LRU nor
  // waiting to be.
  Task<void> cache_add(Pfn pfn) { return pagevecs_.cache_add(pfn); }
  // Makes a page referenced, or active if it was referenced and is evictable: queued if it is on the LRU (on one CPU at
  // once), in its slot if it waits in this CPU's lru_add. Waiting elsewhere it stops being referenced, and does not
  // become active.
  Task<void> mark_accessed(Pfn pfn) { return pagevecs_.mark_accessed(pfn); }
  // Deactivates a page of a file that could not be dropped (deactivate_file_page). Queues any that is evictable, since
  // 6.12 only one on the LRU; the drain leaves a mapped page as it is.
  Task<void> deactivate_file(Pfn pfn) { return pagevecs_.deactivate_file(pfn); }
  // Deactivates a page of an active list (deactivate_page, 5.4); does nothing to others, and before 5.4.
  Task<void> deactivate(Pfn pfn) { return pagevecs_.deactivate(pfn); }
  // Marks an anonymous page that may be dropped instead of kept. Before 4.12 it only stops being active. Does nothing
  // to a page that is off the LRU or unevictable.
  Task<void> madv_free(Pfn pfn) { return pagevecs_.madv_free(pfn); }
  // Queues a page whose writeback has ended and that is to be reclaimed for the tail of its inactive list
  // (rotate_reclaimable_page). Does nothing if it is off the LRU, locked, dirty or unevictable.
  Task<void> rotate_reclaimable(Pfn pfn) { return pagevecs_.rotate_reclaimable(pfn); }

  // --- draining ---
  // Drains all pagevecs of one CPU, that of locked memory last (lru_add_drain_cpu). Requires: 0 <= cpu < the machine's
  // CPUs, here and below.
  Task<void> add_drain(int cpu);
  // Looks at each CPU once, and drains those whose pagevecs hold pages then (lru_add_drain_all); since 5.13 also those
  // whose SlotCache is occupied. Sleeps. Since 5.5 returns without draining if another drain began while it waited,
  // unless it must be `certain`.
  Task<void> add_drain_all(bool certain = false);
  // Empties the caches of all CPUs and keeps them empty until the matching enable (5.13). Calls nest. Every caller
  // drains for itself, so none continues before a drain has finished. Sleeps.
  Task<void> cache_disable();
  // Ends one cache_disable(). Requires: disable_count() > 0.
  void cache_enable();
  // Returns how many cache_disable() have not been ended: the caches are in use while it is 0.
  int disable_count() const { return disable_count_; }
  // Returns how many pages are in all pagevecs of a CPU, that of locked memory included.
  std::size_t parked(int cpu) const { return pagevecs_.parked(cpu) + mlock_.pagevec(cpu).size(); }

  // --- isolating, for migration, reclaim or a pin ---
  // Takes the page off its list, with one more reference. The caller puts it on a list of its own. Returns false, and
  // does nothing, if the page is on none of the five lists or has no reference.
  bool isolate(Pfn pfn) { return lists_.isolate(pfn); }
  // Stops counting a page as isolated that will not be put back: it has moved or was dropped. Requires: isolate() took
  // it, once for each time.
  void forget_isolated(Pfn pfn) { lists_.forget_isolated(pfn); }
  // Records that an isolated page which was counted as a file's is anonymous memory (5.8): once for each single page.
  void isolated_file_is_anon(Pfn pfn) { lists_.isolated_file_is_anon(pfn); }
  // Puts a page back from a task's list, whose reference goes (putback_lru_page), and counts it as isolated no longer:
  // into lru_add; up to 4.15 a page of locked memory at once on the unevictable list. Requires: isolate() took the
  // page, and it is off the task's list.
  Task<void> putback(Pfn pfn);
  // Puts a page back at the head of the list that its flags name, without a pagevec (move_pages_to_lru), and counts it
  // as isolated no longer. The list's reference goes; returns false if it was the last one: then the page is on no
  // list, and the caller frees it by free_together(). Requires: as putback(), and the page is no locked memory.
  bool put_on_list(Pfn pfn);
  // Moves a page to the head of its list. Requires: it is on one, with kPageLru.
  void move_to_head(Pfn pfn) { lists_.relist(pfn, 0, 0); }
  // Frees single pages that have lost their last reference and are on no list, first page first: prepares all, then
  // commits each (free_unref_page_list). Requires: each has kPageInFlight.
  Task<void> free_together(std::vector<Pfn> pages) { return references_.free_together(std::move(pages)); }
  // Puts a page that was the tail of a huge page in front of its former head (lru_add_page_tail), with which it has
  // been counted already; on the list of its own flags if the head is on none. Requires: the tail is on no list.
  void split_tail(Pfn tail, Pfn head) { lists_.split_tail(tail, head); }

  // --- locked memory; mlock.h has the whole contract of each ---
  // Marks a page as locked memory, and makes it unevictable. Requires: the page-table lock.
  Task<void> mlock(Pfn pfn) { return mlock_.mlock(pfn); }
  // Does the same for a new page, instead of cache_add(). Requires: as cache_add(), and the page-table lock.
  Task<void> mlock_new(Pfn pfn) { return mlock_.mlock_new(pfn); }
  // Record that locked memory stopped mapping the page: up to 5.17, which requires the page's lock; since 5.18, which
  // requires the page-table lock.
  Task<void> munlock_under_page_lock(Pfn pfn, StillMapped still_mapped) {
    return mlock_.munlock_under_page_lock(pfn, still_mapped);
  }
  Task<void> munlock_when_unmapped(Pfn pfn) { return mlock_.munlock_when_unmapped(pfn); }
  // Drains only the mlock pagevec of one CPU (5.18), as a migration does that moves such a page.
  Task<void> mlock_drain_local(int cpu) { return mlock_.drain(cpu); }
  // Moves the mark, if it is there, to the page that takes this one's place.
  void mlock_migrate_page(Pfn from, Pfn to) { mlock_.move_flag(from, to); }

  // --- parts, for reading: locked memory; the five lists; what waits in pagevecs ---
  const MlockPages& locked_memory() const { return mlock_; }
  const LruLists& lists() const { return lists_; }
  const Pagevecs& pagevecs() const { return pagevecs_; }

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
