// Watermarks and the sizes derived from them.

#include <algorithm>
#include <cmath>

#include "allocator/buddy/buddy.h"

namespace cma {
namespace {

std::uint64_t int_sqrt(std::uint64_t x) {
  auto root = static_cast<std::uint64_t>(std::sqrt(static_cast<double>(x)));
  while (root * root > x) --root;
  while ((root + 1) * (root + 1) <= x) ++root;
  return root;
}

// x * numerator / denominator without overflow and with the kernel's rounding (mult_frac).
std::uint64_t mult_frac(std::uint64_t x, std::uint64_t numerator, std::uint64_t denominator) {
  return x / denominator * numerator + x % denominator * numerator / denominator;
}

bool is_highmem(const std::string& name) { return name == "HighMem" || name == "Movable"; }

// sysctl_lowmem_reserve_ratio by zone.
std::uint64_t reserve_ratio(const std::string& name) { return name == "DMA" || name == "DMA32" ? 256 : 32; }

}  // namespace

bool Buddy::zone_watermark_ok(const Zone& zone, unsigned order, std::uint64_t mark, std::size_t class_zone,
                              std::uint32_t flags, std::int64_t free) const {
  auto min = static_cast<std::int64_t>(mark);
  free -= static_cast<std::int64_t>(order_pages(order)) - 1;
  if (flags & kAllocHigh) min -= min / 2;
  const bool harder = (flags & (kAllocHarder | kAllocOom)) != 0;
  if (!harder)
    free -= static_cast<std::int64_t>(zone.nr_reserved_highatomic);
  else
    min -= (flags & kAllocOom) ? min / 2 : min / 4;
  if (!(flags & kAllocCma) && core_.bugs.active(Bug::watermark_with_areas))
    core_.bugs.reached(Bug::watermark_with_areas);
  else if (!(flags & kAllocCma))
    free -= zone.nr_free_cma;
  if (free <= min + static_cast<std::int64_t>(zone.lowmem_reserve[class_zone])) return false;
  if (order == 0) return true;
  if (release_ < Release::v4_9) return blocks_suffice_v3(zone, order, free, min);
  for (unsigned o = order; o <= largest_order_; ++o) {
    const FreeArea& area = zone.area[o];
    if (area.nr_free == 0) continue;
    for (unsigned type = 0; type < kPcpTypes; ++type)
      if (!area.lists[type].empty()) return true;
    if ((flags & kAllocCma) && !area.lists[index_of(Migratetype::cma)].empty()) return true;
    if (harder && !area.lists[index_of(Migratetype::highatomic)].empty()) return true;
  }
  return false;
}

// Up to 4.3: of what is left without the smaller blocks, half as much is asked for with each order.
bool Buddy::blocks_suffice_v3(const Zone& zone, unsigned order, std::int64_t free, std::int64_t min) const {
  for (unsigned o = 0; o < order; ++o) {
    free -= static_cast<std::int64_t>(zone.area[o].nr_free << o);
    min >>= 1;
    if (free <= min) return false;
  }
  return true;
}

bool Buddy::zone_watermark_fast(const Zone& zone, unsigned order, std::uint64_t mark, std::size_t class_zone,
                                std::uint32_t flags, Gfp gfp) const {
  const std::int64_t free = zone.nr_free_pages;
  if (order == 0) {
    std::int64_t usable = free - ((flags & kAllocCma) ? 0 : zone.nr_free_cma);
    // The fast test of 4.19 ignores the highatomic reserve; 5.9 subtracts it.
    if (release_ >= Release::v5_10) usable -= static_cast<std::int64_t>(zone.nr_reserved_highatomic);
    if (usable > static_cast<std::int64_t>(mark + zone.lowmem_reserve[class_zone])) return true;
  }
  if (zone_watermark_ok(zone, order, mark, class_zone, flags, free)) return true;
  // A boost does not stop single atomic pages at the min watermark.
  const bool at_min = (flags & kAllocWmarkMask) == kAllocWmarkMin;
  if (order != 0 || (gfp & kGfpAtomicBit) == 0 || zone.watermark_boost == 0 || !at_min) return false;
  return zone_watermark_ok(zone, order, zone.watermark[0], class_zone, flags, free);
}

void Buddy::set_up_watermarks() {
  std::uint64_t lowmem = 0;
  for (std::size_t z = 0; z < zones_.size(); ++z)
    if (!is_highmem(zone_names_[z])) lowmem += zones_[z].managed;
  const std::uint64_t largest = release_ >= Release::v5_10 ? 262144 : 65536;
  const std::uint64_t kbytes =
      min_free_kbytes_.value_or(std::clamp<std::uint64_t>(int_sqrt(lowmem * (kPageSize >> 10) * 16), 128, largest));
  const std::uint64_t pages_min = kbytes >> (kPageShift - 10);
  const std::uint64_t pages_extra = extra_free_kbytes_ >> (kPageShift - 10);
  for (std::size_t z = 0; z < zones_.size(); ++z) {
    Zone& zone = zones_[z];
    const std::uint64_t share = lowmem == 0 ? 0 : pages_min * zone.managed / lowmem;
    const std::uint64_t extra = lowmem == 0 ? 0 : pages_extra * zone.managed / lowmem;
    zone.watermark[0] = is_highmem(zone_names_[z]) ? std::clamp<std::uint64_t>(zone.managed / 1024, 32, 128) : share;
    // watermark_scale_factor 10 of 10000.
    const std::uint64_t gap = std::max(share >> 2, mult_frac(zone.managed, 10, 10000));
    zone.watermark[1] = zone.watermark[0] + extra + gap;
    zone.watermark[2] = zone.watermark[0] + extra + gap * 2;
    std::uint64_t above = 0;
    for (std::size_t higher = z + 1; higher < zones_.size(); ++higher) {
      above += zones_[higher].managed;
      zone.lowmem_reserve[higher] = above / reserve_ratio(zone_names_[z]);
    }
    set_pcp_sizes(zone);
  }
  booting_ = false;
}

void Buddy::set_pcp_sizes(Zone& zone) {
  std::uint64_t base = std::min<std::uint64_t>(zone.managed / 1024, (1U << 20) / kPageSize) / 4;
  base = std::max<std::uint64_t>(base, 1);
  const auto power = static_cast<int>(order_pages(floor_log2(base + base / 2)));
  const int batch = pcp_batch_.value_or(std::max(1, power - 1));
  int high = 6 * (power - 1);
  if (release_ >= Release::v6_1)
    high = std::max(static_cast<int>(zone.watermark[1] / static_cast<std::uint64_t>(core_.engine.cpus())), 4 * batch);
  for (PerCpuPages& pcp : zone.pcp) {
    pcp.batch = batch;
    pcp.high = pcp_high_.value_or(high);
    pcp.high_min = pcp_high_min_.value_or(pcp.high);
    const int eighth = static_cast<int>(zone.managed / 8 / static_cast<std::uint64_t>(core_.engine.cpus()));
    // vm.percpu_pagelist_high_fraction's smallest fraction; where sizes are given, `high` stays what it is.
    pcp.high_max = pcp_high_max_.value_or(pcp_high_ && !pcp_high_min_ ? pcp.high : std::max(eighth, 4 * batch));
  }
}

}  // namespace cma
