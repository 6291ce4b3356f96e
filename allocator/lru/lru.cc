#include "allocator/lru/lru.h"

#include <algorithm>

namespace cma {

Lru::Lru(const Core& core, Buddy& buddy)
    : release_(core.geometry.release),
      core_(core),
      buddy_(buddy),
      pagevecs_(static_cast<std::size_t>(core.geometry.cpus)) {
  for (CpuPagevecs& cpu : pagevecs_) {
    for (std::vector<Pfn>& pagevec : cpu.of) pagevec.reserve(pagevec_size(release_));
    cpu.mlock.reserve(pagevec_size(release_));
  }
}

void Lru::copy_from(const Lru& other) {
  lists_ = other.lists_;
  sizes_ = other.sizes_;
  isolated_ = other.isolated_;
  pagevecs_ = other.pagevecs_;
  mlock_counts_ = other.mlock_counts_;
  mlocked_ = other.mlocked_;
  disable_count_ = other.disable_count_;
  drains_begun_ = other.drains_begun_;
  drain_mutex_.reset();
}

void Lru::get_page(Pfn pfn) {
  CMA_ASSERT(core_.map.page(pfn).ref > 0);
  ++core_.map.edit(pfn).ref;
}

unsigned Lru::list_of(const Page& page) const {
  if (page.has(kPageUnevictable)) return static_cast<unsigned>(LruList::unevictable);
  return (page.has(kPageSwapbacked) ? 0U : 2U) + (page.has(kPageActive) ? 1U : 0U);
}

void Lru::add_to_list(Pfn pfn, bool tail) {
  Page& page = core_.map.edit(pfn);
  CMA_ASSERT(!page.has(kPageLru | kPageBuddy | kPagePcp | kPageTaskList));
  page.flags |= kPageLru;
  const unsigned list = list_of(page);
  if (tail)
    lists_[list].push_back(core_.map, core_.map.frame(pfn));
  else
    lists_[list].push_front(core_.map, core_.map.frame(pfn));
  sizes_[list] += pages_of(page);
}

void Lru::remove_from_list(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  const unsigned list = list_of(page);
  lists_[list].remove(core_.map, core_.map.frame(pfn));
  CMA_ASSERT(sizes_[list] >= pages_of(page));
  sizes_[list] -= pages_of(page);
  page.flags &= ~kPageLru;
  // Kept in the list's links, where the kernel has it.
  if (!mlock_counts_.empty()) set_mlock_count(pfn, 0);
}

Task<void> Lru::put_page(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  CMA_ASSERT(page.ref > 0);
  if (--page.ref > 0) co_return;
  if (page.has(kPageHugetlb)) {
    co_await hugetlb_->free_huge_page(pfn);
    co_return;
  }
  page.flags |= kPageInFlight;
  co_await at(core_.engine, Point::put_page_dropped);
  Page& last = core_.map.edit(pfn);
  if (last.has(kPageLru)) remove_from_list(pfn);
  clear_mlocked(pfn);
  last.flags &= ~(kPageActive | kPageUnevictable | kPageReferenced | kPageInFlight);
  const unsigned order = last.has(kPageHead) ? last.order : 0;
  co_await buddy_.free_unreferenced(pfn, order);
}

std::vector<Pfn> Lru::drop_references(std::span<const Pfn> pages) {
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
    if (page.has(kPageLru)) remove_from_list(pfn);
    clear_mlocked(pfn);
    page.flags &= ~(kPageActive | kPageUnevictable | kPageReferenced);
    dead.push_back(pfn);
  }
  return dead;
}

Task<void> Lru::free_together(std::vector<Pfn> dead) {
  std::vector<Buddy::PendingFree> pending;
  for (Pfn pfn : dead) {
    const unsigned order = core_.map.page(pfn).has(kPageHead) ? core_.map.page(pfn).order : 0;
    core_.map.edit(pfn).flags &= ~kPageInFlight;
    pending.push_back(buddy_.prepare_free(pfn, order));
  }
  for (const Buddy::PendingFree& free : pending) {
    co_await at(core_.engine, Point::free_page_prepared);
    buddy_.commit_free(free);
  }
}

Task<void> Lru::release_pages(std::vector<Pfn> pages) {
  if (release_ >= Release::v6_12) {
    const std::size_t batch = pagevec_size(release_);
    for (std::size_t begin = 0; begin < pages.size(); begin += batch) {
      const std::span<const Pfn> some = std::span(pages).subspan(begin, std::min(batch, pages.size() - begin));
      const std::vector<Pfn> dead = drop_references(some);
      co_await free_together(dead);
    }
    co_return;
  }
  const std::vector<Pfn> dead = drop_references(pages);
  std::vector<Pfn> small;
  for (const Pfn pfn : dead) {
    if (!core_.map.page(pfn).has(kPageHead)) {
      small.push_back(pfn);
      continue;
    }
    // Compound pages are freed one by one, as they come.
    if (core_.map.page(pfn).has(kPageHugetlb)) {
      co_await hugetlb_->free_huge_page(pfn);
      continue;
    }
    core_.map.edit(pfn).flags &= ~kPageInFlight;
    co_await buddy_.free_unreferenced(pfn, core_.map.page(pfn).order);
  }
  std::reverse(small.begin(), small.end());
  co_await free_together(std::move(small));
}

void Lru::list_split_tail(Pfn tail, Pfn head) {
  if (!core_.map.page(head).has(kPageLru)) {
    // 3.6: the head waits in a pagevec, the tails do not.
    add_to_list(tail);
    return;
  }
  Page& page = core_.map.edit(tail);
  CMA_ASSERT(!page.has(kPageLru | kPageTaskList));
  page.flags |= kPageLru;
  lists_[list_of(core_.map.page(head))].insert_before(core_.map, core_.map.frame(tail), core_.map.frame(head));
}

Task<void> Lru::putback(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  page.flags &= ~kPageTaskList;
  const bool v4_16 = release_ >= Release::v4_19;
  if (!v4_16 && page.has(kPageMlocked)) {
    page.flags |= kPageUnevictable;
    add_to_list(pfn);
  } else {
    co_await cache_add(pfn);
  }
  co_await put_page(pfn);
}

void Lru::cache_enable() {
  CMA_ASSERT(disable_count_ > 0);
  --disable_count_;
}

bool Lru::isolate(Pfn pfn) {
  if (!core_.map.page(pfn).has(kPageLru) || core_.map.page(pfn).ref == 0) return false;
  remove_from_list(pfn);
  Page& page = core_.map.edit(pfn);
  ++page.ref;
  page.flags |= kPageTaskList;
  isolated_[page.has(kPageSwapbacked) ? 0 : 1] += static_cast<std::int64_t>(pages_of(page));
  return true;
}

void Lru::forget_isolated(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  std::int64_t& isolated = isolated_[page.has(kPageSwapbacked) ? 0 : 1];
  isolated -= static_cast<std::int64_t>(pages_of(page));
  CMA_ASSERT(isolated >= 0);
}

bool Lru::too_many_isolated() const {
  std::uint64_t inactive = sizes_[0] + sizes_[2];
  std::uint64_t active = sizes_[1] + sizes_[3];
  if (release_ >= Release::v6_12) {
    inactive /= 8;
    active /= 8;
  }
  const std::uint64_t on_lists = inactive + active;
  return static_cast<std::uint64_t>(isolated_[0] + isolated_[1]) > on_lists / 2;
}

}  // namespace cma
