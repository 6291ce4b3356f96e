#include "allocator/buddy/pageblock_types.h"

#include <algorithm>

namespace cma {

PageblockTypes::PageblockTypes(const Core& core, Zones& zones, const Watermarks& watermarks, FreeLists& lists)
    : core_(core), zones_(zones), watermarks_(watermarks), lists_(lists) {}

// --- looking ---

bool PageblockTypes::spans_pageblock(Pfn pfn) const {
  const Zone& zone = zones_.of(pfn);
  const Pfn start = core_.map.pageblock_start(pfn);
  return zone.contains(start) && zone.contains(start + order_pages(core_.pageblock_order) - 1);
}

// Adds up what lies in [next, end), and calls `visit` with the head of each free block, which may take it elsewhere.
template <class Visit>
PageblockTypes::Contents PageblockTypes::walk(Pfn next, Pfn end, Visit visit) const {
  Contents found;
  while (next < end) {
    core_.engine.turn();
    const Page& page = core_.map.page(next);
    if (!page.has(kPageBuddy)) {
      if (page.has(kPageMovableOps) || core_.map.on_lru(next)) ++found.movable;
      ++next;
      continue;
    }
    const std::uint64_t pages = order_pages(page.order);
    found.free += pages;
    if (page.list_type == Migratetype::isolate) found.isolated += pages;
    visit(next);
    next += pages;
  }
  return found;
}

PageblockTypes::Contents PageblockTypes::contents(Pfn pfn) const {
  const Pfn start = core_.map.pageblock_start(pfn);
  return walk(start, start + order_pages(core_.pageblock_order), [](Pfn) {});
}

// The pageblock may have been isolated or given back meanwhile: since 3.18 its type is read again.
Migratetype PageblockTypes::type_when_freed(Pfn pfn, Migratetype read_before) const {
  const Migratetype now = core_.map.pageblock_type(pfn);
  return now != read_before && core_.bugs.fires(Bug::free_stale_type) ? read_before : now;
}

// --- moving ---

PageblockTypes::Contents PageblockTypes::move_freepages_block(Pfn pfn, Migratetype type) {
  Zone& zone = zones_.of(pfn);
  Pfn start = core_.map.pageblock_start(pfn);
  const Pfn end = start + order_pages(core_.pageblock_order);
  if (!zone.contains(end - 1) || (has_typed_lists(core_.release) && !zone.contains(start))) return {};
  if (!zone.contains(start)) start = pfn;
  return walk(start, end, [&](Pfn head) { lists_.move_block(zone, head, type); });
}

// --- changing the type ---

bool PageblockTypes::convert_pageblock(Pfn pfn, Migratetype type) {
  CMA_ASSERT(has_typed_lists(core_.release));
  if (!spans_pageblock(pfn)) return false;
  move_freepages_block(pfn, type);
  core_.map.set_pageblock_type(pfn, type);
  return true;
}

void PageblockTypes::isolate(Pfn pfn) {
  CMA_ASSERT(lists_.locked());
  Zone& zone = zones_.of(pfn);
  // A reserved pageblock goes on being counted as such, and comes back as another type.
  if (core_.map.pageblock_type(pfn) == Migratetype::highatomic)
    zone.lost_highatomic += order_pages(core_.pageblock_order);
  if (has_typed_lists(core_.release))
    retype_v6_10(pfn, Migratetype::isolate);
  else
    isolate_v3_5(pfn);
  ++zone.nr_isolate_pageblock;
}

void PageblockTypes::give_back(Pfn pfn, Migratetype type) {
  CMA_ASSERT(lists_.locked());
  CMA_ASSERT(core_.map.pageblock_type(pfn) == Migratetype::isolate);
  if (has_typed_lists(core_.release))
    retype_v6_10(pfn, type);
  else
    give_back_v3_5(pfn, type);
  --zones_.of(pfn).nr_isolate_pageblock;
}

void PageblockTypes::give_back_taken(Pfn pfn, Migratetype type) {
  CMA_ASSERT(core_.map.pageblock_type(pfn) == Migratetype::isolate);
  CMA_ASSERT(!core_.map.page(pfn).has(kPageBuddy));
  set_type(pfn, type);
  --zones_.of(pfn).nr_isolate_pageblock;
}

// Counts out whole free blocks whose head lies here: one that covers two pageblocks is counted with the first.
void PageblockTypes::isolate_v3_5(Pfn pfn) {
  Zone& zone = zones_.of(pfn);
  const Migratetype old = core_.map.pageblock_type(pfn);
  core_.map.set_pageblock_type(pfn, Migratetype::isolate);
  const Contents moved = move_freepages_block(pfn, Migratetype::isolate);
  // Isolated a second time (Bug::two_isolators), pages that are in no counter are subtracted from it again.
  const std::uint64_t counted = old == Migratetype::isolate ? moved.free : moved.free - moved.isolated;
  zone.mod_freepage_state(-static_cast<std::int64_t>(counted), old);
  if (counted != 0 && core_.bugs.fires(Bug::isolated_counted)) zone.nr_free_pages += static_cast<std::int64_t>(counted);
}

// Pages that were on an ordinary list already, given back with an earlier pageblock or never moved, are counted.
void PageblockTypes::give_back_v3_5(Pfn pfn, Migratetype type) {
  Zone& zone = zones_.of(pfn);
  const Contents moved = move_freepages_block(pfn, type);
  core_.map.set_pageblock_type(pfn, type);
  const bool twice = core_.bugs.active(Bug::undo_counts_twice);
  if (twice && moved.free != moved.isolated) core_.bugs.reached(Bug::undo_counts_twice);
  const auto counted = static_cast<std::int64_t>(twice ? moved.free : moved.isolated);
  zone.mod_freepage_state(counted, type);
  if (counted != 0 && core_.bugs.fires(Bug::isolated_counted)) zone.nr_free_pages -= counted;
}

// Moves what is free in the pageblock, and what a larger block has in others goes to their lists.
void PageblockTypes::retype_v6_10(Pfn pfn, Migratetype type) {
  const bool may_be_larger = core_.pageblock_order < core_.largest_order;
  const Pfn head = may_be_larger ? lists_.covering_block(core_.map.pageblock_start(pfn)) : kNoPfn;
  if (head == kNoPfn || core_.map.page(head).order <= core_.pageblock_order) {
    // Callers have refused a pageblock that is cut.
    const bool whole = convert_pageblock(pfn, type);
    CMA_ASSERT(whole);
    return;
  }
  Zone& zone = zones_.of(head);
  const unsigned order = core_.map.page(head).order;
  lists_.take_block(zone, head);
  core_.map.set_pageblock_type(pfn, type);
  lists_.free_in_pageblocks(zone, head, order);
}

void PageblockTypes::convert_block(Pfn pfn, Migratetype type) {
  CMA_ASSERT(has_typed_lists(core_.release));
  const unsigned order = core_.map.page(pfn).order;
  CMA_ASSERT(order >= core_.pageblock_order);
  lists_.move_block(zones_.of(pfn), pfn, type);
  core_.map.set_pageblock_types(pfn, order, type);
}

void PageblockTypes::set_type(Pfn pfn, Migratetype type) {
  CMA_ASSERT(lists_.locked());
  CMA_ASSERT(!has_typed_lists(core_.release) || !core_.map.page(pfn).has(kPageBuddy));
  core_.map.set_pageblock_type(pfn, type);
}

void PageblockTypes::claim_block(Pfn pfn, Migratetype type) {
  CMA_ASSERT(!has_typed_lists(core_.release));
  Zone& zone = zones_.of(pfn);
  CMA_ASSERT(core_.map.page(pfn).order >= core_.pageblock_order);
  const Pfn end = pfn + order_pages(core_.map.page(pfn).order);
  for (Pfn block = pfn; block < end; block += order_pages(core_.pageblock_order)) {
    const Migratetype old = core_.map.pageblock_type(block);
    if (old == Migratetype::highatomic && block != pfn) zone.lost_highatomic += order_pages(core_.pageblock_order);
    const bool isolated = old == Migratetype::isolate;
    if (!isolated || core_.bugs.fires(Bug::steal_ends_isolation)) set_type(block, type);
  }
}

// --- the reserve for atomic requests ---

void PageblockTypes::reserve(Pfn pfn, unsigned order) {
  CMA_ASSERT(lists_.locked());
  Zone& zone = zones_.of(pfn);
  if (!is_mergeable(core_.map.pageblock_type(pfn))) return;
  const bool typed = has_typed_lists(core_.release);
  if (typed && order >= core_.pageblock_order) {
    core_.map.set_pageblock_types(pfn, order, Migratetype::highatomic);
    zone.nr_reserved_highatomic += order_pages(order);
    return;
  }
  if (typed) {
    if (!convert_pageblock(pfn, Migratetype::highatomic)) return;
  } else {
    core_.map.set_pageblock_type(pfn, Migratetype::highatomic);
    move_freepages_block(pfn, Migratetype::highatomic);
  }
  if (!core_.bugs.fires(Bug::reserve_uncounted)) zone.nr_reserved_highatomic += order_pages(core_.pageblock_order);
}

bool PageblockTypes::unreserve(Pfn pfn, Migratetype type) {
  CMA_ASSERT(lists_.locked());
  CMA_ASSERT(core_.map.page(pfn).has(kPageBuddy));
  Zone& zone = zones_.of(pfn);
  const bool typed = has_typed_lists(core_.release);
  const unsigned order = core_.map.page(pfn).order;
  const std::uint64_t block = order_pages(core_.pageblock_order);
  const bool of_reserve = core_.map.pageblock_type(pfn) == Migratetype::highatomic;
  const Pfn start = core_.map.pageblock_start(pfn);
  if (of_reserve || core_.release < Release::v4_10) {
    const std::uint64_t pages = typed ? std::max(block, order_pages(order)) : block;
    const std::uint64_t counted = std::min(pages, zone.nr_reserved_highatomic);
    zone.nr_reserved_highatomic -= counted;
    if (!of_reserve) zone.lost_highatomic -= std::min(pages, zone.lost_highatomic);
    // A pageblock of two zones, which the other has reserved, and goes on counting.
    const bool cut = start < zone.range.start || start + block > zone.range.end;
    if (of_reserve && cut && !typed) zone.lost_highatomic += pages - counted;
  }
  const bool listed = std::ranges::find(zone.left_highatomic, start) != zone.left_highatomic.end();
  if (core_.release >= Release::v5_18 && of_reserve && !listed) zone.left_highatomic.push_back(start);
  if (!typed) {
    core_.map.set_pageblock_type(pfn, type);
    return move_freepages_block(pfn, type).free != 0;
  }
  if (order < core_.pageblock_order) return convert_pageblock(pfn, type);
  convert_block(pfn, type);
  return true;
}

// --- taking and splitting free blocks ---

bool PageblockTypes::isolate_free_page(Pfn pfn) {
  Zone& zone = zones_.of(pfn);
  const Page& page = core_.map.page(pfn);
  const unsigned order = page.order;
  const Migratetype type = core_.map.pageblock_type(pfn);
  CMA_ASSERT(page.has(kPageBuddy));
  if (!may_take(zone, order, type)) return false;
  Migratetype counted = type;
  if (type == Migratetype::isolate) {
    // Its pages are in no counter, unless the block is still on the list of another type.
    if (page.list_type != type && !core_.bugs.fires(Bug::undo_counts_twice)) counted = page.list_type;
    if (core_.bugs.active(Bug::isolated_counted)) {
      counted = type;
      zone.nr_free_pages -= static_cast<std::int64_t>(order_pages(order));
    }
  }
  lists_.take_block(zone, pfn, counted);
  core_.map.edit(pfn).flags |= kPageInFlight;
  if (order + 1 >= core_.pageblock_order) make_movable(pfn, order);
  return true;
}

void PageblockTypes::put_back_taken(Pfn pfn, Migratetype type) {
  lists_.free_one_block(zones_.of(pfn), pfn, core_.map.page(pfn).order, type, FreeTo::tail);
}

void PageblockTypes::split_free_block(Pfn pfn, std::uint64_t offset) {
  const Page& page = core_.map.page(pfn);
  const unsigned order = page.order;
  CMA_ASSERT(page.has(kPageBuddy) && offset > 0 && offset < order_pages(order));
  Zone& zone = zones_.of(pfn);
  const auto pages = static_cast<std::int64_t>(order_pages(order));
  // The pageblock may have been isolated while the block was on an ordinary list.
  const Migratetype type = core_.map.pageblock_type(pfn);
  const Migratetype listed = page.list_type;
  lists_.take_block(zone, pfn);
  if (type != listed && core_.bugs.active(Bug::undo_counts_twice)) {
    // Counts the block out as its pageblock's, not as its list's.
    if (listed != Migratetype::isolate) zone.mod_freepage_state(pages, listed);
    if (type != Migratetype::isolate) zone.mod_freepage_state(-pages, type);
    if (type == Migratetype::isolate || listed == Migratetype::isolate) core_.bugs.reached(Bug::undo_counts_twice);
  }
  const Pfn end = pfn + order_pages(order);
  std::uint64_t left = offset;
  for (Pfn p = pfn; p < end;) {
    core_.engine.turn();
    const unsigned piece = std::min(p == 0 ? order : lowest_bit(p), floor_log2(left));
    lists_.free_one_block(zone, p, piece, core_.map.pageblock_type(p));
    p += order_pages(piece);
    left -= order_pages(piece);
    if (left == 0) left = end - p;
  }
}

// Returns whether the watermark leaves a block of a pageblock of this type to a caller that takes it as free.
bool PageblockTypes::may_take(const Zone& zone, unsigned order, Migratetype type) const {
  Watermark mark = core_.release >= Release::v4_9 ? Watermark::min : Watermark::low;
  if (type == Migratetype::isolate) {
    if (!core_.bugs.active(Bug::isolated_counted)) return true;
    // A block that is counted as free is taken as such: not below the low watermark.
    mark = Watermark::low;
  }
  const std::uint64_t pages = core_.bugs.active(Bug::mark_counts_orders) ? order : order_pages(order);
  const std::uint64_t needed = zone.watermark[static_cast<unsigned>(mark)] + pages;
  return watermarks_.zone_watermark_ok(zone, needed, {.flags = kAllocCma}, zone.nr_free_pages);
}

// Makes the pageblocks of a block that was taken Movable. The loop stops before the block's last page, as the kernel's
// does: where a pageblock has two pages, a single page leaves its pageblock alone.
void PageblockTypes::make_movable(Pfn pfn, unsigned order) {
  for (Pfn block = pfn; block < pfn + order_pages(order) - 1; block += order_pages(core_.pageblock_order)) {
    const Migratetype old = core_.map.pageblock_type(block);
    const bool reserved = old == Migratetype::highatomic;
    if (!is_mergeable(old) && !(reserved && core_.bugs.fires(Bug::steal_takes_reserve))) continue;
    if (has_typed_lists(core_.release))
      convert_pageblock(block, Migratetype::movable);
    else
      core_.map.set_pageblock_type(block, Migratetype::movable);
  }
}

}  // namespace cma
