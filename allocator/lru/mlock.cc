// Locked memory (mm/mlock.c): the way of its pages to the unevictable list and back.
//
// Up to 5.17 a page is taken off its list and put on the one where it now belongs. Since 5.18 it waits in the CPU's
// mlock pagevec first, with a reference as in any other, and counts how many locked mappings it has while it is on the
// unevictable list. The count is lost whenever the page leaves that list, and may then be too low.

#include "allocator/lru/lru.h"

namespace cma {

void Lru::move_mlocked(Pfn from, Pfn to) {
  if (lists_.clear_mlocked(from)) lists_.set_mlocked(to);
}

// --- since 5.18 ---

// Puts a page in this CPU's mlock pagevec, and drains it if that fills it or the caches are disabled.
Task<void> Lru::queue_mlock(MlockStep step, Pfn pfn) {
  CpuPagevecs& pagevecs = pagevecs_here();
  const bool at_once = reserve_slot(pfn);
  pagevecs.mlock.push_back({pfn, step});
  if (pagevecs.mlock.size() >= pagevec_size(release_) || at_once) co_await mlock_drain(core_.engine.cpu());
}

// The steps of a drain, on one page: __mlock_page, __mlock_new_page, __munlock_page.
void Lru::finish_mlock(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  if (!page.has(kPageLru)) return;
  if (!page.has(kPageMlocked)) {
    // Another CPU has unlocked it meanwhile.
    if (page.has(kPageUnevictable)) lists_.relist(pfn, 0, kPageUnevictable);
    return;
  }
  if (page.has(kPageUnevictable)) {
    lists_.set_mlock_count(pfn, mlock_count(pfn) + 1);
  } else {
    lists_.relist(pfn, kPageUnevictable, kPageActive);
    lists_.set_mlock_count(pfn, 1);
  }
}

void Lru::finish_mlock_new(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  const bool locked = page.has(kPageMlocked);
  if (locked) page.flags |= kPageUnevictable;
  lists_.add(pfn);
  if (locked) lists_.set_mlock_count(pfn, 1);
}

// Clears the flag with the last locked mapping that was counted; a page that is off the LRU has no count, and its flag
// goes at once.
void Lru::finish_munlock(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  const bool listed = page.has(kPageLru);
  if (listed && page.has(kPageUnevictable)) {
    const unsigned count = mlock_count(pfn);
    if (count > 0) lists_.set_mlock_count(pfn, count - 1);
    if (count > 1) return;
  }
  lists_.clear_mlocked(pfn);
  if (listed && page.has(kPageUnevictable)) lists_.relist(pfn, 0, kPageUnevictable);
}

Task<void> Lru::mlock_drain(int cpu) {
  CpuPagevecs& pagevecs = pagevecs_[static_cast<unsigned>(cpu)];
  if (pagevecs.mlock.empty()) co_return;
  const std::vector<Mlocking> batch(pagevecs.mlock);
  pagevecs.parked -= batch.size();
  pagevecs.mlock.clear();
  std::vector<Pfn> pages;
  for (const Mlocking& entry : batch) {
    switch (entry.step) {
      case MlockStep::lock: finish_mlock(entry.pfn); break;
      case MlockStep::lock_new: finish_mlock_new(entry.pfn); break;
      case MlockStep::unlock: finish_munlock(entry.pfn); break;
    }
    --core_.map.edit(entry.pfn).pagevecs;
    pages.push_back(entry.pfn);
  }
  co_await release_pages(std::move(pages));
}

Task<void> Lru::munlock_v5_18(Pfn pfn) { co_await queue_mlock(MlockStep::unlock, pfn); }

// --- any release ---

Task<void> Lru::mlock(Pfn pfn) {
  if (release_ >= Release::v5_18) {
    lists_.set_mlocked(pfn);
    co_await queue_mlock(MlockStep::lock, pfn);
    co_return;
  }
  co_await add_drain(core_.engine.cpu());
  if (!lists_.set_mlocked(pfn) || !core_.map.page(pfn).has(kPageLru)) co_return;
  if (release_ < Release::v4_16) {
    lists_.relist(pfn, kPageUnevictable, kPageActive);
    co_return;
  }
  lists_.remove(pfn);
  co_await cache_add(pfn);
}

Task<void> Lru::mlock_new(Pfn pfn) {
  lists_.set_mlocked(pfn);
  if (release_ >= Release::v5_18) {
    co_await queue_mlock(MlockStep::lock_new, pfn);
  } else if (release_ >= Release::v4_16) {
    co_await cache_add(pfn);
  } else {
    core_.map.edit(pfn).flags |= kPageUnevictable;
    lists_.add(pfn);
  }
}

// --- up to 5.17 ---

Task<void> Lru::munlock_v3_5(Pfn pfn, bool locked, bool fast) {
  if (!lists_.clear_mlocked(pfn)) co_return;
  if (!core_.map.page(pfn).has(kPageLru)) co_return;
  if (fast && !locked) {
    lists_.relist(pfn, 0, kPageUnevictable);
    co_return;
  }
  if (locked) lists_.set_mlocked(pfn);
  if (locked && release_ < Release::v4_16) co_return;
  lists_.remove(pfn);
  core_.map.edit(pfn).flags &= ~kPageUnevictable;
  co_await cache_add(pfn);
}

}  // namespace cma
