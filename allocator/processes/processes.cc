#include "allocator/processes/processes.h"

#include <algorithm>
#include <utility>

#include "allocator/base/error.h"

namespace cma {
namespace {

// mmu_gather: slots on the stack, and how many there may be in all, in pages of slots (MAX_GATHER_BATCH_COUNT).
constexpr std::size_t kGatherBundle = 8;
constexpr std::size_t kGatherSlots = 10'000;
// Slots of each batch that are never used: one folio may need two.
constexpr std::size_t spare_slots(Release release) { return release >= Release::v6_9 ? 1 : 0; }
// copy_pte_range may yield after this many copied ptes (each costs 8 of 32).
constexpr std::uint64_t kCopiedPerCheck = 4;

// do_wp_page copies a page with more references at once (5.18).
constexpr int kMostReusable = 3;

constexpr Gfp kGfpNowait = kGfpKswapdReclaim | kGfpNowarn;

// Returns the slots of a page for further ones (MAX_GATHER_BATCH): pointers, after a pointer and two ints.
std::size_t gather_batch(const Geometry& geometry) {
  const std::size_t pointer = geometry.bits_per_long() / 8;
  return (static_cast<std::size_t>(geometry.page_size) - pointer - 8) / pointer;
}

}  // namespace

Processes::Processes(const Core& core, Buddy& buddy, PageAllocator& page_allocator, Lru& lru, PageLocks& locks,
                     AddressSpaces& spaces, ReverseMap& reverse_map, PageCache& page_cache, Owners& owners,
                     OwnerMoves& moves, Files& files, Migration& migration)
    : release_(core.geometry.release),
      huge_order_(core.geometry.huge_page_order()),
      ptes_per_table_(order_pages(Geometry::huge_page_order_of(core.geometry.page_size))),
      gather_batch_(gather_batch(core.geometry)),
      core_(core),
      buddy_(buddy),
      page_allocator_(page_allocator),
      lru_(lru),
      locks_(locks),
      spaces_(spaces),
      reverse_map_(reverse_map),
      page_cache_(page_cache),
      owners_(owners),
      moves_(moves),
      files_(files),
      migration_(migration) {
  // No process runs in address space 0.
  Process none;
  none.alive = false;
  processes_.push_back(std::move(none));
}

SpaceId Processes::spawn() {
  const SpaceId space = spaces_.add_space();
  CMA_ASSERT(space == processes_.size());
  processes_.emplace_back();
  return space;
}

MappingId Processes::mmap_anon(SpaceId process, std::uint64_t pages) {
  CMA_ASSERT(alive(process) && pages > 0);
  Mapping mapping;
  mapping.first = spaces_.add_ptes(process, pages);
  mapping.pages = pages;
  processes_[process].mappings.push_back(mapping);
  return static_cast<MappingId>(processes_[process].mappings.size() - 1);
}

OwnerId Processes::page_at(SpaceId process, MappingId mapping, std::uint64_t index) const {
  const Mapping& where = processes_[process].mappings[mapping];
  if (!alive(process) || index >= where.pages) return 0;
  if (where.first_pmd != 0) {
    const Pte& pmd = spaces_.pte(static_cast<PteId>(where.first_pmd + index / huge_pages()));
    if (pmd.state != Pte::State::none) return static_cast<OwnerId>(pmd.page + index % huge_pages());
  }
  const Pte& pte = spaces_.pte(static_cast<PteId>(where.first + index));
  return pte.state == Pte::State::none ? 0 : pte.page;
}

Processes::Resident Processes::resident(SpaceId process) const {
  Resident resident;
  const auto count = [&](PteId id, std::uint64_t pages) {
    const Pte& pte = spaces_.pte(id);
    if (pte.state == Pte::State::none) return;
    const PageKind kind = owners_.owner(pte.page).kind;
    if (is_private(kind))
      resident.anonymous += pages;
    else
      (kind == PageKind::shmem ? resident.shared : resident.file) += pages;
  };
  for (const Mapping& mapping : processes_[process].mappings) {
    resident.total += mapping.pages;
    for (std::uint64_t i = 0; i < mapping.pages; ++i) count(static_cast<PteId>(mapping.first + i), 1);
    if (mapping.first_pmd == 0) continue;
    for (std::uint64_t i = 0; i < mapping.pages / huge_pages(); ++i)
      count(static_cast<PteId>(mapping.first_pmd + i), huge_pages());
  }
  return resident;
}

// --- faults ---

void Processes::change_content(OwnerId id) { owners_.write_content(id); }

// Brings in a new page (do_anonymous_page). Only mapping it, and the pagevec, need the lock.
Task<int> Processes::fault_in(SpaceId process, PteId pte, Pfn frame) {
  if (frame == kNoPfn) frame = co_await page_allocator_.alloc_pages(kGfpHighuserMovable, 0);
  if (frame == kNoPfn) co_return -kENOMEM;
  co_await at(core_.engine, Point::fault_allocated);
  co_await spaces_.lock(process).lock(core_.engine);
  if (spaces_.pte(pte).state != Pte::State::none) {
    // Another fault of the process was faster.
    spaces_.lock(process).unlock(core_.engine);
    co_await lru_.references().put_page(frame);
    co_return 0;
  }
  const OwnerId id = co_await owners_.adopt_anonymous(frame, pte);
  owners_.leave_to_kernel(id);
  spaces_.pte(pte).writable = true;
  spaces_.lock(process).unlock(core_.engine);
  co_return 0;
}

// Returns whether a write may use the page itself: its only mapper may. Since 5.9 there must also be no other reference
// (wp_can_reuse_anon_folio), so a holder that found the page by its number causes a copy. Since 5.18 this CPU's
// pagevecs, which may have one of those references, are emptied first.
Task<bool> Processes::may_reuse(PteId pte) {
  const OwnerId id = spaces_.pte(pte).page;
  const auto alone = [&] {
    const Owner& owner = owners_.owner(id);
    if (owner.mapped != 1 || owner.first_pte != pte) return false;
    // No page of a huge page may be mapped twice.
    return owner.huge == 0 || reverse_map_.most_mapped(owner.huge) == 1;
  };
  if (release_ < Release::v5_9) co_return alone();
  const Pfn pfn = reverse_map_.counted_at(owners_.owner(id));
  if (release_ >= Release::v5_18 && core_.map.page(pfn).ref <= kMostReusable && !core_.map.page(pfn).has(kPageLru))
    co_await lru_.drain().add_drain(core_.engine.cpu());
  co_return alone() && core_.map.page(pfn).ref == 1;
}

// Makes the page writable, or puts a copy in its place (do_wp_page). Does nothing if the pte has changed before the
// page-table lock is had, under which a fork counts the page for its child.
Task<int> Processes::copy_on_write(SpaceId process, PteId pte) {
  co_await spaces_.lock(process).lock(core_.engine);
  const Pte found = spaces_.pte(pte);
  const bool as_before = found.state == Pte::State::present && !found.writable;
  bool reuses = false;
  if (as_before) reuses = co_await may_reuse(pte);
  if (reuses) spaces_.pte(pte).writable = true;
  const bool copies = as_before && !reuses;
  // Held up to the end of the copy, as a page that is copied from must stay.
  const Pfn old = copies ? reverse_map_.counted_at(owners_.owner(found.page)) : kNoPfn;
  if (copies) lru_.references().get_page(old);
  spaces_.lock(process).unlock(core_.engine);
  if (!copies) co_return 0;
  const int error = co_await copy_page(process, pte, found.page);
  co_await lru_.references().put_page(old);
  co_return error;
}

// Puts a copy of the page in the pte's place (wp_page_copy), unless the pte has changed meanwhile. Requires: the caller
// holds the page.
Task<int> Processes::copy_page(SpaceId process, PteId pte, OwnerId shared) {
  const Pfn frame = co_await page_allocator_.alloc_pages(kGfpHighuserMovable, 0);
  if (frame == kNoPfn) co_return -kENOMEM;
  co_await at(core_.engine, Point::fault_allocated);
  co_await spaces_.lock(process).lock(core_.engine);
  if (spaces_.pte(pte).page != shared || spaces_.pte(pte).state != Pte::State::present) {
    spaces_.lock(process).unlock(core_.engine);
    co_await lru_.references().put_page(frame);
    co_return 0;
  }
  const Pfn old = reverse_map_.zap_pte(pte);
  const OwnerId copy = co_await owners_.adopt_anonymous(frame, pte);
  owners_.leave_to_kernel(copy);
  spaces_.pte(pte).writable = true;
  const bool locked = spaces_.pte(pte).locked;
  const bool munlocks_as_it_unmaps = release_ >= Release::v5_18;
  if (locked && munlocks_as_it_unmaps) co_await lru_.mlock().munlock_when_unmapped(old);
  spaces_.lock(process).unlock(core_.engine);
  if (locked && !munlocks_as_it_unmaps) co_await munlock_replaced(old);
  co_await lru_.references().put_page(old);
  co_return 0;
}

// Unlocks a page that a copy has replaced, unless other locked memory maps it.
Task<void> Processes::munlock_replaced(Pfn pfn) {
  co_await locks_.lock(pfn);
  const bool still = core_.map.page(pfn).owner != 0 && reverse_map_.mapped_locked(core_.map.page(pfn).owner);
  const StillMapped still_mapped = still ? StillMapped::by_mlocked_memory : StillMapped::perhaps;
  co_await lru_.mlock().munlock_under_page_lock(pfn, still_mapped);
  locks_.unlock(pfn);
}

// Sleeps on the lock of the page that is being moved (migration_entry_wait). Up to 4.20 holds a reference meanwhile,
// which makes an attempt to move the page fail; 5.0 drops it before it sleeps (put_and_wait_on_page_locked).
Task<void> Processes::wait_for_migration(PteId pte) {
  const Pfn old = owners_.owner(spaces_.pte(pte).page).moving_from;
  CMA_ASSERT(old != kNoPfn);
  // The kernel's own BUG_ON (migration_entry_to_page).
  CMA_ASSERT(core_.map.page(old).has(kPageLocked));
  const bool referenced = release_ < Release::v5_0 && core_.map.page(old).ref > 0;
  if (referenced) lru_.references().get_page(old);
  co_await locks_.wait(old);
  if (referenced) co_await lru_.references().put_page(old);
}

Task<int> Processes::write(SpaceId process, MappingId mapping, std::uint64_t index, Pfn frame) {
  CMA_ASSERT(alive(process) && !is_shared(process, mapping));
  const Inside inside(*this, process);
  const Mapping where = processes_[process].mappings[mapping];
  CMA_ASSERT(index < where.pages);
  const auto pte = static_cast<PteId>(where.first + index);
  bool given = frame != kNoPfn;
  while (true) {
    core_.engine.turn();
    if (where.first_pmd != 0) {
      const auto pmd = static_cast<PteId>(where.first_pmd + index / huge_pages());
      if (co_await write_huge(process, pmd, index % huge_pages())) co_return 0;
    }
    const Pte now = spaces_.pte(pte);
    if (now.state == Pte::State::present && now.writable) break;
    int error = 0;
    if (now.state == Pte::State::migration) {
      co_await wait_for_migration(pte);
    } else if (now.state == Pte::State::present) {
      error = co_await copy_on_write(process, pte);
    } else {
      const Pfn use = given ? frame : kNoPfn;
      given = false;
      error = co_await fault_in(process, pte, use);
    }
    if (error != 0) {
      if (given) co_await lru_.references().put_page(frame);
      co_return error;
    }
  }
  if (given) co_await lru_.references().put_page(frame);
  spaces_.pte(pte).dirty = true;
  spaces_.pte(pte).young = true;
  change_content(spaces_.pte(pte).page);
  co_return 0;
}

// --- unmapping ---

// Gets a page for further slots (tlb_next_batch), without waiting; false if there is none.
bool Processes::next_batch(Gather& gather) {
  if (gather.batches_used == gather.batch_pages.size()) {
    if (gather.batch_pages.size() >= kGatherSlots / gather_batch_) return false;
    const Pfn page = buddy_.alloc_pages(kGfpNowait, 0);
    if (page == kNoPfn) return false;
    gather.batch_pages.push_back(page);
  }
  ++gather.batches_used;
  gather.room = gather_batch_ - spare_slots(release_);
  return true;
}

// Drains and releases the gathered pages, batch by batch (tlb_batch_pages_flush).
Task<void> Processes::flush(Gather& gather) {
  std::vector<Pfn> pages;
  pages.swap(gather.pages);
  gather.batches_used = 0;
  gather.room = kGatherBundle - spare_slots(release_);
  std::size_t size = gather.room;
  const std::size_t further = gather_batch_ - spare_slots(release_);
  for (std::size_t begin = 0; begin < pages.size(); begin += std::exchange(size, further)) {
    const auto first = pages.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto count = static_cast<std::ptrdiff_t>(std::min(size, pages.size() - begin));
    const std::vector<Pfn> batch(first, first + count);
    co_await lru_.drain().add_drain(core_.engine.cpu());
    co_await lru_.references().release_pages(batch);
  }
}

// Flushes, and frees the batch pages (tlb_finish_mmu).
Task<void> Processes::finish(Gather& gather) {
  co_await flush(gather);
  for (Pfn page : gather.batch_pages) co_await buddy_.free_pages(page, 0);
  gather.batch_pages.clear();
}

// Unmaps one page-table page after the other (zap_pte_range): map counts fall at once, references stay in the gather.
Task<void> Processes::zap_range(SpaceId process, PteId first, std::uint64_t pages, Gather& gather) {
  const bool flushes_dirty = release_ >= Release::v3_15;
  const bool munlocks_as_it_unmaps = release_ >= Release::v5_18;
  for (std::uint64_t done = 0; done < pages;) {
    core_.engine.turn();
    co_await spaces_.lock(process).lock(core_.engine);
    bool full = false;
    bool force_flush = false;
    do {
      core_.engine.turn();
      const auto pte = static_cast<PteId>(first + done);
      const Pte was = spaces_.pte(pte);
      const Pfn pfn = reverse_map_.zap_pte(pte);
      ++done;
      if (pfn == kNoPfn) continue;
      if (was.young && page_cache_.has_mapping(pfn)) co_await lru_.pagevecs().mark_accessed(pfn);
      // A dirty page of a file is flushed before its lock is dropped: else writes by a stale TLB entry would be lost.
      force_flush = force_flush || (flushes_dirty && was.dirty && page_cache_.has_mapping(pfn));
      if (munlocks_as_it_unmaps && spaces_.pte(pte).locked) co_await lru_.mlock().munlock_when_unmapped(pfn);
      gather.pages.push_back(pfn);
      if (--gather.room == 0) full = !next_batch(gather);
    } while (!full && done < pages && done % ptes_per_table_ != 0);
    spaces_.lock(process).unlock(core_.engine);
    if (full || force_flush) co_await flush(gather);
    co_await at(core_.engine, Point::zap_range_done);
  }
}

Task<void> Processes::zap_mapping(SpaceId process, const Mapping& where, std::uint64_t from, std::uint64_t pages,
                                  Gather& gather) {
  if (where.first_pmd != 0) return zap_huge_range(process, where, from, pages, gather);
  return zap_range(process, static_cast<PteId>(where.first + from), pages, gather);
}

Task<void> Processes::munmap(SpaceId process, MappingId mapping, std::uint64_t from, std::uint64_t pages) {
  CMA_ASSERT(alive(process));
  const Inside inside(*this, process);
  const Mapping where = processes_[process].mappings[mapping];
  CMA_ASSERT(from <= where.pages && pages <= where.pages - from);
  if (where.locked && release_ < Release::v5_18) {
    const std::uint64_t first = from != 0 && core_.bugs.fires(Bug::munlock_from_start) ? 0 : from;
    co_await munlock_range_v3_5(process, static_cast<PteId>(where.first + first), pages);
  }
  co_await lru_.drain().add_drain(core_.engine.cpu());
  Gather gather;
  gather.room = kGatherBundle - spare_slots(release_);
  co_await zap_mapping(process, where, from, pages, gather);
  // What comes there later is in the same mapping.
  for (std::uint64_t i = 0; i < pages && where.locked && release_ < Release::v5_18; ++i)
    spaces_.pte(static_cast<PteId>(where.first + from + i)).locked = true;
  co_await at(core_.engine, Point::zap_unflushed);
  co_await finish(gather);
}

Task<void> Processes::exit(SpaceId process) {
  CMA_ASSERT(alive(process) && idle(process));
  processes_[process].alive = false;
  const std::size_t all = processes_[process].mappings.size();
  for (std::size_t i = 0; i < all && release_ < Release::v5_18; ++i) {
    const Mapping mapping = processes_[process].mappings[i];
    if (mapping.locked) co_await munlock_range_v3_5(process, mapping.first, mapping.pages);
  }
  co_await lru_.drain().add_drain(core_.engine.cpu());
  Gather gather;
  gather.room = kGatherBundle - spare_slots(release_);
  for (std::size_t i = 0; i < all; ++i) {
    const Mapping mapping = processes_[process].mappings[i];
    co_await zap_mapping(process, mapping, 0, mapping.pages, gather);
  }
  co_await at(core_.engine, Point::zap_unflushed);
  co_await finish(gather);
}

Task<void> Processes::reap(SpaceId process) {
  CMA_ASSERT(alive(process));
  const Inside inside(*this, process);
  const std::size_t all = processes_[process].mappings.size();
  for (std::size_t i = 0; i < all; ++i) {
    const Mapping mapping = processes_[process].mappings[i];
    if (mapping.shared || (mapping.locked && release_ < Release::v5_18)) continue;
    Gather gather;
    gather.room = kGatherBundle - spare_slots(release_);
    co_await zap_mapping(process, mapping, 0, mapping.pages, gather);
    co_await at(core_.engine, Point::zap_unflushed);
    co_await finish(gather);
  }
}

// --- fork ---

Task<int> Processes::copy_ptes(SpaceId parent, PteId from, PteId to, std::uint64_t pages) {
  std::uint64_t copied = 0;
  Pfn prepared = kNoPfn;  // for a page that cannot be shared
  co_await spaces_.lock(parent).lock(core_.engine);
  for (std::uint64_t i = 0; i < pages; ++i) {
    const auto source = static_cast<PteId>(from + i);
    const auto target = static_cast<PteId>(to + i);
    const Pte pte = spaces_.pte(source);
    if (pte.state == Pte::State::none) continue;
    if (pte.state == Pte::State::present && must_not_be_shared(parent, pte.page)) {
      if (prepared == kNoPfn) {
        spaces_.lock(parent).unlock(core_.engine);
        prepared = co_await page_allocator_.alloc_pages(kGfpHighuserMovable, 0);
        if (prepared == kNoPfn) co_return -kENOMEM;
        co_await at(core_.engine, Point::fork_unlocked);
        co_await spaces_.lock(parent).lock(core_.engine);
        --i;
        continue;
      }
      const OwnerId copy = co_await owners_.adopt_anonymous(std::exchange(prepared, kNoPfn), target);
      owners_.leave_to_kernel(copy);
      spaces_.pte(target).writable = true;
    } else if (pte.state == Pte::State::migration) {
      reverse_map_.copy_migration_entry(target, pte.page);
      spaces_.pte(target).dirty = pte.dirty;
      if (pte.writable && core_.bugs.fires(Bug::fork_entry_writable))
        spaces_.pte(target).writable = true;
      else
        spaces_.pte(source).writable = false;
    } else {
      spaces_.pte(source).writable = false;
      lru_.references().get_page(reverse_map_.counted_at(owners_.owner(pte.page)));
      // The locks are held, but readers of the two counts do not take them.
      co_await at(core_.engine, Point::fork_referenced);
      reverse_map_.map_pte(target, pte.page);
      // Only shared memory is marked clean in the child.
      spaces_.pte(target).dirty = pte.dirty;
    }
    if (++copied % kCopiedPerCheck != 0) continue;
    spaces_.lock(parent).unlock(core_.engine);
    co_await at(core_.engine, Point::fork_unlocked);
    co_await spaces_.lock(parent).lock(core_.engine);
  }
  spaces_.lock(parent).unlock(core_.engine);
  if (prepared != kNoPfn) co_await lru_.references().put_page(prepared);
  co_return 0;
}

Task<SpaceId> Processes::fork(SpaceId parent) {
  CMA_ASSERT(alive(parent));
  const Inside inside(*this, parent);
  const SpaceId child = spawn();
  processes_[child].parent = parent;
  processes_[child].being_forked = true;
  const std::size_t mappings = processes_[parent].mappings.size();
  for (std::size_t i = 0; i < mappings; ++i) {
    const Mapping mapping = processes_[parent].mappings[i];
    Mapping copy = mapping;
    copy.first = spaces_.add_ptes(child, mapping.pages);
    if (mapping.first_pmd != 0)
      copy.first_pmd = spaces_.add_pmds(child, mapping.pages / huge_pages(), copy.first, huge_pages());
    // Locked memory is not inherited.
    copy.locked = false;
    processes_[child].mappings.push_back(copy);
    // Pages that can be found again in their cache are not copied.
    if (mapping.shared) continue;
    int error = 0;
    if (mapping.first_pmd != 0)
      error = co_await copy_huge_range(parent, mapping, copy);
    else
      error = co_await copy_ptes(parent, mapping.first, copy.first, mapping.pages);
    if (error == 0) continue;
    processes_[child].being_forked = false;
    if (!core_.bugs.fires(Bug::fork_keeps_child)) co_await exit(child);
    co_return 0;
  }
  processes_[child].being_forked = false;
  // A fatal signal ends fork() (copy_process): no child of a killed process lives on.
  if (dying(parent)) {
    co_await exit(child);
    co_return 0;
  }
  co_return child;
}

// --- locked memory ---

// Empties every CPU's pagevecs first up to 4.14; since 5.18 this CPU's, before and after, and leaves a mapping alone
// that is locked already.
Task<void> Processes::mlock(SpaceId process, MappingId mapping) {
  CMA_ASSERT(alive(process) && !is_huge(process, mapping) && !is_shared(process, mapping));
  const Inside inside(*this, process);
  const bool batches = release_ >= Release::v5_18;
  // MLOCK_ONFAULT (4.4) leaves faults to the process, so pages that a write would copy are left out.
  const bool asks_to_write = release_ >= Release::v4_4 && !batches;
  if (release_ < Release::v4_15) co_await lru_.drain().add_drain_all();
  if (processes_[process].mappings[mapping].locked && batches) co_return;
  processes_[process].mappings[mapping].locked = true;
  const Mapping where = processes_[process].mappings[mapping];
  for (std::uint64_t i = 0; i < where.pages; ++i) spaces_.pte(static_cast<PteId>(where.first + i)).locked = true;
  if (batches) co_await lru_.drain().add_drain(core_.engine.cpu());
  for (std::uint64_t done = 0; done < where.pages;) {
    core_.engine.turn();
    co_await spaces_.lock(process).lock(core_.engine);
    do {
      core_.engine.turn();
      const Pte pte = spaces_.pte(static_cast<PteId>(where.first + done));
      ++done;
      if (pte.state != Pte::State::present || (asks_to_write && !pte.writable)) continue;
      const Pfn pfn = owners_.owner(pte.page).pfn;
      // Up to 5.17 get_user_pages does it: touches each page, and passes over one that is locked.
      if (!batches) co_await lru_.pagevecs().mark_accessed(pfn);
      if (!batches && core_.map.page(pfn).has(kPageLocked)) continue;
      if (!batches) co_await lru_.drain().add_drain(core_.engine.cpu());
      co_await lru_.mlock().mlock(pfn);
    } while (done < where.pages && done % ptes_per_table_ != 0);
    spaces_.lock(process).unlock(core_.engine);
    co_await at(core_.engine, Point::mlock_walked);
  }
  if (batches) co_await lru_.drain().add_drain(core_.engine.cpu());
}

// Unlocks a range before it is unmapped (munlock_vma_pages_range, up to 5.17). Since 3.12 by pagevecs of pages that
// follow each other (__munlock_pagevec): first those that only lose the mark, as they are off the LRU or have none, for
// which the pagevecs are emptied; then those that others map, too; at last the others.
Task<void> Processes::munlock_range_v3_5(SpaceId process, PteId first, std::uint64_t pages) {
  for (std::uint64_t i = 0; i < pages; ++i) spaces_.pte(static_cast<PteId>(first + i)).locked = false;
  const bool batches = release_ >= Release::v3_12;
  const std::size_t most = batches ? pagevec_size(release_) : 1;
  for (std::uint64_t i = 0; i < pages;) {
    core_.engine.turn();
    std::vector<Pfn> only_marked;
    std::vector<Pfn> shared;
    std::vector<Pfn> own;
    co_await spaces_.lock(process).lock(core_.engine);
    for (std::size_t found = 0; i < pages && found < most; ++i) {
      core_.engine.turn();
      const Pte pte = spaces_.pte(static_cast<PteId>(first + i));
      if (pte.state != Pte::State::present && found != 0) break;
      if (pte.state != Pte::State::present) continue;
      const Pfn pfn = owners_.owner(pte.page).pfn;
      const Page& page = core_.map.page(pfn);
      const bool listed = page.has(kPageMlocked) && page.has(kPageLru);
      (batches && !listed ? only_marked : page.map > 1 ? shared : own).push_back(pfn);
      lru_.references().get_page(pfn);
      ++found;
      if ((i + 1) % ptes_per_table_ == 0) found = most;
    }
    spaces_.lock(process).unlock(core_.engine);
    for (const Pfn pfn : only_marked) co_await lru_.mlock().munlock_under_page_lock(pfn, StillMapped::no);
    if (!only_marked.empty()) {
      co_await lru_.drain().add_drain(core_.engine.cpu());
      co_await lru_.references().release_pages(std::move(only_marked));
    }
    shared.insert(shared.end(), own.begin(), own.end());
    for (const Pfn pfn : shared) {
      core_.engine.turn();
      co_await locks_.lock(pfn);
      const bool by_others = core_.map.page(pfn).map > 1;
      const OwnerId owner = core_.map.page(pfn).owner;
      StillMapped still_mapped = by_others ? StillMapped::perhaps : StillMapped::no;
      if (by_others && owner != 0 && reverse_map_.mapped_locked(owner)) still_mapped = StillMapped::by_mlocked_memory;
      co_await lru_.mlock().munlock_under_page_lock(pfn, still_mapped);
      locks_.unlock(pfn);
      co_await lru_.references().put_page(pfn);
    }
  }
}

Task<void> Processes::madv_free(SpaceId process, MappingId mapping, std::uint64_t from, std::uint64_t pages) {
  CMA_ASSERT(alive(process) && !is_huge(process, mapping) && !is_shared(process, mapping));
  const Inside inside(*this, process);
  const Mapping where = processes_[process].mappings[mapping];
  CMA_ASSERT(from <= where.pages && pages <= where.pages - from);
  // madvise_free_single_vma: pages that wait to be on the LRU would be passed over.
  co_await lru_.drain().add_drain(core_.engine.cpu());
  co_await spaces_.lock(process).lock(core_.engine);
  for (std::uint64_t i = from; i < from + pages; ++i) {
    Pte& pte = spaces_.pte(static_cast<PteId>(where.first + i));
    if (pte.state != Pte::State::present) continue;
    const Pfn pfn = owners_.owner(pte.page).pfn;
    if (core_.map.page(pfn).map != 1 || core_.map.page(pfn).has(kPageLocked)) continue;
    pte.dirty = false;
    pte.young = false;
    co_await lru_.pagevecs().madv_free(pfn);
  }
  spaces_.lock(process).unlock(core_.engine);
}

}  // namespace cma
