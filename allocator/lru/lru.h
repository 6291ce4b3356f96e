// The face of this folder (mm/swap.c): references to pages, and draining the per-CPU caches that hold references.
// Everything that holds a page takes and drops its reference here.
//
// A page can be moved only while it has no references but those of its users, and is freed with its last one. Slots of
// pagevecs hold further references, so callers that need pages to be movable or free drain first.
//
// The parts, in the order in which a page meets them:
//   pagevecs()     queues a page for the LRU or for a move between its lists. For callers that add a page, use it again
//                  or no longer need it; each reference of a slot goes when the pagevec fills or is drained.
//   lists()        the five LRU lists. Migration, reclaim and pins isolate pages from them, and record here what became
//                  of those; putback() of this class returns one.
//   mlock_pages()  pages of locked memory, to the unevictable list and back. For mappings that lock memory.
// The parts are handed out mutable, as each is called for what it does itself: this class adds what takes all of them.
//
// Cost: O(1) per page.
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
  Lru(const Core& core, Buddy& buddy);
  Lru(const Lru&) = delete;
  Lru& operator=(const Lru&) = delete;

  // --- the upward calls. Set once, before any other call; neither is owned ---
  void set_slot_cache(SlotCache& slots) { slots_ = &slots; }
  void set_hugetlb_free(HugetlbFree& hugetlb) { references_.set_hugetlb_free(hugetlb); }

  // --- references ---
  // Takes a reference on a page in use. Requires: the page has a reference.
  void get_page(Pfn pfn) { references_.get_page(pfn); }
  // Drops a reference; the last one takes the page off the LRU and frees it. Requires: the reference is the caller's.
  Task<void> put_page(Pfn pfn) { return references_.put_page(pfn); }
  // Drops one reference of each page; those that were the last go off the LRU and are freed. Up to 6.8 compound pages
  // are freed one by one, then all others together, last first; since 6.9 one pagevec's worth at a time, in order.
  // Requires: the references are the caller's; since 6.9, no page is of the hugetlb pool.
  Task<void> release_pages(std::vector<Pfn> pages) { return references_.release_pages(std::move(pages)); }

  // --- draining ---
  // Drains all pagevecs of one CPU, that of locked memory last (lru_add_drain_cpu).
  Task<void> add_drain(int cpu);
  Task<void> add_drain_here() { return add_drain(core_.engine.cpu()); }
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

  // --- after isolating ---
  // Puts a page back from a task's list, whose reference goes (putback_lru_page): into lru_add; up to 4.15 a page of
  // locked memory at once on the unevictable list. Requires: LruLists::isolate() put the page on that list, and the
  // caller has called LruLists::forget_isolated().
  Task<void> putback(Pfn pfn);

  // --- parts ---
  LruLists& lists() { return lists_; }
  const LruLists& lists() const { return lists_; }
  Pagevecs& pagevecs() { return pagevecs_; }
  const Pagevecs& pagevecs() const { return pagevecs_; }
  MlockPages& mlock_pages() { return mlock_; }
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
