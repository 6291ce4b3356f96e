// What all releases share: giving a range back, the test, and the state change of one pageblock.

#include "allocator/isolation/isolation_steps.h"

#include "allocator/base/error.h"

namespace cma {

IsolationSteps::IsolationSteps(const Core& core, Buddy& buddy, Isolators& isolators)
    : release_(core.geometry.release), core_(core), buddy_(buddy), unmovable_(core), isolators_(isolators) {}

// Returns the first existing frame of [pfn, pfn + pages); kNoPfn if there is none.
Pfn IsolationSteps::first_present(Pfn pfn, std::uint64_t pages) const {
  for (Pfn p = pfn; p < pfn + pages; ++p)
    if (core_.map.present(p)) return p;
  return kNoPfn;
}

// A point follows each pageblock.
Task<void> IsolationSteps::undo_range(Pfn start, Pfn end, Migratetype type) {
  const std::uint64_t step = core_.map.pageblock_pages();
  Pfn last = align_up(end, step);
  if (last - start > step && core_.bugs.fires(Bug::undo_stops_short)) last -= step;
  for (Pfn pfn = align_down(start, step); pfn < last; pfn += step) {
    const Pfn page = first_present(pfn, step);
    if (page == kNoPfn) continue;
    drop_hold(page);
    if (!is_isolated(page)) continue;
    if (const std::optional<unsigned> taken = give_back(page, type)) co_await free_taken(page, *taken);
    co_await at(core_.engine, Point::undo_block);
  }
}

// Frees a block that give_back() took off its list. Between the two the block is on no list and in no counter.
Task<void> IsolationSteps::free_taken(Pfn pfn, unsigned order) {
  co_await at(core_.engine, Point::undo_taken);
  core_.map.edit(pfn).flags &= ~kPageInFlight;
  co_await buddy_.free_unreferenced(pfn, order);
}

// Begins to give a pageblock back, under zone->lock. Reports to the watcher if another actor still holds it. Returns
// false if it is not isolated: nothing is left to do.
bool IsolationSteps::begin_giving_back(Pfn pfn) {
  drop_hold(pfn);
  if (!is_isolated(pfn)) return false;
  if (core_.trace.windows() != nullptr && isolators_.of(core_.map.pageblock_start(pfn)) != kNoActor)
    core_.trace.windows()->isolation_lost(core_.map.pageblock_start(pfn));
  return true;
}

void IsolationSteps::isolate_block_locked(Pfn pfn) {
  isolators_.add(core_.map.pageblock_start(pfn), core_.engine.current());
  buddy_.pageblock_types().isolate(pfn);
}

// Takes a free block of at least a pageblock off its list if its buddy is free and not isolated, so that the two merge
// when it is freed again.
bool IsolationSteps::take_for_merging_v5_18(Pfn pfn) {
  const Page& page = core_.map.page(pfn);
  const unsigned order = page.order;
  if (!page.has(kPageBuddy) || order < core_.map.pageblock_order() || order >= buddy_.largest_order()) return false;
  // 6.10's rule that a block has one type allows this for single pageblocks only.
  if (has_typed_lists(release_) && order > core_.map.pageblock_order()) return false;
  const Pfn other = buddy_.free_lists().free_buddy(pfn, order);
  return other != kNoPfn && !is_isolated(other) && buddy_.pageblock_types().isolate_free_page(pfn);
}

void IsolationSteps::give_back_v5_18(Pfn pfn, Migratetype type) {
  SpinGuard zone_lock(core_.engine);
  if (!begin_giving_back(pfn)) return;
  PageblockTypes& types = buddy_.pageblock_types();
  if (!take_for_merging_v5_18(pfn)) return types.give_back(pfn, type);
  types.give_back_taken(pfn, type);
  types.put_back_taken(pfn, type);
}

int IsolationSteps::test_pages_isolated(Pfn start, Pfn end) {
  Pfn pfn = start;
  const std::uint64_t step = core_.map.pageblock_pages();
  for (; pfn < end; pfn += step) {
    const Pfn page = first_present(pfn, step);
    if (page != kNoPfn && !is_isolated(page)) break;
  }
  const bool early = pfn < end || first_present(start, end - start) == kNoPfn;
  WindowWatcher* const watcher = core_.trace.windows();
  // Up to 5.14 it returns before the tracepoint.
  if (early && release_ < Release::v5_15) {
    if (watcher != nullptr) watcher->test_failed(start, end, pfn);
    return -kEBUSY;
  }
  if (!early) {
    SpinGuard zone_lock(core_.engine);
    for (pfn = start; pfn < end && core_.map.page(pfn).has(kPageBuddy);) {
      core_.engine.turn();
      pfn += order_pages(core_.map.page(pfn).order);
    }
  }
  if (release_ >= Release::v4_5) {
    const bool misnames = pfn != start && pfn < end && core_.bugs.fires(Bug::fin_is_start);
    core_.trace.emit(Event::test_pages_isolated, start, end, misnames ? start : pfn);
  }
  if (pfn < end && watcher != nullptr) watcher->test_failed(start, end, pfn);
  return early || pfn < end ? -kEBUSY : 0;
}

}  // namespace cma
