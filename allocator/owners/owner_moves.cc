#include "allocator/owners/owner_moves.h"

#include "allocator/base/error.h"

namespace cma {

OwnerMoves::OwnerMoves(const Core& core, Lru& lru, PageLocks& locks, Buffers& buffers, const OwnerParts& parts,
                       OwnerReclaim& reclaim)
    : release_(core.geometry.release),
      core_(core),
      lru_(lru),
      locks_(locks),
      buffers_(buffers),
      spaces_(parts.spaces),
      records_(parts.records),
      reverse_map_(parts.reverse_map),
      page_cache_(parts.page_cache),
      reclaim_(reclaim) {}

bool OwnerMoves::has_mapping(Pfn pfn) const { return page_cache_.has_mapping(pfn); }

bool OwnerMoves::moves_dirty(Pfn pfn) const {
  const OwnerId id = core_.map.page(pfn).owner;
  if (id == 0 || !is_file(records_.owner(id).kind)) return true;
  switch (records_.owner(id).method) {
    case FileMethod::ordered: return true;
    case FileMethod::journalled: return release_ >= Release::v6_4;
    case FileMethod::block_device: return release_ >= Release::v5_0;
  }
  return true;
}

bool OwnerMoves::isolate_movable(Pfn pfn) {
  return core_.map.page(pfn).has(kPageMovableOps) && !core_.map.page(pfn).has(kPageIsolated);
}

Task<void> OwnerMoves::unmap(Pfn pfn) {
  const OwnerId id = core_.map.page(pfn).owner;
  CMA_ASSERT(id != 0);
  const HugeId whole = records_.owner(id).huge;
  return whole == 0 ? unmap_ptes(id, pfn) : unmap_huge(whole);
}

// Looks again after each pte: while this waits for a lock, ptes come (fork) and go (unmap).
Task<void> OwnerMoves::unmap_ptes(OwnerId id, Pfn counted) {
  while (const PteId found = reverse_map_.find_entry(records_.owner(id).first_pte, Pte::State::present)) {
    core_.engine.turn();
    const SpaceId space = spaces_.pte(found).space;
    if (space != 0) co_await spaces_.lock(space).lock(core_.engine);
    const Pte& pte = spaces_.pte(found);
    if (pte.page == id && pte.state == Pte::State::present) {
      reverse_map_.set_migration_entry(found);
      if (release_ >= Release::v5_18 && pte.locked) {
        co_await lru_.mlock().munlock_when_unmapped(counted);
        co_await lru_.mlock().drain(core_.engine.cpu());
      }
      --core_.map.edit(counted).ref;
      CMA_ASSERT(core_.map.page(counted).map >= 0 && core_.map.page(counted).ref > 0);
    }
    if (space != 0) spaces_.lock(space).unlock(core_.engine);
  }
}

// A page of a file that was truncated while it was written out has no entries any more.
Task<void> OwnerMoves::remap(Pfn, Pfn target) {
  const OwnerId id = core_.map.page(target).owner;
  if (id == 0) co_return;
  const HugeId whole = records_.owner(id).huge;
  if (whole == 0)
    co_await remap_ptes(id, target);
  else
    co_await remap_huge(whole, target);
}

// Takes the reference before the mapping, so that a page is never mapped more often than referenced.
Task<void> OwnerMoves::remap_ptes(OwnerId id, Pfn counted) {
  while (const PteId found = reverse_map_.find_entry(records_.owner(id).first_pte, Pte::State::migration)) {
    core_.engine.turn();
    const SpaceId space = spaces_.pte(found).space;
    if (space != 0) co_await spaces_.lock(space).lock(core_.engine);
    const Pte& pte = spaces_.pte(found);
    if (pte.page == id && pte.state == Pte::State::migration) {
      ++core_.map.edit(counted).ref;
      reverse_map_.remove_migration_entry(found);
      // 4.4 marks the page anew, also one that had no mark.
      if (release_ >= Release::v4_4 && pte.locked && !core_.bugs.fires(Bug::move_unlocks)) {
        co_await lru_.mlock().mlock(counted);
        // Up to 4.15 it goes where its flags say.
        Page& page = core_.map.edit(counted);
        if (release_ < Release::v4_16) page.flags = (page.flags | kPageUnevictable) & ~kPageActive;
        if (release_ >= Release::v5_18) co_await lru_.mlock().drain(core_.engine.cpu());
      }
    }
    if (space != 0) spaces_.lock(space).unlock(core_.engine);
  }
}

// Returns which of a page's flags go along to its new frame.
std::uint32_t OwnerMoves::moved_flags(std::uint32_t flags) {
  flags &= kMovingFlags;
  if ((flags & kPageDirty) != 0 && core_.bugs.fires(Bug::move_forgets_dirty)) flags &= ~kPageDirty;
  if ((flags & kPageActive) != 0 && core_.bugs.fires(Bug::move_deactivates)) flags &= ~kPageActive;
  if ((flags & kPageReferenced) != 0 && core_.bugs.fires(Bug::move_unreferences)) flags &= ~kPageReferenced;
  return flags;
}

void OwnerMoves::take_over(Owner& owner, Pfn old, Pfn target) {
  Page& from = core_.map.edit(old);
  Page& to = core_.map.edit(target);
  to.owner = from.owner;
  if (!core_.bugs.fires(Bug::data_left_behind)) to.token = from.token;
  to.flags |= moved_flags(from.flags);
  lru_.mlock().move_flag(old, target);
  // PG_readahead is the same bit, and since 5.8 it goes along.
  if (release_ >= Release::v5_8) to.flags |= from.flags & kPageReclaim;
  from.owner = 0;
  from.flags &= ~(kPageAnon | kPageDirty);
  if (owner.pfn != kNoPfn) owner.pfn = target;
}

int OwnerMoves::move_movable_ops(Owner& owner, Pfn old, Pfn target) {
  const int error = owner.refusals == 0 ? 0 : owner.refusal_error;
  if (watcher_ != nullptr) watcher_->move_tried(old, error);
  if (owner.refusals > 0) --owner.refusals;
  if (error != 0) return error;
  take_over(owner, old, target);
  // The driver's own reference moves along.
  Page& to = core_.map.edit(target);
  to.flags |= kPageMovableOps;
  ++to.ref;
  Page& from = core_.map.edit(old);
  from.flags &= ~kPageMovableOps;
  --from.ref;
  return 0;
}

// Puts the new page in the old one's place if the old one has exactly these references (migrate_page_move_mapping).
int OwnerMoves::move_mapping(OwnerId id, Pfn old, Pfn target, int expected) {
  if (core_.map.page(old).ref != expected && !core_.bugs.fires(Bug::moves_pinned)) return -kEAGAIN;
  Owner& owner = records_.edit(id);
  take_over(owner, old, target);
  if (!is_private(owner.kind)) {
    ++core_.map.edit(target).ref;
    --core_.map.edit(old).ref;
  }
  return 0;
}

Task<int> OwnerMoves::move(Pfn old, Pfn target, MoveMode mode) {
  const OwnerId id = core_.map.page(old).owner;
  if (id == 0) {
    // A driver or truncation let go of the page after it was isolated: only the list's reference may be left.
    const bool unused = core_.map.page(old).has(kPageIsolated) || core_.map.page(old).ref == 1;
    co_return unused ? 0 : -kEAGAIN;
  }
  const PageKind kind = records_.owner(id).kind;
  if (kind == PageKind::movable_ops) co_return move_movable_ops(records_.edit(id), old, target);
  if (is_file(kind)) co_return co_await move_file_page(id, old, target, mode);
  const HugeId whole = records_.owner(id).huge;
  if (whole != 0) co_return move_huge(whole, old, target);
  // The migration list's reference, and the page cache's.
  co_return move_mapping(id, old, target, is_private(kind) ? 1 : 2);
}

}  // namespace cma
