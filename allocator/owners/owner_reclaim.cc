#include "allocator/owners/owner_reclaim.h"

namespace cma {

OwnerReclaim::OwnerReclaim(const Core& core, Lru& lru, Buffers& buffers, const OwnerParts& parts)
    : release_(core.geometry.release),
      core_(core),
      lru_(lru),
      buffers_(buffers),
      spaces_(parts.spaces),
      records_(parts.records),
      reverse_map_(parts.reverse_map),
      page_cache_(parts.page_cache) {}

// --- references ---

// Asks the ptes that map the page when the walk begins: while this waits for a lock, others come and go.
Task<OwnerReclaim::Referenced> OwnerReclaim::referenced(Pfn pfn) {
  Referenced found;
  const OwnerId id = core_.map.page(pfn).owner;
  if (id == 0) co_return found;
  CMA_ASSERT(records_.owner(id).huge == 0);
  std::vector<PteId> chain;
  for (PteId pte = records_.owner(id).first_pte; pte != 0; pte = spaces_.pte(pte).next) {
    core_.engine.turn();
    chain.push_back(pte);
  }
  for (const PteId pte_id : chain) {
    const SpaceId space = spaces_.pte(pte_id).space;
    if (space != 0) co_await spaces_.lock(space).lock(core_.engine);
    Pte& pte = spaces_.pte(pte_id);
    const bool there = pte.page == id && pte.state == Pte::State::present;
    found.locked = there && pte.locked;
    if (there && !found.locked && pte.young) {
      pte.young = false;
      ++found.ptes;
      found.executable = found.executable || pte.executable;
    }
    if (found.locked && release_ >= Release::v5_18) co_await lru_.mlock().mlock(pfn);
    if (space != 0) spaces_.lock(space).unlock(core_.engine);
    if (found.locked) co_return found;
  }
  co_return found;
}

// --- unmapping ---

Task<bool> OwnerReclaim::unmap(Pfn pfn) {
  const OwnerId id = core_.map.page(pfn).owner;
  CMA_ASSERT(id != 0 && records_.owner(id).huge == 0);
  if (records_.owner(id).kind == PageKind::anonymous) co_return co_await unmap_lazyfree(id, pfn);
  co_await unmap_cached(id, pfn);
  co_return core_.map.page(pfn).map == 0;
}

// Unmaps a page that can be found again in its cache: no entries take the mappings' places.
Task<void> OwnerReclaim::unmap_cached(OwnerId id, Pfn pfn) {
  while (const PteId found = records_.owner(id).first_pte) {
    core_.engine.turn();
    const SpaceId space = spaces_.pte(found).space;
    co_await spaces_.lock(space).lock(core_.engine);
    if (spaces_.pte(found).page == id) {
      reverse_map_.zap_pte(found);
      --core_.map.edit(pfn).ref;
    }
    spaces_.lock(space).unlock(core_.engine);
  }
}

// Unmaps lazily freed memory that was not written to since.
Task<bool> OwnerReclaim::unmap_lazyfree(OwnerId id, Pfn pfn) {
  while (const PteId found = reverse_map_.find_entry(records_.owner(id).first_pte, Pte::State::present)) {
    core_.engine.turn();
    const Pte before = spaces_.pte(found);
    const SpaceId space = before.space;
    if (space != 0) co_await spaces_.lock(space).lock(core_.engine);
    Pte pte = spaces_.pte(found);
    const bool stale = pte.dirty != before.dirty || pte.locked != before.locked;
    if (stale && core_.bugs.fires(Bug::lazyfree_reads_early)) pte = before;
    const bool there = pte.page == id && pte.state == Pte::State::present;
    if (there && pte.locked && !core_.bugs.fires(Bug::lazyfree_drops_locked)) {
      CMA_ASSERT(space != 0);
      co_await lru_.mlock().mlock(pfn);
      spaces_.lock(space).unlock(core_.engine);
      co_return false;
    }
    // A page that others refer to counts as written: they may have a device write to it.
    const Page& page = core_.map.page(pfn);
    const bool others_count = since(release_, Release::v5_18, {Release::v5_10, Release::v5_15});
    const bool held = others_count && page.ref != 1 + page.map;
    const bool written = there && (held || (pte.dirty && !core_.bugs.fires(Bug::lazyfree_drops_written)));
    if (there && !written) {
      reverse_map_.zap_pte(found);
      --core_.map.edit(pfn).ref;
    }
    if (space != 0) spaces_.lock(space).unlock(core_.engine);
    if (written) {
      lru_.listed().undo_lazyfree(pfn);
      co_return false;
    }
  }
  co_return core_.map.page(pfn).map == 0;
}

// --- writing ---

// Returns whether the address space has a writepage method. File systems lost theirs in 6.2, block devices in 6.8.
bool OwnerReclaim::writes_single_pages(FileMethod method) const {
  if (method == FileMethod::block_device) return release_ < Release::v6_8;
  return release_ < Release::v6_2;
}

Task<OwnerReclaim::Written> OwnerReclaim::page_out(Pfn pfn) {
  const OwnerId id = core_.map.page(pfn).owner;
  const int buffers = core_.map.page(pfn).has(kPagePrivate) ? 1 : 0;
  // is_page_cache_freeable: the cache's reference and the list's.
  if (core_.map.page(pfn).ref - buffers != 2 || id == 0) co_return Written::keep;
  const Owner& owner = records_.owner(id);
  // Shared memory is written to swap, and there is none.
  if (!is_file(owner.kind) || !writes_single_pages(owner.method)) co_return Written::activate;
  core_.map.edit(pfn).flags |= kPageReclaim;
  co_await page_cache_.write_page(id);
  if (!core_.map.page(pfn).has(kPageWriteback)) core_.map.edit(pfn).flags &= ~kPageReclaim;
  co_return Written::submitted;
}

// --- dropping ---

bool OwnerReclaim::release_buffers(Pfn pfn) {
  const OwnerId id = core_.map.page(pfn).owner;
  if (id != 0) return page_cache_.release_buffer(id);
  for (BufferId buffer = 1; buffer <= buffers_.size(); ++buffer)
    if (buffers_.buffer(buffer).pfn == pfn) buffers_.try_to_free(buffer);
  return !core_.map.page(pfn).has(kPagePrivate);
}

bool OwnerReclaim::remove_mapping(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  const OwnerId id = page.owner;
  if (id == 0) return false;
  const bool anonymous = records_.owner(id).kind == PageKind::anonymous;
  if (anonymous && page.map != 0) return false;
  // The references are frozen at once; any other keeps the page.
  const bool held = page.ref != (anonymous ? 1 : 2);
  if (held && (anonymous || !core_.bugs.fires(Bug::reclaim_drops_held))) return false;
  if (!anonymous && page.has(kPageDirty)) return false;
  page.ref = 0;
  if (anonymous) return true;
  page.owner = 0;
  records_.edit(id).pfn = kNoPfn;
  return true;
}

bool OwnerReclaim::take_orphan(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  CMA_ASSERT(page.owner == 0);
  if (page.has(kPagePrivate) || page.ref != 1) return false;
  page.ref = 0;
  return true;
}

}  // namespace cma
