// References to pages (mm/swap.c): get_page, put_page, and release_pages for many at once. The last reference of a page
// takes it off the LRU and frees it.
//
// A part of Lru, which hands it out: everything that holds a page takes and drops references here. A compound page is
// named by its first page, which has the references.
//
// Cost: O(1) per page that keeps references; one that is freed leaves its list (LruLists) and goes through Buddy.
//
// Locks: callers hold no spinlock, as a Task may stop at a point.
#pragma once

#include <span>
#include <vector>

#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"
#include "allocator/lru/lru_lists.h"

namespace cma {

class HugetlbFree;

class References {
 public:
  // Refers to all but `core`, which outlive it. `hugetlb` takes back huge pages of the hugetlb pool.
  References(const Core& core, Buddy& buddy, LruLists& lists, HugetlbFree& hugetlb)
      : release_(core.geometry.release), core_(core), buddy_(buddy), lists_(lists), hugetlb_(hugetlb) {}

  // Takes a reference on a page in use. Requires: the page has a reference.
  void get_page(Pfn pfn);
  // Drops a reference; the last one takes the page off the LRU and frees it, or gives it back to the hugetlb pool.
  // Requires: the reference is the caller's.
  Task<void> put_page(Pfn pfn);
  // Drops one reference of each page; pages that lose their last go off the LRU and are freed. Requires: the references
  // are the caller's; since 6.9, no page is of the hugetlb pool.
  // - Up to 6.8 compound pages are freed one by one, then all others together, last first.
  // - Since 6.9 pages are freed in order, one pagevec's worth at a time.
  Task<void> release_pages(std::vector<Pfn> pages);
  // Frees pages that have lost their last reference and are on no list, first page first: prepares all, then commits
  // each (free_unref_page_list). Requires: each has kPageInFlight.
  Task<void> free_together(std::vector<Pfn> dead);

 private:
  std::vector<Pfn> drop_references(std::span<const Pfn> pages);
  Task<void> release_pages_v3_5(std::vector<Pfn> pages);
  Task<void> release_pages_v6_9(std::vector<Pfn> pages);

  Release release_;
  Core core_;
  Buddy& buddy_;
  LruLists& lists_;
  HugetlbFree& hugetlb_;
};

}  // namespace cma
