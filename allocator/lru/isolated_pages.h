// Pages taken off the LRU lists by a task that moves, drops or pins them, and their way back without or with a pagevec
// (isolate_lru_page, putback_lru_page, move_pages_to_lru).
//
// A part of Lru, which hands it out. An isolated page has kPageTaskList and a reference for the list of the task that
// isolated it. LruLists counts it until it is put back or let go: each isolated page ends in exactly one of putback(),
// put_on_list() and let_go(). Pages of drivers and of the hugetlb pool are isolated by their holders instead, and
// never counted.
//
// Cost: O(1) per page, and what LruLists needs for a page that leaves its list.
//
// Locks: callers of a Task hold no spinlock, as it may stop at a point. lru_lock is taken inside in the kernel.
#pragma once

#include "allocator/frames/core.h"
#include "allocator/lru/lru_lists.h"

namespace cma {

class Pagevecs;
class References;

class IsolatedPages {
 public:
  // Refers to its arguments, which outlive it.
  IsolatedPages(const Core& core, References& references, Pagevecs& pagevecs, LruLists& lists);

  // Takes the page off its list, with one more reference. The caller puts it on a list of its own. Returns false, and
  // does nothing, if the page is on none of the five lists or has no reference.
  bool isolate(Pfn pfn);
  // Ends the isolation of a page that will not be put back, as it has moved or was dropped: clears kPageTaskList, and
  // counts the page as isolated no longer. Drops no reference: the caller drops the list's, if it is still there.
  // Requires: isolate() took the page, and it is off the task's list.
  void let_go(Pfn pfn);
  // Records that an isolated page which was counted as a file's is anonymous (MADV_FREE, 4.12). Once for each page.
  void isolated_file_is_anon(Pfn pfn) { lists_.recount_isolated_as_anon(pfn); }

  // Puts a page back from a task's list, whose reference goes (putback_lru_page), and counts it as isolated no longer:
  // into lru_add; up to 4.15 an mlocked page at once on the unevictable list. Requires: isolate() took the page, and it
  // is off the task's list.
  Task<void> putback(Pfn pfn);
  // Puts a page back at the head of the list that its flags name, without a pagevec (move_pages_to_lru), and counts it
  // as isolated no longer. The list's reference goes. Returns false if it was the last one: then the page is on no
  // list, and the caller frees it by References::free_together(). Requires: as putback(); the page is not mlocked.
  bool put_on_list(Pfn pfn);

 private:
  Release release_;
  Core core_;
  References& references_;
  Pagevecs& pagevecs_;
  LruLists& lists_;
};

}  // namespace cma
