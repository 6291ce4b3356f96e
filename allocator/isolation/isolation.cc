// What all releases share: entry points, the test, and the state change of one pageblock.

#include "allocator/isolation/isolation.h"

#include <algorithm>

#include "allocator/base/error.h"

namespace cma {

Isolation::Isolation(const Core& core, Buddy& buddy)
    : release_(core.geometry.release), core_(core), buddy_(buddy), unmovable_(core) {}

// Returns the first existing frame of [pfn, pfn + pages); kNoPfn if there is none.
Pfn Isolation::first_present(Pfn pfn, std::uint64_t pages) const {
  for (Pfn p = pfn; p < pfn + pages; ++p)
    if (core_.map.present(p)) return p;
  return kNoPfn;
}

Task<int> Isolation::start_isolate_page_range(Pfn start, Pfn end, Migratetype type) {
  const int error = release_ >= Release::v5_19 ? co_await start_range_v5_19(start, end, type)
                                               : co_await start_range_v3_5(start, end, type);
  if (error == 0) co_await at(core_.engine, Point::isolate_done);
  co_return error;
}

Task<void> Isolation::undo_isolate_page_range(Pfn start, Pfn end, Migratetype type) {
  const std::uint64_t step = core_.map.pageblock_pages();
  for (Pfn pfn = align_down(start, step); pfn < align_up(end, step); pfn += step) {
    const Pfn page = first_present(pfn, step);
    if (page == kNoPfn) continue;
    drop_hold(page);
    if (is_isolated(page)) co_await unset_block(page, type);
  }
}

// Gives one pageblock back. A point follows even if it is no longer isolated.
Task<void> Isolation::unset_block(Pfn pfn, Migratetype type) {
  if (release_ >= Release::v5_18)
    unset_isolate_v5_18(pfn, type);
  else if (release_ >= Release::v5_7)
    unset_isolate_v5_7(pfn, type);
  else
    co_await unset_isolate_v3_5(pfn, type);
  co_await at(core_.engine, Point::undo_block);
}

ActorId Isolation::isolator(Pfn pfn) const {
  for (const Held& held : held_)
    if (held.block == core_.map.pageblock_start(pfn)) return held.actor;
  return kNoActor;
}

// Removes the current actor's record of this frame's pageblock, if there is one.
void Isolation::drop_hold(Pfn pfn) {
  const Pfn block = core_.map.pageblock_start(pfn);
  const auto mine = std::find_if(held_.begin(), held_.end(), [&](const Held& held) {
    return held.block == block && held.actor == core_.engine.current();
  });
  if (mine != held_.end()) held_.erase(mine);
}

// Begins to give a pageblock back, under zone->lock. Reports to the watcher if another actor still holds it. Returns
// false if it is not isolated: nothing is left to do.
bool Isolation::begin_giving_back(Pfn pfn) {
  drop_hold(pfn);
  if (!is_isolated(pfn)) return false;
  if (core_.trace.windows() != nullptr && isolator(pfn) != kNoActor)
    core_.trace.windows()->isolation_lost(core_.map.pageblock_start(pfn));
  return true;
}

void Isolation::isolate_block_locked(Zone& zone, Pfn pfn) {
  held_.push_back({core_.map.pageblock_start(pfn), core_.engine.current()});
  if (buddy_.free_lists().typed_lists()) {
    retype_block_v6_10(zone, pfn, Migratetype::isolate);
    ++zone.nr_isolate_pageblock;
    return;
  }
  const Migratetype old = core_.map.pageblock_type(pfn);
  const bool again = old == Migratetype::isolate;
  core_.map.set_pageblock_type(pfn, Migratetype::isolate);
  ++zone.nr_isolate_pageblock;
  // Counts whole free blocks whose head lies here: one that covers two pageblocks is counted with the first.
  const FreeLists::Moved moved = buddy_.free_lists().move_freepages_block(zone, pfn, Migratetype::isolate);
  // Isolated a second time (Bug::two_isolators), pages that are in no counter are subtracted from it again.
  const std::uint64_t counted = again ? moved.pages : moved.pages - moved.isolated;
  buddy_.free_lists().count_isolation(zone, -static_cast<std::int64_t>(counted), old);
}

// Returns the pages that giving a pageblock back adds to the counters. Those that were on an ordinary list already,
// given back with an earlier pageblock or never moved, are counted.
std::int64_t Isolation::given_back(const FreeLists::Moved& moved) const {
  const bool twice = core_.bugs.active(Bug::undo_counts_twice);
  if (twice && moved.pages != moved.isolated) core_.bugs.reached(Bug::undo_counts_twice);
  return static_cast<std::int64_t>(twice ? moved.pages : moved.isolated);
}

int Isolation::test_pages_isolated(Pfn start, Pfn end) {
  Pfn pfn = start;
  const std::uint64_t step = core_.map.pageblock_pages();
  for (; pfn < end; pfn += step) {
    const Pfn page = first_present(pfn, step);
    if (page != kNoPfn && !is_isolated(page)) break;
  }
  const bool early = pfn < end || first_present(start, end - start) == kNoPfn;
  WindowWatcher* const watcher = core_.trace.windows();
  // Up to 5.15 it returns before the tracepoint.
  if (early && release_ < Release::v5_16) {
    if (watcher != nullptr) watcher->test_failed(start, end, pfn);
    return -kEBUSY;
  }
  if (!early) {
    SpinGuard zone_lock(core_.engine);
    for (pfn = start; pfn < end && core_.map.page(pfn).has(kPageBuddy);) pfn += order_pages(core_.map.page(pfn).order);
  }
  if (release_ >= Release::v4_5) core_.trace.emit(Event::test_pages_isolated, start, end, pfn);
  if (pfn < end && watcher != nullptr) watcher->test_failed(start, end, pfn);
  return early || pfn < end ? -kEBUSY : 0;
}

}  // namespace cma
