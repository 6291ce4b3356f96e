#include "allocator/lru/references.h"

#include <algorithm>
#include <utility>

#include "allocator/lru/hugetlb_free.h"
#include "allocator/lru/pagevecs.h"

namespace cma {

void References::get_page(Pfn pfn) {
  CMA_ASSERT(core_.map.page(pfn).ref > 0);
  ++core_.map.edit(pfn).ref;
}

Task<void> References::put_page(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  CMA_ASSERT(page.ref > 0);
  if (--page.ref > 0) co_return;
  if (page.has(kPageHugetlb)) {
    co_await hugetlb_.free_huge_page(pfn);
    co_return;
  }
  page.flags |= kPageInFlight;
  co_await at(core_.engine, Point::put_page_dropped);
  Page& last = core_.map.edit(pfn);
  if (last.has(kPageLru)) lists_.remove(pfn);
  lists_.clear_mlocked(pfn);
  last.flags &= ~(kPageActive | kPageUnevictable | kPageReferenced | kPageInFlight);
  const unsigned order = last.has(kPageHead) ? last.order : 0;
  co_await buddy_.free_unreferenced(pfn, order);
}

// Drops one reference of each page. Returns, in order, those that had no other; they are off the LRU.
std::vector<Pfn> References::drop_references(std::span<const Pfn> pages) {
  std::vector<Pfn> dead;
  for (Pfn pfn : pages) {
    Page& page = core_.map.edit(pfn);
    CMA_ASSERT(page.ref > 0);
    if (--page.ref > 0) continue;
    if (page.has(kPageHugetlb)) {
      dead.push_back(pfn);
      continue;
    }
    page.flags |= kPageInFlight;
    if (page.has(kPageLru)) lists_.remove(pfn);
    lists_.clear_mlocked(pfn);
    page.flags &= ~(kPageActive | kPageUnevictable | kPageReferenced);
    dead.push_back(pfn);
  }
  return dead;
}

Task<void> References::free_together(std::vector<Pfn> dead) {
  std::vector<Buddy::PendingFree> pending;
  for (Pfn pfn : dead) {
    const unsigned order = core_.map.page(pfn).has(kPageHead) ? core_.map.page(pfn).order : 0;
    core_.map.edit(pfn).flags &= ~kPageInFlight;
    pending.push_back(buddy_.prepare_free(pfn, order));
  }
  for (Buddy::PendingFree& free : pending) {
    co_await at(core_.engine, Point::free_page_prepared);
    buddy_.commit_free(std::move(free));
  }
}

Task<void> References::release_pages(std::vector<Pfn> pages) {
  return release_ >= Release::v6_9 ? release_pages_v6_9(std::move(pages)) : release_pages_v3_5(std::move(pages));
}

// Frees compound pages one by one, and then all others together, last page first.
Task<void> References::release_pages_v3_5(std::vector<Pfn> pages) {
  const std::vector<Pfn> dead = drop_references(pages);
  std::vector<Pfn> small;
  for (const Pfn pfn : dead) {
    if (!core_.map.page(pfn).has(kPageHead)) {
      small.push_back(pfn);
      continue;
    }
    if (core_.map.page(pfn).has(kPageHugetlb)) {
      co_await hugetlb_.free_huge_page(pfn);
      continue;
    }
    core_.map.edit(pfn).flags &= ~kPageInFlight;
    co_await buddy_.free_unreferenced(pfn, core_.map.page(pfn).order);
  }
  std::reverse(small.begin(), small.end());
  co_await free_together(std::move(small));
}

// Frees a batch at a time, first page first (folios_put_refs).
Task<void> References::release_pages_v6_9(std::vector<Pfn> pages) {
  const std::size_t batch = pagevec_size(release_);
  for (std::size_t begin = 0; begin < pages.size(); begin += batch) {
    const std::span<const Pfn> some = std::span(pages).subspan(begin, std::min(batch, pages.size() - begin));
    co_await free_together(drop_references(some));
  }
}

}  // namespace cma
