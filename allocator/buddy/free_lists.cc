#include "allocator/buddy/free_lists.h"

#include <algorithm>

namespace cma {

void FreeLists::end_boot() {
  CMA_ASSERT(booting_);
  booting_ = false;
}

// --- looking ---

Pfn FreeLists::free_buddy(Pfn pfn, unsigned order) const {
  const Pfn buddy = buddy_pfn(pfn, order);
  if (!core_.map.valid(buddy)) return kNoPfn;
  const Page& page = core_.map.page(buddy);
  if (!page.has(kPageBuddy) || page.order != order) return kNoPfn;
  // Zones may meet anywhere: blocks of different zones never merge.
  return page.zone == core_.map.page(pfn).zone ? buddy : kNoPfn;
}

Pfn FreeLists::covering_block(Pfn pfn) const {
  Pfn head = pfn;
  unsigned order = 0;
  while (!core_.map.present(head) || !core_.map.page(head).has(kPageBuddy)) {
    core_.engine.turn();
    if (++order > core_.largest_order) return kNoPfn;
    head = align_order(head, order);
    if (!core_.map.valid(head)) return kNoPfn;
  }
  return head + order_pages(core_.map.page(head).order) <= pfn ? kNoPfn : head;
}

bool FreeLists::may_stay_apart(Migratetype one, Migratetype other) const {
  if (one == other) return one == Migratetype::isolate;
  if (core_.release >= Release::v5_18) return !is_mergeable(one) || !is_mergeable(other);
  return one == Migratetype::isolate || other == Migratetype::isolate;
}

// --- inserting and merging ---

void FreeLists::insert(Zone& zone, Pfn pfn, unsigned order, Migratetype type, bool tail) {
  CMA_ASSERT(locked());
  Page& page = core_.map.edit(pfn);
  page.flags |= kPageBuddy;
  page.order = static_cast<std::uint8_t>(order);
  page.list_type = type;
  PageList& list = zone.free_by_order[order].lists[index_of(type)];
  if (tail)
    list.push_back(core_.map, core_.map.frame(pfn));
  else
    list.push_front(core_.map, core_.map.frame(pfn));
  ++zone.free_by_order[order].nr_free;
}

// Returns whether a block must not merge with its free buddy. Below the pageblock order types are never looked at. From
// there on merging is refused wherever the two may stay apart, unless both are isolated.
bool FreeLists::merge_refused(const Zone& zone, Pfn buddy, unsigned order, Migratetype type) const {
  if (order < core_.pageblock_order) return false;
  if (core_.bugs.fires(Bug::merge_among_equals)) [[unlikely]]
    return true;
  if (core_.release < Release::v5_18 && !zone.has_isolate_pageblock()) return false;
  const Migratetype other = core_.map.pageblock_type(buddy);
  if (type == other || !may_stay_apart(type, other)) return false;
  if (core_.release >= Release::v5_18) return true;
  if (core_.bugs.fires(Bug::merge_from_isolated)) return false;
  return type == Migratetype::isolate || !core_.bugs.fires(Bug::merge_into_isolated);
}

// Returns whether the block's parent will probably be completed soon. Such a block is kept away from allocation by
// inserting it at the tail.
bool FreeLists::parent_merge_likely(Pfn pfn, unsigned order) const {
  if (order + 1 >= core_.largest_order) return false;
  const Pfn parent = pfn & buddy_pfn(pfn, order);
  const Pfn parent_buddy = buddy_pfn(parent, order + 1);
  if (!core_.map.valid(parent_buddy)) return false;
  const Page& page = core_.map.page(parent_buddy);
  return page.has(kPageBuddy) && page.order == order + 1 && page.zone == core_.map.page(pfn).zone;
}

void FreeLists::free_one_block(Zone& zone, Pfn pfn, unsigned order, Migratetype type, FreeTo to) {
  const auto pages = static_cast<std::int64_t>(order_pages(order));
  CMA_ASSERT(is_aligned(pfn, order_pages(order)));
  CMA_ASSERT(!core_.map.page(pfn).has(kPageBuddy));
  if (type != Migratetype::isolate)
    zone.mod_freepage_state(pages, type);
  else if (counts_isolated())
    zone.nr_free_pages += pages;
  core_.map.edit(pfn).flags &= ~(kPageInFlight | kPagePcp);
  while (order < core_.largest_order) {
    core_.engine.turn();
    const Pfn buddy = free_buddy(pfn, order);
    if (buddy == kNoPfn || merge_refused(zone, buddy, order, type)) break;
    const Migratetype listed = core_.map.page(buddy).list_type;
    remove(zone, buddy);
    // The buddy may still be on the list that it was on before its pageblock was isolated or given back.
    const bool lags = listed != type && (order < core_.pageblock_order || core_.map.pageblock_type(buddy) == type);
    if (lags && !has_typed_lists(core_.release)) recount(zone, order, listed, type);
    // A merged block has one type, so that blocks which are split off it later lie on the right lists.
    if (has_typed_lists(core_.release) && order >= core_.pageblock_order)
      core_.map.set_pageblock_types(buddy, order, type);
    pfn &= buddy;
    ++order;
  }
  bool tail = to == FreeTo::tail || parent_merge_likely(pfn, order);
  if (tail && !booting_ && core_.bugs.fires(Bug::head_for_tail)) [[unlikely]]
    tail = false;
  insert(zone, pfn, order, type, tail);
  // What lies inside has merged as far as it can.
  if (!zone.left_highatomic.empty()) [[unlikely]]
    std::erase_if(zone.left_highatomic, [&](Pfn left) { return left >= pfn && left < pfn + order_pages(order); });
}

// The blocks that form on the way come and go without a trace, so the largest that fit can be freed at once.
void FreeLists::free_run(Zone& zone, Pfn pfn, std::uint64_t pages, Migratetype type) {
  for (Page& page : core_.map.edit_run(pfn, pages)) {
    page.flags &= ~(kPageInFlight | kPagePcp);
    page.next = kNil;
    page.prev = kNil;
  }
  while (pages > 0) {
    core_.engine.turn();
    const unsigned aligned = pfn == 0 ? core_.pageblock_order : std::min(core_.pageblock_order, lowest_bit(pfn));
    const unsigned order = std::min(aligned, floor_log2(pages));
    free_one_block(zone, pfn, order, type);
    pfn += order_pages(order);
    pages -= order_pages(order);
  }
}

void FreeLists::free_in_pageblocks(Zone& zone, Pfn pfn, unsigned order) {
  const unsigned piece = std::min(order, core_.pageblock_order);
  const Pfn end = pfn + order_pages(order);
  for (Pfn p = pfn; p < end; p += order_pages(piece)) free_one_block(zone, p, piece, core_.map.pageblock_type(p));
}

// --- taking and splitting ---

// Takes a free block off its list; of the counters only nr_free changes.
void FreeLists::remove(Zone& zone, Pfn pfn) {
  CMA_ASSERT(locked());
  Page& page = core_.map.edit(pfn);
  CMA_ASSERT(page.has(kPageBuddy));
  BlocksOfOrder& blocks = zone.free_by_order[page.order];
  CMA_ASSERT(blocks.nr_free > 0);
  blocks.lists[index_of(page.list_type)].remove(core_.map, core_.map.frame(pfn));
  page.flags &= ~kPageBuddy;
  --blocks.nr_free;
}

// Splits a block that is on no list from order `high` down to `low`: the upper halves go to the lists of `type`.
void FreeLists::expand(Zone& zone, Pfn pfn, unsigned low, unsigned high, Migratetype type) {
  while (high > low) {
    core_.engine.turn();
    --high;
    insert(zone, pfn + order_pages(high), high, type, false);
  }
  Page& page = core_.map.edit(pfn);
  page.order = static_cast<std::uint8_t>(low);
  page.list_type = type;
}

void FreeLists::take_piece(Zone& zone, Pfn pfn, unsigned order, Migratetype type) {
  CMA_ASSERT(type != Migratetype::isolate);
  const unsigned whole = core_.map.page(pfn).order;
  remove(zone, pfn);
  expand(zone, pfn, order, whole, type);
  zone.mod_freepage_state(-static_cast<std::int64_t>(order_pages(order)), type);
}

void FreeLists::take_block(Zone& zone, Pfn pfn, Migratetype counted) {
  const auto pages = static_cast<std::int64_t>(order_pages(core_.map.page(pfn).order));
  if (counted != Migratetype::isolate) zone.mod_freepage_state(-pages, counted);
  remove(zone, pfn);
}

Pfn FreeLists::rmqueue_smallest(Zone& zone, unsigned order, Migratetype type) {
  CMA_ASSERT(type != Migratetype::isolate);
  for (unsigned o = order; o <= core_.largest_order; ++o) {
    const PageList& list = zone.free_by_order[o].lists[index_of(type)];
    if (list.empty()) continue;
    const Pfn pfn = core_.map.pfn(list.first);
    take_piece(zone, pfn, order, type);
    return pfn;
  }
  return kNoPfn;
}

// --- moving and counting ---

void FreeLists::move_block(Zone& zone, Pfn pfn, Migratetype type) {
  const unsigned order = core_.map.page(pfn).order;
  const Migratetype old = core_.map.page(pfn).list_type;
  remove(zone, pfn);
  insert(zone, pfn, order, type, /*tail=*/core_.release >= Release::v5_10);
  if (!has_typed_lists(core_.release)) return;
  const auto pages = static_cast<std::int64_t>(order_pages(order));
  if (old != Migratetype::isolate) zone.mod_freepage_state(-pages, old);
  if (type != Migratetype::isolate) zone.mod_freepage_state(pages, type);
}

// Records that a free block which was counted by the list it was on is counted as `to` from now on.
void FreeLists::recount(Zone& zone, unsigned order, Migratetype from, Migratetype to) {
  if (from != Migratetype::isolate && to != Migratetype::isolate) return;
  if (core_.bugs.fires(Bug::undo_counts_twice) || counts_isolated()) return;
  const auto pages = static_cast<std::int64_t>(order_pages(order));
  if (from != Migratetype::isolate) zone.mod_freepage_state(-pages, from);
  if (to != Migratetype::isolate) zone.mod_freepage_state(pages, to);
}

}  // namespace cma
