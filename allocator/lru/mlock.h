// Mlocked memory, which mlock() keeps from reclaim (mm/mlock.c): the way of its pages to the unevictable list and back.
// An mlocked page has kPageMlocked; a page's lock (kPageLocked) is another matter.
//
// Up to 5.17 a page is taken off its list and put on the one where it now belongs. Since 5.18 it waits in the CPU's
// mlock pagevec first, with a reference as in any other, and counts how many mlocked mappings it has while it is on the
// unevictable list. The count is lost whenever the page leaves that list, and may then be too low. LruLists keeps
// flags, counts and NR_MLOCK. A part of Lru, which hands it out; LruDrain drains it after the other pagevecs.
//
// Cost: O(1) per page; since 5.18, for a page that is mlocked or munlocked, also linear in the number of pages that
// have a count of mlocked mappings.
//
// Locks: lru_lock is taken inside in the kernel; a pagevec belongs to its CPU. The page-table lock, which most calls
// require, is a Mutex here (AddressSpaces::lock), under which callers may stop at a point.
#pragma once

#include <vector>

#include "allocator/frames/core.h"
#include "allocator/lru/lru_lists.h"

namespace cma {

class Pagevecs;
class References;

// The steps that a page in the mlock pagevec waits for (5.18).
enum class MlockStep : std::uint8_t {
  lock,      // mlock_page: to the unevictable list, and counted there; nothing if the page has left the lists
  lock_new,  // mlock_new_page: a new page, onto the unevictable list, and counted
  unlock,    // munlock_page: counted out. With the last, or if the page is not on that list, it loses the mark
};
struct Mlocking {
  Pfn pfn = kNoPfn;
  MlockStep step = MlockStep::lock;
  friend bool operator==(const Mlocking&, const Mlocking&) = default;
};

// Whether other memory maps a page that mlocked memory stops mapping.
enum class StillMapped : std::uint8_t { no, perhaps, by_mlocked_memory };

class MlockPages {
 public:
  // Refers to its arguments, which outlive it.
  MlockPages(const Core& core, References& references, Pagevecs& pagevecs, LruLists& lists);

  // Marks a page as mlocked, and moves it from its list to the unevictable one; one that is on no list stays where it
  // is. Requires: the page-table lock.
  // - Up to 5.17 a page that had the mark, or is in a pagevec, stays where it is. Others move at once, since 4.16 by
  //   way of lru_add.
  // - Since 5.18 the page moves by way of this CPU's mlock pagevec. Its mlocked mappings are counted on the
  //   unevictable list.
  Task<void> mlock(Pfn pfn);
  // Marks a new page as mlocked and takes it to the unevictable list, instead of Pagevecs::cache_add(). Up to 4.15 it
  // is there at once; later it goes by way of lru_add, since 5.18 of the mlock pagevec. Requires: as cache_add(), and
  // the page-table lock.
  Task<void> mlock_new(Pfn pfn);
  // Records that mlocked memory stopped mapping the page (up to 5.17). Clears the mark; without one does nothing. A
  // page off its list only loses the mark, whatever still maps it. Another goes by `still_mapped`:
  // - no: to its ordinary list, at once;
  // - perhaps: to its ordinary list, through lru_add;
  // - by_mlocked_memory: it keeps the mark, and stays on the unevictable list, since 4.16 by way of lru_add.
  // Requires: the page's lock.
  Task<void> munlock_under_page_lock(Pfn pfn, StillMapped still_mapped);
  // Records the same by way of the mlock pagevec (munlock_page, 5.18): the page loses the mark with the last mlocked
  // mapping that was counted. Requires: the page-table lock.
  Task<void> munlock_when_unmapped(Pfn pfn);
  // Drains the mlock pagevec of one CPU (mlock_page_drain_local, 5.18); does nothing if it is empty.
  Task<void> drain(int cpu);
  // Moves the mark, if it is there, from a page to the one that takes its place (mlock_migrate_page).
  void move_flag(Pfn from, Pfn to);

  // Returns what waits in the mlock pagevec of a CPU, oldest first; empty before 5.18.
  const std::vector<Mlocking>& pagevec(int cpu) const { return pagevecs_[static_cast<unsigned>(cpu)]; }

  // Takes the pagevecs of a machine of the same geometry.
  void copy_from(const MlockPages& other) { pagevecs_ = other.pagevecs_; }

 private:
  Task<void> queue(MlockStep step, Pfn pfn);
  void finish_mlock(Pfn pfn);
  void finish_mlock_new(Pfn pfn);
  void finish_munlock(Pfn pfn);

  Release release_;
  Core core_;
  References& references_;
  Pagevecs& queues_;
  LruLists& lists_;
  std::vector<std::vector<Mlocking>> pagevecs_;  // by CPU
};

}  // namespace cma
