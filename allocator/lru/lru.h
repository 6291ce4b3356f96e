// References to pages and their way to the LRU lists (mm/swap.c, mm/mlock.c): get_page and put_page, the per-CPU
// pagevecs in front of the lists and between them, locked memory, and isolation for migration.
//
// A page that was just added is not on the LRU yet: it is in its CPU's pagevec, with one more reference, until that
// fills up or is drained. A page on its way from one list to another is in a pagevec too, and stays on its list
// meanwhile. Since 5.13 the pagevecs can be disabled around a migration. Everything that holds a page uses this layer.
// Cost: O(1) a page.
//
// Thread safety: lru_lock protects the lists; a pagevec belongs to its CPU.
#pragma once

#include <span>
#include <vector>

#include "allocator/buddy/buddy.h"
#include "allocator/engine/mutex.h"
#include "allocator/frames/core.h"
#include "allocator/lru/lru_lists.h"
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

  void set_slot_cache(SlotCache& slots) { slots_ = &slots; }
  void set_hugetlb_free(HugetlbFree& hugetlb) { hugetlb_ = &hugetlb; }

  // --- references ---
  // Takes a reference on a page in use.
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
  Task<void> mark_lazyfree(Pfn pfn);
  // Moves a page whose writeback has ended and that is to be reclaimed to the tail (rotate_reclaimable_page).
  Task<void> rotate_reclaimable(Pfn pfn);
  // Lists a page that was the tail of a huge page in front of its former head (lru_add_page_tail).
  void list_split_tail(Pfn tail, Pfn head) { lists_.split_tail(tail, head); }

  // --- locked memory (mlock.cc). Requires: the page-table lock ---
  // Moves a page of locked memory to the unevictable list: at once; since 4.16 by way of lru_add, with a drain before
  // it; since 5.18 by way of this CPU's mlock pagevec, and counted on that list, once for each locked mapping.
  Task<void> mlock(Pfn pfn);
  // Takes a new page of locked memory, instead of cache_add().
  Task<void> mlock_new(Pfn pfn);
  // Records that locked memory no longer maps the page, at once (up to 5.17). A page that is `locked` by other memory
  // stays; else it is evictable again, on its list at once (`fast`: munlock of a range, and this was its only mapping)
  // or by way of lru_add.
  Task<void> munlock_v3_5(Pfn pfn, bool locked, bool fast);
  // Records the same by way of the mlock pagevec (munlock_page, 5.18).
  Task<void> munlock_v5_18(Pfn pfn);
  // Drains the mlock pagevec of one CPU (mlock_page_drain_local).
  Task<void> mlock_drain(int cpu);
  unsigned mlock_count(Pfn pfn) const { return lists_.mlock_count(pfn); }
  // Moves the flag from a page to the one that takes its place (mlock_migrate_page).
  void move_mlocked(Pfn from, Pfn to);
  std::int64_t mlocked() const { return lists_.mlocked(); }

  // --- draining ---
  // Drains all pagevecs of one CPU (lru_add_drain_cpu).
  Task<void> add_drain(int cpu);
  Task<void> add_drain_here() { return add_drain(core_.engine.cpu()); }
  // Drains every CPU with something in its pagevecs when examined (lru_add_drain_all). Sleeps. Since 5.5 returns
  // without draining if another drain began while it waited, unless it must be `certain`.
  Task<void> add_drain_all(bool certain = false);
  // Empties the caches of all CPUs and keeps them empty until the matching enable (5.13). Nests: each caller drains, so
  // that none goes on while another's drain is still under way. Sleeps.
  Task<void> cache_disable();
  void cache_enable();
  int disable_count() const { return disable_count_; }

  // --- isolating for migration or reclaim: see LruLists ---
  bool isolate(Pfn pfn) { return lists_.isolate(pfn); }
  void forget_isolated(Pfn pfn) { lists_.forget_isolated(pfn); }
  void isolated_file_is_anon() { lists_.isolated_file_is_anon(); }
  std::int64_t isolated_anon() const { return lists_.isolated_anon(); }
  std::int64_t isolated_file() const { return lists_.isolated_file(); }
  bool too_many_isolated() const { return lists_.too_many_isolated(); }
  // Puts a page back from a task's list, whose reference goes (putback_lru_page).
  Task<void> putback(Pfn pfn);

  // --- looking ---
  std::uint64_t size(LruList list) const { return lists_.size(list); }
  const PageList& list(LruList list) const { return lists_.list(list); }
  const std::vector<Pfn>& pagevec(int cpu, Pagevec which = Pagevec::add) const {
    return pagevecs_[static_cast<unsigned>(cpu)].of[static_cast<unsigned>(which)];
  }
  const std::vector<Mlocking>& mlock_pagevec(int cpu) const { return pagevecs_[static_cast<unsigned>(cpu)].mlock; }
  // Returns the pages in all pagevecs of a CPU, that of mlock included.
  std::size_t parked(int cpu) const { return pagevecs_[static_cast<unsigned>(cpu)].parked; }

  void copy_from(const Lru& other);

 private:
  CpuPagevecs& pagevecs_here() { return pagevecs_[static_cast<unsigned>(core_.engine.cpu())]; }
  std::vector<Pfn> drop_references(std::span<const Pfn> pages);
  Task<void> free_together(std::vector<Pfn> dead);
  Task<void> release_pages_v3_5(std::vector<Pfn> pages);
  Task<void> release_pages_v6_9(std::vector<Pfn> pages);
  // pagevec.cc
  bool reserve_slot(Pfn pfn);
  Task<void> queue(Pagevec which, Pfn pfn);
  Task<void> drain(CpuPagevecs& pagevecs, Pagevec which);
  void leave_pagevec(Pagevec which, Pfn pfn);
  void finish_add(Pfn pfn);
  void finish_deactivate_file(Pfn pfn);
  // mlock.cc
  Task<void> queue_mlock(MlockStep step, Pfn pfn);
  void finish_mlock(Pfn pfn);
  void finish_mlock_new(Pfn pfn);
  void finish_munlock(Pfn pfn);

  Release release_;
  Core core_;
  Buddy& buddy_;
  SlotCache* slots_ = nullptr;
  HugetlbFree* hugetlb_ = nullptr;
  LruLists lists_;
  std::vector<CpuPagevecs> pagevecs_;  // by CPU
  int disable_count_ = 0;
  std::uint64_t drains_begun_ = 0;
  Mutex drain_mutex_{"lru_add_drain_all mutex"};
};

}  // namespace cma
