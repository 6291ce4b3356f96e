// Transparent huge pages (mm/huge_memory.c, mm/rmap.c): mapped by pmds, by ptes of their pages, or by both.
// owner_moves_huge.cc moves and splits them.
//
// The first page counts references and mappings for all of them; each page has its record and its content. A page
// whose last mapping went is still part of the huge page and in memory until that is split or goes as a whole.

#include <algorithm>

#include "allocator/owners/reverse_map.h"

namespace cma {

std::uint32_t ReverseMap::most_mapped(HugeId id) const {
  const HugePage& whole = records_.huge_page(id);
  std::uint32_t most = 0;
  for (std::uint64_t i = 0; i < whole.pages(); ++i) most = std::max(most, records_.owner(whole.record(i)).mapped);
  return most + whole.pmds;
}

void ReverseMap::link_pmd(PteId id, OwnerId first, Pte::State state) {
  Pte& pmd = spaces_.pte(id);
  CMA_ASSERT(pmd.pmd && pmd.state == Pte::State::none && records_.owner(first).huge != 0);
  HugePage& page = records_.edit_huge(records_.owner(first).huge);
  pmd.state = state;
  pmd.page = first;
  pmd.next = page.first_pmd;
  page.first_pmd = id;
  ++page.entries;
}

void ReverseMap::map_pmd(PteId id, OwnerId first) {
  link_pmd(id, first, Pte::State::present);
  count_pmd(records_.edit_huge(records_.owner(first).huge));
}

void ReverseMap::copy_migration_pmd(PteId id, OwnerId first) { link_pmd(id, first, Pte::State::migration); }

void ReverseMap::set_migration_pmd(PteId id) {
  Pte& pmd = spaces_.pte(id);
  CMA_ASSERT(pmd.pmd && pmd.state == Pte::State::present);
  pmd.state = Pte::State::migration;
  Owner& first = records_.edit(pmd.page);
  first.moving_from = first.pfn;
  uncount_pmd(records_.edit_huge(first.huge));
}

void ReverseMap::remove_migration_pmd(PteId id) {
  Pte& pmd = spaces_.pte(id);
  CMA_ASSERT(pmd.pmd && pmd.state == Pte::State::migration);
  pmd.state = Pte::State::present;
  count_pmd(records_.edit_huge(records_.owner(pmd.page).huge));
}

void ReverseMap::count_pmd(HugePage& whole) {
  ++whole.pmds;
  ++core_.map.edit(records_.owner(whole.first).pfn).map;
}

void ReverseMap::uncount_pmd(HugePage& whole) {
  --whole.pmds;
  --core_.map.edit(records_.owner(whole.first).pfn).map;
  whole.note_partial();
}

// Counts an entry less. After the last pmd, pte or migration entry nothing leads to the huge page.
void ReverseMap::entry_gone(HugeId id) {
  HugePage& page = records_.edit_huge(id);
  if (--page.entries != 0) return;
  for (std::uint64_t i = 0; i < page.pages(); ++i) records_.edit(page.record(i)).pfn = kNoPfn;
}

Pfn ReverseMap::zap_pmd(PteId id) {
  const Pte pmd = spaces_.pte(id);
  if (pmd.state == Pte::State::none) return kNoPfn;
  const HugeId which = records_.owner(pmd.page).huge;
  const Pfn head = records_.owner(pmd.page).pfn;
  unlink(id);
  const bool present = pmd.state == Pte::State::present;
  if (present) uncount_pmd(records_.edit_huge(which));
  entry_gone(which);
  return present ? head : kNoPfn;
}

Task<void> ReverseMap::split_pmd(PteId id) {
  const Pte pmd = spaces_.pte(id);
  CMA_ASSERT(pmd.pmd && pmd.state != Pte::State::none);
  const HugeId which = records_.owner(pmd.page).huge;
  const OwnerId first = pmd.page;
  const std::uint64_t pages = records_.huge_page(which).pages();
  const bool present = pmd.state == Pte::State::present;
  if (present) {
    // The references of the ptes come before their map counts, and the pmd's map count goes last.
    core_.map.edit(records_.owner(first).pfn).ref += static_cast<std::int32_t>(pages) - 1;
    co_await at(core_.engine, Point::split_pmd_referenced);
  }
  for (std::uint64_t i = 0; i < pages; ++i) {
    const auto pte = static_cast<PteId>(pmd.table + i);
    const auto page = static_cast<OwnerId>(first + i);
    if (present)
      map_pte(pte, page);
    else
      copy_migration_entry(pte, page);
    records_.edit(page).moving_from = records_.owner(first).moving_from;
    spaces_.pte(pte).writable = pmd.writable;
    spaces_.pte(pte).dirty = true;
  }
  unlink(id);
  --records_.edit_huge(which).entries;
  if (present) uncount_pmd(records_.edit_huge(which));
}

}  // namespace cma
