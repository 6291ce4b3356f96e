// Isolation up to 5.18: ranges of whole largest blocks, one pageblock after the other. Up to 5.10 the per-CPU lists are
// drained after each.

#include "allocator/base/error.h"
#include "allocator/isolation/isolation.h"

namespace cma {

// 4.17 refuses a pageblock that is isolated already. Before, it was isolated a second time: counted twice, and given
// back by the caller that was done first.
bool Isolation::fits_isolation_v3_5(Pfn pfn, Migratetype type) {
  if (is_isolated(pfn) && !core_.bugs.fires(Bug::two_isolators)) {
    core_.trace.page_refused(pfn, Refusal::block_isolated);
    return false;
  }
  if (release_ < Release::v5_6) return !unmovable_.in_block_v3_5(pfn, type);
  const Pfn block_end = core_.map.pageblock_start(pfn) + core_.map.pageblock_pages();
  return !unmovable_.in_range_v5_6(pfn, block_end, type);
}

Task<int> Isolation::set_isolate_v3_5(Pfn pfn, Migratetype type) {
  {
    SpinGuard zone_lock(core_.engine);
    if (!fits_isolation_v3_5(pfn, type)) co_return -kEBUSY;
    isolate_block_locked(buddy_.zone_of(pfn), pfn);
  }
  co_await at(core_.engine, Point::isolate_block);
  const int zone = core_.map.page(pfn).zone;
  co_await buddy_.per_cpu().drain_all_pages(zone);
  co_return 0;
}

Task<int> Isolation::start_range_v3_5(Pfn start, Pfn end, Migratetype type) {
  const std::uint64_t step = core_.map.pageblock_pages();
  CMA_ASSERT(is_aligned(start, step) && is_aligned(end, step));
  for (Pfn pfn = start; pfn < end; pfn += step) {
    const Pfn page = core_.map.valid(pfn) ? first_present(pfn, step) : kNoPfn;
    if (page == kNoPfn) continue;
    const int error = co_await set_isolate_v3_5(page, type);
    if (error == 0) continue;
    co_await undo_failed_v3_5(start, pfn, type);
    co_return error;
  }
  co_return 0;
}

// Gives back what a refused call had isolated. 4.13 to 5.15 look at the first frame of each pageblock only.
Task<void> Isolation::undo_failed_v3_5(Pfn start, Pfn end, Migratetype type) {
  const std::uint64_t step = core_.map.pageblock_pages();
  for (Pfn block = start; block < end; block += step) {
    const Pfn restored = first_present(block, step);
    if (restored == kNoPfn) continue;
    if (restored != block && core_.bugs.fires(Bug::undo_skips_hole)) continue;
    co_await unset_block(restored, type);
  }
}

// Takes a free block of at least a pageblock off its list, so that freeing it again merges it with its buddy. Returns
// false if the buddy is isolated too, as then nothing kept the two apart. 3.18 brought this together with the rule that
// blocks of isolated and of other pageblocks do not merge.
bool Isolation::take_for_merging_v3_18(Pfn pfn) {
  if (core_.bugs.active(Bug::merge_from_isolated)) return false;
  const Page& page = core_.map.page(pfn);
  if (!page.has(kPageBuddy) || page.order < core_.map.pageblock_order() || page.order >= buddy_.largest_order())
    return false;
  const Pfn other = buddy_pfn(pfn, page.order);
  if (!core_.map.present(other) || is_isolated(other)) return false;
  return buddy_.free_lists().isolate_free_page(pfn);
}

// Retypes the pageblock and moves its free pages to the lists of `type`. Returns true if they were taken off their list
// as one block instead, which the caller frees.
bool Isolation::give_back_locked_v3_5(Zone& zone, Pfn pfn, Migratetype type) {
  const bool taken = take_for_merging_v3_18(pfn);
  if (!taken) {
    const FreeLists::Moved moved = buddy_.free_lists().move_freepages_block(zone, pfn, type);
    buddy_.free_lists().count_isolation(zone, given_back(moved), type);
  }
  core_.map.set_pageblock_type(pfn, type);
  return taken;
}

Task<void> Isolation::unset_isolate_v3_5(Pfn pfn, Migratetype type) {
  const unsigned order = core_.map.page(pfn).order;
  {
    SpinGuard zone_lock(core_.engine);
    if (!begin_giving_back(pfn)) co_return;
    Zone& zone = buddy_.zone_of(pfn);
    const bool taken = give_back_locked_v3_5(zone, pfn, type);
    --zone.nr_isolate_pageblock;
    if (!taken) co_return;
  }
  // Between the two the block is on no list and in no counter.
  co_await at(core_.engine, Point::undo_taken);
  core_.map.edit(pfn).flags &= ~kPageInFlight;
  co_await buddy_.free_unreferenced(pfn, order);
}

// 5.7 frees a block that was taken under the same hold of zone->lock: there is no window.
void Isolation::unset_isolate_v5_7(Pfn pfn, Migratetype type) {
  SpinGuard zone_lock(core_.engine);
  if (!begin_giving_back(pfn)) return;
  Zone& zone = buddy_.zone_of(pfn);
  const unsigned order = core_.map.page(pfn).order;
  const bool taken = give_back_locked_v3_5(zone, pfn, type);
  if (taken) buddy_.free_lists().free_one_block(zone, pfn, order, type, /*to_tail=*/true);
  --zone.nr_isolate_pageblock;
}

}  // namespace cma
