#include "allocator/owners/reverse_map.h"

namespace cma {

ReverseMap::ReverseMap(const Core& core, Lru& lru, AddressSpaces& spaces, OwnerRecords& records)
    : release_(core.geometry.release), core_(core), lru_(lru), spaces_(spaces), records_(records) {}

void ReverseMap::link_pte(PteId id, OwnerId page, Pte::State state) {
  Pte& pte = spaces_.pte(id);
  Owner& owner = records_.edit(page);
  CMA_ASSERT(!pte.pmd && pte.state == Pte::State::none && is_mappable(owner.kind));
  pte.state = state;
  pte.page = page;
  pte.next = owner.first_pte;
  owner.first_pte = id;
  if (owner.huge != 0) ++records_.edit_huge(owner.huge).entries;
}

void ReverseMap::map_pte(PteId id, OwnerId page) {
  link_pte(id, page, Pte::State::present);
  count_pte(records_.edit(page));
}

void ReverseMap::copy_migration_entry(PteId id, OwnerId page) { link_pte(id, page, Pte::State::migration); }

void ReverseMap::count_pte(Owner& owner) {
  ++owner.mapped;
  ++core_.map.edit(counted_at(owner)).map;
  if (owner.huge != 0 && owner.mapped == 1) ++records_.edit_huge(owner.huge).pages_mapped;
}

void ReverseMap::uncount_pte(Owner& owner) {
  --owner.mapped;
  --core_.map.edit(counted_at(owner)).map;
  if (owner.huge == 0 || owner.mapped != 0) return;
  HugePage& huge = records_.edit_huge(owner.huge);
  --huge.pages_mapped;
  huge.note_partial();
}

void ReverseMap::set_migration_entry(PteId id) {
  Pte& pte = spaces_.pte(id);
  CMA_ASSERT(pte.state == Pte::State::present);
  pte.state = Pte::State::migration;
  // Since 6.1 the entry keeps it.
  pte.young = pte.young && release_ >= Release::v6_1;
  if (pte.dirty && core_.bugs.fires(Bug::entry_forgets_write)) pte.dirty = false;
  Owner& owner = records_.edit(pte.page);
  owner.moving_from = counted_at(owner);
  uncount_pte(owner);
}

void ReverseMap::remove_migration_entry(PteId id) {
  Pte& pte = spaces_.pte(id);
  CMA_ASSERT(pte.state == Pte::State::migration);
  pte.state = Pte::State::present;
  count_pte(records_.edit(pte.page));
}

// Takes a pte or pmd out of its chain, and clears it.
void ReverseMap::unlink(PteId id) {
  const Pte& entry = spaces_.pte(id);
  Owner& owner = records_.edit(entry.page);
  PteId* link = entry.pmd ? &records_.edit_huge(owner.huge).first_pmd : &owner.first_pte;
  while (*link != id) {
    core_.engine.turn();
    link = &spaces_.pte(*link).next;
  }
  *link = entry.next;
  spaces_.clear(id);
}

Pfn ReverseMap::zap_pte(PteId id) {
  const Pte pte = spaces_.pte(id);
  if (pte.state == Pte::State::none) return kNoPfn;
  Owner& owner = records_.edit(pte.page);
  const Pfn pfn = counted_at(owner);
  unlink(id);
  if (pte.state == Pte::State::present) uncount_pte(owner);
  // Nothing leads to an anonymous page once its last pte is gone, and to a huge page once all its entries are.
  if (owner.huge != 0)
    entry_gone(owner.huge);
  else if (is_private(owner.kind) && owner.first_pte == 0)
    owner.pfn = kNoPfn;
  return pte.state == Pte::State::present ? pfn : kNoPfn;
}

void ReverseMap::write_protect(OwnerId id) {
  for (PteId pte = records_.owner(id).first_pte; pte != 0; pte = spaces_.pte(pte).next) {
    core_.engine.turn();
    spaces_.pte(pte).writable = false;
    spaces_.pte(pte).dirty = false;
  }
}

// Drops the map count first, then the reference. As any unmapping does, empties the CPU's pagevecs before and after: a
// page that is still in one could not be freed.
Task<void> ReverseMap::unmap_for_good(OwnerId id) {
  CMA_ASSERT(records_.owner(id).huge == 0);
  const bool anonymous = is_private(records_.owner(id).kind);
  while (const PteId found = records_.owner(id).first_pte) {
    core_.engine.turn();
    co_await lru_.drain().add_drain(core_.engine.cpu());
    const SpaceId space = spaces_.pte(found).space;
    if (space != 0) co_await spaces_.lock(space).lock(core_.engine);
    const Pte was = spaces_.pte(found);
    const Pfn pfn = was.page == id ? zap_pte(found) : kNoPfn;
    if (pfn != kNoPfn && was.young && !anonymous) co_await lru_.pagevecs().mark_accessed(pfn);
    if (space != 0) spaces_.lock(space).unlock(core_.engine);
    co_await lru_.drain().add_drain(core_.engine.cpu());
    if (pfn != kNoPfn) co_await lru_.references().put_page(pfn);
  }
}

PteId ReverseMap::find_entry(PteId first, Pte::State state) const {
  for (PteId pte = first; pte != 0; pte = spaces_.pte(pte).next) {
    core_.engine.turn();
    if (spaces_.pte(pte).state != state) continue;
    // The stack of an exec is never huge (transparent_hugepage_enabled).
    const Owner& owner = records_.owner(spaces_.pte(pte).page);
    const bool left_alone = state == Pte::State::present && spaces_.temporary_stack(spaces_.pte(pte).space) &&
                            owner.kind == PageKind::anonymous && owner.huge == 0;
    if (!left_alone) return pte;
  }
  return 0;
}

bool ReverseMap::mapped_locked(OwnerId id) const {
  for (PteId pte = records_.owner(id).first_pte; pte != 0; pte = spaces_.pte(pte).next) {
    core_.engine.turn();
    if (spaces_.pte(pte).state == Pte::State::present && spaces_.pte(pte).locked) return true;
  }
  return false;
}

}  // namespace cma
