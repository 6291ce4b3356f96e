#include "allocator/lru/mlock.h"

#include "allocator/lru/pagevecs.h"
#include "allocator/lru/references.h"

namespace cma {

MlockPages::MlockPages(const Core& core, References& references, Pagevecs& pagevecs, LruLists& lists)
    : release_(core.geometry.release),
      core_(core),
      references_(references),
      queues_(pagevecs),
      lists_(lists),
      pagevecs_(static_cast<std::size_t>(core.geometry.cpus)) {
  for (std::vector<Mlocking>& pagevec : pagevecs_) pagevec.reserve(pagevec_size(release_));
}

void MlockPages::move_flag(Pfn from, Pfn to) {
  if (lists_.clear_mlocked(from) && !core_.bugs.fires(Bug::move_unlocks)) lists_.set_mlocked(to);
}

// --- since 5.18 ---

// Puts a page in this CPU's mlock pagevec, and drains it if that fills it or the slot says so.
Task<void> MlockPages::queue(MlockStep step, Pfn pfn) {
  std::vector<Mlocking>& pagevec = pagevecs_[static_cast<unsigned>(core_.engine.cpu())];
  const bool at_once = queues_.reserve_slot(pfn);
  pagevec.push_back({pfn, step});
  if (pagevec.size() >= pagevec_size(release_) || at_once) co_await drain(core_.engine.cpu());
}

// The steps of a drain, on one page: __mlock_page, __mlock_new_page, __munlock_page.
void MlockPages::finish_mlock(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  if (!page.has(kPageLru)) return;
  if (!page.has(kPageMlocked)) {
    // Another CPU has unlocked it meanwhile.
    if (page.has(kPageUnevictable)) lists_.relist(pfn, 0, kPageUnevictable);
    return;
  }
  if (page.has(kPageUnevictable)) {
    lists_.set_mlock_count(pfn, lists_.mlock_count(pfn) + 1);
  } else {
    lists_.relist(pfn, kPageUnevictable, kPageActive);
    lists_.set_mlock_count(pfn, 1);
  }
}

void MlockPages::finish_mlock_new(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  const bool locked = page.has(kPageMlocked);
  if (locked) page.flags |= kPageUnevictable;
  lists_.add(pfn);
  if (locked) lists_.set_mlock_count(pfn, 1);
}

// Clears the flag with the last mlocked mapping that was counted; a page that is off the LRU has no count, and its flag
// goes at once.
void MlockPages::finish_munlock(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  const bool listed = page.has(kPageLru);
  if (listed && page.has(kPageUnevictable)) {
    const unsigned count = lists_.mlock_count(pfn);
    if (count > 0) lists_.set_mlock_count(pfn, count - 1);
    if (count > 1) return;
  }
  lists_.clear_mlocked(pfn);
  if (listed && page.has(kPageUnevictable)) lists_.relist(pfn, 0, kPageUnevictable);
}

Task<void> MlockPages::drain(int cpu) {
  std::vector<Mlocking>& pagevec = pagevecs_[static_cast<unsigned>(cpu)];
  if (pagevec.empty()) co_return;
  const std::vector<Mlocking> batch(pagevec);
  pagevec.clear();
  std::vector<Pfn> pages;
  for (const Mlocking& entry : batch) {
    switch (entry.step) {
      case MlockStep::lock: finish_mlock(entry.pfn); break;
      case MlockStep::lock_new: finish_mlock_new(entry.pfn); break;
      case MlockStep::unlock: finish_munlock(entry.pfn); break;
    }
    queues_.leave_slot(entry.pfn);
    pages.push_back(entry.pfn);
  }
  co_await references_.release_pages(std::move(pages));
}

Task<void> MlockPages::munlock_when_unmapped(Pfn pfn) { co_await queue(MlockStep::unlock, pfn); }

// --- any release ---

Task<void> MlockPages::mlock(Pfn pfn) {
  if (release_ >= Release::v5_18) {
    lists_.set_mlocked(pfn);
    co_await queue(MlockStep::lock, pfn);
    co_return;
  }
  if (!lists_.set_mlocked(pfn) || !core_.map.page(pfn).has(kPageLru)) co_return;
  if (release_ < Release::v4_16) {
    lists_.relist(pfn, kPageUnevictable, kPageActive);
    co_return;
  }
  lists_.remove(pfn);
  co_await queues_.cache_add(pfn);
}

Task<void> MlockPages::mlock_new(Pfn pfn) {
  lists_.set_mlocked(pfn);
  if (release_ >= Release::v5_18) {
    co_await queue(MlockStep::lock_new, pfn);
  } else if (release_ >= Release::v4_16) {
    co_await queues_.cache_add(pfn);
  } else {
    core_.map.edit(pfn).flags |= kPageUnevictable;
    lists_.add(pfn);
  }
}

// --- up to 5.17 ---

Task<void> MlockPages::munlock_under_page_lock(Pfn pfn, StillMapped still_mapped) {
  if (!lists_.clear_mlocked(pfn)) co_return;
  if (!core_.map.page(pfn).has(kPageLru)) co_return;
  if (still_mapped == StillMapped::no) {
    lists_.relist(pfn, 0, kPageUnevictable);
    co_return;
  }
  const bool locked = still_mapped == StillMapped::by_mlocked_memory;
  if (locked) lists_.set_mlocked(pfn);
  if (locked && release_ < Release::v4_16) co_return;
  lists_.remove(pfn);
  core_.map.edit(pfn).flags &= ~kPageUnevictable;
  co_await queues_.cache_add(pfn);
}

}  // namespace cma
