// Isolation since 5.19: single pageblocks. The pageblocks at the two ends are isolated first, and free blocks that
// cross an end are split there, so that no free block straddles the range.

#include <algorithm>

#include "allocator/base/error.h"
#include "allocator/isolation/isolation_steps.h"

namespace cma {

// Isolates one pageblock. Only its part within [start, end) must fit. Returns false if it does not.
bool IsolationV5_19::set_isolate(Pfn pfn, Migratetype type, Pfn start, Pfn end) {
  SpinGuard zone_lock(core_.engine);
  if (is_isolated(pfn)) {
    core_.trace.page_refused(pfn, Refusal::block_isolated);
    return false;
  }
  const Pfn block = core_.map.pageblock_start(pfn);
  const Pfn block_end = block + core_.map.pageblock_pages();
  if (unmovable_.in_range_v5_6(std::max(pfn, start), std::min(block_end, end), type)) return false;
  // 6.10 refuses a pageblock that a border of zones or the end of memory cuts (move_freepages_block_isolate).
  if (has_typed_lists(release_) && !buddy_.pageblock_types().spans_pageblock(pfn)) return false;
  isolate_block_locked(pfn);
  return true;
}

std::optional<unsigned> IsolationV5_19::give_back(Pfn pfn, Migratetype type) {
  give_back_v5_18(pfn, type);
  return std::nullopt;
}

// Splits a free block at `offset` pages from its head; each piece goes to the list of its own pageblock. Returns false
// if the block has changed since it was seen without the lock.
bool IsolationV5_19::split_free_page(Pfn pfn, unsigned order, std::uint64_t offset) {
  SpinGuard zone_lock(core_.engine);
  const Page& page = core_.map.page(pfn);
  if (!page.has(kPageBuddy) || page.order != order) return false;
  buddy_.pageblock_types().split_free_block(pfn, offset);
  return true;
}

// Isolates the pageblock after `boundary`, or the one before it, and splits a free block that crosses it there.
// `skip_isolation`: the pageblock is isolated already. Returns -EBUSY if the pageblock does not fit or a driver's
// compound page crosses the boundary.
Task<int> IsolationV5_19::isolate_single_pageblock(Pfn boundary, bool before, bool skip_isolation, Migratetype type) {
  const std::uint64_t step = core_.map.pageblock_pages();
  const Pfn block = before ? boundary - step : boundary;
  if (skip_isolation) {
    CMA_ASSERT(is_isolated(block));
  } else {
    if (!set_isolate(block, type, block, block + step)) co_return -kEBUSY;
    co_await at(core_.engine, Point::isolate_block);
  }
  if (before ? !core_.map.present(boundary) : !core_.map.present(boundary - 1)) co_return 0;
  // The kernel walks up to the boundary from the start of the largest block; all it can meet there is what crosses it.
  while (true) {
    core_.engine.turn();
    const Pfn head = buddy_.free_lists().covering_block(boundary - 1);
    if (head == kNoPfn) break;
    const unsigned order = core_.map.page(head).order;
    if (head + order_pages(order) <= boundary) break;
    co_await at(core_.engine, Point::isolate_peek);
    // If it has changed before it could be split, it is looked up again.
    if (split_free_page(head, order, boundary - head)) break;
  }
  if (!compound_crosses(boundary)) co_return 0;
  if (!skip_isolation) {
    give_back_v5_18(block, type);
    co_await at(core_.engine, Point::undo_block);
  }
  co_return -kEBUSY;
}

// Returns whether a driver's compound page, which cannot be moved, crosses the boundary.
bool IsolationV5_19::compound_crosses(Pfn boundary) const {
  for (unsigned order = 0; order <= buddy_.largest_order(); ++order) {
    const Pfn head = align_order(boundary - 1, order);
    if (!core_.map.valid(head)) break;
    const Page& page = core_.map.page(head);
    if (!page.has(kPageHead)) continue;
    const bool crosses = head + order_pages(page.order) > boundary;
    // A huge page, which would be moved out of the way, is never larger than a pageblock.
    CMA_ASSERT(!crosses || !page.has(kPageLru | kPageAnon));
    return crosses;
  }
  return false;
}

Task<int> IsolationV5_19::start_range(Pfn start, Pfn end, Migratetype type) {
  const std::uint64_t step = core_.map.pageblock_pages();
  const Pfn first = align_down(start, step);
  const Pfn last = align_up(end, step);
  int error = co_await isolate_single_pageblock(first, /*before=*/false, /*skip_isolation=*/false, type);
  if (error != 0) co_return error;
  const bool one_block = first == last - step;
  error = co_await isolate_single_pageblock(last, /*before=*/true, one_block, type);
  if (error != 0) {
    give_back_v5_18(first, type);
    co_return error;
  }
  for (Pfn pfn = first + step; pfn < last - step; pfn += step) {
    const Pfn page = first_present(pfn, step);
    if (page == kNoPfn) continue;
    if (set_isolate(page, type, start, end)) {
      co_await at(core_.engine, Point::isolate_block);
      continue;
    }
    co_await undo_range(first, pfn, type);
    give_back_v5_18(last - step, type);
    co_return -kEBUSY;
  }
  co_return 0;
}

}  // namespace cma
