// Huge memory of processes (mm/huge_memory.c, mm/memory.c): faults that bring a huge page, writes to a shared one,
// unmapping a part of one, fork, and splitting.

#include <algorithm>

#include "allocator/base/error.h"
#include "allocator/processes/processes.h"

namespace cma {

MappingId Processes::mmap_huge(SpaceId process, std::uint64_t huge_pages) {
  const MappingId id = mmap_anon(process, huge_pages * this->huge_pages());
  Mapping& where = processes_[process].mappings[id];
  where.first_pmd = spaces_.add_pmds(process, huge_pages, where.first, this->huge_pages());
  return id;
}

// --- faults ---

// Returns whether there is no pmd, and no pte in its place either (pmd_none).
bool Processes::range_untouched(PteId pmd) const {
  if (spaces_.pte(pmd).state != Pte::State::none) return false;
  const PteId table = spaces_.pte(pmd).table;
  for (std::uint64_t i = 0; i < huge_pages(); ++i)
    if (spaces_.pte(static_cast<PteId>(table + i)).state != Pte::State::none) return false;
  return true;
}

// Maps `head` by the pmd, or frees it if another fault was faster.
Task<void> Processes::map_huge(SpaceId process, PteId pmd, Pfn head) {
  co_await spaces_.lock(process).lock(core_.engine);
  const bool first = range_untouched(pmd);
  if (first) {
    co_await owners_.adopt_huge(head, pmd);
    spaces_.pte(pmd).writable = true;
  }
  spaces_.lock(process).unlock(core_.engine);
  if (!first) co_await lru_.references().put_page(head);
}

Task<void> Processes::fault_in_huge(SpaceId process, MappingId mapping, std::uint64_t which, Pfn head) {
  const Inside inside(*this, process);
  const auto pmd = static_cast<PteId>(processes_[process].mappings[mapping].first_pmd + which);
  co_await map_huge(process, pmd, head);
}

// Faults until the page can be written to by its pmd, and writes. Returns false if its pte must do that, because a part
// of the huge page was unmapped or copied, or there was none to be had.
Task<bool> Processes::write_huge(SpaceId process, PteId pmd, std::uint64_t index) {
  while (true) {
    core_.engine.turn();
    const Pte now = spaces_.pte(pmd);
    if (now.state == Pte::State::present && now.writable) {
      change_content(static_cast<OwnerId>(now.page + index));
      co_return true;
    }
    if (now.state == Pte::State::migration) {
      co_await wait_for_migration(pmd);
    } else if (now.state == Pte::State::present) {
      co_await copy_huge_on_write(process, pmd);
    } else {
      if (!range_untouched(pmd)) co_return false;
      const Pfn head = co_await page_allocator_.alloc_pages(kGfpTranshuge, huge_order_);
      if (head == kNoPfn) co_return false;
      co_await at(core_.engine, Point::huge_fault_allocated);
      co_await map_huge(process, pmd, head);
    }
  }
}

// Returns whether a write may use the huge page itself: its only mapper may; since 5.18 only without other references.
bool Processes::may_reuse_huge(PteId pmd) const {
  const Owner& first = owners_.owner(spaces_.pte(pmd).page);
  if (reverse_map_.most_mapped(first.huge) != 1) return false;
  return release_ < Release::v5_18 || core_.map.page(first.pfn).ref == 1;
}

// Makes the huge page writable, or puts a copy in its place (do_huge_pmd_wp_page): a huge one, or failing that as many
// pages. Since 5.8 splits the pmd instead, and leaves the copy to the ptes.
Task<void> Processes::copy_huge_on_write(SpaceId process, PteId pmd) {
  if (may_reuse_huge(pmd)) {
    spaces_.pte(pmd).writable = true;
    co_return;
  }
  if (release_ >= Release::v5_8) {
    co_await split_pmd(process, pmd);
    co_return;
  }
  const OwnerId shared = spaces_.pte(pmd).page;
  // Held while it is copied from, as do_huge_pmd_wp_page() does.
  const Pfn old = owners_.owner(shared).pfn;
  lru_.references().get_page(old);
  const Pfn head = co_await page_allocator_.alloc_pages(kGfpTranshuge, huge_order_);
  if (head == kNoPfn) {
    const bool copied = co_await copy_as_pages(process, pmd);
    if (!copied) co_await split_pmd(process, pmd);
    co_await lru_.references().put_page(old);
    co_return;
  }
  co_await at(core_.engine, Point::huge_fault_allocated);
  co_await spaces_.lock(process).lock(core_.engine);
  Pfn drop = head;
  if (spaces_.pte(pmd).page == shared && spaces_.pte(pmd).state == Pte::State::present) {
    drop = reverse_map_.zap_pmd(pmd);
    co_await owners_.adopt_huge(head, pmd);
    spaces_.pte(pmd).writable = true;
  }
  spaces_.lock(process).unlock(core_.engine);
  co_await lru_.references().put_page(drop);
  co_await lru_.references().put_page(old);
}

// Copies page by page (do_huge_pmd_wp_page_fallback): allocates all before it maps the first. Returns false if there
// were not enough.
Task<bool> Processes::copy_as_pages(SpaceId process, PteId pmd) {
  const OwnerId shared = spaces_.pte(pmd).page;
  std::vector<Pfn> copies;
  while (copies.size() < huge_pages()) {
    core_.engine.turn();
    const Pfn frame = co_await page_allocator_.alloc_pages(kGfpHighuserMovable, 0);
    if (frame == kNoPfn) break;
    copies.push_back(frame);
  }
  const bool enough = copies.size() == huge_pages();
  if (enough) {
    co_await at(core_.engine, Point::huge_fault_allocated);
    co_await spaces_.lock(process).lock(core_.engine);
    if (spaces_.pte(pmd).page == shared && spaces_.pte(pmd).state == Pte::State::present) {
      const PteId table = spaces_.pte(pmd).table;
      const Pfn old = reverse_map_.zap_pmd(pmd);
      for (std::uint64_t i = 0; i < huge_pages(); ++i) {
        const auto pte = static_cast<PteId>(table + i);
        const OwnerId copy = co_await owners_.adopt_anonymous(copies[i], pte);
        owners_.leave_to_kernel(copy);
        spaces_.pte(pte).writable = true;
      }
      copies = {old};
    }
    spaces_.lock(process).unlock(core_.engine);
  }
  for (const Pfn frame : copies) co_await lru_.references().put_page(frame);
  co_return enough;
}

// Splits a pmd (__split_huge_pmd). Up to 4.4 the page itself is split with it, pinned or not. Does nothing if another
// actor has split or unmapped it.
Task<void> Processes::split_pmd(SpaceId process, PteId pmd) {
  if (release_ < Release::v4_5) {
    if (spaces_.pte(pmd).state == Pte::State::none) co_return;
    const Pfn head = owners_.owner(spaces_.pte(pmd).page).pfn;
    co_await split_page(head, /*wait=*/true);
    co_return;
  }
  co_await spaces_.lock(process).lock(core_.engine);
  if (spaces_.pte(pmd).state != Pte::State::none) co_await reverse_map_.split_pmd(pmd);
  spaces_.lock(process).unlock(core_.engine);
}

// --- unmapping ---

// Unmaps a range (zap_pmd_range). A huge page that is unmapped whole costs one slot; else its pmd is split.
Task<void> Processes::zap_huge_range(SpaceId process, const Mapping& where, std::uint64_t from, std::uint64_t pages,
                                     Gather& gather) {
  const std::uint64_t end = from + pages;
  for (std::uint64_t i = from; i < end;) {
    core_.engine.turn();
    const auto pmd = static_cast<PteId>(where.first_pmd + i / huge_pages());
    const std::uint64_t some = std::min(huge_pages() - i % huge_pages(), end - i);
    const bool there = spaces_.pte(pmd).state != Pte::State::none;
    bool zapped = false;
    if (there && some == huge_pages())
      zapped = co_await zap_huge_pmd(process, pmd, gather);
    else if (there)
      co_await split_pmd(process, pmd);
    if (!zapped) co_await zap_range(process, static_cast<PteId>(where.first + i), some, gather);
    i += some;
  }
}

// Unmaps a huge page by its pmd. Returns false if another actor has split that.
Task<bool> Processes::zap_huge_pmd(SpaceId process, PteId pmd, Gather& gather) {
  co_await spaces_.lock(process).lock(core_.engine);
  const bool there = spaces_.pte(pmd).state != Pte::State::none;
  const Pfn head = reverse_map_.zap_pmd(pmd);
  spaces_.lock(process).unlock(core_.engine);
  if (head != kNoPfn) {
    gather.pages.push_back(head);
    if (--gather.room == 0 && !next_batch(gather)) co_await flush(gather);
  }
  if (there) co_await at(core_.engine, Point::zap_range_done);
  co_return there;
}

// --- fork ---

Task<int> Processes::copy_huge_range(SpaceId parent, const Mapping& from, const Mapping& to) {
  for (std::uint64_t i = 0; i < from.pages; i += huge_pages()) {
    const std::uint64_t which = i / huge_pages();
    const bool copied =
        co_await copy_pmd(parent, static_cast<PteId>(from.first_pmd + which), static_cast<PteId>(to.first_pmd + which));
    if (copied) continue;
    const auto source = static_cast<PteId>(from.first + i);
    const int error = co_await copy_ptes(parent, source, static_cast<PteId>(to.first + i), huge_pages());
    if (error != 0) co_return error;
  }
  co_return 0;
}

// Copies a pmd to a child (copy_huge_pmd). Returns false if there is none.
Task<bool> Processes::copy_pmd(SpaceId parent, PteId from, PteId to) {
  co_await spaces_.lock(parent).lock(core_.engine);
  const Pte pmd = spaces_.pte(from);
  if (pmd.state == Pte::State::migration) {
    reverse_map_.copy_migration_pmd(to, pmd.page);
  } else if (pmd.state == Pte::State::present) {
    lru_.references().get_page(owners_.owner(pmd.page).pfn);
    co_await at(core_.engine, Point::fork_referenced);
    reverse_map_.map_pmd(to, pmd.page);
  }
  spaces_.pte(from).writable = false;
  spaces_.lock(parent).unlock(core_.engine);
  co_return pmd.state != Pte::State::none;
}

// --- splitting ---

// Returns the record of the first page of the huge page that is mapped in this pmd's place, 0 if there is none.
OwnerId Processes::huge_page_in(PteId pmd) const {
  if (spaces_.pte(pmd).state != Pte::State::none) return spaces_.pte(pmd).page;
  const PteId table = spaces_.pte(pmd).table;
  for (std::uint64_t i = 0; i < huge_pages(); ++i) {
    const Pte& pte = spaces_.pte(static_cast<PteId>(table + i));
    if (pte.state == Pte::State::none) continue;
    const HugeId huge = owners_.owner(pte.page).huge;
    if (huge != 0) return owners_.huge_page(huge).first;
  }
  return 0;
}

// Splits a huge page. Returns -EBUSY if it is locked and the caller does not wait.
Task<int> Processes::split_page(Pfn head, bool wait) {
  lru_.references().get_page(head);
  bool locked = locks_.try_lock(head);
  if (!locked && wait) {
    co_await locks_.lock(head);
    locked = true;
  }
  int error = -kEBUSY;
  if (locked) {
    error = co_await moves_.split(head, nullptr);
    locks_.unlock(head);
  }
  co_await lru_.references().put_page(head);
  co_return error;
}

Task<int> Processes::split_huge(SpaceId process, MappingId mapping) {
  CMA_ASSERT(alive(process) && is_huge(process, mapping));
  const Inside inside(*this, process);
  const Mapping where = processes_[process].mappings[mapping];
  int error = 0;
  for (std::uint64_t i = 0; i < where.pages / huge_pages(); ++i) {
    const OwnerId first = huge_page_in(static_cast<PteId>(where.first_pmd + i));
    if (first == 0) continue;
    const Pfn head = owners_.owner(first).pfn;
    const int failed = co_await split_page(head, /*wait=*/false);
    if (error == 0) error = failed;
  }
  co_return error;
}

}  // namespace cma
