// LRU lists and the per-CPU pagevecs in front of them (mm/swap.c), and the last step of a reference: put_page.
//
// A page that was just added is not on the LRU yet: it sits in its CPU's pagevec with one more reference, until that
// fills up or somebody drains it. A page on its way from one list to another sits in a pagevec too, and stays on its
// list meanwhile. lru_lock protects the lists; a pagevec belongs to its CPU. 5.13 and later can disable the pagevecs
// around a migration. Cost: O(1) a page.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"

namespace cma {

enum class LruList : std::uint8_t { inactive_anon, active_anon, inactive_file, active_file, unevictable };
inline constexpr unsigned kLruLists = 5;
// PAGEVEC_SIZE: a drain happens on the fourteenth insertion, since 4.15 on the fifteenth, since 6.8 on the
// thirty-first.
constexpr std::size_t pagevec_size(Release release) {
  if (release >= Release::v6_12) return 31;
  return release >= Release::v4_19 ? 15 : 14;
}

// What a CPU has a pagevec for, in the order in which they are drained. Pages to be added are not on the LRU; pages in
// the others are, and are looked at again when their pagevec is drained.
enum class Pagevec : std::uint8_t {
  add,              // lru_cache_add
  rotate,           // written back and to be reclaimed next: to the tail of its inactive list
  deactivate_file,  // could not be dropped from its cache: to the inactive list
  deactivate,       // from the active to the inactive list (MADV_COLD since 5.4; MADV_FREE up to 4.11)
  lazyfree,         // MADV_FREE: to the inactive file list, as if it were a file's
  activate,         // used again: to the active list
};
inline constexpr unsigned kPagevecs = 6;
// As the kernel calls it: "lru_add".
std::string_view name_of(Pagevec which);

// What is to be done with a page in the mlock pagevec (5.18).
enum class MlockStep : std::uint8_t {
  lock,      // mlock_page: a page that was on the LRU
  lock_new,  // mlock_new_page: one that was never on it
  unlock,    // munlock_page
};
struct Mlocking {
  Pfn pfn = kNoPfn;
  MlockStep step = MlockStep::lock;
  friend bool operator==(const Mlocking&, const Mlocking&) = default;
};

// Another per-CPU cache that keeps pages from moving and is emptied together with the pagevecs (5.13): the buffer-head
// slots of the owners layer. One of this layer's two upward calls.
class SlotCache {
 public:
  virtual ~SlotCache() = default;
  virtual bool occupied(int cpu) const = 0;
  virtual void invalidate(int cpu) = 0;
};

// Where a huge page of the hugetlb pool goes with its last reference: an upward call like the one above.
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

  // release_pages: drops one reference of each page; those that were the last go off the LRU and are freed together, in
  // two passes, last page first; compound pages on their own, before them. Since 6.9 (folios_put_refs) a batch of 31 at
  // a time, first page first.
  Task<void> release_pages(std::vector<Pfn> pages);
  // --- adding ---
  // lru_cache_add: into this CPU's pagevec, with a reference of its own.
  Task<void> cache_add(Pfn pfn);

  // lru_add_page_tail: a page that was the tail of a huge page goes in front of its former head, which
  // has been counted for all of them.
  void list_split_tail(Pfn tail, Pfn head);

  // --- moving between lists, by this CPU's pagevecs; the caller has a reference or the page's lock ---
  // mark_page_accessed: unreferenced to referenced to active.
  Task<void> mark_accessed(Pfn pfn);
  // deactivate_file_page: a page of a file that could not be dropped.
  Task<void> deactivate_file(Pfn pfn);
  // deactivate_page; before 5.4 there is none, and nothing happens.
  Task<void> deactivate(Pfn pfn);
  // mark_page_lazyfree: an anonymous page that may be dropped instead of kept.
  Task<void> mark_lazyfree(Pfn pfn);
  // rotate_reclaimable_page: writeback of a page that is to be reclaimed has ended.
  Task<void> rotate_reclaimable(Pfn pfn);

  // --- locked memory (mlock.cc); the page-table lock is held ---
  // A page of locked memory goes to the unevictable list: at once; since 4.16 by way of lru_add, with a drain before
  // it; since 5.18 by way of this CPU's mlock pagevec, and counted on that list, once for each locked mapping.
  Task<void> mlock(Pfn pfn);
  // Instead of cache_add: a new page of locked memory.
  Task<void> mlock_new(Pfn pfn);
  // munlock_page (5.18): locked memory no longer maps the page.
  Task<void> munlock(Pfn pfn);
  // The same up to 5.17, at once: `locked` by other memory, it stays; else it is evictable again, on its list at once
  // (`fast`: munlock of a range, and nobody else maps it) or by way of lru_add.
  Task<void> munlock_v3(Pfn pfn, bool locked, bool fast);
  // mlock_page_drain_local: the mlock pagevec of one CPU.
  Task<void> mlock_drain(int cpu);
  // mlock_count of an unevictable page on the LRU.
  unsigned mlock_count(Pfn pfn) const;
  // The flag goes from a page to the one that takes its place (mlock_migrate_page).
  void move_mlocked(Pfn from, Pfn to);
  // NR_MLOCK.
  std::int64_t mlocked() const { return mlocked_; }

