#include "allocator/owners/owners.h"

#include "allocator/base/error.h"

namespace cma {
namespace {

// Flags that describe content and history: they follow the data to its new page.
constexpr std::uint32_t kMovingFlags = kPageActive | kPageUnevictable | kPageReferenced | kPageDirty | kPageSwapbacked |
                                       kPageMlocked | kPageUptodate | kPageAnon;

}  // namespace

std::string_view name_of(PageKind kind) {
  switch (kind) {
    case PageKind::none: return "none";
    case PageKind::unmovable: return "unmovable";
    case PageKind::movable_ops: return "movable-ops";
    case PageKind::anonymous: return "anonymous";
    case PageKind::shmem: return "shmem";
    case PageKind::block_device: return "block-device";
  }
  return "?";
}

Owners::Owners(const Geometry& geometry, Engine& engine, MemoryMap& map, Lru& lru, PageLocks& locks, Buffers& buffers,
               AddressSpaces& spaces)
    : release_(geometry.release),
      engine_(engine),
      map_(map),
      lru_(lru),
      locks_(locks),
      buffers_(buffers),
      spaces_(spaces) {}

Task<OwnerId> Owners::adopt(Pfn pfn, PageKind kind, PteId pte) {
  // Others may have taken references of their own on the way here.
  CMA_ASSERT(map_.page(pfn).ref > 0 && map_.page(pfn).map == 0 && map_.page(pfn).owner == 0);
  Owner owner;
  owner.kind = kind;
  owner.pfn = pfn;
  // Any value that differs from page to page will do for content; zero is a free page's.
  owner.token = static_cast<std::uint32_t>(owners_.size() + 1) * 2654435761U | 1U;
  owners_.push_back(owner);
  const auto id = static_cast<OwnerId>(owners_.size());
  Page& page = map_.edit(pfn);
  page.token = owner.token;
  page.owner = id;
  page.order = 0;
  page.flags = kind == PageKind::movable_ops ? kPageMovableOps : 0U;
  if (kind == PageKind::block_device) {
    page.flags = kPageUptodate;
    co_await lru_.cache_add(pfn);
  }
  if (kind == PageKind::anonymous || kind == PageKind::shmem) {
    page.flags = kPageSwapbacked | kPageUptodate | (kind == PageKind::anonymous ? kPageAnon : 0U);
    if (kind == PageKind::anonymous) map_pte(pte != 0 ? pte : spaces_.add_ptes(0, 1), id);
    co_await lru_.cache_add(pfn);
  }
  co_return id;
}

void Owners::write_content(OwnerId id) {
  Owner& owner = record(id);
  CMA_ASSERT(owner.pfn != kNoPfn);
  // Any different value will do.
  owner.token += 2;
  map_.edit(owner.pfn).token = owner.token;
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
  ++owner.mapped;
  ++map_.edit(owner.pfn).map;
}

void Owners::copy_migration_entry(PteId id, OwnerId page) {
  Pte& pte = spaces_.pte(id);
  CMA_ASSERT(pte.state == Pte::State::none);
  pte.state = Pte::State::migration;
  pte.page = page;
  pte.next = record(page).first_pte;
  record(page).first_pte = id;
}

void Owners::unlink_pte(PteId id) {
  Pte& pte = spaces_.pte(id);
  PteId* link = &record(pte.page).first_pte;
  while (*link != id) link = &spaces_.pte(*link).next;
  *link = pte.next;
  const SpaceId space = pte.space;
  pte = Pte{};
  pte.space = space;
}

Pfn Owners::zap_pte(PteId id) {
  const Pte pte = spaces_.pte(id);
  if (pte.state == Pte::State::none) return kNoPfn;
  Owner& owner = record(pte.page);
  const Pfn pfn = owner.pfn;
  unlink_pte(id);
  if (pte.state == Pte::State::present) {
    --owner.mapped;
    --map_.edit(pfn).map;
  }
  // Nobody can find an anonymous page any more once its last pte is gone.
  if (owner.kind == PageKind::anonymous && owner.first_pte == 0) owner.pfn = kNoPfn;
  return pte.state == Pte::State::present ? pfn : kNoPfn;
}

// Every pte of an anonymous page goes: the map count first, then the reference. As any unmapping does, this empties the
// CPU's pagevecs first: a page that is still in one could not be freed.
Task<void> Owners::unmap_for_good(OwnerId id) {
  co_await lru_.add_drain_here();
  while (record(id).first_pte != 0) {
    const Pfn pfn = zap_pte(record(id).first_pte);
    if (pfn != kNoPfn) co_await lru_.put_page(pfn);
  }
}

Task<void> Owners::release(OwnerId id) {
  CMA_ASSERT(!released(id));
  if (record(id).kind == PageKind::anonymous) {
    co_await unmap_for_good(id);
    co_return;
  }
  Pfn pfn = record(id).pfn;
  if (record(id).kind != PageKind::unmovable) {
    // Truncation, like a driver that lets go, locks the page first, and looks again: it may have moved meanwhile.
    co_await locks_.lock(pfn);
    while (pfn != record(id).pfn) {
      locks_.unlock(pfn);
      pfn = record(id).pfn;
      co_await locks_.lock(pfn);
    }
  }
  const bool locked = record(id).kind != PageKind::unmovable;
  // Truncation drops the buffer if it can; a busy one keeps the page as an orphan.
  if (record(id).buffer != 0) {
    buffers_.set_dirty(record(id).buffer, false);
    free_buffer(record(id));
  }
  record(id).pfn = kNoPfn;
  Page& page = map_.edit(pfn);
  page.flags &= ~(kPageMovableOps | kPageDirty);
  page.owner = 0;
  if (locked) locks_.unlock(pfn);
  co_await lru_.put_page(pfn);
}

void Owners::refuse(OwnerId id, std::int64_t times, int error) {
  record(id).refusals = times;
  record(id).refusal_error = error;
}

bool Owners::has_mapping(Pfn pfn) const {
  const OwnerId id = map_.page(pfn).owner;
  return id != 0 && (owner(id).kind == PageKind::shmem || owner(id).kind == PageKind::block_device);
}

bool Owners::isolate_movable(Pfn pfn) {
  return map_.page(pfn).has(kPageMovableOps) && !map_.page(pfn).has(kPageIsolated);
}

PteId Owners::find_pte(OwnerId id, Pte::State state) const {
  for (PteId pte = owner(id).first_pte; pte != 0; pte = spaces_.pte(pte).next) {
    if (spaces_.pte(pte).state != state) continue;
    const bool left_alone = state == Pte::State::present && spaces_.temporary_stack(spaces_.pte(pte).space);
    if (!left_alone) return pte;
  }
  return 0;
}

// Looks again after each pte: while a lock is waited for, ptes come (fork) and go (unmap).
Task<void> Owners::unmap(Pfn pfn) {
  const OwnerId id = map_.page(pfn).owner;
  CMA_ASSERT(id != 0);
  for (PteId found = find_pte(id, Pte::State::present); found != 0; found = find_pte(id, Pte::State::present)) {
    const SpaceId space = spaces_.pte(found).space;
    if (space != 0) co_await spaces_.lock(space).lock(engine_);
    Pte& pte = spaces_.pte(found);
    if (pte.page == id && pte.state == Pte::State::present) {
      pte.state = Pte::State::migration;
      record(id).moving_from = pfn;
      --record(id).mapped;
      Page& page = map_.edit(pfn);
      --page.map;
      --page.ref;
      CMA_ASSERT(page.map >= 0 && page.ref > 0);
    }
    if (space != 0) spaces_.lock(space).unlock(engine_);
  }
}

// The reference comes before the mapping, so that a page is never mapped more often than referenced.
Task<void> Owners::remap(Pfn, Pfn target) {
  const OwnerId id = map_.page(target).owner;
  CMA_ASSERT(id != 0);
  for (PteId found = find_pte(id, Pte::State::migration); found != 0; found = find_pte(id, Pte::State::migration)) {
    const SpaceId space = spaces_.pte(found).space;
    if (space != 0) co_await spaces_.lock(space).lock(engine_);
    Pte& pte = spaces_.pte(found);
    if (pte.page == id && pte.state == Pte::State::migration) {
      pte.state = Pte::State::present;
      ++record(id).mapped;
      Page& page = map_.edit(target);
      ++page.ref;
      ++page.map;
    }
    if (space != 0) spaces_.lock(space).unlock(engine_);
  }
}

void Owners::take_over(Owner& owner, Pfn old, Pfn target) {
  Page& from = map_.edit(old);
  Page& to = map_.edit(target);
  to.owner = from.owner;
  to.token = from.token;
  to.flags |= from.flags & kMovingFlags;
  from.owner = 0;
  from.flags &= ~(kPageAnon | kPageDirty);
  if (owner.pfn != kNoPfn) owner.pfn = target;
}

int Owners::move_movable_ops(Owner& owner, Pfn old, Pfn target) {
  const int error = owner.refusals == 0 ? 0 : owner.refusal_error;
  if (watcher_ != nullptr) watcher_->move_tried(old, error);
  if (owner.refusals > 0) --owner.refusals;
  if (error != 0) return error;
  take_over(owner, old, target);
  // The driver's own reference moves along.
  Page& to = map_.edit(target);
  to.flags |= kPageMovableOps;
  ++to.ref;
  Page& from = map_.edit(old);
  from.flags &= ~kPageMovableOps;
  --from.ref;
  return 0;
}

// --- block devices ---

BufferId Owners::buffer_of(OwnerId id) {
  Owner& owner = record(id);
  CMA_ASSERT(owner.kind == PageKind::block_device && !released(id));
  if (owner.buffer == 0) owner.buffer = buffers_.attach(owner.pfn);
  return owner.buffer;
}

void Owners::make_dirty(OwnerId id) {
  buffers_.set_dirty(buffer_of(id), true);
  map_.edit(record(id).pfn).flags |= kPageDirty;
}

bool Owners::free_buffer(Owner& owner) {
  if (!buffers_.try_to_free(owner.buffer)) return false;
  owner.buffer = 0;
  return true;
}

bool Owners::reclaim_clean(Pfn pfn) {
  const OwnerId id = map_.page(pfn).owner;
  if (id == 0 || record(id).kind != PageKind::block_device) return false;
  Owner& owner = record(id);
  if (owner.buffer != 0 && !free_buffer(owner)) {
    map_.edit(pfn).flags |= kPageActive;
    return false;
  }
  Page& page = map_.edit(pfn);
  // The cache's reference and the list's, frozen at once; anybody else's keeps the page.
  if (page.ref != 2) return false;
  page.ref = 0;
  page.owner = 0;
  owner.pfn = kNoPfn;
  return true;
}

void Owners::drop_orphaned_buffers(Pfn pfn) {
  for (BufferId id = 1; id <= buffers_.size(); ++id)
    if (buffers_.buffer(id).pfn == pfn) buffers_.try_to_free(id);
}

// fallback_migrate_page: write a dirty page out first, then drop its buffer, then move it as a bare page. 0 to go on.
int Owners::move_block_device_v4(Owner& owner, Pfn old) {
  if (map_.page(old).has(kPageDirty)) {
    // A RAM disk's write completes at once; the page is clean when it is tried again.
    map_.edit(old).flags &= ~kPageDirty;
    if (owner.buffer != 0) buffers_.set_dirty(owner.buffer, false);
    return -kEAGAIN;
  }
  return owner.buffer == 0 || free_buffer(owner) ? 0 : -kEAGAIN;
}

// buffer_migrate_folio_norefs: the buffer moves along, dirty or not, once nobody but a slot holds it.
int Owners::move_block_device_v5_3(Owner& owner, Pfn old, Pfn target) {
  const int expected = 2 + (owner.buffer != 0 ? 1 : 0);
  if (map_.page(old).ref != expected) return -kEAGAIN;
  if (owner.buffer != 0 && buffers_.buffer(owner.buffer).count != 0) {
    buffers_.invalidate_all();
    if (buffers_.buffer(owner.buffer).count != 0) return -kEAGAIN;
  }
  if (owner.buffer != 0) buffers_.move_to(owner.buffer, target);
  return 0;
}

int Owners::move(Pfn old, Pfn target) {
  const OwnerId id = map_.page(old).owner;
  // The driver let go of the page after it was isolated.
  if (id == 0) return map_.page(old).has(kPageIsolated) ? 0 : -kEAGAIN;
  Owner& owner = record(id);
  if (owner.kind == PageKind::movable_ops) return move_movable_ops(owner, old, target);
  if (owner.kind == PageKind::block_device) {
    const bool v5_3 = release_ >= Release::v5_10;
    const int error = v5_3 ? move_block_device_v5_3(owner, old, target) : move_block_device_v4(owner, old);
    if (error != 0) return error;
  }
  // migrate_page_move_mapping: our list's reference, and the page cache's.
  const int expected = owner.kind == PageKind::anonymous ? 1 : 2;
  if (map_.page(old).ref != expected) return -kEAGAIN;
  take_over(owner, old, target);
  if (owner.kind != PageKind::anonymous) {
    ++map_.edit(target).ref;
    --map_.edit(old).ref;
  }
  return 0;
}

}  // namespace cma
