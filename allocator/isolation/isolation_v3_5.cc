// Isolation up to 5.18: ranges of whole largest blocks, one pageblock after the other. Up to 5.10 the per-CPU lists are
// drained after each.

#include "allocator/base/error.h"
#include "allocator/isolation/isolation_steps.h"

namespace cma {

// 4.17 refuses a pageblock that is isolated already. Before, it was isolated a second time: counted twice, and given
// back by the caller that was done first.
bool IsolationV3_5::fits(Pfn pfn, Migratetype type) {
  if (is_isolated(pfn) && !core_.bugs.fires(Bug::two_isolators)) {
    core_.trace.page_refused(pfn, Refusal::block_isolated);
    return false;
  }
  if (release_ < Release::v5_6) return !unmovable_.in_block_v3_5(pfn, type);
  const Pfn block_end = core_.map.pageblock_start(pfn) + core_.map.pageblock_pages();
  return !unmovable_.in_range_v5_6(pfn, block_end, type);
}

// Isolates one pageblock. Returns false if it does not fit.
bool IsolationV3_5::set_isolate(Pfn pfn, Migratetype type) {
  SpinGuard zone_lock(core_.engine);
  if (!fits(pfn, type)) return false;
  isolate_block_locked(pfn);
  return true;
}

Task<int> IsolationV3_5::start_range(Pfn start, Pfn end, Migratetype type) {
  const std::uint64_t step = core_.map.pageblock_pages();
  CMA_ASSERT(is_aligned(start, step) && is_aligned(end, step));
  for (Pfn pfn = start; pfn < end; pfn += step) {
    const Pfn page = core_.map.valid(pfn) ? first_present(pfn, step) : kNoPfn;
    if (page == kNoPfn) continue;
    if (!set_isolate(page, type)) {
      co_await undo_failed(start, pfn, type);
      co_return -kEBUSY;
    }
    co_await at(core_.engine, Point::isolate_block);
    // 5.11 leaves the drain to the caller.
    if (release_ < Release::v5_11) co_await buddy_.per_cpu().drain_all_pages(core_.map.page(page).zone);
  }
  co_return 0;
}

// Gives back what a refused call had isolated. 4.13 to 5.15 look at the first frame of each pageblock only. A point
// follows even a pageblock that is no longer isolated.
Task<void> IsolationV3_5::undo_failed(Pfn start, Pfn end, Migratetype type) {
  const std::uint64_t step = core_.map.pageblock_pages();
  for (Pfn block = start; block < end; block += step) {
    const Pfn restored = first_present(block, step);
    if (restored == kNoPfn) continue;
    if (restored != block && core_.bugs.fires(Bug::undo_skips_hole)) continue;
    if (const std::optional<unsigned> taken = give_back(restored, type)) co_await free_taken(restored, *taken);
    co_await at(core_.engine, Point::undo_block);
  }
}

// Takes a free block of at least a pageblock off its list, so that freeing it again merges it with its buddy. Returns
// false if the buddy is isolated too, as then nothing kept the two apart. 3.18 brought this together with the rule that
// blocks of isolated and of other pageblocks do not merge.
bool IsolationV3_5::take_for_merging_v3_18(Pfn pfn) {
  if (core_.bugs.active(Bug::merge_from_isolated)) return false;
  const Page& page = core_.map.page(pfn);
  if (!page.has(kPageBuddy) || page.order < core_.map.pageblock_order() || page.order >= buddy_.largest_order())
    return false;
  const Pfn other = buddy_pfn(pfn, page.order);
  if (!core_.map.present(other) || is_isolated(other)) return false;
  return buddy_.pageblock_types().isolate_free_page(pfn);
}

// Retypes the pageblock and moves its free pages to the lists of `type`. Returns true if they were taken off their list
// as one block instead.
bool IsolationV3_5::retype_or_take(Pfn pfn, Migratetype type) {
  const bool taken = take_for_merging_v3_18(pfn);
  if (taken)
    buddy_.pageblock_types().give_back_taken(pfn, type);
  else
    buddy_.pageblock_types().give_back(pfn, type);
  return taken;
}

std::optional<unsigned> IsolationV3_5::give_back(Pfn pfn, Migratetype type) {
  if (release_ >= Release::v5_18) {
    give_back_v5_18(pfn, type);
    return std::nullopt;
  }
  SpinGuard zone_lock(core_.engine);
  if (!begin_giving_back(pfn)) return std::nullopt;
  if (!retype_or_take(pfn, type)) return std::nullopt;
  if (release_ < Release::v5_7) return core_.map.page(pfn).order;
  // 5.7 frees a block that was taken under the same hold of zone->lock: there is no window.
  buddy_.pageblock_types().put_back_taken(pfn, type);
  return std::nullopt;
}

}  // namespace cma
