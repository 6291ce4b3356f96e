#include "allocator/buddy/fallback.h"

#include <algorithm>
#include <span>

namespace cma {
namespace {

// The types that a request falls back to, by its own type, in order.
constexpr std::array<std::array<Migratetype, 2>, kPcpTypes> kFallbacks = {{
    {Migratetype::reclaimable, Migratetype::movable},
    {Migratetype::reclaimable, Migratetype::unmovable},
    {Migratetype::unmovable, Migratetype::movable},
}};

// Up to 4.0 area memory was a fallback of movable requests like another, and the first.
std::span<const Migratetype> fallbacks_v3_5(Migratetype start) {
  static constexpr std::array<Migratetype, 3> kAreaFirst = {Migratetype::cma, Migratetype::reclaimable,
                                                            Migratetype::unmovable};
  if (start == Migratetype::movable) return kAreaFirst;
  return kFallbacks[index_of(start)];
}

}  // namespace

Fallback::Fallback(const Core& core, const WatermarkSetup& boosts, FreeLists& lists, PageblockTypes& pageblocks)
    : core_(core), boosts_(boosts), lists_(lists), pageblocks_(pageblocks) {}

Pfn Fallback::rmqueue(Zone& zone, unsigned order, Migratetype type, std::uint32_t flags, std::uint64_t refilled) {
  CMA_ASSERT(index_of(type) < kPcpTypes);
  if (core_.release < Release::v4_1) {
    const Pfn pfn = lists_.rmqueue_smallest(zone, order, type);
    return pfn != kNoPfn ? pfn : rmqueue_fallback_v3_5(zone, order, type);
  }
  const bool may_use_cma = core_.release >= Release::v5_9 ? (flags & kAllocCma) != 0 : type == Migratetype::movable;
  // Movable requests are balanced between ordinary and area memory, once over half of the free memory is an area's.
  // Up to 6.9 a refill counts its pages out of nr_free_pages only when it ends.
  const std::int64_t uncounted = has_typed_lists(core_.release) ? 0 : static_cast<std::int64_t>(refilled);
  const bool areas_have_most = zone.nr_free_cma > (zone.nr_free_pages + uncounted) / 2;
  if (core_.release >= Release::v5_8 && may_use_cma && areas_have_most && !core_.bugs.fires(Bug::area_share_ignored)) {
    const Pfn pfn = lists_.rmqueue_smallest(zone, order, Migratetype::cma);
    if (pfn != kNoPfn) return pfn;
  }
  while (true) {
    core_.engine.turn();
    Pfn pfn = lists_.rmqueue_smallest(zone, order, type);
    if (pfn == kNoPfn && may_use_cma) pfn = lists_.rmqueue_smallest(zone, order, Migratetype::cma);
    if (pfn != kNoPfn) return pfn;
    if (core_.release < Release::v4_12) return rmqueue_fallback_v4_1(zone, order, type);
    if (core_.release >= Release::v6_10) return rmqueue_fallback_v6_10(zone, order, type, flags);
    if (!rmqueue_fallback_v4_12(zone, order, type, flags)) return kNoPfn;
  }
}

// --- choosing a block ---

std::optional<Fallback::Source> Fallback::suitable(const BlocksOfOrder& blocks, unsigned order,
                                                   Migratetype type) const {
  if (blocks.nr_free == 0) return std::nullopt;
  const auto& [first, second] = kFallbacks[index_of(type)];
  const bool both = !blocks.lists[index_of(first)].empty() && !blocks.lists[index_of(second)].empty();
  for (const Migratetype fallback : {first, second}) {
    if (blocks.lists[index_of(fallback)].empty()) continue;
    if (both && fallback == first && core_.bugs.fires(Bug::fallbacks_swapped)) continue;
    const bool claimable = order >= core_.pageblock_order / 2 || type != Migratetype::movable;
    return Source{order, fallback, claimable};
  }
  return std::nullopt;
}

std::optional<Fallback::Source> Fallback::largest(const Zone& zone, unsigned order, Migratetype type) const {
  for (unsigned current = core_.largest_order + 1; current-- > order;)
    if (const std::optional<Source> source = suitable(zone.free_by_order[current], current, type))
      return current > order && core_.bugs.fires(Bug::smallest_stolen) ? smallest(zone, order, type) : source;
  return std::nullopt;
}

std::optional<Fallback::Source> Fallback::smallest(const Zone& zone, unsigned order, Migratetype type) const {
  for (unsigned current = order; current <= core_.largest_order; ++current)
    if (const std::optional<Source> source = suitable(zone.free_by_order[current], current, type)) return source;
  return std::nullopt;
}

Pfn Fallback::first_of(const Zone& zone, const Source& source) const {
  return core_.map.pfn(zone.free_by_order[source.order].lists[index_of(source.type)].first);
}

void Fallback::trace_fallback(Pfn pfn, unsigned order, const Source& source, Migratetype start) {
  if (!core_.trace.page_events()) return;
  const bool ownership = core_.map.pageblock_type(pfn) == start;
  const AskedAndSource orders{.asked = order, .source = source.order};
  const AskedAndSource types{.asked = index_of(start), .source = index_of(source.type)};
  core_.trace.emit(Event::mm_page_alloc_extfrag, pfn, orders.pack(), types.pack(), ownership ? 1 : 0);
}

// --- taking it, up to 4.11 ---

// Takes what a request needs of a block. The rest of the block goes to the lists of type `rest`.
Pfn Fallback::break_block(Zone& zone, Pfn pfn, unsigned order, const Source& source, Migratetype rest,
                          Migratetype start) {
  lists_.take_piece(zone, pfn, order, rest);
  trace_fallback(pfn, order, source, start);
  return pfn;
}

// Breaks the largest block of any other type. Pageblocks of areas are never claimed.
Pfn Fallback::rmqueue_fallback_v3_5(Zone& zone, unsigned order, Migratetype start) {
  for (unsigned current = core_.largest_order + 1; current-- > order;)
    for (const Migratetype type : fallbacks_v3_5(start)) {
      if (zone.free_by_order[current].lists[index_of(type)].empty()) continue;
      const bool from_area = type == Migratetype::cma;
      const bool worth_it = current >= core_.pageblock_order / 2 || start == Migratetype::reclaimable;
      const Source source = {current, type, !from_area && worth_it};
      const Pfn pfn = first_of(zone, source);
      if (source.claimable) steal_v3_5(pfn, start);
      return break_block(zone, pfn, order, source, from_area ? type : start, start);
    }
  return kNoPfn;
}

// Breaks the largest block, whether its pageblock is claimed or not.
Pfn Fallback::rmqueue_fallback_v4_1(Zone& zone, unsigned order, Migratetype start) {
  const std::optional<Source> source = largest(zone, order, start);
  if (!source) return kNoPfn;
  const Pfn pfn = first_of(zone, *source);
  if (source->claimable) steal_v3_5(pfn, start);
  return break_block(zone, pfn, order, *source, start, start);
}

// Moves the free blocks of a pageblock to the lists of `start`, and claims it if half of it is free.
void Fallback::steal_v3_5(Pfn pfn, Migratetype start) {
  const Migratetype old = core_.map.pageblock_type(pfn);
  if (old == Migratetype::highatomic && !core_.bugs.fires(Bug::steal_takes_reserve)) return;
  const unsigned order = core_.map.page(pfn).order;
  if (order >= core_.pageblock_order) return pageblocks_.claim_block(pfn, start);
  if (old == Migratetype::isolate && !core_.bugs.fires(Bug::steal_ends_isolation)) return;
  const PageblockTypes::Contents moved = pageblocks_.move_freepages_block(pfn, start);
  if (moved.free >= order_pages(core_.pageblock_order) / 2) pageblocks_.set_type(pfn, start);
}

// --- 4.12 to 6.9 ---

// Returns from which order on blocks are sought first. Smaller ones leave a part of their pageblock to its own type.
unsigned Fallback::least_order(unsigned order, std::uint32_t flags) const {
  return (flags & kAllocNoFragment) != 0 ? std::max(order, core_.pageblock_order) : order;
}

// Moves a block, or all of its pageblock, to the lists of `start`, for the caller to look there again. Returns false if
// there is no block.
bool Fallback::rmqueue_fallback_v4_12(Zone& zone, unsigned order, Migratetype start, std::uint32_t flags) {
  std::optional<Source> source = largest(zone, least_order(order, flags), start);
  if (!source) return false;
  // A movable request that would not take the whole pageblock uses the smallest block instead of breaking a large one.
  if (!source->claimable && start == Migratetype::movable) source = smallest(zone, order, start);
  const Pfn pfn = first_of(zone, *source);
  steal_v4_12(zone, pfn, start, source->claimable);
  trace_fallback(pfn, order, *source, start);
  return true;
}

// Moves a block to the lists of `start`. If `whole`, moves all free blocks of its pageblock, and claims it if that is
// worth it.
void Fallback::steal_v4_12(Zone& zone, Pfn pfn, Migratetype start, bool whole) {
  const unsigned order = core_.map.page(pfn).order;
  const Migratetype old = core_.map.pageblock_type(pfn);
  if (old == Migratetype::highatomic) return lists_.move_block(zone, pfn, start);
  if (order >= core_.pageblock_order) {
    pageblocks_.claim_block(pfn, start);
    return lists_.move_block(zone, pfn, start);
  }
  boosts_.boost(zone);
  if (!whole) return lists_.move_block(zone, pfn, start);
  if (old == Migratetype::isolate && !core_.bugs.fires(Bug::steal_ends_isolation))
    return lists_.move_block(zone, pfn, start);
  const PageblockTypes::Contents moved = pageblocks_.move_freepages_block(pfn, start);
  // A pageblock cut by the zone's end moves nothing.
  if (moved.free == 0) return lists_.move_block(zone, pfn, start);
  if (worth_claiming(moved, start, old)) pageblocks_.set_type(pfn, start);
}

// Returns whether half of a pageblock is free or suits `start`: pages in use that move, or seem to be of its kind.
bool Fallback::worth_claiming(const PageblockTypes::Contents& found, Migratetype start, Migratetype old) const {
  const std::uint64_t block = order_pages(core_.pageblock_order);
  std::uint64_t alike = 0;
  if (start == Migratetype::movable)
    alike = found.movable;
  else if (old == Migratetype::movable)
    alike = block - std::min(block, found.free + found.movable);
  const std::uint64_t suits = found.free + alike;
  return suits > block / 2 || (suits == block / 2 && !core_.bugs.fires(Bug::half_is_too_little));
}

// --- since 6.10 ---

// Claims the largest block it can, or takes the smallest as it is, which leaves its pageblock alone. The latter is of
// 6.15 and of stable trees since 6.12.29.
Pfn Fallback::rmqueue_fallback_v6_10(Zone& zone, unsigned order, Migratetype start, std::uint32_t flags) {
  for (unsigned current = core_.largest_order + 1; current-- > least_order(order, flags);) {
    core_.engine.turn();
    const std::optional<Source> source = suitable(zone.free_by_order[current], current, start);
    if (!source) continue;
    if (!source->claimable) break;
    const Pfn pfn = claim_block_v6_10(zone, first_of(zone, *source), order, start);
    if (pfn == kNoPfn) continue;
    trace_fallback(pfn, order, *source, start);
    return pfn;
  }
  if ((flags & kAllocNoFragment) != 0) return kNoPfn;
  const std::optional<Source> source = smallest(zone, order, start);
  if (!source) return kNoPfn;
  const Pfn pfn = lists_.rmqueue_smallest(zone, order, source->type);
  trace_fallback(pfn, order, *source, start);
  return pfn;
}

// Takes a block out of a pageblock that becomes the requester's (try_to_claim_block). Returns kNoPfn, and moves
// nothing, if that is not worth it.
Pfn Fallback::claim_block_v6_10(Zone& zone, Pfn pfn, unsigned order, Migratetype start) {
  const unsigned found = core_.map.page(pfn).order;
  const Migratetype old = core_.map.pageblock_type(pfn);
  if (old == Migratetype::highatomic) return kNoPfn;
  if (found >= core_.pageblock_order) {
    pageblocks_.convert_block(pfn, start);
    lists_.take_piece(zone, pfn, order, start);
    return pfn;
  }
  boosts_.boost(zone);
  if (!pageblocks_.spans_pageblock(pfn)) return kNoPfn;
  if (!worth_claiming(pageblocks_.contents(pfn), start, old)) return kNoPfn;
  pageblocks_.convert_pageblock(pfn, start);
  return lists_.rmqueue_smallest(zone, order, start);
}

}  // namespace cma
