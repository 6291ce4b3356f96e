#include "allocator/buddy/watermark_setup.h"

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

WatermarkSetup::WatermarkSetup(const Core& core) : release_(core.geometry.release), core_(core) {}

// Returns whether a zone is left out when min_free_kbytes is divided (is_highmem). Of a zone Movable: where it is cut
// from high memory, since 6.5 always.
bool WatermarkSetup::is_highmem(const Zone& zone, bool machine_has_highmem) const {
  if (zone.kind == ZoneKind::high_mem) return true;
  return zone.kind == ZoneKind::movable && (machine_has_highmem || release_ >= Release::v6_5);
}

// Returns the sysctl_lowmem_reserve_ratio of a zone; 0 if it keeps nothing back from requests for higher zones. Since
// 4.16 high memory keeps nothing back, and a ratio of 0 is no longer taken for 1.
std::uint64_t WatermarkSetup::reserve_ratio(const Zone& zone) const {
  const auto kind = static_cast<std::size_t>(zone.kind);
  std::uint64_t ratio = zone.kind == ZoneKind::dma || zone.kind == ZoneKind::dma32 ? 256 : 32;
  if (zone.kind == ZoneKind::high_mem && release_ >= Release::v4_16) ratio = 0;
  const auto& ratios = core_.geometry.lowmem_reserve_ratio;
  if (ratios && kind < ratios->size()) ratio = (*ratios)[kind];
  return release_ < Release::v4_16 ? std::max<std::uint64_t>(ratio, 1) : ratio;
}

void WatermarkSetup::set_up(Zones& zones) const {
  const Geometry& settings = core_.geometry;
  const std::uint64_t page_kbytes = settings.page_size / 1024;
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
  const std::uint64_t kbytes =
      settings.min_free_kbytes.value_or(std::clamp<std::uint64_t>(int_sqrt(buffers * page_kbytes * 16), 128, largest));
  const std::uint64_t pages_min = kbytes / page_kbytes;
  const std::uint64_t pages_extra = settings.extra_free_kbytes / page_kbytes;
  for (std::size_t z = 0; z < zones.size(); ++z) {
    Zone& zone = zones[z];
    const bool high = is_highmem(zone, has_highmem);
    std::uint64_t share = lowmem == 0 ? 0 : pages_min * zone.managed / lowmem;
    const std::uint64_t extra = lowmem == 0 ? 0 : pages_extra * zone.managed / lowmem;
    if (share > 1 && core_.bugs.fires(Bug::min_mark_halved)) share /= 2;
    zone.watermark[0] = high ? std::clamp<std::uint64_t>(zone.managed / 1024, 32, 128) : share;
    const bool scaled = release_ >= Release::v4_6;
    const std::uint64_t gap =
        std::max(share >> 2, scaled ? mult_frac(zone.managed, settings.watermark_scale_factor, 10000) : 0);
    zone.watermark[1] = zone.watermark[0] + extra + gap;
    zone.watermark[2] = zone.watermark[0] + extra + gap * 2;
    zone.watermark_boost = std::min(settings.watermark_boost, most_boost(zone));
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

std::uint64_t WatermarkSetup::most_boost(const Zone& zone) const {
  if (release_ < Release::v5_0) return 0;
  // Small zones would never get below a boosted mark.
  const std::uint64_t pageblock = core_.geometry.pageblock_pages();
  if (pageblock * 4 > zone.managed) return 0;
  const std::uint64_t most = mult_frac(zone.watermark[2], core_.geometry.watermark_boost_factor, 10000);
  return most == 0 ? 0 : std::max(most, pageblock);
}

void WatermarkSetup::boost(Zone& zone) const {
  const std::uint64_t most = most_boost(zone);
  if (most != 0 && !core_.bugs.fires(Bug::never_boosted))
    zone.watermark_boost = std::min(zone.watermark_boost + core_.geometry.pageblock_pages(), most);
}

}  // namespace cma
