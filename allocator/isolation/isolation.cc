// What both releases share: entry points, the test, and the state change of one pageblock.

#include "allocator/isolation/isolation.h"

#include <algorithm>

#include "allocator/base/error.h"

namespace cma {

Isolation::Isolation(const Core& core, Buddy& buddy) : release_(core.geometry.release), core_(core), buddy_(buddy) {}

Pfn Isolation::first_present(Pfn pfn, std::uint64_t pages) const {
  for (Pfn p = pfn; p < pfn + pages; ++p)
    if (core_.map.present(p)) return p;
  return kNoPfn;
}

Task<int> Isolation::start_isolate_page_range(Pfn start, Pfn end, Migratetype type) {
  const int error = release_ >= Release::v6_1 ? co_await start_range_v5_19(start, end, type)
                                              : co_await start_range_v4(start, end, type);
  if (error == 0) co_await at(core_.engine, Point::isolate_done);
  co_return error;
}

Task<void> Isolation::undo_isolate_page_range(Pfn start, Pfn end, Migratetype type) {
  const std::uint64_t step = core_.map.pageblock_pages();
  for (Pfn pfn = align_down(start, step); pfn < align_up(end, step); pfn += step) {
    const Pfn page = first_present(pfn, step);
    if (page == kNoPfn) continue;
    let_go(page);
    if (!is_isolated(page)) continue;
    if (release_ < Release::v6_1) {
      co_await unset_block_v4(page, type);
      continue;
    }
    unset_isolate_v5_11(page, type);
    co_await at(core_.engine, Point::undo_block);
  }
}

ActorId Isolation::isolator(Pfn pfn) const {
  for (const Held& held : held_)
    if (held.block == core_.map.pageblock_start(pfn)) return held.actor;
  return kNoActor;
}

void Isolation::let_go(Pfn pfn) {
  const Pfn block = core_.map.pageblock_start(pfn);
  const auto mine = std::find_if(held_.begin(), held_.end(), [&](const Held& held) {
    return held.block == block && held.actor == core_.engine.current();
  });
  if (mine != held_.end()) held_.erase(mine);
}

void Isolation::tell_of_loss(Pfn pfn) const {
  if (core_.trace.windows() != nullptr && isolator(pfn) != kNoActor)
    core_.trace.windows()->isolation_lost(core_.map.pageblock_start(pfn));
}

// Up to 4.19 nobody asked whose the pageblock was.
bool Isolation::refused_as_area(Pfn pfn, Migratetype type) const {
  if (type == Migratetype::cma || core_.map.pageblock_type(pfn) != Migratetype::cma) return false;
  if (core_.bugs.active(Bug::area_given_away)) {
    core_.bugs.reached(Bug::area_given_away);
    return false;
  }
  core_.trace.page_refused(pfn, Refusal::area_block);
  return true;
}

void Isolation::isolate_block_locked(Zone& zone, Pfn pfn) {
  held_.push_back({core_.map.pageblock_start(pfn), core_.engine.current()});
  if (buddy_.typed_lists()) {
    retype_block_v6_10(zone, pfn, Migratetype::isolate);
    ++zone.nr_isolate_pageblock;
    return;
  }
  const Migratetype old = core_.map.pageblock_type(pfn);
  const bool again = old == Migratetype::isolate;
  core_.map.set_pageblock_type(pfn, Migratetype::isolate);
  ++zone.nr_isolate_pageblock;
  // Counts whole free blocks whose head lies here: one that covers two pageblocks is counted with the first.
  const Buddy::Moved moved = buddy_.move_freepages_block(zone, pfn, Migratetype::isolate);
  // Isolated once more (two_isolators), pages that are in no counter were subtracted from it again.
  const std::uint64_t counted = again ? moved.pages : moved.pages - moved.isolated;
  buddy_.count_isolation(zone, -static_cast<std::int64_t>(counted), old);
}

// Blocks that are on an ordinary list already, given back with an earlier pageblock or never moved, are counted.
std::int64_t Isolation::given_back(const Buddy::Moved& moved) const {
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
  if (!early) {
    SpinGuard zone_lock(core_.engine);
    for (pfn = start; pfn < end && core_.map.page(pfn).has(kPageBuddy);) pfn += order_pages(core_.map.page(pfn).order);
  } else if (release_ < Release::v6_1) {
    if (core_.trace.windows() != nullptr) core_.trace.windows()->test_failed(start, end, pfn);
    return -kEBUSY;  // up to 5.15 it leaves before the tracepoint
  }
  if (release_ >= Release::v4_9) core_.trace.emit(Event::test_pages_isolated, start, end, pfn);
  if (pfn < end && core_.trace.windows() != nullptr) core_.trace.windows()->test_failed(start, end, pfn);
  return early || pfn < end ? -kEBUSY : 0;
}

}  // namespace cma
