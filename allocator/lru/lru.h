// References to pages (mm/swap.c): get_page and put_page, and the draining of the per-CPU caches that hold references.
// Its parts are the LRU lists (LruLists), the pagevecs in front of the lists and between them (Pagevecs), and the pages
// of locked memory (MlockPages).
//
// Everything that holds a page uses this layer. Cost: O(1) per page.
//
// Locks: callers hold no spinlock, as a Task may stop at a point. The kernel's lru_lock is not modelled: nothing stops
// where it would be held.
#pragma once

#include <span>
#include <vector>

#include "allocator/buddy/buddy.h"
#include "allocator/engine/mutex.h"
#include "allocator/frames/core.h"
#include "allocator/lru/lru_lists.h"
#include "allocator/lru/mlock.h"
#include "allocator/lru/pagevecs.h"

namespace cma {

// Another per-CPU cache that keeps pages from moving and is emptied together with the pagevecs (5.13): the buffer-head
// slots of the layer buffers. One of this layer's two upward calls.
class SlotCache {
 public:
  virtual ~SlotCache() = default;
  virtual bool occupied(int cpu) const = 0;
  virtual void invalidate(int cpu) = 0;
};

// Takes back a huge page of the hugetlb pool with its last reference: the other upward call.
class HugetlbFree {
 public:
  virtual ~HugetlbFree() = default;
  virtual Task<void> free_huge_page(Pfn head) = 0;
};

class Lru {
 public:
  Lru(const Core& core, Buddy& buddy);

  // --- the upward calls. Set once, before any other call; neither is owned ---
  void set_slot_cache(SlotCache& slots) { slots_ = &slots; }
  void set_hugetlb_free(HugetlbFree& hugetlb) { hugetlb_ = &hugetlb; }

  // --- parts ---
  LruLists& lists() { return lists_; }
  const LruLists& lists() const { return lists_; }
  Pagevecs& pagevecs() { return pagevecs_; }
  const Pagevecs& pagevecs() const { return pagevecs_; }
  MlockPages& mlock_pages() { return mlock_; }
  const MlockPages& mlock_pages() const { return mlock_; }

  // --- references ---
  // Takes a reference on a page in use. Requires: the page has a reference.
  void get_page(Pfn pfn);
  // Drops a reference; the last one takes the page off the LRU and frees it. Requires: the reference is the caller's.
  Task<void> put_page(Pfn pfn);
  // Drops one reference of each page; those that were the last go off the LRU and are freed together, in two passes.
  // Requires: the references are the caller's.
  Task<void> release_pages(std::vector<Pfn> pages);

  // --- draining ---
  // Drains all pagevecs of one CPU, that of locked memory last (lru_add_drain_cpu).
  Task<void> add_drain(int cpu);
  Task<void> add_drain_here() { return add_drain(core_.engine.cpu()); }
  // Looks at each CPU once, and drains those whose pagevecs hold pages then (lru_add_drain_all). Sleeps. Since 5.5
  // returns without draining if another drain began while it waited, unless it must be `certain`.
  Task<void> add_drain_all(bool certain = false);
  // Empties the caches of all CPUs and keeps them empty until the matching enable (5.13). Calls nest. Every caller
  // drains for itself, so none continues before a drain has finished. Sleeps.
  Task<void> cache_disable();
  // Ends one cache_disable(). Requires: disable_count() > 0.
  void cache_enable();
  int disable_count() const { return disable_count_; }

  // --- after isolating, for migration or reclaim (LruLists::isolate) ---
  // Puts a page back from a task's list, whose reference goes (putback_lru_page). Requires: the page was isolated onto
  // that list.
  Task<void> putback(Pfn pfn);

  // --- looking ---
  // Returns how many pages are in all pagevecs of a CPU, that of locked memory included.
  std::size_t parked(int cpu) const { return pagevecs_.parked(cpu) + mlock_.pagevec(cpu).size(); }

  void copy_from(const Lru& other);

 private:
  std::vector<Pfn> drop_references(std::span<const Pfn> pages);
  Task<void> free_together(std::vector<Pfn> dead);
  Task<void> release_pages_v3_5(std::vector<Pfn> pages);
  Task<void> release_pages_v6_9(std::vector<Pfn> pages);

  Release release_;
  Core core_;
  Buddy& buddy_;
  SlotCache* slots_ = nullptr;
  HugetlbFree* hugetlb_ = nullptr;
  LruLists lists_;
  Pagevecs pagevecs_;
  MlockPages mlock_;
  int disable_count_ = 0;
  std::uint64_t drains_begun_ = 0;
  Mutex drain_mutex_{"lru_add_drain_all mutex"};
};

}  // namespace cma
