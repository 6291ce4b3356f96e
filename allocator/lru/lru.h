// References to pages and their way to the LRU lists (mm/swap.c): get_page and put_page, and the per-CPU pagevecs in
// front of the lists and between them. Its parts are the lists (LruLists) and locked memory (MlockPages).
//
// A page that was just added is not on the LRU yet, but in its CPU's pagevec: until the pagevec fills or is drained, a
// reference of the pagevec keeps the page. A page on its way from one list to another is in a pagevec too, and stays on
// its list meanwhile. Since 5.13 the pagevecs can be disabled around a migration. Everything that holds a page uses
// this layer. Cost: O(1) per page.
//
// Locks: callers hold no spinlock, as a Task may stop at a point. The kernel's lru_lock is not modelled: nothing stops
// where it would be held. A pagevec belongs to its CPU.
#pragma once

#include <span>
#include <vector>

#include "allocator/buddy/buddy.h"
#include "allocator/engine/mutex.h"
#include "allocator/frames/core.h"
#include "allocator/lru/lru_lists.h"
#include "allocator/lru/mlock.h"
#include "allocator/lru/pagevec.h"

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
  MlockPages& mlock_pages() { return mlock_; }
  const MlockPages& mlock_pages() const { return mlock_; }

  // --- references ---
  // Takes a reference on a page in use. Requires: the page has a reference.
  void get_page(Pfn pfn);
  // Drops a reference; the last one takes the page off the LRU and frees it.
  Task<void> put_page(Pfn pfn);
  // Drops one reference of each page; those that were the last go off the LRU and are freed together, in two passes.
  Task<void> release_pages(std::vector<Pfn> pages);

  // --- moving to a list or between lists, by this CPU's pagevecs. Requires: a reference, or the page's lock ---
  // Queues a page for the LRU, with a reference of its own (lru_cache_add).
  Task<void> cache_add(Pfn pfn);
  // Makes a page referenced, or active if it was referenced.
  Task<void> mark_accessed(Pfn pfn);
  // Deactivates a page of a file that could not be dropped (deactivate_file_page).
  Task<void> deactivate_file(Pfn pfn);
  // Deactivates a page (deactivate_page); before 5.4 there is none, and nothing happens.
  Task<void> deactivate(Pfn pfn);
  // Marks an anonymous page that may be dropped instead of kept. Before 4.12 it only stops being active.
  Task<void> madv_free(Pfn pfn);
  // Moves a page whose writeback has ended and that is to be reclaimed to the tail (rotate_reclaimable_page).
  Task<void> rotate_reclaimable(Pfn pfn);
  // Takes the reference of a slot in a pagevec. Returns whether that pagevec must be drained at once.
  bool reserve_slot(Pfn pfn);

  // --- draining ---
  // Drains all pagevecs of one CPU (lru_add_drain_cpu).
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
  // Puts a page back from a task's list, whose reference goes (putback_lru_page).
  Task<void> putback(Pfn pfn);

  // --- looking ---
  const std::vector<Pfn>& pagevec(int cpu, Pagevec which = Pagevec::add) const {
    return pagevecs_[static_cast<unsigned>(cpu)].of[static_cast<unsigned>(which)];
  }
  // Returns how many pages are in all pagevecs of a CPU, that of locked memory included.
  std::size_t parked(int cpu) const {
    return pagevecs_[static_cast<unsigned>(cpu)].parked + mlock_.pagevec(cpu).size();
  }

  void copy_from(const Lru& other);

 private:
  std::vector<Pfn> drop_references(std::span<const Pfn> pages);
  Task<void> free_together(std::vector<Pfn> dead);
  Task<void> release_pages_v3_5(std::vector<Pfn> pages);
  Task<void> release_pages_v6_9(std::vector<Pfn> pages);
  // pagevec.cc
  Task<void> queue(Pagevec which, Pfn pfn);
  Task<void> drain(CpuPagevecs& pagevecs, Pagevec which);
  void leave_pagevec(Pagevec which, Pfn pfn);
  void finish_add(Pfn pfn);
  void finish_deactivate_file(Pfn pfn);

  Release release_;
  Core core_;
  Buddy& buddy_;
  SlotCache* slots_ = nullptr;
  HugetlbFree* hugetlb_ = nullptr;
  LruLists lists_;
  MlockPages mlock_;
  std::vector<CpuPagevecs> pagevecs_;  // by CPU
  int disable_count_ = 0;
  std::uint64_t drains_begun_ = 0;
  Mutex drain_mutex_{"lru_add_drain_all mutex"};
};

}  // namespace cma
