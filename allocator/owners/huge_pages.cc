// Transparent huge pages (mm/huge_memory.c, mm/rmap.c): mapped by pmds, by ptes of their pages, or by both.
// owner_moves_huge.cc moves and splits them.
//
// The first page counts references and mappings for all of them; each page has its record and its content. A page
// whose last mapping went is still part of the huge page and in memory until that is split or goes as a whole.

#include <algorithm>

#include "allocator/owners/owners.h"

namespace cma {

Task<OwnerId> Owners::adopt_huge(Pfn head, PteId pmd) {
  const Page& fresh = core_.map.page(head);
  CMA_ASSERT(fresh.has(kPageHead) && fresh.ref > 0 && fresh.map == 0 && fresh.owner == 0);
  CMA_ASSERT(is_aligned(head, pages_of(fresh)) && fresh.order <= core_.map.pageblock_order());
  HugePage made;
  made.order = fresh.order;
  made.first = static_cast<OwnerId>(owners_.size() + 1);
  huge_.push_back(made);
  for (Pfn pfn = head; pfn < head + made.pages(); ++pfn) {
    const OwnerId id = add_record(pfn, PageKind::anonymous);
    record(id).huge = static_cast<HugeId>(huge_.size());
    record(id).handed_out = false;
  }
  Page& page = core_.map.edit(head);
  page.order = static_cast<std::uint8_t>(made.order);
  page.flags = kPageHead | kPageSwapbacked | kPageUptodate | kPageAnon;
  map_pmd(pmd, made.first);
  co_await lru_.pagevecs().cache_add(head);
  co_return made.first;
}

std::uint32_t Owners::most_mapped(HugeId id) const {
  const HugePage& whole = huge_page(id);
  std::uint32_t most = 0;
  for (std::uint64_t i = 0; i < whole.pages(); ++i) most = std::max(most, owners_[whole.first - 1 + i].mapped);
  return most + whole.pmds;
}

// --- pmds ---

void Owners::map_pmd(PteId id, OwnerId first) {
  copy_migration_pmd(id, first);
  spaces_.pte(id).state = Pte::State::present;
  ++huge(record(first).huge).pmds;
  ++core_.map.edit(record(first).pfn).map;
}

void Owners::copy_migration_pmd(PteId id, OwnerId first) {
  Pte& pmd = spaces_.pte(id);
  CMA_ASSERT(pmd.pmd && pmd.state == Pte::State::none);
  HugePage& page = huge(record(first).huge);
  pmd.state = Pte::State::migration;
  pmd.page = first;
  pmd.next = page.first_pmd;
  page.first_pmd = id;
  ++page.entries;
}

void Owners::uncount_pmd(HugePage& whole) {
  --whole.pmds;
  --core_.map.edit(record(whole.first).pfn).map;
  whole.note_partial();
}

// Counts an entry less. After the last pmd, pte or migration entry nothing leads to the huge page.
void Owners::entry_gone(HugeId id) {
  HugePage& page = huge(id);
  if (--page.entries != 0) return;
  for (std::uint64_t i = 0; i < page.pages(); ++i) record(static_cast<OwnerId>(page.first + i)).pfn = kNoPfn;
}

Pfn Owners::zap_pmd(PteId id) {
  const Pte pmd = spaces_.pte(id);
  if (pmd.state == Pte::State::none) return kNoPfn;
  const HugeId which = record(pmd.page).huge;
  const Pfn head = record(pmd.page).pfn;
  unlink_pte(id);
  const bool present = pmd.state == Pte::State::present;
  if (present) uncount_pmd(huge(which));
  entry_gone(which);
  return present ? head : kNoPfn;
}

Task<void> Owners::split_pmd(PteId id) {
  const Pte pmd = spaces_.pte(id);
  CMA_ASSERT(pmd.pmd && pmd.state != Pte::State::none);
  const HugeId which = record(pmd.page).huge;
  const OwnerId first = pmd.page;
  const std::uint64_t pages = huge(which).pages();
  const bool present = pmd.state == Pte::State::present;
  if (present) {
    // The references of the ptes come before their map counts, and the pmd's map count goes last.
    core_.map.edit(record(first).pfn).ref += static_cast<std::int32_t>(pages) - 1;
    co_await at(core_.engine, Point::split_pmd_referenced);
  }
  for (std::uint64_t i = 0; i < pages; ++i) {
    const auto pte = static_cast<PteId>(pmd.table + i);
    const auto page = static_cast<OwnerId>(first + i);
    if (present)
      map_pte(pte, page);
    else
      copy_migration_entry(pte, page);
    record(page).moving_from = record(first).moving_from;
    spaces_.pte(pte).writable = pmd.writable;
    spaces_.pte(pte).dirty = true;
  }
  unlink_pte(id);
  --huge(which).entries;
  if (present) uncount_pmd(huge(which));
}

}  // namespace cma
