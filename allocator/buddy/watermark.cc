#include "allocator/buddy/watermark.h"

namespace cma {

Watermarks::Watermarks(const Core& core)
    : release_(core.geometry.release), largest_order_(core.geometry.largest_order), bugs_(core.bugs) {}

WatermarkTerms Watermarks::terms_of(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request,
                                    bool areas_count) const {
  WatermarkTerms terms;
  terms.free = zone.nr_free_pages;
  if (!areas_count) terms.of_areas = zone.nr_free_cma;
  if (!may_use_reserve(request.flags)) terms.reserved = reserve_of(zone);
  terms.block = static_cast<std::int64_t>(order_pages(request.order)) - 1;
  terms.mark = lowered(static_cast<std::int64_t>(mark), request.flags);
  terms.lowmem_reserve = static_cast<std::int64_t>(zone.lowmem_reserve[request.class_zone]);
  return terms;
}

WatermarkTerms Watermarks::terms(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request) const {
  const bool areas_count = (request.flags & kAllocCma) != 0 || bugs_.active(Bug::watermark_with_areas);
  return terms_of(zone, mark, request, areas_count);
}

bool Watermarks::zone_watermark_ok(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request,
                                   std::int64_t free) const {
  const bool areas_count = (request.flags & kAllocCma) != 0 || bugs_.fires(Bug::watermark_with_areas);
  WatermarkTerms terms = terms_of(zone, mark, request, areas_count);
  terms.free = free;
  if (!terms.enough()) return false;
  if (request.order == 0) return true;
  if (release_ >= Release::v4_4) return blocks_suffice_v4_4(zone, request.order, request.flags);
  // The blocks that are subtracted include those of areas.
  const bool twice = terms.of_areas != 0 && bugs_.fires(Bug::watermark_areas_twice);
  const std::int64_t left = twice ? terms.usable() : terms.usable() + terms.of_areas;
  return blocks_suffice_v3_5(zone, request.order, left, terms.mark);
}

// Returns the pages that only requests with a right to the reserve may use: all it was made of, used or not.
// Since 6.13, and in the long-term series of 6.12, those of them that are free.
std::int64_t Watermarks::reserve_of(const Zone& zone) const {
  return release_ >= Release::v6_12 ? zone.nr_free_highatomic : static_cast<std::int64_t>(zone.nr_reserved_highatomic);
}

bool Watermarks::may_use_reserve(std::uint32_t flags) const {
  const std::uint32_t rights = kAllocHarder | kAllocOom | (has_rules_v6_3(release_) ? kAllocHigh : 0U);
  return (flags & rights) != 0;
}

// Returns the mark that a request with these flags must leave.
std::int64_t Watermarks::lowered(std::int64_t min, std::uint32_t flags) const {
  const bool high = (flags & kAllocHigh) != 0;
  if (high) min -= min / 2;
  // Since 6.3 a request that cannot wait goes below the mark only if it is urgent too.
  const bool harder = (flags & kAllocHarder) != 0 && (high || !has_rules_v6_3(release_));
  if (flags & kAllocOom)
    min -= min / 2;
  else if (harder)
    min -= min / 4;
  return min;
}

// Returns whether enough pages lie in large blocks: without the blocks of each smaller order, what is left must exceed
// half of what the order before had to.
bool Watermarks::blocks_suffice_v3_5(const Zone& zone, unsigned order, std::int64_t free, std::int64_t min) const {
  for (unsigned o = 0; o < order; ++o) {
    free -= static_cast<std::int64_t>(zone.free_by_order[o].nr_free << o);
    min >>= 1;
    if (free <= min) return false;
  }
  return true;
}

// Returns whether there is one block that is large enough and that the request may use.
bool Watermarks::blocks_suffice_v4_4(const Zone& zone, unsigned order, std::uint32_t flags) const {
  for (unsigned o = order; o <= largest_order_; ++o) {
    const BlocksOfOrder& blocks = zone.free_by_order[o];
    if (blocks.nr_free == 0) continue;
    for (unsigned type = 0; type < kPcpTypes; ++type)
      if (!blocks.lists[type].empty()) return true;
    if ((flags & kAllocCma) && !blocks.lists[index_of(Migratetype::cma)].empty()) return true;
    const bool reserved = (flags & (kAllocHighatomic | kAllocOom)) != 0;
    if (reserved && !blocks.lists[index_of(Migratetype::highatomic)].empty()) return true;
  }
  return false;
}

// The quick test for a single page: against the mark as it is. Up to 5.8 it lets such pages eat into the reserve.
bool Watermarks::passes_unlowered(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request) const {
  WatermarkTerms terms = terms_of(zone, mark, request, /*areas_count=*/(request.flags & kAllocCma) != 0);
  terms.mark = static_cast<std::int64_t>(mark);
  if (release_ < Release::v5_9) terms.reserved = 0;
  return terms.enough();
}

bool Watermarks::zone_watermark_fast(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request) const {
  const std::int64_t free = zone.nr_free_pages;
  if (request.order == 0 && passes_unlowered(zone, mark, request)) return true;
  if (zone_watermark_ok(zone, mark, request, free)) return true;
  // A boost does not stop single atomic pages at the min watermark; since 6.3 none that are urgent.
  const bool at_min = (request.flags & kAllocWmarkMask) == kAllocWmarkMin;
  const Gfp urgent = release_ >= Release::v6_3 ? kGfpHigh : kGfpAtomicBit;
  if (request.order != 0 || (request.gfp & urgent) == 0 || zone.watermark_boost == 0 || !at_min) return false;
  return zone_watermark_ok(zone, zone.watermark[0], request, free);
}

}  // namespace cma
