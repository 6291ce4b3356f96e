#include "allocator/lru/lru.h"

#include "allocator/lru/slot_cache.h"

namespace cma {

Lru::Lru(const Core& core, Buddy& buddy)
    : release_(core.geometry.release),
      core_(core),
      lists_(core),
      references_(core, buddy, lists_),
      pagevecs_(core, *this, lists_),
      mlock_(core, *this, pagevecs_, lists_) {}

void Lru::set_callbacks(SlotCache& slots, HugetlbFree& hugetlb) {
  CMA_ASSERT(slots_ == nullptr);
  slots_ = &slots;
  references_.set_hugetlb_free(hugetlb);
}

void Lru::copy_from(const Lru& other) {
  lists_.copy_from(other.lists_);
  pagevecs_.copy_from(other.pagevecs_);
  mlock_.copy_from(other.mlock_);
  disable_count_ = other.disable_count_;
  drains_begun_ = other.drains_begun_;
  drain_mutex_.reset();
}

Task<void> Lru::putback(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  lists_.forget_isolated(pfn);
  page.flags &= ~kPageTaskList;
  if (release_ < Release::v4_16 && page.has(kPageMlocked)) {
    page.flags = (page.flags | kPageUnevictable) & ~kPageActive;
    lists_.add(pfn);
  } else {
    co_await pagevecs_.cache_add(pfn);
  }
  co_await put_page(pfn);
}

bool Lru::put_on_list(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  CMA_ASSERT(page.has(kPageTaskList) && !page.has(kPageMlocked));
  lists_.forget_isolated(pfn);
  page.flags &= ~kPageTaskList;
  if (--page.ref > 0) {
    lists_.add(pfn);
    return true;
  }
  page.flags &= ~(kPageActive | kPageUnevictable | kPageReferenced);
  page.flags |= kPageInFlight;
  return false;
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
  const bool with_slots = release_ >= Release::v5_13 && !core_.bugs.active(Bug::slots_outlast_drain);
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
