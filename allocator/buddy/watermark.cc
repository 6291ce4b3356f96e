#include "allocator/buddy/watermark.h"

#include <algorithm>
#include <cmath>

namespace cma {
namespace {

std::uint64_t int_sqrt(std::uint64_t x) {
  auto root = static_cast<std::uint64_t>(std::sqrt(static_cast<double>(x)));
  for (; root * root > x; --root) {
  }
  for (; (root + 1) * (root + 1) <= x; ++root) {
  }
  return root;
}

// Returns x * numerator / denominator without overflow and with the kernel's rounding.
std::uint64_t mult_frac(std::uint64_t x, std::uint64_t numerator, std::uint64_t denominator) {
  return x / denominator * numerator + x % denominator * numerator / denominator;
}

}  // namespace

Watermarks::Watermarks(const Core& core)
    : release_(core.geometry.release),
      largest_order_(core.geometry.largest_order),
      pageblock_pages_(order_pages(core.geometry.pageblock_order)),
      min_free_kbytes_(core.geometry.min_free_kbytes),
      extra_free_kbytes_(core.geometry.extra_free_kbytes),
      scale_factor_(core.geometry.watermark_scale_factor),
      boost_factor_(core.geometry.watermark_boost_factor),
      boost_at_boot_(core.geometry.watermark_boost),
      reserve_ratios_(core.geometry.lowmem_reserve_ratio),
      core_(core) {}

// Returns whether a zone is left out when min_free_kbytes is divided (is_highmem). Of a zone Movable: where it is cut
// from high memory, since 6.5 always.
bool Watermarks::is_highmem(const Zone& zone, bool machine_has_highmem) const {
  if (zone.kind == ZoneKind::high_mem) return true;
  return zone.kind == ZoneKind::movable && (machine_has_highmem || release_ >= Release::v6_5);
}

// Returns the sysctl_lowmem_reserve_ratio of a zone; 0 if it keeps nothing back from requests for higher zones. Since
// 4.16 high memory keeps nothing back, and a ratio of 0 is no longer taken for 1.
std::uint64_t Watermarks::reserve_ratio(const Zone& zone) const {
  const auto kind = static_cast<std::size_t>(zone.kind);
  std::uint64_t ratio = zone.kind == ZoneKind::dma || zone.kind == ZoneKind::dma32 ? 256 : 32;
  if (zone.kind == ZoneKind::high_mem && release_ >= Release::v4_16) ratio = 0;
  if (reserve_ratios_ && kind < reserve_ratios_->size()) ratio = (*reserve_ratios_)[kind];
  return release_ < Release::v4_16 ? std::max<std::uint64_t>(ratio, 1) : ratio;
}

void Watermarks::set_up(Zones& zones) const {
  const bool has_highmem =
      std::any_of(zones.begin(), zones.end(), [](const Zone& zone) { return zone.kind == ZoneKind::high_mem; });
  std::uint64_t lowmem = 0;
  std::uint64_t buffers = 0;  // nr_free_buffer_pages
  for (const Zone& zone : zones) {
    if (is_highmem(zone, has_highmem)) continue;
    lowmem += zone.managed;
    if (zone.kind != ZoneKind::movable) buffers += zone.managed;
  }
  const std::uint64_t largest = release_ >= Release::v5_8 ? 262144 : 65536;
  const std::uint64_t page_kbytes = core_.geometry.page_size / 1024;
  const std::uint64_t kbytes =
      min_free_kbytes_.value_or(std::clamp<std::uint64_t>(int_sqrt(buffers * page_kbytes * 16), 128, largest));
  const std::uint64_t pages_min = kbytes / page_kbytes;
  const std::uint64_t pages_extra = extra_free_kbytes_ / page_kbytes;
  for (std::size_t z = 0; z < zones.size(); ++z) {
    Zone& zone = zones[z];
    const bool high = is_highmem(zone, has_highmem);
    std::uint64_t share = lowmem == 0 ? 0 : pages_min * zone.managed / lowmem;
    const std::uint64_t extra = lowmem == 0 ? 0 : pages_extra * zone.managed / lowmem;
    if (share > 1 && core_.bugs.fires(Bug::min_mark_halved)) share /= 2;
    zone.watermark[0] = high ? std::clamp<std::uint64_t>(zone.managed / 1024, 32, 128) : share;
    const bool scaled = release_ >= Release::v4_6;
    const std::uint64_t gap = std::max(share >> 2, scaled ? mult_frac(zone.managed, scale_factor_, 10000) : 0);
    zone.watermark[1] = zone.watermark[0] + extra + gap;
    zone.watermark[2] = zone.watermark[0] + extra + gap * 2;
    zone.watermark_boost = std::min(boost_at_boot_, most_boost(zone));
    const std::uint64_t ratio = reserve_ratio(zone);
    // From higher zones of the same node.
    std::uint64_t above = 0;
    for (std::size_t higher = z + 1; higher < zones.size(); ++higher) {
      if (zones[higher].node != zone.node) continue;
      above += zones[higher].managed;
      const bool keeps = ratio != 0 && above >= ratio && !core_.bugs.fires(Bug::lowmem_unreserved);
      zone.lowmem_reserve[higher] = keeps ? above / ratio : 0;
    }
  }
}

bool Watermarks::zone_watermark_ok(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request,
                                   std::int64_t free) const {
  const unsigned order = request.order;
  const std::uint32_t flags = request.flags;
  const std::int64_t min = lowered(static_cast<std::int64_t>(mark), flags);
  free -= static_cast<std::int64_t>(order_pages(order)) - 1;
  if (!may_use_reserve(flags)) free -= reserve_of(zone);
  std::int64_t usable = free;
  if (!(flags & kAllocCma) && !core_.bugs.fires(Bug::watermark_with_areas)) usable -= zone.nr_free_cma;
  if (usable <= min + static_cast<std::int64_t>(zone.lowmem_reserve[request.class_zone])) return false;
  if (order == 0) return true;
  if (release_ >= Release::v4_4) return blocks_suffice_v4_4(zone, order, flags);
  // The blocks that are subtracted include those of areas.
  const bool twice = usable != free && core_.bugs.fires(Bug::watermark_areas_twice);
  return blocks_suffice_v3_5(zone, order, twice ? usable : free, min);
}

WatermarkTerms Watermarks::terms(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request) const {
  WatermarkTerms terms;
  terms.binding = (request.flags & kAllocNoWatermarks) == 0;
  terms.free = zone.nr_free_pages;
  if (!(request.flags & kAllocCma) && !core_.bugs.active(Bug::watermark_with_areas)) terms.of_areas = zone.nr_free_cma;
  if (!may_use_reserve(request.flags)) terms.reserved = reserve_of(zone);
  terms.block = static_cast<std::int64_t>(order_pages(request.order)) - 1;
  terms.mark = lowered(static_cast<std::int64_t>(mark), request.flags);
  terms.lowmem_reserve = static_cast<std::int64_t>(zone.lowmem_reserve[request.class_zone]);
  return terms;
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
    free -= static_cast<std::int64_t>(zone.area[o].nr_free << o);
    min >>= 1;
    if (free <= min) return false;
  }
  return true;
}

