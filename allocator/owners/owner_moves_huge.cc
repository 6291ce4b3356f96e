// Transparent huge pages on the move: unmapped and moved whole, or split into as many pages
// (mm/huge_memory.c, mm/migrate.c).

#include "allocator/base/error.h"
#include "allocator/owners/owner_moves.h"

namespace cma {

// Replaces pmds by migration entries (try_to_migrate). Like unmap_ptes(), looks again after each.
Task<void> OwnerMoves::unmap_pmds(HugeId id) {
  while (const PteId found = reverse_map_.find_entry(records_.huge_page(id).first_pmd, Pte::State::present)) {
    core_.engine.turn();
    const SpaceId space = spaces_.pte(found).space;
    co_await spaces_.lock(space).lock(core_.engine);
    const Pte& pmd = spaces_.pte(found);
    const OwnerId first = records_.huge_page(id).first;
    if (pmd.page == first && pmd.state == Pte::State::present) {
      reverse_map_.set_migration_pmd(found);
      const Pfn head = records_.owner(first).pfn;
      --core_.map.edit(head).ref;
      CMA_ASSERT(core_.map.page(head).map >= 0 && core_.map.page(head).ref > 0);
    }
    spaces_.lock(space).unlock(core_.engine);
  }
}

Task<void> OwnerMoves::unmap_huge(HugeId id) {
  co_await unmap_pmds(id);
  const OwnerId first = records_.huge_page(id).first;
  const Pfn head = records_.owner(first).pfn;
  const std::uint64_t pages = records_.huge_page(id).pages();
  for (std::uint64_t i = 0; head != kNoPfn && records_.huge_page(id).pages_mapped > 0 && i < pages; ++i)
    co_await unmap_ptes(static_cast<OwnerId>(first + i), head);
}

Task<void> OwnerMoves::remap_huge(HugeId id, Pfn head) {
  while (const PteId found = reverse_map_.find_entry(records_.huge_page(id).first_pmd, Pte::State::migration)) {
    core_.engine.turn();
    const SpaceId space = spaces_.pte(found).space;
    co_await spaces_.lock(space).lock(core_.engine);
    const Pte& pmd = spaces_.pte(found);
    if (pmd.page == records_.huge_page(id).first && pmd.state == Pte::State::migration) {
      ++core_.map.edit(head).ref;
      reverse_map_.remove_migration_pmd(found);
    }
    spaces_.lock(space).unlock(core_.engine);
  }
  const OwnerId first = records_.huge_page(id).first;
  const std::uint64_t pages = records_.huge_page(id).pages();
  for (std::uint64_t i = 0; i < pages; ++i) co_await remap_ptes(static_cast<OwnerId>(first + i), head);
}

int OwnerMoves::move_huge(HugeId id, Pfn old, Pfn target) {
  // The migration list's reference.
  if (core_.map.page(old).ref != 1) return -kEAGAIN;
  if (core_.bugs.fires(Bug::huge_page_stays)) return -kEBUSY;
  HugePage& huge = records_.edit_huge(id);
  CMA_ASSERT(pages_of(core_.map.page(old)) == huge.pages() && pages_of(core_.map.page(target)) == huge.pages());
  huge.partially_mapped = false;
  for (std::uint64_t i = 0; i < huge.pages(); ++i) take_over(records_.edit(huge.record(i)), old + i, target + i);
  return 0;
}

std::int32_t OwnerMoves::mapcount_of_first(Pfn head) const {
  const OwnerId id = core_.map.page(head).owner;
  if (id == 0 || records_.owner(id).huge == 0) return core_.map.page(head).map;
  return static_cast<std::int32_t>(reverse_map_.page_mapcount(records_.owner(id)));
}

bool OwnerMoves::partially_mapped(Pfn head) const {
  const OwnerId id = core_.map.page(head).owner;
  return id != 0 && records_.owner(id).huge != 0 && records_.huge_page(records_.owner(id).huge).partially_mapped;
}

Task<int> OwnerMoves::split(Pfn head, PageList* list) {
  const OwnerId first = core_.map.page(head).owner;
  const int busy = since(release_, Release::v6_2, {Release::v6_1}) ? -kEAGAIN : -kEBUSY;
  const bool references_matter = release_ >= Release::v4_5;
  // folio_get_anon_vma: nothing maps it, so nothing leads to its anon_vma.
  if (first == 0 || records_.owner(first).huge == 0 || core_.map.page(head).map == 0) co_return -kEBUSY;
  // can_split_folio: all references but the caller's are mappings'.
  if (references_matter && core_.map.page(head).map != core_.map.page(head).ref - 1) co_return busy;
  const HugeId id = records_.owner(first).huge;
  const std::uint64_t pages = records_.huge_page(id).pages();
  co_await split_pmds(id);
  co_await unmap_huge(id);
  co_await at(core_.engine, Point::split_unmapped);
  const bool frozen = !references_matter || core_.map.page(head).ref == 1;
  if (!frozen || core_.map.page(head).map != 0) {
    co_await remap_huge(id, head);
    co_return busy;
  }
  split_into_pages(id, head, list);
  co_await remap_split(first, head, pages);
  co_return 0;
}

// Splits every pmd before the page is unmapped, which then leaves entries of ptes only (TTU_SPLIT_HUGE_PMD).
Task<void> OwnerMoves::split_pmds(HugeId id) {
  // The page is locked: none of them is a migration entry.
  while (const PteId found = reverse_map_.find_entry(records_.huge_page(id).first_pmd, Pte::State::present)) {
    core_.engine.turn();
    const SpaceId space = spaces_.pte(found).space;
    co_await spaces_.lock(space).lock(core_.engine);
    const Pte& pmd = spaces_.pte(found);
    const bool there = pmd.state == Pte::State::present && pmd.page == records_.huge_page(id).first;
    if (there) co_await reverse_map_.split_pmd(found);
    spaces_.lock(space).unlock(core_.engine);
  }
}

// Makes the pages independent (__split_huge_page), under lru_lock with the references frozen.
void OwnerMoves::split_into_pages(HugeId id, Pfn head, PageList* list) {
  const Page before = core_.map.page(head);
  const std::uint32_t inherited =
      before.flags & (kMovingFlags | (list != nullptr ? std::uint32_t{kPageTaskList} : std::uint32_t{0}));
  Page& first = core_.map.edit(head);
  first.flags &= ~kPageHead;
  first.order = 0;
  for (std::uint64_t i = records_.huge_page(id).pages() - 1; i >= 1; --i) {
    const Pfn tail = head + i;
    Page& page = core_.map.edit(tail);
    page.flags = inherited;
    page.ref = list != nullptr ? 2 : 1;
    const bool locked = locks_.try_lock(tail);
    CMA_ASSERT(locked);
    if (list != nullptr)
      list->push_back(core_.map, core_.map.frame(tail));
    else
      lru_.listed().split_tail(tail, head);
  }
  split_records(id);
}

// Makes the records those of ordinary pages. The pmds' migration entries have become ptes' before.
void OwnerMoves::split_records(HugeId id) {
  HugePage& page = records_.edit_huge(id);
  CMA_ASSERT(page.pmds == 0 && page.pages_mapped == 0);
  for (std::uint64_t i = 0; i < page.pages(); ++i) {
    Owner& owner = records_.edit(page.record(i));
    owner.huge = 0;
    if (owner.first_pte == 0) owner.pfn = kNoPfn;
  }
  page.entries = 0;
}

// Maps the pages again (remap_page), and puts the split's own references on the tails.
Task<void> OwnerMoves::remap_split(OwnerId first, Pfn head, std::uint64_t pages) {
  for (std::uint64_t i = 0; i < pages; ++i) co_await remap_ptes(static_cast<OwnerId>(first + i), head + i);
  for (std::uint64_t i = 1; i < pages; ++i) {
    locks_.unlock(head + i);
    co_await lru_.references().put_page(head + i);
  }
}

}  // namespace cma
