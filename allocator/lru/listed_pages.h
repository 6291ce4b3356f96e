// Pages that stay on their LRU list, or come to it from a page that does: moved within it, or put beside one that was
// split (mm/vmscan.c, lru_add_page_tail of mm/swap.c).
//
// A part of Lru, which hands it out. Cost: O(1) per page, and what LruLists needs for a page that leaves its list.
// Locks: lru_lock is held in the kernel; nothing here stops at a point.
#pragma once

#include "allocator/frames/core.h"
#include "allocator/lru/lru_lists.h"

namespace cma {

class ListedPages {
 public:
  // Refers to `lists`, which outlives it.
  explicit ListedPages(LruLists& lists) : lists_(lists) {}

  // Moves a page to the head of its list. Requires: it is on one, with kPageLru.
  void move_to_head(Pfn pfn) { lists_.relist(pfn, 0, 0); }
  // Puts a page that was the tail of a huge page in front of its former head (lru_add_page_tail), with which it has
  // been counted already; on the list of its own flags if the head is on none. Requires: the tail is on no list.
  void split_tail(Pfn tail, Pfn head) { lists_.split_tail(tail, head); }

 private:
  LruLists& lists_;
};

}  // namespace cma
