// The per-CPU pagevecs: what goes into each, what becomes of a page when it is drained, and how CPUs are drained.

#include "allocator/lru/lru.h"

namespace cma {
namespace {

// A page descriptor counts its slots in a byte; a page that is queued so often is moved at once.
constexpr std::uint8_t kMostSlots = 255;

}  // namespace

std::string_view name_of(Pagevec which) {
  switch (which) {
    case Pagevec::add: return "lru_add";
    case Pagevec::rotate: return "lru_rotate";
    case Pagevec::deactivate_file: return "lru_deactivate_file";
    case Pagevec::deactivate: return "lru_deactivate";
    case Pagevec::lazyfree: return "lru_lazyfree";
    case Pagevec::activate: return "activate_page";
  }
  return "?";
}

bool Lru::reserve_slot(Pfn pfn) {
  get_page(pfn);
  return ++core_.map.edit(pfn).pagevecs == kMostSlots || disable_count_ > 0;
}

// Puts a page in a pagevec, and drains it if that fills it or the caches are disabled.
Task<void> Lru::queue(Pagevec which, Pfn pfn) {
  CpuPagevecs& pagevecs = pagevecs_[static_cast<unsigned>(core_.engine.cpu())];
  std::vector<Pfn>& pagevec = pagevecs.of[static_cast<unsigned>(which)];
  const bool at_once = reserve_slot(pfn);
  ++pagevecs.parked;
  // Since 4.7 a compound page does not wait.
  const bool compound = core_.map.page(pfn).has(kPageHead) && release_ >= Release::v4_7;
  pagevec.push_back(pfn);
  if (pagevec.size() >= pagevec_size(release_) || at_once || compound) co_await drain(pagevecs, which);
}

Task<void> Lru::cache_add(Pfn pfn) { return queue(Pagevec::add, pfn); }

// A page that is not on the LRU is made active where it waits, if that is in this CPU's pagevec.
Task<void> Lru::mark_accessed(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  if (!page.has(kPageReferenced)) {
    page.flags |= kPageReferenced;
    co_return;
  }
  if (page.has(kPageUnevictable | kPageActive)) co_return;
  page.flags &= ~kPageReferenced;
  if (page.has(kPageLru)) {
    // A kernel built for one CPU (no CONFIG_SMP) has no pagevec for this.
    if (core_.engine.cpus() == 1)
      lists_.relist(pfn, kPageActive, 0);
    else
      co_await queue(Pagevec::activate, pfn);
    co_return;
  }
  for (Pfn parked : pagevec(core_.engine.cpu()))
    if (parked == pfn) page.flags |= kPageActive;
}

Task<void> Lru::deactivate_file(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  // Since 6.12 a page that is not on the LRU is left alone here; before, the drain finds out.
  if (page.has(kPageUnevictable) || (release_ >= Release::v6_12 && !page.has(kPageLru))) co_return;
  co_await queue(Pagevec::deactivate_file, pfn);
}

Task<void> Lru::deactivate(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  const bool worth_it = page.has(kPageLru) && page.has(kPageActive) && !page.has(kPageUnevictable);
  if (release_ >= Release::v5_4 && worth_it) co_await queue(Pagevec::deactivate, pfn);
}

Task<void> Lru::madv_free(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  if (release_ < Release::v4_12) {
    const bool active = page.has(kPageLru) && page.has(kPageActive) && !page.has(kPageUnevictable);
    if (active) co_await queue(Pagevec::deactivate, pfn);
    co_return;
  }
  const bool anonymous = page.has(kPageAnon) && page.has(kPageSwapbacked);
  if (page.has(kPageLru) && anonymous && !page.has(kPageUnevictable)) co_await queue(Pagevec::lazyfree, pfn);
}

Task<void> Lru::rotate_reclaimable(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  if (page.has(kPageLru) && !page.has(kPageLocked | kPageDirty | kPageUnevictable))
    co_await queue(Pagevec::rotate, pfn);
}

// Deactivates a page of a file (lru_deactivate_file_fn). A page that is dirty or being written goes to the head and is
// reclaimed when that is over.
void Lru::finish_deactivate_file(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  if (page.map > 0) return;
  const bool busy = page.has(kPageDirty | kPageWriteback);
  lists_.relist(pfn, busy ? kPageReclaim : 0U, kPageActive | kPageReferenced, /*to_tail=*/!busy);
}

// Adds a page to the LRU (lru_add_fn). Since 4.16 looks again whether it may be evicted.
void Lru::finish_add(Pfn pfn) {
  if (release_ >= Release::v4_16) {
    Page& page = core_.map.edit(pfn);
    page.flags &= ~kPageUnevictable;
    if (page.has(kPageMlocked)) page.flags = (page.flags | kPageUnevictable) & ~kPageActive;
  }
  lists_.add(pfn);
}

// Does what a pagevec is for, to one page. Pages that have left the LRU meanwhile are let go as they are.
void Lru::leave_pagevec(Pagevec which, Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  if (which != Pagevec::add && (!page.has(kPageLru) || page.has(kPageUnevictable))) return;
  switch (which) {
    case Pagevec::add: finish_add(pfn); break;
    case Pagevec::rotate: lists_.relist(pfn, 0, kPageActive, /*to_tail=*/true); break;
    case Pagevec::deactivate_file: finish_deactivate_file(pfn); break;
    case Pagevec::deactivate:
      if (page.has(kPageActive)) lists_.relist(pfn, 0, kPageActive | kPageReferenced);
      break;
    case Pagevec::lazyfree:
      if (page.has(kPageAnon) && page.has(kPageSwapbacked))
        lists_.relist(pfn, 0, kPageActive | kPageReferenced | kPageSwapbacked);
      break;
    case Pagevec::activate:
      if (!page.has(kPageActive)) lists_.relist(pfn, kPageActive, 0);
      break;
  }
}

Task<void> Lru::drain(CpuPagevecs& pagevecs, Pagevec which) {
  std::vector<Pfn>& pagevec = pagevecs.of[static_cast<unsigned>(which)];
  std::vector<Pfn> pages(pagevec);
  pagevecs.parked -= pages.size();
  pagevec.clear();
  for (Pfn pfn : pages) {
    leave_pagevec(which, pfn);
    --core_.map.edit(pfn).pagevecs;
  }
  co_await release_pages(pages);
}

Task<void> Lru::add_drain(int cpu) {
  if (parked(cpu) == 0) co_return;
  CpuPagevecs& pagevecs = pagevecs_[static_cast<unsigned>(cpu)];
  for (unsigned which = 0; which < kPagevecs; ++which)
    if (!pagevecs.of[which].empty()) co_await drain(pagevecs, static_cast<Pagevec>(which));
  co_await mlock_.drain(cpu);
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
