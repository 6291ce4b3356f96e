// Long-term pins (mm/gup.c): pages that a device may use without limit must not stay in an area.

#include "allocator/base/error.h"
#include "allocator/processes/processes.h"

namespace cma {
namespace {

// Time between two attempts of a pin to isolate its page: about that of draining every CPU.
constexpr Time kPinTurn = kMillisecond;

}  // namespace

// Returns whether a page may be pinned in its place (is_longterm_pinnable_page). Since 5.13 Movable zones are no such
// place, either, and since 5.19 isolated ranges.
bool Processes::may_stay(Pfn pfn) const {
  const Migratetype type = core_.map.pageblock_type(pfn);
  if (type == Migratetype::cma) return core_.bugs.fires(Bug::pin_stays);
  if (release_ >= Release::v5_13 && buddy_.zone_of(pfn).kind == ZoneKind::movable)
    return core_.bugs.fires(Bug::pin_stays_in_movable);
  return release_ < Release::v5_19 || type != Migratetype::isolate;
}

// Returns whether fork must copy the page (page_needs_cow_for_dma): else the parent's next write would go to another
// page than the device's. Decides by the number of references (page_maybe_dma_pinned), so many others look like a pin.
bool Processes::must_not_be_shared(SpaceId parent, OwnerId page) const {
  if (release_ < Release::v5_9 || !processes_[parent].has_pinned) return false;
  // A huge page has a counter of pins, and is not pinned for long here.
  if (owners_.owner(page).huge != 0) return false;
  const bool pinned = core_.map.page(owners_.owner(page).pfn).ref >= longterm_references();
  return pinned && !core_.bugs.fires(Bug::fork_shares_pinned);
}

// Empties pagevecs that may have the page. Mainline up to 6.17 does if it is not on the LRU yet, and so do 5.10
// and 5.15. Since then, and in the stable releases of 6.1, 6.6 and 6.12, if there are unknown references; 6.1 and 6.6
// leave out how many their own pin counts, and so always do.
Task<void> Processes::drain_for_pin(OwnerId id, Pfn pfn) {
  if (!since(release_, Release::v6_18, {Release::v6_1, Release::v6_6, Release::v6_12})) {
    if (!core_.map.page(pfn).has(kPageLru)) co_await lru_.drain().add_drain_all();
    co_return;
  }
  const int known = Owners::own_references(owners_.owner(id)) + longterm_references();
  const bool counts_its_pin = release_ >= Release::v6_12;
  const auto suspicious = [&] { return !counts_its_pin || core_.map.page(pfn).ref != known; };
  if (!suspicious()) co_return;
  co_await lru_.drain().add_drain(core_.engine.cpu());
  if (suspicious()) co_await lru_.drain().add_drain_all();
}

// Waits while another actor has isolated the page or has not yet put it on the LRU: the pin tries again until it can
// isolate the page (5.13, and 5.10.38). Attempts in vain have no effect but the drains.
Task<void> Processes::wait_to_isolate(OwnerId id, Pfn pfn) {
  const auto in_vain = [&] {
    return owners_.owner(id).pfn == pfn && owners_.owner(id).mapped > 0 && !core_.map.page(pfn).has(kPageLru) &&
           core_.map.page(pfn).pagevecs == 0;
  };
  do {
    core_.engine.turn();
    co_await at(core_.engine, Point::pin_again);
    co_await sleep_for(core_.engine, kPinTurn);
  } while (in_vain());
}

// Moves the page to where it may stay. Returns whether it moved.
// Requires: the page is isolated, and not pinned any more.
Task<bool> Processes::move_out(Pfn pfn) {
  co_await at(core_.engine, Point::pin_isolated);
  MigrateControl control;
  control.pages.push_back(core_.map, core_.map.frame(pfn));
  control.nr_pages = 1;
  const Moved moved = co_await migration_.migrate_pages(control);
  co_await migration_.putback(control);
  co_return moved.all();
}

Task<void> Processes::unpin_longterm(Pfn pfn) {
  core_.map.edit(pfn).ref -= longterm_references() - 1;
  co_await lru_.references().put_page(pfn);
}

Task<int> Processes::pin_longterm(SpaceId process, MappingId mapping, std::uint64_t index, Pfn* pinned) {
  CMA_ASSERT(!is_huge(process, mapping));
  const Inside inside(*this, process);
  processes_[process].has_pinned = true;
  // Earlier releases pin the page where it is.
  core_.engine.flags().memalloc_pin = release_ >= Release::v5_1;
  const int error = co_await pin_outside_areas(process, mapping, index, pinned);
  const bool stays_in_scope = error != 0 && core_.engine.flags().memalloc_pin && core_.bugs.fires(Bug::pin_scope_kept);
  core_.engine.flags().memalloc_pin = stays_in_scope;
  co_return error;
}

Task<int> Processes::pin_outside_areas(SpaceId process, MappingId mapping, std::uint64_t index, Pfn* pinned) {
  const auto pte = static_cast<PteId>(processes_[process].mappings[mapping].first + index);
  const bool stays = release_ < Release::v5_1;
  while (true) {
    core_.engine.turn();
    const int error = co_await write(process, mapping, index);
    if (error != 0) co_return error;
    const OwnerId id = spaces_.pte(pte).page;
    const Pfn pfn = owners_.owner(id).pfn;
    *pinned = pfn;
    core_.map.edit(pfn).ref += longterm_references();
    // FOLL_TOUCH.
    co_await lru_.pagevecs().mark_accessed(pfn);
    co_await at(core_.engine, Point::pin_taken);
    if (stays || may_stay(pfn)) co_return 0;
    co_await drain_for_pin(id, pfn);
    bool isolated = lru_.listed().isolate(pfn);
    // Up to 5.12 the pin stays on the page meanwhile.
    while (!isolated && release_ < Release::v5_13) {
      core_.engine.turn();
      co_await wait_to_isolate(id, pfn);
      if (may_stay(pfn)) co_return 0;
      co_await drain_for_pin(id, pfn);
      isolated = lru_.listed().isolate(pfn);
    }
    co_await unpin_longterm(pfn);
    if (!isolated) {
      co_await wait_to_isolate(id, pfn);
      continue;
    }
    // The pin fails if the page cannot move (5.13, and 5.10.38).
    const bool moved = co_await move_out(pfn);
    if (!moved || core_.bugs.fires(Bug::pin_gives_up)) co_return -kENOMEM;
  }
}

}  // namespace cma