// Returns whether there is one block that is large enough and that the request may use.
bool Watermarks::blocks_suffice_v4_4(const Zone& zone, unsigned order, std::uint32_t flags) const {
  for (unsigned o = order; o <= largest_order_; ++o) {
    const FreeArea& area = zone.area[o];
    if (area.nr_free == 0) continue;
    for (unsigned type = 0; type < kPcpTypes; ++type)
      if (!area.lists[type].empty()) return true;
    if ((flags & kAllocCma) && !area.lists[index_of(Migratetype::cma)].empty()) return true;
    const bool reserved = (flags & (kAllocHighatomic | kAllocOom)) != 0;
    if (reserved && !area.lists[index_of(Migratetype::highatomic)].empty()) return true;
  }
  return false;
}

bool Watermarks::zone_watermark_fast(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request) const {
  const std::int64_t free = zone.nr_free_pages;
  if (request.order == 0) {
    std::int64_t usable = free - ((request.flags & kAllocCma) ? 0 : zone.nr_free_cma);
    // Before, the shortcut let single pages eat into the reserve.
    if (release_ >= Release::v5_9 && !may_use_reserve(request.flags)) usable -= reserve_of(zone);
    if (usable > static_cast<std::int64_t>(mark + zone.lowmem_reserve[request.class_zone])) return true;
  }
  if (zone_watermark_ok(zone, mark, request, free)) return true;
  // A boost does not stop single atomic pages at the min watermark; since 6.3 none that are urgent.
  const bool at_min = (request.flags & kAllocWmarkMask) == kAllocWmarkMin;
  const Gfp urgent = release_ >= Release::v6_3 ? kGfpHigh : kGfpAtomicBit;
  if (request.order != 0 || (request.gfp & urgent) == 0 || zone.watermark_boost == 0 || !at_min) return false;
  return zone_watermark_ok(zone, zone.watermark[0], request, free);
}

std::uint64_t Watermarks::most_boost(const Zone& zone) const {
  // Small zones would never get below a boosted mark.
  if (pageblock_pages_ * 4 > zone.managed) return 0;
  const std::uint64_t most = mult_frac(zone.watermark[2], boost_factor_, 10000);
  return most == 0 ? 0 : std::max(most, pageblock_pages_);
}

void Watermarks::boost(Zone& zone) const {
  const std::uint64_t most = most_boost(zone);
  if (most != 0 && !core_.bugs.fires(Bug::never_boosted))
    zone.watermark_boost = std::min(zone.watermark_boost + pageblock_pages_, most);
}

}  // namespace cma
