// Pages of the LRU lists, as callers handle them that move, drop, split or pin pages: taken off a list, put back, moved
// within it (mm/vmscan.c; lru_add_page_tail of mm/swap.c, since 5.11 of mm/huge_memory.c).
//
// A part of Lru, which hands it out. New pages come to the lists by Pagevecs.
//
// Invariant: an isolated page, one that isolate() took, is on no LRU list. It has kPageTaskList, and a reference for
// the list that its task keeps; LruLists counts it as isolated. Exactly one of putback(), put_on_list() and let_go()
// ends that. When an isolated huge page is split, its pages are isolated each by itself. Pages of drivers and of the
// hugetlb pool are isolated by their holders instead, and never counted.
//
// Cost: O(1) per page, and what LruLists needs for a page that leaves its list.
//
// Locks: callers of the Task hold no spinlock, as it may stop at a point. The kernel takes lru_lock inside the others.
#pragma once

#include "allocator/frames/core.h"
#include "allocator/lru/lru_lists.h"

namespace cma {

class Pagevecs;
class References;

class ListedPages {
 public:
  // Refers to its arguments, which outlive it.
  ListedPages(const Core& core, References& references, Pagevecs& pagevecs, LruLists& lists);

  // --- off a list ---
  // Isolates a page: takes it off its list, with one more reference, for the caller to put on a list of its own.
  // Returns false, and does nothing, if the page is on none of the five lists or has no reference (isolate_lru_page).
  bool isolate(Pfn pfn);
  // Makes a single page ordinary anonymous memory again that MADV_FREE made look like a file's (4.12): sets
  // kPageSwapbacked, and counts the page as isolated anonymous memory. The kernel counts so since 5.8. Requires: the
  // page is isolated, and has the flag clear.
  void undo_lazyfree(Pfn pfn);

  // --- back, or not. Require: the page is isolated, and its task has unlinked it from the list that it keeps ---
  // Puts a page into lru_add, up to 4.15 an mlocked one at once on the unevictable list, and drops the reference of the
  // task's list (putback_lru_page).
  Task<void> putback(Pfn pfn);
  // Puts a page at the head of the list that its flags name, without a pagevec, and drops the reference of the task's
  // list (move_pages_to_lru). Returns false if that was the last one: then the page is on no list, and the caller frees
  // it by References::free_together(). Requires: the page is not mlocked.
  bool put_on_list(Pfn pfn);
  // Ends the isolation of a page that will not be put back, as it has moved or was dropped. Drops no reference: the
  // caller drops that of the task's list, if it is still there.
  void let_go(Pfn pfn);

  // --- on a list ---
  // Moves a page to the head of its list. Requires: it is on one, with kPageLru.
  void move_to_head(Pfn pfn) { lists_.relist(pfn, 0, 0); }
  // Puts a page that was the tail of a huge page in front of its former head (lru_add_page_tail), with which it has
  // been counted already; on the list of its own flags if the head is on none. Requires: the tail is on no list.
  void split_tail(Pfn tail, Pfn head);

 private:
  Release release_;
  Core core_;
  References& references_;
  Pagevecs& pagevecs_;
  LruLists& lists_;
};

}  // namespace cma
