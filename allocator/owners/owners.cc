#include "allocator/owners/owners.h"

namespace cma {

std::string_view name_of(PageKind kind) {
  switch (kind) {
    case PageKind::none: return "none";
    case PageKind::unmovable: return "unmovable";
    case PageKind::movable_ops: return "movable-ops";
    case PageKind::anonymous: return "anonymous";
    case PageKind::shmem: return "shmem";
    case PageKind::block_device: return "block-device";
    case PageKind::file: return "file";
    case PageKind::hugetlb: return "hugetlb";
  }
  return "?";
}

Owners::Owners(const Core& core, Lru& lru, PageLocks& locks, Buffers& buffers, Writebacks& writebacks, Device& device,
               AddressSpaces& spaces)
    : release_(core.geometry.release),
      core_(core),
      lru_(lru),
      locks_(locks),
      buffers_(buffers),
      writebacks_(writebacks),
      device_(device),
      spaces_(spaces) {}

OwnerId Owners::add_record(Pfn pfn, PageKind kind) {
  Owner owner;
  owner.kind = kind;
  owner.pfn = pfn;
  // Any value that differs from page to page will do for content; zero is a free page's.
  owner.token = static_cast<std::uint32_t>(owners_.size() + 1) * 2654435761U | 1U;
  owners_.push_back(owner);
  const auto id = static_cast<OwnerId>(owners_.size());
  Page& page = core_.map.edit(pfn);
  page.token = owner.token;
  page.owner = id;
  page.order = 0;
  return id;
}

Task<OwnerId> Owners::adopt(Pfn pfn, PageKind kind, PteId pte) {
  // Others may have taken references of their own on the way here.
  CMA_ASSERT(core_.map.page(pfn).ref > 0 && core_.map.page(pfn).map == 0 && core_.map.page(pfn).owner == 0);
  CMA_ASSERT(kind != PageKind::file);
  const OwnerId id = add_record(pfn, kind);
  Page& page = core_.map.edit(pfn);
  page.flags = kind == PageKind::movable_ops ? kPageMovableOps : 0U;
  if (kind == PageKind::block_device) {
    page.flags = kPageUptodate;
    co_await lru_.pagevecs().cache_add(pfn);
  }
  if (kind == PageKind::anonymous || kind == PageKind::shmem) {
    page.flags = kPageSwapbacked | kPageUptodate | (kind == PageKind::anonymous ? kPageAnon : 0U);
    if (kind == PageKind::anonymous) map_pte(pte != 0 ? pte : spaces_.add_ptes(0, 1), id);
    const bool locked = pte != 0 && spaces_.pte(pte).locked;
    if (locked)
      co_await lru_.mlock_pages().mlock_new(pfn);
    else
      co_await lru_.pagevecs().cache_add(pfn);
  }
  co_return id;
}

OwnerId Owners::adopt_hugetlb(Pfn head) {
  const std::uint8_t order = core_.map.page(head).order;
  const OwnerId id = add_record(head, PageKind::hugetlb);
  core_.map.edit(head).order = order;
  map_pte(spaces_.add_ptes(0, 1), id);
  return id;
}

void Owners::write_content(OwnerId id) {
  Owner& owner = record(id);
  CMA_ASSERT(owner.pfn != kNoPfn);
  // Any different value will do.
  owner.token += 2;
  core_.map.edit(owner.pfn).token = owner.token;
}

// --- page tables ---

void Owners::map_pte(PteId id, OwnerId page) {
  Pte& pte = spaces_.pte(id);
  CMA_ASSERT(pte.state == Pte::State::none);
  pte.state = Pte::State::present;
  pte.page = page;
  Owner& owner = record(page);
  pte.next = owner.first_pte;
  owner.first_pte = id;
  if (owner.huge != 0) ++huge(owner.huge).entries;
  count_mapping(owner);
}

void Owners::count_mapping(Owner& owner) {
  ++owner.mapped;
  ++core_.map.edit(counted_at(owner)).map;
  if (owner.huge != 0 && owner.mapped == 1) ++huge(owner.huge).pages_mapped;
}

void Owners::uncount_mapping(Owner& owner) {
  --owner.mapped;
  --core_.map.edit(counted_at(owner)).map;
  if (owner.huge == 0 || owner.mapped != 0) return;
  --huge(owner.huge).pages_mapped;
  huge(owner.huge).note_partial();
}

void Owners::copy_migration_entry(PteId id, OwnerId page) {
  Pte& pte = spaces_.pte(id);
  CMA_ASSERT(pte.state == Pte::State::none);
  pte.state = Pte::State::migration;
  pte.page = page;
  pte.next = record(page).first_pte;
  record(page).first_pte = id;
  if (record(page).huge != 0) ++huge(record(page).huge).entries;
}

void Owners::unlink_pte(PteId id) {
  const Pte& pte = spaces_.pte(id);
  PteId* link = pte.pmd ? &huge(record(pte.page).huge).first_pmd : &record(pte.page).first_pte;
  while (*link != id) link = &spaces_.pte(*link).next;
  *link = pte.next;
  spaces_.clear(id);
}

bool Owners::mapped_locked(OwnerId id) const {
  for (PteId pte = owner(id).first_pte; pte != 0; pte = spaces_.pte(pte).next)
    if (spaces_.pte(pte).state == Pte::State::present && spaces_.pte(pte).locked) return true;
  return false;
}

Pfn Owners::zap_pte(PteId id) {
  const Pte pte = spaces_.pte(id);
  if (pte.state == Pte::State::none) return kNoPfn;
  Owner& owner = record(pte.page);
  const Pfn pfn = counted_at(owner);
  unlink_pte(id);
  if (pte.state == Pte::State::present) uncount_mapping(owner);
  // Nothing leads to an anonymous page once its last pte is gone, and to a huge page once all its entries are.
  if (owner.huge != 0)
    entry_gone(owner.huge);
  else if (is_private(owner.kind) && owner.first_pte == 0)
    owner.pfn = kNoPfn;
  return pte.state == Pte::State::present ? pfn : kNoPfn;
}

// Drops the map count first, then the reference. As any unmapping does, empties the CPU's pagevecs before and after: a
// page that is still in one could not be freed.
Task<void> Owners::unmap_for_good(OwnerId id) {
  while (const PteId found = record(id).first_pte) {
    co_await lru_.add_drain_here();
    const SpaceId space = spaces_.pte(found).space;
    if (space != 0) co_await spaces_.lock(space).lock(core_.engine);
    const Pte was = spaces_.pte(found);
    const Pfn pfn = was.page == id ? zap_pte(found) : kNoPfn;
    if (pfn != kNoPfn && was.young) co_await lru_.pagevecs().mark_accessed(pfn);
    if (space != 0) spaces_.lock(space).unlock(core_.engine);
    co_await lru_.add_drain_here();
    if (pfn != kNoPfn) co_await lru_.put_page(pfn);
  }
}

Task<void> Owners::release(OwnerId id) {
  CMA_ASSERT(!released(id));
  if (is_private(record(id).kind)) {
    co_await unmap_for_good(id);
    co_return;
  }
  const bool cached = has_mapping(record(id).pfn);
  if (cached)
    co_await release_cached(id);
  else
    co_await release_driver_page(id);
}

// Truncates one page (truncate_inode_pages): takes a reference and the lock, and looks again, as it may have moved.
Task<void> Owners::release_cached(OwnerId id) {
  co_await unmap_for_good(id);
  while (!released(id)) {
    const Pfn pfn = record(id).pfn;
    lru_.get_page(pfn);
    co_await locks_.lock(pfn);
    const bool still_there = record(id).pfn == pfn;
    if (still_there) {
      co_await at(core_.engine, Point::truncate_locked);
      co_await writebacks_.wait(pfn);
      // Another process may have mapped it again.
      co_await unmap_for_good(id);
      co_await remove_from_cache(id);
    }
    locks_.unlock(pfn);
    co_await lru_.put_page(pfn);
    if (still_there) co_await lru_.put_page(pfn);
  }
}

// Lets a driver's page go. A driver that can move it locks it before. Its only reference moves with the data, so it
// must not queue for the lock of a frame that may be freed meanwhile: it waits, and looks again where its page is.
Task<void> Owners::release_driver_page(OwnerId id) {
  const bool locked = record(id).kind != PageKind::unmovable;
  while (locked && !locks_.try_lock(record(id).pfn)) co_await locks_.wait(record(id).pfn);
  const Pfn pfn = record(id).pfn;
  record(id).pfn = kNoPfn;
  Page& page = core_.map.edit(pfn);
  page.flags &= ~kPageMovableOps;
  page.owner = 0;
  if (locked) locks_.unlock(pfn);
  co_await lru_.put_page(pfn);
}

void Owners::refuse(OwnerId id, std::int64_t times, int error) {
  record(id).refusals = times;
  record(id).refusal_error = error;
}

bool Owners::has_mapping(Pfn pfn) const {
  const OwnerId id = core_.map.page(pfn).owner;
  return id != 0 && (owner(id).kind == PageKind::shmem || is_file(owner(id).kind));
}

}  // namespace cma
