// Pages of locked memory (mm/mlock.c): on their way to the unevictable list, counted there, and on their way back.
//
// Up to 5.17 such a page is taken off its list and put back, where it now belongs. 5.18 lets it wait in the CPU's mlock
// pagevec first, with a reference as in any other, and counts on the unevictable list how many locked mappings it has;
// the count is lost whenever the page leaves that list, and may then be too low.

#include <algorithm>

#include "allocator/lru/lru.h"

namespace cma {

void Lru::set_mlocked(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  if (!page.has(kPageMlocked)) ++mlocked_;
  page.flags |= kPageMlocked;
}

bool Lru::clear_mlocked(Pfn pfn) {
  if (!core_.map.page(pfn).has(kPageMlocked)) return false;
  core_.map.edit(pfn).flags &= ~kPageMlocked;
  --mlocked_;
  CMA_ASSERT(mlocked_ >= 0);
  return true;
}

void Lru::move_mlocked(Pfn from, Pfn to) {
  if (clear_mlocked(from)) set_mlocked(to);
}

unsigned Lru::mlock_count(Pfn pfn) const {
  const auto it =
      std::find_if(mlock_counts_.begin(), mlock_counts_.end(), [pfn](const MlockCount& is) { return is.pfn == pfn; });
  return it == mlock_counts_.end() ? 0 : it->count;
}

void Lru::set_mlock_count(Pfn pfn, unsigned count) {
  const auto it =
      std::find_if(mlock_counts_.begin(), mlock_counts_.end(), [pfn](const MlockCount& is) { return is.pfn == pfn; });
  if (it != mlock_counts_.end() && count == 0)
    mlock_counts_.erase(it);
  else if (it != mlock_counts_.end())
    it->count = count;
  else if (count != 0)
    mlock_counts_.push_back({pfn, count});
}

// A page on the LRU moves to the unevictable list.
void Lru::make_unevictable(Pfn pfn, unsigned count) {
  remove_from_list(pfn);
  Page& page = core_.map.edit(pfn);
  page.flags = (page.flags | kPageUnevictable) & ~kPageActive;
  add_to_list(pfn);
  set_mlock_count(pfn, count);
}

void Lru::make_evictable(Pfn pfn) {
  remove_from_list(pfn);
  core_.map.edit(pfn).flags &= ~kPageUnevictable;
  add_to_list(pfn);
}

// --- since 5.18 ---

Task<void> Lru::queue_mlock(MlockStep step, Pfn pfn) {
  CpuPagevecs& pagevecs = pagevecs_[static_cast<unsigned>(core_.engine.cpu())];
  const bool at_once = reserve_slot(pfn);
  pagevecs.mlock.push_back({pfn, step});
  if (pagevecs.mlock.size() >= pagevec_size(release_) || at_once) co_await mlock_drain(core_.engine.cpu());
}

// __mlock_page.
void Lru::finish_mlock(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  if (!page.has(kPageLru)) return;
  if (!page.has(kPageMlocked)) {
    // Unlocked meanwhile, by another CPU.
    if (page.has(kPageUnevictable)) make_evictable(pfn);
    return;
  }
  if (page.has(kPageUnevictable))
    set_mlock_count(pfn, mlock_count(pfn) + 1);
  else
    make_unevictable(pfn, 1);
}

// __mlock_new_page.
void Lru::finish_mlock_new(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  const bool locked = page.has(kPageMlocked);
  if (locked) page.flags |= kPageUnevictable;
  add_to_list(pfn);
  if (locked) set_mlock_count(pfn, 1);
}

// __munlock_page. The flag goes with the last locked mapping that was counted; of a page that is off the LRU no count
// is known, and it goes at once.
void Lru::finish_munlock(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  const bool listed = page.has(kPageLru);
  if (listed && page.has(kPageUnevictable)) {
    const unsigned count = mlock_count(pfn);
    if (count > 0) set_mlock_count(pfn, count - 1);
    if (count > 1) return;
  }
  clear_mlocked(pfn);
  if (listed && page.has(kPageUnevictable)) make_evictable(pfn);
}

Task<void> Lru::mlock_drain(int cpu) {
  CpuPagevecs& pagevecs = pagevecs_[static_cast<unsigned>(cpu)];
  if (pagevecs.mlock.empty()) co_return;
  const std::vector<Mlocking> batch(pagevecs.mlock);
  pagevecs.parked -= batch.size();
  pagevecs.mlock.clear();
  std::vector<Pfn> pages;
  for (const Mlocking& entry : batch) {
    if (entry.step == MlockStep::lock)
      finish_mlock(entry.pfn);
    else if (entry.step == MlockStep::lock_new)
      finish_mlock_new(entry.pfn);
    else
      finish_munlock(entry.pfn);
    --core_.map.edit(entry.pfn).pagevecs;
    pages.push_back(entry.pfn);
  }
  co_await release_pages(std::move(pages));
}

// --- any release ---

Task<void> Lru::mlock(Pfn pfn) {
  const bool v4_16 = release_ >= Release::v4_19;
  const bool v5_18 = release_ >= Release::v6_1;
  if (v5_18) {
    set_mlocked(pfn);
    co_await queue_mlock(MlockStep::lock, pfn);
    co_return;
  }
  co_await add_drain(core_.engine.cpu());
  if (core_.map.page(pfn).has(kPageMlocked)) co_return;
  set_mlocked(pfn);
  if (!core_.map.page(pfn).has(kPageLru)) co_return;
  if (!v4_16) {
    make_unevictable(pfn, 0);
    co_return;
  }
  remove_from_list(pfn);
  co_await cache_add(pfn);
}

Task<void> Lru::mlock_new(Pfn pfn) {
  const bool v4_16 = release_ >= Release::v4_19;
  const bool v5_18 = release_ >= Release::v6_1;
  set_mlocked(pfn);
  if (v5_18) {
    co_await queue_mlock(MlockStep::lock_new, pfn);
  } else if (v4_16) {
    co_await cache_add(pfn);
  } else {
    core_.map.edit(pfn).flags |= kPageUnevictable;
    add_to_list(pfn);
  }
}

Task<void> Lru::munlock(Pfn pfn) { co_await queue_mlock(MlockStep::unlock, pfn); }

Task<void> Lru::munlock_v3(Pfn pfn, bool locked, bool fast) {
  if (!clear_mlocked(pfn)) co_return;
  if (!core_.map.page(pfn).has(kPageLru)) co_return;
  if (fast && !locked) {
    make_evictable(pfn);
    co_return;
  }
  if (locked) set_mlocked(pfn);
  const bool v4_16 = release_ >= Release::v4_19;
  if (locked && !v4_16) co_return;
  remove_from_list(pfn);
  core_.map.edit(pfn).flags &= ~kPageUnevictable;
  co_await cache_add(pfn);
}

}  // namespace cma
