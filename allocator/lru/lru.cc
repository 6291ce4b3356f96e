#include "allocator/lru/lru.h"

#include <algorithm>

namespace cma {

Lru::Lru(const Core& core, Buddy& buddy)
    : release_(core.geometry.release),
      core_(core),
      buddy_(buddy),
      lists_(core),
      pagevecs_(core, *this, lists_),
      mlock_(core, *this, lists_) {}

void Lru::copy_from(const Lru& other) {
  lists_.copy_from(other.lists_);
  pagevecs_.copy_from(other.pagevecs_);
  mlock_.copy_from(other.mlock_);
  disable_count_ = other.disable_count_;
  drains_begun_ = other.drains_begun_;
  drain_mutex_.reset();
}

void Lru::get_page(Pfn pfn) {
  CMA_ASSERT(core_.map.page(pfn).ref > 0);
  ++core_.map.edit(pfn).ref;
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
  if (last.has(kPageLru)) lists_.remove(pfn);
  lists_.clear_mlocked(pfn);
  last.flags &= ~(kPageActive | kPageUnevictable | kPageReferenced | kPageInFlight);
  const unsigned order = last.has(kPageHead) ? last.order : 0;
  co_await buddy_.free_unreferenced(pfn, order);
}

// Drops one reference of each page. Returns, in order, those that had no other; they are off the LRU.
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
    if (page.has(kPageLru)) lists_.remove(pfn);
    lists_.clear_mlocked(pfn);
    page.flags &= ~(kPageActive | kPageUnevictable | kPageReferenced);
    dead.push_back(pfn);
  }
  return dead;
}

// Frees pages whose last reference is gone: prepares all, then commits each.
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
  return release_ >= Release::v6_9 ? release_pages_v6_9(std::move(pages)) : release_pages_v3_5(std::move(pages));
}

// Frees compound pages one by one, and then all others together, last page first.
Task<void> Lru::release_pages_v3_5(std::vector<Pfn> pages) {
  const std::vector<Pfn> dead = drop_references(pages);
  std::vector<Pfn> small;
  for (const Pfn pfn : dead) {
    if (!core_.map.page(pfn).has(kPageHead)) {
      small.push_back(pfn);
      continue;
    }
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

// Frees a batch at a time, first page first (folios_put_refs).
Task<void> Lru::release_pages_v6_9(std::vector<Pfn> pages) {
  const std::size_t batch = pagevec_size(release_);
  for (std::size_t begin = 0; begin < pages.size(); begin += batch) {
    const std::span<const Pfn> some = std::span(pages).subspan(begin, std::min(batch, pages.size() - begin));
    co_await free_together(drop_references(some));
  }
}

Task<void> Lru::putback(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  page.flags &= ~kPageTaskList;
  if (release_ < Release::v4_16 && page.has(kPageMlocked)) {
    page.flags |= kPageUnevictable;
    lists_.add(pfn);
  } else {
    co_await pagevecs_.cache_add(pfn);
  }
  co_await put_page(pfn);
}

Task<void> Lru::add_drain(int cpu) {
  if (pagevecs_.parked(cpu) != 0) co_await pagevecs_.drain(cpu);
  if (!mlock_.pagevec(cpu).empty()) co_await mlock_.drain(cpu);
}

Task<void> Lru::add_drain_all(bool certain) {
  const std::uint64_t begun = drains_begun_;
  co_await drain_mutex_.lock(core_.engine);
  // A call that began after this one has drained what was in the pagevecs then.
  if (release_ >= Release::v5_5 && !certain && begun != drains_begun_) {
    drain_mutex_.unlock(core_.engine);
    co_return;
  }
  ++drains_begun_;
  co_await at(core_.engine, Point::drain_lru_begin);
  const bool with_slots = release_ >= Release::v5_13 && slots_ != nullptr;
  for (int cpu = 0; cpu < core_.engine.cpus(); ++cpu) {
    const bool slots = with_slots && slots_->occupied(cpu);
    if (parked(cpu) == 0 && !slots) continue;
    co_await add_drain(cpu);
    if (slots) slots_->invalidate(cpu);
    co_await at(core_.engine, Point::drain_lru_cpu);
  }
  drain_mutex_.unlock(core_.engine);
}

Task<void> Lru::cache_disable() {
  ++disable_count_;
  co_await add_drain_all(/*certain=*/true);
  co_await at(core_.engine, Point::lru_cache_disabled);
}

void Lru::cache_enable() {
  CMA_ASSERT(disable_count_ > 0);
  --disable_count_;
}

}  // namespace cma