  // --- putting back and draining ---
  // putback_lru_page: back from a task's list; the list's reference goes.
  Task<void> putback(Pfn pfn);
  // lru_add_drain_cpu: all pagevecs of one CPU.
  Task<void> add_drain(int cpu);
  Task<void> add_drain_here() { return add_drain(core_.engine.cpu()); }
  // lru_add_drain_all: every CPU with something in its pagevecs when examined. Sleeps. Since 5.5 a caller that finds
  // that another drain began while it waited leaves it at that, unless it must be `certain`.
  Task<void> add_drain_all(bool certain = false);
  // 5.13: empties the caches of all CPUs and keeps them empty until the matching enable. Nests: each caller drains, so
  // that none goes on while another's drain is still under way. Sleeps.
  Task<void> cache_disable();
  void cache_enable();
  int disable_count() const { return disable_count_; }

  // --- isolating for migration or reclaim ---
  // Takes the page off its list onto the caller's: one more reference, the LRU flag gone. False if it cannot be had.
  bool isolate(Pfn pfn);
  // The caller's list lets go of the page, which went back or away: NR_ISOLATED_* falls.
  void forget_isolated(Pfn pfn);

  // An isolated page that was counted as a file's has turned out to be anonymous memory (5.8).
  void isolated_file_is_anon() {
    --isolated_[1];
    ++isolated_[0];
  }

  std::uint64_t size(LruList list) const { return sizes_[static_cast<unsigned>(list)]; }
  std::int64_t isolated_anon() const { return isolated_[0]; }
  std::int64_t isolated_file() const { return isolated_[1]; }
  // More pages are isolated than half of those on the lists: who wants more must wait (mm/compaction.c).
  // 6.12 looks at an eighth of the lists only.
  bool too_many_isolated() const;
  const PageList& list(LruList list) const { return lists_[static_cast<unsigned>(list)]; }
  const std::vector<Pfn>& pagevec(int cpu, Pagevec which = Pagevec::add) const {
    return pagevecs_[static_cast<unsigned>(cpu)].of[static_cast<unsigned>(which)];
  }
  const std::vector<Mlocking>& mlock_pagevec(int cpu) const { return pagevecs_[static_cast<unsigned>(cpu)].mlock; }
  // Pages in all pagevecs of a CPU, that of mlock included.
  std::size_t parked(int cpu) const { return pagevecs_[static_cast<unsigned>(cpu)].parked; }

  void copy_from(const Lru& other);

 private:
  struct CpuPagevecs {
    std::array<std::vector<Pfn>, kPagevecs> of;
    std::vector<Mlocking> mlock;
    std::size_t parked = 0;
  };

  unsigned list_of(const Page& page) const;
  void add_to_list(Pfn pfn, bool tail = false);
  void remove_from_list(Pfn pfn);
  void activate_at_once(Pfn pfn);
  Task<void> queue(Pagevec which, Pfn pfn);
  Task<void> drain(CpuPagevecs& pagevecs, Pagevec which);
  void leave_pagevec(Pagevec which, Pfn pfn);
  void finish_deactivate_file(Pfn pfn);
  void finish_add(Pfn pfn);
  bool reserve_slot(Pfn pfn);
  Task<void> queue_mlock(MlockStep step, Pfn pfn);
  void set_mlocked(Pfn pfn);
  bool clear_mlocked(Pfn pfn);
  void set_mlock_count(Pfn pfn, unsigned count);
  void make_unevictable(Pfn pfn, unsigned count);
  void make_evictable(Pfn pfn);
  void finish_mlock(Pfn pfn);
  void finish_mlock_new(Pfn pfn);
  void finish_munlock(Pfn pfn);

  // Drops one reference of each; those that nobody has any more, off the LRU, in order.
  std::vector<Pfn> drop_references(std::span<const Pfn> pages);
  Task<void> free_together(std::vector<Pfn> dead);

  Release release_;
  Core core_;
  Buddy& buddy_;
  SlotCache* slots_ = nullptr;
  HugetlbFree* hugetlb_ = nullptr;
  std::array<PageList, kLruLists> lists_;
  std::array<std::uint64_t, kLruLists> sizes_{};
  std::array<std::int64_t, 2> isolated_{};  // NR_ISOLATED_ANON, NR_ISOLATED_FILE
  std::vector<CpuPagevecs> pagevecs_;       // by CPU
  struct MlockCount {
    Pfn pfn;
    unsigned count;
  };
  std::vector<MlockCount> mlock_counts_;  // those that are not 0
  std::int64_t mlocked_ = 0;
  int disable_count_ = 0;
  std::uint64_t drains_begun_ = 0;
  Mutex drain_mutex_{"lru_add_drain_all mutex"};
};

}  // namespace cma
