// Free areas: insertion, merging, splitting, fallback and stealing. zone->lock is held throughout.

#include <algorithm>
#include <span>

#include "allocator/buddy/buddy.h"

namespace cma {
namespace {

// Fallback order of 4.4 and later; CMA, HighAtomic and Isolate lists are never a source.
constexpr std::array<std::array<Migratetype, 2>, kPcpTypes> kFallbacks = {{
    {Migratetype::reclaimable, Migratetype::movable},
    {Migratetype::reclaimable, Migratetype::unmovable},
    {Migratetype::unmovable, Migratetype::movable},
}};

}  // namespace

void Buddy::insert(Zone& zone, Pfn pfn, unsigned order, Migratetype type, bool tail) {
  Page& page = core_.map.edit(pfn);
  page.flags |= kPageBuddy;
  page.order = static_cast<std::uint8_t>(order);
  page.list_type = type;
  PageList& list = zone.area[order].lists[index_of(type)];
  if (tail)
    list.push_back(core_.map, core_.map.frame(pfn));
  else
    list.push_front(core_.map, core_.map.frame(pfn));
  ++zone.area[order].nr_free;
}

void Buddy::take_off_list(Zone& zone, Pfn pfn) {
  Page& page = core_.map.edit(pfn);
  CMA_ASSERT(page.has(kPageBuddy));
  FreeArea& area = zone.area[page.order];
  CMA_ASSERT(area.nr_free > 0);
  area.lists[index_of(page.list_type)].remove(core_.map, core_.map.frame(pfn));
  page.flags &= ~kPageBuddy;
  --area.nr_free;
}

Pfn Buddy::free_buddy(Pfn pfn, unsigned order) const {
  const Pfn buddy = buddy_pfn(pfn, order);
  if (!core_.map.valid(buddy)) return kNoPfn;
  const Page& page = core_.map.page(buddy);
  if (!page.has(kPageBuddy) || page.order != order) return kNoPfn;
  // Zones may meet anywhere: blocks of different zones never merge.
  return page.zone == core_.map.page(pfn).zone ? buddy : kNoPfn;
}

Pfn Buddy::covering_block(Pfn pfn) const {
  Pfn head = pfn;
  unsigned order = 0;
  while (!core_.map.present(head) || !core_.map.page(head).has(kPageBuddy)) {
    if (++order > largest_order_) return pfn;
    head = align_down(head, order_pages(order));
    if (!core_.map.valid(head)) return pfn;
  }
  return head + order_pages(core_.map.page(head).order) <= pfn ? pfn : head;
}

// Merging below the pageblock order never looks at types. From there on 4.19 refuses across an Isolate boundary, and
// 5.18 refuses wherever types differ and one of them is CMA, HighAtomic or Isolate.
bool Buddy::merge_refused(const Zone& zone, Pfn pfn, Pfn buddy, unsigned order, Migratetype type) const {
  if (order < pageblock_order_) return false;
  if (core_.bugs.active(Bug::merge_among_equals)) [[unlikely]] {
    core_.bugs.reached(Bug::merge_among_equals);
    return true;
  }
  const Migratetype other = core_.map.pageblock_type(buddy);
  if (release_ >= Release::v6_1) return type != other && (!is_mergeable(type) || !is_mergeable(other));
  if (!zone.has_isolate_pageblock() || type == other) return false;
  if (core_.bugs.active(Bug::merge_from_isolated)) {
    if (type == Migratetype::isolate || other == Migratetype::isolate) core_.bugs.reached(Bug::merge_from_isolated);
    return false;
  }
  if (core_.bugs.active(Bug::merge_into_isolated)) {
    if (type != Migratetype::isolate && other == Migratetype::isolate) core_.bugs.reached(Bug::merge_into_isolated);
    return type == Migratetype::isolate;
  }
  static_cast<void>(pfn);
  return type == Migratetype::isolate || other == Migratetype::isolate;
}

// The block's parent will probably be completed soon: keep it away from allocation by inserting at the tail.
bool Buddy::parent_merge_likely(Pfn pfn, unsigned order) const {
  if (order + 1 >= largest_order_) return false;
  const Pfn parent = pfn & buddy_pfn(pfn, order);
  const Pfn parent_buddy = buddy_pfn(parent, order + 1);
  if (!core_.map.valid(parent_buddy)) return false;
  const Page& page = core_.map.page(parent_buddy);
  return page.has(kPageBuddy) && page.order == order + 1 && page.zone == core_.map.page(pfn).zone;
}

void Buddy::free_one_block(Zone& zone, Pfn pfn, unsigned order, Migratetype type, bool to_tail) {
  const auto pages = static_cast<std::int64_t>(order_pages(order));
  CMA_ASSERT(is_aligned(pfn, order_pages(order)));
  CMA_ASSERT(!core_.map.page(pfn).has(kPageBuddy));
  if (type != Migratetype::isolate)
    mod_freepage_state(zone, pages, type);
  else if (counts_isolated())
    zone.nr_free_pages += pages;
  core_.map.edit(pfn).flags &= ~(kPageInFlight | kPagePcp);
  while (order < largest_order_) {
    const Pfn buddy = free_buddy(pfn, order);
    if (buddy == kNoPfn || merge_refused(zone, pfn, buddy, order, type)) break;
    const Migratetype listed = core_.map.page(buddy).list_type;
    take_off_list(zone, buddy);
    // The other may still be on the list it was on before its pageblock was isolated or given back.
    const bool lags = listed != type && (order < pageblock_order_ || core_.map.pageblock_type(buddy) == type);
    if (lags && !typed_lists()) recount(zone, order, listed, type);
    // 6.10: a merged block has one type, so that what is split off it later lies on the right lists.
    if (typed_lists() && order >= pageblock_order_) retype_range(buddy, order, type);
    pfn &= buddy;
    ++order;
  }
  bool tail = to_tail || parent_merge_likely(pfn, order);
  if (tail && !booting_ && core_.bugs.active(Bug::head_for_tail)) [[unlikely]] {
    core_.bugs.reached(Bug::head_for_tail);
    tail = false;
  }
  insert(zone, pfn, order, type, tail);
}

// Frees single pages of one pageblock, as freeing one after the other would, upwards: the blocks that form on the way
// come and go without a trace, so the largest that fit can be freed at once.
void Buddy::free_run(Zone& zone, Pfn pfn, std::uint64_t pages, Migratetype type) {
  for (Page& page : core_.map.edit_run(pfn, pages)) {
    page.flags &= ~(kPageInFlight | kPagePcp);
    page.next = kNil;
    page.prev = kNil;
  }
  while (pages > 0) {
    const unsigned aligned = pfn == 0 ? pageblock_order_ : std::min(pageblock_order_, lowest_bit(pfn));
    const unsigned order = std::min(aligned, floor_log2(pages));
    free_one_block(zone, pfn, order, type);
    pfn += order_pages(order);
    pages -= order_pages(order);
  }
}

void Buddy::expand(Zone& zone, Pfn pfn, unsigned low, unsigned high, Migratetype type) {
  while (high > low) {
    --high;
    insert(zone, pfn + order_pages(high), high, type, false);
  }
  Page& page = core_.map.edit(pfn);
  page.order = static_cast<std::uint8_t>(low);
  page.list_type = type;
}

Pfn Buddy::rmqueue_smallest(Zone& zone, unsigned order, Migratetype type) {
  for (unsigned o = order; o <= largest_order_; ++o) {
    const PageList& list = zone.area[o].lists[index_of(type)];
    if (list.empty()) continue;
    const Pfn pfn = core_.map.pfn(list.first);
    take_off_list(zone, pfn);
    expand(zone, pfn, order, o, type);
    if (typed_lists()) mod_freepage_state(zone, -static_cast<std::int64_t>(order_pages(order)), type);
    return pfn;
  }
  return kNoPfn;
}

Pfn Buddy::rmqueue_locked(Zone& zone, unsigned order, Migratetype type, std::uint32_t flags) {
  if (release_ < Release::v4_9) {
    const Pfn pfn = rmqueue_smallest(zone, order, type);
    return pfn != kNoPfn ? pfn : rmqueue_fallback_v3_5(zone, order, type);
  }
  const bool v5_9 = release_ >= Release::v5_10;
  const bool may_use_cma = v5_9 ? (flags & kAllocCma) != 0 : type == Migratetype::movable;
  // 5.9: balance movable allocations between ordinary and area memory once over half of the free memory is CMA.
  if (v5_9 && may_use_cma && zone.nr_free_cma > zone.nr_free_pages / 2) {
    const Pfn pfn = rmqueue_smallest(zone, order, Migratetype::cma);
    if (pfn != kNoPfn) return pfn;
  }
  while (true) {
    Pfn pfn = rmqueue_smallest(zone, order, type);
    if (pfn == kNoPfn && may_use_cma) pfn = rmqueue_smallest(zone, order, Migratetype::cma);
    if (pfn == kNoPfn && release_ < Release::v4_19) return rmqueue_fallback_v4_2(zone, order, type);
    if (pfn == kNoPfn && typed_lists()) return rmqueue_fallback_v6_10(zone, order, type);
    if (pfn != kNoPfn || !rmqueue_fallback(zone, order, type, flags)) return pfn;
  }
}

// Index of the first fallback type with a block of this order, -1 for none. `can_steal`: whole pageblocks may change.
int Buddy::suitable_fallback(const FreeArea& area, unsigned order, Migratetype type, bool& can_steal) const {
  can_steal = false;
  if (area.nr_free == 0) return -1;
  for (Migratetype fallback : kFallbacks[index_of(type)]) {
    if (area.lists[index_of(fallback)].empty()) continue;
    can_steal = order >= pageblock_order_ || order >= pageblock_order_ / 2 || type == Migratetype::unmovable ||
                type == Migratetype::reclaimable;
    return static_cast<int>(index_of(fallback));
  }
  return -1;
}

// The largest block of any other type, area memory first where the request is movable; area pageblocks are never
// claimed.
Pfn Buddy::rmqueue_fallback_v3_5(Zone& zone, unsigned order, Migratetype start) {
  constexpr std::array<Migratetype, 1> kArea = {Migratetype::cma};
  const std::span<const Migratetype> area_first =
      start == Migratetype::movable ? kArea : std::span<const Migratetype>{};
  for (unsigned current = largest_order_ + 1; current-- > order;) {
    const FreeArea& area = zone.area[current];
    for (const std::span<const Migratetype> types :
         {area_first, std::span<const Migratetype>(kFallbacks[index_of(start)])})
      for (const Migratetype fallback : types) {
        if (area.lists[index_of(fallback)].empty()) continue;
        const Pfn pfn = core_.map.pfn(area.lists[index_of(fallback)].first);
        const bool from_area = fallback == Migratetype::cma;
        const bool worth_it = current >= pageblock_order_ / 2 || start == Migratetype::reclaimable;
        if (!from_area && worth_it) steal_v4_2(zone, pfn, start);
        take_off_list(zone, pfn);
        expand(zone, pfn, order, current, from_area ? fallback : start);
        report_fallback(pfn, order, current, start, fallback);
        return pfn;
      }
  }
  return kNoPfn;
}

// Up to 4.11: always breaks the largest block, and takes what it needs of it whether the pageblock is claimed or not.
Pfn Buddy::rmqueue_fallback_v4_2(Zone& zone, unsigned order, Migratetype start) {
  for (unsigned current = largest_order_ + 1; current-- > order;) {
    bool can_steal = false;
    const int fallback = suitable_fallback(zone.area[current], current, start, can_steal);
    if (fallback < 0) continue;
    const Pfn pfn = core_.map.pfn(zone.area[current].lists[static_cast<unsigned>(fallback)].first);
    if (can_steal) steal_v4_2(zone, pfn, start);
    take_off_list(zone, pfn);
    expand(zone, pfn, order, current, start);
    report_fallback(pfn, order, current, start, migratetype_at(static_cast<unsigned>(fallback)));
    return pfn;
  }
  return kNoPfn;
}

// Claims the pageblock when half of it is free; pages in use do not count for anybody (4.12).
void Buddy::steal_v4_2(Zone& zone, Pfn pfn, Migratetype start) {
  const Migratetype old = core_.map.pageblock_type(pfn);
  if (old == Migratetype::highatomic) {
    if (!core_.bugs.active(Bug::steal_takes_reserve)) return;
    core_.bugs.reached(Bug::steal_takes_reserve);
  }
  const unsigned order = core_.map.page(pfn).order;
  if (order >= pageblock_order_) return claim_range(pfn, order, start);
  if (old == Migratetype::isolate) {
    if (!core_.bugs.active(Bug::steal_ends_isolation)) return;
    core_.bugs.reached(Bug::steal_ends_isolation);
  }
  const Moved moved = move_freepages_block(zone, pfn, start);
  if (moved.pages >= order_pages(pageblock_order_) / 2) core_.map.set_pageblock_type(pfn, start);
}

void Buddy::claim_range(Pfn pfn, unsigned order, Migratetype start) {
  const bool ends_isolation = core_.bugs.active(Bug::steal_ends_isolation);
  for (Pfn block = pfn; block < pfn + order_pages(order); block += order_pages(pageblock_order_)) {
    const bool isolated = core_.map.pageblock_type(block) == Migratetype::isolate;
    if (isolated && ends_isolation) core_.bugs.reached(Bug::steal_ends_isolation);
    if (!isolated || ends_isolation) core_.map.set_pageblock_type(block, start);
  }
}

void Buddy::report_fallback(Pfn pfn, unsigned order, unsigned found, Migratetype start, Migratetype fallback) {
  if (!core_.trace.page_events()) return;
  const bool ownership = core_.map.pageblock_type(pfn) == start;
  core_.trace.emit(Event::mm_page_alloc_extfrag, pfn, order | (found << 8), index_of(start) | (index_of(fallback) << 8),
                   ownership ? 1 : 0);
}

bool Buddy::rmqueue_fallback(Zone& zone, unsigned order, Migratetype start, std::uint32_t flags) {
  int fallback = -1;
  bool can_steal = false;
  unsigned current = largest_order_ + 1;
  while (current-- > order) {
    fallback = suitable_fallback(zone.area[current], current, start, can_steal);
    if (fallback < 0) continue;
    // A movable request that would not take the whole pageblock uses the smallest block instead of breaking a large
    // one.
    if (!can_steal && start == Migratetype::movable && current > order) {
      for (current = order; current <= largest_order_; ++current) {
        fallback = suitable_fallback(zone.area[current], current, start, can_steal);
        if (fallback >= 0) break;
      }
    }
    break;
  }
  if (fallback < 0) return false;
  const Pfn pfn = core_.map.pfn(zone.area[current].lists[static_cast<unsigned>(fallback)].first);
  steal(zone, pfn, start, can_steal, flags);
  report_fallback(pfn, order, current, start, migratetype_at(static_cast<unsigned>(fallback)));
  return true;
}

void Buddy::move_to_list(Zone& zone, Pfn pfn, Migratetype type) {
  const unsigned order = core_.map.page(pfn).order;
  const auto pages = static_cast<std::int64_t>(order_pages(order));
  const Migratetype old = core_.map.page(pfn).list_type;
  take_off_list(zone, pfn);
  insert(zone, pfn, order, type, move_to_tail_);
  if (!typed_lists()) return;
  if (old != Migratetype::isolate) mod_freepage_state(zone, -pages, old);
  if (type != Migratetype::isolate) mod_freepage_state(zone, pages, type);
}

Buddy::Moved Buddy::move_freepages_block(Zone& zone, Pfn pfn, Migratetype type) {
  Moved moved;
  Pfn next = core_.map.pageblock_start(pfn);
  const Pfn end = next + order_pages(pageblock_order_);
  if (!zone.contains(next)) next = pfn;
  if (!zone.contains(end - 1)) return moved;
  while (next < end) {
    const Page& page = core_.map.page(next);
    if (!page.has(kPageBuddy)) {
      if (page.has(kPageLru | kPageMovableOps)) ++moved.movable;
      ++next;
      continue;
    }
    const std::uint64_t pages = order_pages(page.order);
    moved.pages += pages;
    if (page.list_type == Migratetype::isolate) moved.isolated += pages;
    move_to_list(zone, next, type);
    next += pages;
  }
  return moved;
}

void Buddy::boost_watermark(Zone& zone) {
  const std::uint64_t block = order_pages(pageblock_order_);
  if (block * 4 > zone.managed) return;
  // watermark_boost_factor 15000: at most 150 % of the high watermark.
  std::uint64_t most = zone.watermark[2] / 10000 * 15000 + zone.watermark[2] % 10000 * 15000 / 10000;
  if (most == 0) return;
  most = std::max(most, block);
  zone.watermark_boost = std::min(zone.watermark_boost + block, most);
}

void Buddy::steal(Zone& zone, Pfn pfn, Migratetype start, bool whole, std::uint32_t flags) {
  static_cast<void>(flags);
  const unsigned order = core_.map.page(pfn).order;
  const Migratetype old = core_.map.pageblock_type(pfn);
  if (old == Migratetype::highatomic) return move_to_list(zone, pfn, start);
  const bool ends_isolation = core_.bugs.active(Bug::steal_ends_isolation);
  if (order >= pageblock_order_) {
    claim_range(pfn, order, start);
    return move_to_list(zone, pfn, start);
  }
  if (release_ >= Release::v5_10) boost_watermark(zone);
  if (!whole) return move_to_list(zone, pfn, start);
  if (old == Migratetype::isolate) {
    if (!ends_isolation) return move_to_list(zone, pfn, start);
    core_.bugs.reached(Bug::steal_ends_isolation);
  }

  const Moved moved = move_freepages_block(zone, pfn, start);
  // A pageblock cut by the zone's end moves nothing.
  if (moved.pages == 0) return move_to_list(zone, pfn, start);
  if (moved.pages + alike_pages(moved, start, old) >= order_pages(pageblock_order_) / 2)
    core_.map.set_pageblock_type(pfn, start);
}

void Buddy::retype_range(Pfn pfn, unsigned order, Migratetype type) {
  for (Pfn block = pfn; block < pfn + order_pages(order); block += order_pages(pageblock_order_))
    core_.map.set_pageblock_type(block, type);
}

// Pages of the pageblock that would suit `start` if it claimed it: those in use that move, or seem to be of its kind.
std::uint64_t Buddy::alike_pages(const Moved& moved, Migratetype start, Migratetype old) const {
  if (start == Migratetype::movable) return moved.movable;
  const std::uint64_t block = order_pages(pageblock_order_);
  return old == Migratetype::movable ? block - std::min(block, moved.pages + moved.movable) : 0;
}

// try_to_claim_block: a page of `start` out of a pageblock that becomes start's own; kNoPfn when too little of it is
// free.
Pfn Buddy::claim_block_v6_10(Zone& zone, Pfn pfn, unsigned order, Migratetype start) {
  const unsigned found = core_.map.page(pfn).order;
  const Migratetype old = core_.map.pageblock_type(pfn);
  if (old == Migratetype::highatomic) return kNoPfn;
  if (found >= pageblock_order_) {
    move_to_list(zone, pfn, start);
    retype_range(pfn, found, start);
    take_off_list(zone, pfn);
    expand(zone, pfn, order, found, start);
    mod_freepage_state(zone, -static_cast<std::int64_t>(order_pages(order)), start);
    return pfn;
  }
  boost_watermark(zone);
  const Moved there = count_block(zone, pfn);
  if (there.pages + alike_pages(there, start, old) < order_pages(pageblock_order_) / 2 || there.pages == 0)
    return kNoPfn;
  move_freepages_block(zone, pfn, start);
  core_.map.set_pageblock_type(pfn, start);
  return rmqueue_smallest(zone, order, start);
}

// 6.10 to 6.12: claims the largest block it can, else takes the smallest as it is, which leaves its pageblock alone.
Pfn Buddy::rmqueue_fallback_v6_10(Zone& zone, unsigned order, Migratetype start) {
  bool can_steal = false;
  for (unsigned current = largest_order_ + 1; current-- > order;) {
    const int fallback = suitable_fallback(zone.area[current], current, start, can_steal);
    if (fallback < 0) continue;
    if (!can_steal) break;
    const Pfn head = core_.map.pfn(zone.area[current].lists[static_cast<unsigned>(fallback)].first);
    const Pfn pfn = claim_block_v6_10(zone, head, order, start);
    if (pfn != kNoPfn) return pfn;
  }
  for (unsigned current = order; current <= largest_order_; ++current) {
    const int fallback = suitable_fallback(zone.area[current], current, start, can_steal);
    if (fallback >= 0) return rmqueue_smallest(zone, order, migratetype_at(static_cast<unsigned>(fallback)));
  }
  return kNoPfn;
}

// What move_freepages_block would find, without moving anything.
Buddy::Moved Buddy::count_block(const Zone& zone, Pfn pfn) const {
  Moved there;
  Pfn next = core_.map.pageblock_start(pfn);
  const Pfn end = next + order_pages(pageblock_order_);
  if (!zone.contains(next) || !zone.contains(end - 1)) return there;
  while (next < end) {
    const Page& page = core_.map.page(next);
    if (page.has(kPageBuddy)) {
      there.pages += order_pages(page.order);
      next += order_pages(page.order);
      continue;
    }
    if (page.has(kPageLru | kPageMovableOps)) ++there.movable;
    ++next;
  }
  return there;
}

// A free block that was counted by the list it was on is from now on counted as `to`.
void Buddy::recount(Zone& zone, unsigned order, Migratetype from, Migratetype to) {
  if (from != Migratetype::isolate && to != Migratetype::isolate) return;
  if (core_.bugs.active(Bug::undo_counts_twice)) return core_.bugs.reached(Bug::undo_counts_twice);
  if (counts_isolated()) return;
  const auto pages = static_cast<std::int64_t>(order_pages(order));
  if (from != Migratetype::isolate) mod_freepage_state(zone, -pages, from);
  if (to != Migratetype::isolate) mod_freepage_state(zone, pages, to);
}

void Buddy::count_isolation(Zone& zone, std::int64_t pages, Migratetype type) {
  mod_freepage_state(zone, pages, type);
  if (!counts_isolated() || pages == 0) return;
  core_.bugs.reached(Bug::isolated_counted);
  zone.nr_free_pages -= pages;
}

bool Buddy::isolate_free_page(Pfn pfn) {
  Zone& zone = zone_of(pfn);
  const unsigned order = core_.map.page(pfn).order;
  const Migratetype type = core_.map.pageblock_type(pfn);
  CMA_ASSERT(core_.map.page(pfn).has(kPageBuddy));
  if (type == Migratetype::isolate && counts_isolated()) {
    // What is counted as free is taken like it: not below the low watermark.
    const std::uint64_t mark = zone.watermark[1] + order_pages(order);
    if (!zone_watermark_ok(zone, 0, mark, 0, kAllocCma, zone.nr_free_pages)) return false;
    zone.nr_free_pages -= static_cast<std::int64_t>(order_pages(order));
  }
  if (type != Migratetype::isolate) {
    // 4.9 asks for the min watermark only.
    const std::uint64_t mark = zone.watermark[release_ >= Release::v4_9 ? 0 : 1] + order_pages(order);
    if (!zone_watermark_ok(zone, 0, mark, 0, kAllocCma, zone.nr_free_pages)) return false;
  }
  const Migratetype listed = core_.map.page(pfn).list_type;
  if (type == Migratetype::isolate && listed != type)
    recount(zone, order, listed, type);
  else if (type != Migratetype::isolate)
    mod_freepage_state(zone, -static_cast<std::int64_t>(order_pages(order)), type);
  take_off_list(zone, pfn);
  core_.map.edit(pfn).flags |= kPageInFlight;
  if (order + 1 >= pageblock_order_)
    for (Pfn block = pfn; block < pfn + order_pages(order); block += order_pages(pageblock_order_))
      if (is_mergeable(core_.map.pageblock_type(block))) core_.map.set_pageblock_type(block, Migratetype::movable);
  return true;
}

void Buddy::split_large_block(Zone& zone, Pfn pfn, unsigned order) {
  const unsigned piece = std::min(order, pageblock_order_);
  const Pfn end = pfn + order_pages(order);
  for (Pfn p = pfn; p < end; p += order_pages(piece)) free_one_block(zone, p, piece, core_.map.pageblock_type(p));
}

void Buddy::split_captured(Pfn pfn, unsigned order) {
  for (Page& page : core_.map.edit_run(pfn, order_pages(order))) {
    page.ref = 1;
    page.order = 0;
    page.flags = 0;
    page.owner = 0;
  }
}

}  // namespace cma
