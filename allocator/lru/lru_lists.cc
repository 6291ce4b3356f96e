#include "allocator/lru/lru_lists.h"

#include <algorithm>

namespace cma {

void LruLists::copy_from(const LruLists& other) {
  lists_ = other.lists_;
  sizes_ = other.sizes_;
  zones_ = other.zones_;
  mlock_counts_ = other.mlock_counts_;
  mlocked_ = other.mlocked_;
}

// --- lists ---

unsigned LruLists::index_of_list(const Page& page) {
  if (page.has(kPageUnevictable)) return static_cast<unsigned>(LruList::unevictable);
  return (page.has(kPageSwapbacked) ? 0U : 2U) + (page.has(kPageActive) ? 1U : 0U);
}

void LruLists::add(Pfn pfn, LruEnd end) {
  Page& page = core_.map.edit(pfn);
  CMA_ASSERT(!page.has(kPageLru | kPageBuddy | kPagePcp | kPageTaskList));
  page.flags |= kPageLru;
  const unsigned list = index_of_list(page);
  if (end == LruEnd::tail)
    lists_[list].push_back(core_.map, core_.map.frame(pfn));
  else
    lists_[list].push_front(core_.map, core_.map.frame(pfn));
  sizes_[list] += pages_of(page);
  zones_[page.zone].sizes[list] += pages_of(page);
}

void LruLists::remove(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  const unsigned list = index_of_list(page);
  lists_[list].remove(core_.map, core_.map.frame(pfn));
  CMA_ASSERT(sizes_[list] >= pages_of(page));
  sizes_[list] -= pages_of(page);
  zones_[page.zone].sizes[list] -= pages_of(page);
  page.flags &= ~kPageLru;
  // The kernel keeps the count in the links of the list.
  if (!mlock_counts_.empty()) set_mlock_count(pfn, 0);
}

void LruLists::relist(Pfn pfn, std::uint32_t set, std::uint32_t clear, LruEnd end) {
  remove(pfn);
  Page& page = core_.map.edit(pfn);
  page.flags = (page.flags & ~clear) | set;
  add(pfn, end);
}

void LruLists::insert_before(Pfn pfn, Pfn listed) {
  Page& page = core_.map.edit(pfn);
  CMA_ASSERT(!page.has(kPageLru | kPageTaskList) && core_.map.page(listed).has(kPageLru));
  page.flags |= kPageLru;
  lists_[index_of_list(core_.map.page(listed))].insert_before(core_.map, core_.map.frame(pfn), core_.map.frame(listed));
}

// --- counts of isolated pages ---

void LruLists::count_isolated(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  isolated_like(page) += static_cast<std::int64_t>(pages_of(page));
}

void LruLists::uncount_isolated(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  std::int64_t& isolated = isolated_like(page);
  isolated -= static_cast<std::int64_t>(pages_of(page));
  CMA_ASSERT(isolated >= 0);
}

std::int64_t LruLists::isolated(unsigned kind) const {
  std::int64_t pages = 0;
  for (const ZoneCounts& counts : zones_) pages += counts.isolated[kind];
  return pages;
}

bool LruLists::too_many_isolated(bool may_enter_fs) const {
  std::uint64_t inactive = size(LruList::inactive_anon) + size(LruList::inactive_file);
  std::uint64_t active = size(LruList::active_anon) + size(LruList::active_file);
  // Since 6.5 callers that may enter a file system leave room for those that may not.
  if (release_ >= Release::v6_5 && may_enter_fs) {
    inactive /= 8;
    active /= 8;
  }
  return static_cast<std::uint64_t>(isolated_anon() + isolated_file()) > (inactive + active) / 2;
}

// --- mlocked memory ---

bool LruLists::set_mlocked(Pfn pfn) {
  if (core_.map.page(pfn).has(kPageMlocked)) return false;
  core_.map.edit(pfn).flags |= kPageMlocked;
  ++mlocked_;
  return true;
}

bool LruLists::clear_mlocked(Pfn pfn) {
  if (!core_.map.page(pfn).has(kPageMlocked)) return false;
  core_.map.edit(pfn).flags &= ~kPageMlocked;
  --mlocked_;
  CMA_ASSERT(mlocked_ >= 0);
  return true;
}

unsigned LruLists::mlock_count(Pfn pfn) const {
  const auto it = std::ranges::find(mlock_counts_, pfn, &MlockCount::pfn);
  return it == mlock_counts_.end() ? 0 : it->count;
}

void LruLists::set_mlock_count(Pfn pfn, unsigned count) {
  const auto it = std::ranges::find(mlock_counts_, pfn, &MlockCount::pfn);
  if (it != mlock_counts_.end() && count == 0)
    mlock_counts_.erase(it);
  else if (it != mlock_counts_.end())
    it->count = count;
  else if (count != 0)
    mlock_counts_.push_back({pfn, count});
}

}  // namespace cma
