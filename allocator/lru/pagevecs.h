// The per-CPU pagevecs (mm/swap.c): pages on their way to the LRU or between its lists.
//
// A page that was just added is not on the LRU yet, but in its CPU's lru_add. A page on its way from one list to
// another waits in a pagevec too, and stays where it is meanwhile. Each slot of a pagevec has a reference, which goes
// when the pagevec is drained: by LruDrain, or by the page that fills it. A part of Lru, which hands it out.
//
// Cost: O(1) to queue and O(1) per page drained; mark_accessed() searches lru_add, of pagevec_size() pages at most, for
// a page that is not on the LRU.
//
// Locks: callers hold no spinlock, as a Task may stop at a point. A pagevec belongs to its CPU.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "allocator/base/release.h"
#include "allocator/frames/core.h"
#include "allocator/lru/lru_lists.h"

namespace cma {

class References;

// Returns PAGEVEC_SIZE: the insertion that makes a pagevec so long drains it.
constexpr std::size_t pagevec_size(Release release) {
  if (release >= Release::v6_8) return 31;
  return release >= Release::v4_15 ? 15 : 14;
}

// The pagevecs of a CPU, in the order in which they are drained. Pages to be added are not on the LRU. A drain of
// another lets go of a page as it is if that has left the LRU meanwhile or become unevictable.
enum class Pagevec : std::uint8_t {
  add,              // lru_cache_add
  rotate,           // written back and to be reclaimed next: to the tail of its inactive list
  deactivate_file,  // could not be dropped from its cache: to the inactive list
  deactivate,       // from the active to the inactive list (MADV_COLD since 5.4; MADV_FREE up to 4.11)
  lazyfree,         // MADV_FREE: to the inactive file list, as if it were a file's
  activate,         // used again: to the active list
};
inline constexpr unsigned kPagevecs = 6;
// Returns the kernel's name: "lru_add".
std::string_view name_of(Pagevec which);

class Pagevecs {
 public:
  // Refers to its arguments, which outlive it.
  Pagevecs(const Core& core, References& references, LruLists& lists);

  // --- queueing, in the pagevecs of this CPU ---
  // What is queued has a reference more until the drain. A call drains its pagevec at once if that is full now,
  // drain_at_once() is set, the page is compound (4.7), or it has as many slots as it can count. Requires of all of
  // this section: the page has a reference, and the caller holds that or the page's lock.
  //
  // Queues a page for the LRU (lru_cache_add). Requires: the caller's reference; the page is neither on the LRU nor
  // waiting to be.
  Task<void> cache_add(Pfn pfn);
  // Records a use of a page (mark_page_accessed): it becomes referenced. One that was referenced, and is neither active
  // nor unevictable, stops being referenced and becomes active:
  // - on the LRU by way of its pagevec, on a machine with one CPU at once;
  // - in this CPU's lru_add where it waits;
  // - anywhere else not.
  Task<void> mark_accessed(Pfn pfn);
  // Deactivates a page of a file that could not be dropped (deactivate_file_page). Queues any that is evictable, since
  // 6.12 only one on the LRU; the drain leaves a mapped page as it is.
  Task<void> deactivate_file(Pfn pfn);
  // Deactivates a page of an active list (deactivate_page, 5.4); does nothing to others, and before 5.4.
  Task<void> deactivate(Pfn pfn);
  // Marks an anonymous page that may be dropped instead of kept (mark_page_lazyfree). Before 4.12 it only stops being
  // active. Does nothing to a page that is off the LRU or unevictable.
  Task<void> madv_free(Pfn pfn);
  // Queues a page whose writeback has ended and that is to be reclaimed for the tail of its inactive list
  // (rotate_reclaimable_page). Does nothing if it is off the LRU, locked, dirty or unevictable.
  Task<void> rotate_reclaimable(Pfn pfn);

  // --- draining ---
  // Drains the pagevecs of one CPU, those that are empty without effect. That of mlocked memory is another:
  // LruDrain::add_drain() drains both.
  Task<void> drain(int cpu);
  // Sets whether each page that is queued from now on is drained at once. LruDrain does, while the caches are disabled.
  void drain_at_once(bool at_once) { at_once_ = at_once; }

  // --- slots, for MlockPages too, whose pagevec is another ---
  // Takes the reference of a slot, and counts the slot. Returns whether its pagevec must be drained at once:
  // drain_at_once() is set, or the page has 255 slots, as many as its descriptor can count. Requires: the page has a
  // reference, and the caller that or its lock.
  bool reserve_slot(Pfn pfn);
  // Records that a page has left its slot; the caller drops its reference next. Requires: a slot that was reserved.
  void leave_slot(Pfn pfn) { --core_.map.edit(pfn).pagevecs; }

  // --- looking ---
  // Returns the pages in one pagevec, oldest first.
  const std::vector<Pfn>& pages(int cpu, Pagevec which = Pagevec::add) const {
    return cpus_[static_cast<unsigned>(cpu)].of[static_cast<unsigned>(which)];
  }
  // Returns how many pages are in the pagevecs of a CPU. LruDrain::parked() adds those of mlocked memory.
  std::size_t parked(int cpu) const { return cpus_[static_cast<unsigned>(cpu)].parked; }

  // Takes the pagevecs of a machine of the same geometry.
  void copy_from(const Pagevecs& other);

 private:
  // The pagevecs of one CPU.
  struct Cpu {
    std::array<std::vector<Pfn>, kPagevecs> of;
    std::size_t parked = 0;  // pages in all of them
  };

  Task<void> queue(Pagevec which, Pfn pfn);
  Task<void> drain_one(Cpu& cpu, Pagevec which);
  void finish(Pagevec which, Pfn pfn);
  void finish_add(Pfn pfn);
  void finish_deactivate_file(Pfn pfn);

  Release release_;
  Core core_;
  References& references_;
  LruLists& lists_;
  std::vector<Cpu> cpus_;  // by number
  bool at_once_ = false;
};

}  // namespace cma
