// Isolation up to 5.10: ranges of whole largest blocks, one pageblock after the other, a drain after each.

#include "allocator/base/error.h"
#include "allocator/isolation/isolation.h"

namespace cma {

// A page that can neither be moved nor is free makes a pageblock unfit; pageblocks of areas are always accepted for
// areas.
bool Isolation::has_unmovable_pages_v4(Pfn pfn, Migratetype type) const {
  if (refused_as_area(pfn, type)) return true;
  const Migratetype block = core_.map.pageblock_type(pfn);
  if (type == Migratetype::cma && block == Migratetype::cma) return false;
  // Up to 4.14 the pageblock's type was trusted.
  const bool v4_15 = release_ >= Release::v4_19;
  if (!v4_15 && (block == Migratetype::movable || block == Migratetype::cma)) return false;
  for (Pfn p = pfn; p < pfn + core_.map.pageblock_pages(); ++p) {
    if (!core_.map.present(p)) continue;
    const Page& page = core_.map.page(p);
    if (page.has(kPageReserved)) return unmovable(p);
    if (page.has(kPageHugetlb)) {
      p += pages_of(page) - 1;
      continue;
    }
    if (page.ref == 0) {
      if (page.has(kPageBuddy)) p += order_pages(page.order) - 1;
      continue;
    }
    if (!page.has(kPageMovableOps | kPageLru)) return unmovable(p);
  }
  return false;
}

// 4.17 refuses a pageblock that somebody has isolated already. Before, it was isolated once more: counted twice, and
// given back by whoever was done first.
bool Isolation::fit_for_isolation_v4(Pfn pfn, Migratetype type) {
  if (is_isolated(pfn)) {
    if (!core_.bugs.active(Bug::two_isolators)) {
      core_.trace.page_refused(pfn, Refusal::block_isolated);
      return false;
    }
    core_.bugs.reached(Bug::two_isolators);
  }
  const Pfn block_end = core_.map.pageblock_start(pfn) + core_.map.pageblock_pages();
  const bool v5_6 = release_ >= Release::v5_10;
  return !(v5_6 ? has_unmovable_pages_v5_6(pfn, block_end, type) : has_unmovable_pages_v4(pfn, type));
}

Task<int> Isolation::set_isolate_v4(Pfn pfn, Migratetype type) {
  {
    SpinGuard zone_lock(core_.engine);
    if (!fit_for_isolation_v4(pfn, type)) co_return -kEBUSY;
    isolate_block_locked(buddy_.zone_of(pfn), pfn);
  }
  co_await at(core_.engine, Point::isolate_block);
  const int zone = core_.map.page(pfn).zone;
  co_await buddy_.drain_all_pages(zone);
  co_return 0;
}

Task<int> Isolation::start_range_v4(Pfn start, Pfn end, Migratetype type) {
  const std::uint64_t step = core_.map.pageblock_pages();
  CMA_ASSERT(is_aligned(start, step) && is_aligned(end, step));
  for (Pfn pfn = start; pfn < end; pfn += step) {
    const Pfn page = core_.map.valid(pfn) ? first_present(pfn, step) : kNoPfn;
    if (page == kNoPfn) continue;
    const int error = co_await set_isolate_v4(page, type);
    if (error == 0) continue;
    co_await undo_failed_v4(start, pfn, type);
    co_return error;
  }
  co_return 0;
}

// Gives back what a refused call had isolated. 4.13 to 5.15 look at the first frame of each pageblock only.
Task<void> Isolation::undo_failed_v4(Pfn start, Pfn end, Migratetype type) {
  const std::uint64_t step = core_.map.pageblock_pages();
  for (Pfn block = start; block < end; block += step) {
    const Pfn restored = first_present(block, step);
    if (restored == kNoPfn) continue;
    if (restored != block && core_.bugs.active(Bug::undo_skips_hole)) {
      core_.bugs.reached(Bug::undo_skips_hole);
      continue;
    }
    co_await unset_block_v4(restored, type);
  }
}

// A free block of at least a pageblock whose buddy is not isolated could have merged but for the isolation: take it off
// its list, so that freeing it again merges it. 3.18 brought this together with the rule that keeps them apart.
bool Isolation::take_for_merging_v4(Pfn pfn) {
  if (core_.bugs.active(Bug::merge_from_isolated)) return false;
  const Page& page = core_.map.page(pfn);
  if (!page.has(kPageBuddy) || page.order < core_.map.pageblock_order() || page.order >= buddy_.largest_order())
    return false;
  const unsigned order = page.order;
  const Pfn other = buddy_pfn(pfn, order);
  if (!core_.map.present(other) || is_isolated(other)) return false;
  return buddy_.isolate_free_page(pfn);
}

Task<void> Isolation::unset_isolate_v4(Pfn pfn, Migratetype type) {
  Zone& zone = buddy_.zone_of(pfn);
  unsigned order = 0;
  bool taken = false;
  {
    SpinGuard zone_lock(core_.engine);
    let_go(pfn);
    if (!is_isolated(pfn)) co_return;
    tell_of_loss(pfn);
    order = core_.map.page(pfn).order;
    taken = take_for_merging_v4(pfn);
    if (!taken) {
      const Buddy::Moved moved = buddy_.move_freepages_block(zone, pfn, type);
      buddy_.count_isolation(zone, given_back(moved), type);
    }
    core_.map.set_pageblock_type(pfn, type);
    --zone.nr_isolate_pageblock;
  }
  if (!taken) co_return;
  // Between the two the block is on no list and in no counter.
  co_await at(core_.engine, Point::undo_taken);
  core_.map.edit(pfn).flags &= ~kPageInFlight;
  co_await buddy_.free_unreferenced(pfn, order);
}

// 5.7 puts a block that was taken back itself, under the same hold of zone->lock: there is no window.
void Isolation::unset_isolate_v5_7(Pfn pfn, Migratetype type) {
  SpinGuard zone_lock(core_.engine);
  let_go(pfn);
  if (!is_isolated(pfn)) return;
  tell_of_loss(pfn);
  Zone& zone = buddy_.zone_of(pfn);
  const unsigned order = core_.map.page(pfn).order;
  const bool taken = take_for_merging_v4(pfn);
  if (!taken) {
    const Buddy::Moved moved = buddy_.move_freepages_block(zone, pfn, type);
    buddy_.count_isolation(zone, given_back(moved), type);
  }
  core_.map.set_pageblock_type(pfn, type);
  if (taken) buddy_.free_one_block(zone, pfn, order, type, /*to_tail=*/true);
  --zone.nr_isolate_pageblock;
}

Task<void> Isolation::unset_block_v4(Pfn pfn, Migratetype type) {
  if (release_ >= Release::v5_10)
    unset_isolate_v5_7(pfn, type);
  else
    co_await unset_isolate_v4(pfn, type);
  co_await at(core_.engine, Point::undo_block);
}

}  // namespace cma
