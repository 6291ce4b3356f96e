// The pool of huge pages (mm/hugetlb.c) of one size: free ones that wait for a user, and those in use.
//
// A free page of the pool is free for the pool only: no reference, not in the buddy allocator. One in use is private
// memory of a process, mapped by one entry, on no LRU list. Migration replaces free ones that lie in a range (5.13) and
// moves those in use. The last reference of any brings it back here, or to the buddy allocator if it was only lent for
// a migration. hugetlb_lock protects the list; each place where it is dropped and another actor may interfere is a
// point. Cost: O(1) per page, besides its allocation.
//
// Reservations and surplus pages are not modelled: contiguous allocations do not see them.
#pragma once

#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"
#include "allocator/lru/hugetlb_free.h"
#include "allocator/migration/page_kinds.h"
#include "allocator/pressure/page_allocator.h"

namespace cma {

class HugetlbPool final : public HugetlbPages, public HugetlbFree {
 public:
  HugetlbPool(const Core& core, Buddy& buddy, PageAllocator& page_allocator);

  unsigned order() const { return order_; }
  // Adds a page (nr_hugepages grows by one): a fresh one, or the compound page at `head`, which has one reference.
  // Returns false, and adds none, without memory. If another actor has taken a reference meanwhile, the page comes into
  // the pool with that actor's last one.
  Task<bool> grow(Pfn head = kNoPfn);
  // Takes a free page for a user, with one reference; kNoPfn if there is none.
  Pfn dequeue();

  // Returns the free pages, the one that was freed last in front.
  const PageList& free_list() const { return free_; }
  std::uint64_t free_pages() const { return free_count_; }

  // --- HugetlbPages ---
  Task<int> isolate_or_dissolve(Pfn head, PageList& list) override;
  Task<Pfn> target() override;
  void moved(Pfn old, Pfn target) override;
  // --- HugetlbFree ---
  Task<void> free_huge_page(Pfn head) override;

  void copy_from(const HugetlbPool& other) {
    free_ = other.free_;
    free_count_ = other.free_count_;
  }

 private:
  Task<Pfn> fresh();
  void enqueue(Pfn head);
  bool isolate(Pfn head, PageList& list);
  Task<int> alloc_and_dissolve(Pfn head, PageList& list);
  Task<void> give_to_buddy(Pfn head);

  Release release_;
  unsigned order_;
  Core core_;
  Buddy& buddy_;
  PageAllocator& page_allocator_;
  PageList free_;
  std::uint64_t free_count_ = 0;
};

}  // namespace cma
