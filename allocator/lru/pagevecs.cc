#include "allocator/lru/pagevecs.h"

#include "allocator/lru/references.h"

namespace cma {
namespace {

// A page descriptor counts its slots in a byte; a page that is queued so often is moved at once.
constexpr std::uint8_t kMostSlots = 255;

}  // namespace

std::string_view name_of(Pagevec which) {
  switch (which) {
    case Pagevec::add: return "lru_add";
    case Pagevec::rotate: return "lru_rotate";
    case Pagevec::deactivate_file: return "lru_deactivate_file";
    case Pagevec::deactivate: return "lru_deactivate";
    case Pagevec::lazyfree: return "lru_lazyfree";
    case Pagevec::activate: return "activate_page";
  }
  return "?";
}

Pagevecs::Pagevecs(const Core& core, References& references, LruLists& lists)
    : release_(core.geometry.release),
      core_(core),
      references_(references),
      lists_(lists),
      cpus_(static_cast<std::size_t>(core.geometry.cpus)) {
  for (Cpu& cpu : cpus_)
    for (std::vector<Pfn>& pagevec : cpu.of) pagevec.reserve(pagevec_size(release_));
}

void Pagevecs::copy_from(const Pagevecs& other) {
  cpus_ = other.cpus_;
  at_once_ = other.at_once_;
}

bool Pagevecs::reserve_slot(Pfn pfn) {
  references_.get_page(pfn);
  return ++core_.map.edit(pfn).pagevecs == kMostSlots || at_once_;
}

// Puts a page in a pagevec, and drains it if nothing lets the page wait there.
Task<void> Pagevecs::queue(Pagevec which, Pfn pfn) {
  Cpu& cpu = cpus_[static_cast<unsigned>(core_.engine.cpu())];
  std::vector<Pfn>& pagevec = cpu.of[static_cast<unsigned>(which)];
  const bool at_once = reserve_slot(pfn);
  ++cpu.parked;
  // Since 4.7 a compound page does not wait.
  const bool compound = core_.map.page(pfn).has(kPageHead) && release_ >= Release::v4_7;
  pagevec.push_back(pfn);
  if (pagevec.size() >= pagevec_size(release_) || at_once || compound) co_await drain_one(cpu, which);
}

Task<void> Pagevecs::cache_add(Pfn pfn) { return queue(Pagevec::add, pfn); }

// A page that is not on the LRU is made active where it waits, if that is in this CPU's pagevec.
Task<void> Pagevecs::mark_accessed(Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  if (!page.has(kPageReferenced)) {
    page.flags |= kPageReferenced;
    co_return;
  }
  if (page.has(kPageUnevictable | kPageActive)) co_return;
  page.flags &= ~kPageReferenced;
  if (page.has(kPageLru)) {
    // A kernel built for one CPU (no CONFIG_SMP) has no pagevec for this.
    if (core_.engine.cpus() == 1)
      lists_.relist(pfn, kPageActive, 0);
    else
      co_await queue(Pagevec::activate, pfn);
    co_return;
  }
  for (Pfn waiting : pages(core_.engine.cpu()))
    if (waiting == pfn) page.flags |= kPageActive;
}

Task<void> Pagevecs::deactivate_file(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  // Since 6.12 a page that is not on the LRU is left alone here; before, the drain finds out.
  if (page.has(kPageUnevictable) || (release_ >= Release::v6_12 && !page.has(kPageLru))) co_return;
  co_await queue(Pagevec::deactivate_file, pfn);
}

Task<void> Pagevecs::deactivate(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  const bool worth_it = page.has(kPageLru) && page.has(kPageActive) && !page.has(kPageUnevictable);
  if (release_ >= Release::v5_4 && worth_it) co_await queue(Pagevec::deactivate, pfn);
}

Task<void> Pagevecs::madv_free(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  if (release_ < Release::v4_12) {
    const bool active = page.has(kPageLru) && page.has(kPageActive) && !page.has(kPageUnevictable);
    if (active) co_await queue(Pagevec::deactivate, pfn);
    co_return;
  }
  const bool anonymous = page.has(kPageAnon) && page.has(kPageSwapbacked);
  if (page.has(kPageLru) && anonymous && !page.has(kPageUnevictable)) co_await queue(Pagevec::lazyfree, pfn);
}

Task<void> Pagevecs::rotate_reclaimable(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  if (page.has(kPageLru) && !page.has(kPageLocked | kPageDirty | kPageUnevictable))
    co_await queue(Pagevec::rotate, pfn);
}

// Deactivates a page of a file (lru_deactivate_file_fn). A page that is dirty or being written goes to the head and is
// reclaimed when that is over. Shared memory is dirty for as long as there is no other copy of it.
void Pagevecs::finish_deactivate_file(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  if (page.map > 0) return;
  const bool shared_memory = page.has(kPageSwapbacked) && !page.has(kPageAnon);
  const bool busy = page.has(kPageDirty | kPageWriteback) || shared_memory;
  lists_.relist(pfn, busy ? kPageReclaim : 0U, kPageActive | kPageReferenced, busy ? LruEnd::head : LruEnd::tail);
}

// Adds a page to the LRU (lru_add_fn). Since 4.16 looks again whether it may be evicted.
void Pagevecs::finish_add(Pfn pfn) {
  if (release_ >= Release::v4_16) {
    Page& page = core_.map.edit(pfn);
    page.flags &= ~kPageUnevictable;
    if (page.has(kPageMlocked)) page.flags = (page.flags | kPageUnevictable) & ~kPageActive;
  }
  lists_.add(pfn);
}

// Does what a pagevec is for, to one page. Pages that have left the LRU meanwhile are let go as they are.
void Pagevecs::finish(Pagevec which, Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  if (which != Pagevec::add && (!page.has(kPageLru) || page.has(kPageUnevictable))) return;
  switch (which) {
    case Pagevec::add: finish_add(pfn); break;
    case Pagevec::rotate: lists_.relist(pfn, 0, kPageActive, LruEnd::tail); break;
    case Pagevec::deactivate_file: finish_deactivate_file(pfn); break;
    case Pagevec::deactivate:
      if (page.has(kPageActive)) lists_.relist(pfn, 0, kPageActive | kPageReferenced);
      break;
    case Pagevec::lazyfree:
      if (page.has(kPageAnon) && page.has(kPageSwapbacked))
        lists_.relist(pfn, 0, kPageActive | kPageReferenced | kPageSwapbacked);
      break;
    case Pagevec::activate:
      if (!page.has(kPageActive)) lists_.relist(pfn, kPageActive, 0);
      break;
  }
}

Task<void> Pagevecs::drain_one(Cpu& cpu, Pagevec which) {
  std::vector<Pfn>& pagevec = cpu.of[static_cast<unsigned>(which)];
  std::vector<Pfn> batch(pagevec);
  cpu.parked -= batch.size();
  pagevec.clear();
  for (Pfn pfn : batch) {
    finish(which, pfn);
    leave_slot(pfn);
  }
  co_await references_.release_pages(std::move(batch));
}

Task<void> Pagevecs::drain(int cpu) {
  Cpu& pagevecs = cpus_[static_cast<unsigned>(cpu)];
  for (unsigned which = 0; which < kPagevecs; ++which)
    if (!pagevecs.of[which].empty()) co_await drain_one(pagevecs, static_cast<Pagevec>(which));
}

}  // namespace cma
