#include "allocator/base/geometry.h"

#include <algorithm>

namespace cma {
namespace {

// Frames are linked by 32-bit numbers, and one value of those means "none".
constexpr Pfn kPfnLimit = (Pfn{1} << 32) - 1;
// The largest memory map a machine may have: 2^26 frames are 256 GiB of memory and 2 GiB of page descriptors.
constexpr std::uint64_t kMaxPages = std::uint64_t{1} << 26;

std::string hex(std::uint64_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  do {
    text.insert(text.begin(), kDigits[value % 16]);
    value /= 16;
  } while (value != 0);
  return "0x" + text;
}

bool valid(const PfnRange& range, const PfnRange& memory) {
  return range.start < range.end && range.start >= memory.start && range.end <= memory.end;
}

std::optional<std::string> watermarks_impossible(const Geometry& g) {
  const Geometry usual;
  if (g.watermark_scale_factor < 1 || g.watermark_scale_factor > 3000)
    return "watermark_scale_factor must be 1 to 3000";
  if (g.release < Release::v4_6 && g.watermark_scale_factor != usual.watermark_scale_factor)
    return "watermark_scale_factor came with 4.6";
  if (g.watermark_boost_factor > 1'000'000) return "watermark_boost_factor must be 0 to 1000000";
  if (g.release < Release::v5_0 && g.watermark_boost_factor != usual.watermark_boost_factor)
    return "watermark_boost_factor came with 5.0";
  if (g.release < Release::v5_0 && g.watermark_boost != 0) return "before 5.0 no watermark is boosted: leave out boost";
  if (g.watermark_boost > kMaxPages) return "boost is larger than any memory";
  return std::nullopt;
}

std::optional<std::string> orders_impossible(const Geometry& g) {
  if (g.largest_order >= kOrderLimit) return "largest_order must be below " + std::to_string(kOrderLimit);
  if (g.pageblock_order > g.largest_order) return "pageblock_order must not exceed largest_order";
  if (g.pageblock_order == 0) return "pageblock_order must be at least 1";
  if (g.cpus < 1 || g.cpus > kMaxCpus) return "cpus must be 1 to " + std::to_string(kMaxCpus);
  if (g.pcp_batch && (*g.pcp_batch < 1 || *g.pcp_batch > 1'000'000)) return "pcp_batch must be 1 to 1000000";
  if (g.pcp_high && (*g.pcp_high < 0 || *g.pcp_high > 1'000'000)) return "pcp_high must be 0 to 1000000";
  if (g.pcp_high_min && (*g.pcp_high_min < 0 || *g.pcp_high_min > 1'000'000))
    return "pcp_high_min must be 0 to 1000000";
  if (g.pcp_high_max && (*g.pcp_high_max < g.pcp_high_min.value_or(0) || *g.pcp_high_max > 1'000'000))
    return "pcp_high_max must be pcp_high_min to 1000000";
  if (g.min_free_kbytes && *g.min_free_kbytes > (std::uint64_t{1} << 40))
    return "min_free_kbytes is larger than any memory";
  if (g.extra_free_kbytes > (std::uint64_t{1} << 40)) return "extra_free_kbytes is larger than any memory";
  if (auto why = watermarks_impossible(g)) return why;
  if (g.retry_sweeps && *g.retry_sweeps > 1'000'000) return "retry must be 0 to 1000000, or forever";
  return std::nullopt;
}

std::optional<std::string> words_impossible(const Geometry& g) {
  if (g.page_size != 4096 && g.page_size != 16384 && g.page_size != 65536)
    return "page_size must be 4096, 16384 or 65536";
  if (g.phys_addr_bits != 32 && g.phys_addr_bits != 64) return "phys_addr must be 32 or 64";
  if (g.bits_per_long() != 32 && g.bits_per_long() != 64) return "long must be 32 or 64";
  if (g.bits_per_long() > g.phys_addr_bits) return "long=64 needs phys_addr=64";
  // The address after the last page must be a number of 32 bits too.
  const Pfn limit = g.phys_mask() >> g.page_shift();
  if (g.memory.end > limit) return "memory must end at or below pfn " + hex(limit) + ": addresses have 32 bits";
  return std::nullopt;
}

std::optional<std::string> memory_impossible(const Geometry& g) {
  if (g.memory.end <= g.memory.start) return "memory must hold at least one page";
  if (g.memory.end > kPfnLimit) return "memory must end at or below pfn " + hex(kPfnLimit);
  if (g.memory.pages() > kMaxPages) return "memory must not exceed " + hex(kMaxPages) + " pages";
  if (!is_aligned(g.memory.start, g.pageblock_pages())) return "memory must begin at a pageblock";
  for (const PfnRange& hole : g.holes)
    if (!valid(hole, g.memory)) return "hole at " + hex(hole.start) + " does not lie inside the memory";
  for (const PfnRange& range : g.reserved)
    if (!valid(range, g.memory)) return "reservation at " + hex(range.start) + " does not lie inside the memory";
  return std::nullopt;
}

// Returns the zone as an error names it.
std::string title(const ZoneSpec& zone, bool several_nodes) {
  return "zone " + zone.name + (several_nodes ? " of node " + std::to_string(zone.node) : "");
}

std::optional<std::string> zones_impossible(const Geometry& g) {
  if (g.zones.size() > kMaxZones) return "at most " + std::to_string(kMaxZones) + " zones";
  Pfn previous = g.memory.start;
  for (const ZoneSpec& zone : g.zones) {
    if (zone.name.empty()) return "a zone needs a name";
    const std::string name = title(zone, g.several_nodes());
    if (zone.node >= kMaxNodes) return name + ": node must be below " + std::to_string(kMaxNodes);
    for (const ZoneSpec* other = g.zones.data(); other != &zone; ++other)
      if (other->name == zone.name && other->node == zone.node)
        return "two zones of node " + std::to_string(zone.node) + " are named " + zone.name;
    if (!valid(zone.range, g.memory)) return name + " does not lie inside the memory";
    if (zone.range.start < previous) return name + " overlaps the zone before it, or is out of order";
    previous = zone.range.end;
  }
  return std::nullopt;
}

std::optional<std::string> areas_impossible(const Geometry& g) {
  if (g.max_areas > 64) return "max_areas must not exceed 64";
  if (g.areas.size() > g.max_areas) return "more areas than max_areas=" + std::to_string(g.max_areas);
  for (std::size_t i = 0; i < g.areas.size(); ++i) {
    const AreaSpec& area = g.areas[i];
    const std::string name = "area " + area.name;
    if (area.pages == 0) return name + " has no pages";
    if (area.pages > kMaxPages || !valid({area.base, area.base + area.pages}, g.memory))
      return name + " does not lie inside the memory";
    if (g.release < Release::v3_17 && area.order_per_bit != 0) return name + ": before 3.17 a bit is a page";
    const PfnRange range{area.base, area.base + area.pages};
    const std::uint64_t unit = g.isolation_unit();
    if (!is_aligned(area.base, unit)) return name + ": base must be a multiple of " + hex(unit) + " pages";
    if (!is_aligned(area.pages, unit)) return name + ": pages must be a multiple of " + hex(unit);
    if (area.order_per_bit >= kOrderLimit || order_pages(area.order_per_bit) > unit)
      return name + ": order_per_bit must not exceed the area's alignment unit of " + hex(unit) + " pages";
    for (std::size_t j = 0; j < i; ++j) {
      const PfnRange other{g.areas[j].base, g.areas[j].base + g.areas[j].pages};
      if (range.overlaps(other)) return name + " overlaps area " + g.areas[j].name;
      if (area.name == g.areas[j].name) return "two areas are named " + area.name;
    }
    for (const PfnRange& hole : g.holes)
      if (range.overlaps(hole)) return name + " overlaps a hole";
    for (const PfnRange& other : g.reserved)
      if (range.overlaps(other)) return name + " overlaps a reservation";
  }
  return std::nullopt;
}

}  // namespace

std::uint64_t Geometry::isolation_unit() const {
  return release >= Release::v5_19 ? pageblock_pages() : std::max(pageblock_pages(), largest_pages());
}

bool Geometry::several_nodes() const {
  return std::any_of(zones.begin(), zones.end(), [&](const ZoneSpec& zone) { return zone.node != zones[0].node; });
}

bool Geometry::has_node(std::uint64_t node) const {
  const std::vector<ZoneSpec> all = effective_zones();
  return std::any_of(all.begin(), all.end(), [node](const ZoneSpec& zone) { return zone.node == node; });
}

std::vector<ZoneSpec> Geometry::effective_zones() const {
  if (!zones.empty()) return zones;
  return {ZoneSpec{.name = "Normal", .range = memory}};
}

std::optional<std::string> Geometry::impossible() const {
  if (auto why = orders_impossible(*this)) return why;
  if (auto why = words_impossible(*this)) return why;
  if (auto why = memory_impossible(*this)) return why;
  if (auto why = zones_impossible(*this)) return why;
  return areas_impossible(*this);
}

void set_page_size(Geometry& geometry, std::uint64_t page_size) {
  geometry.page_size = page_size;
  const bool large = page_size == 16384 || page_size == 65536;
  geometry.pageblock_order = large ? Geometry::huge_page_order_of(page_size) : 9;
  geometry.largest_order = large ? geometry.pageblock_order : 10;
}

Geometry default_small_geometry(Release release, std::uint64_t page_size) {
  Geometry g;
  g.release = release;
  g.page_size = page_size;
  g.memory = {0, 1024};
  g.pageblock_order = 4;
  g.largest_order = 6;
  g.cpus = 2;
  // Before 3.17 a bit is a page.
  g.areas = {{"a", 512, 256, 0}, {"b", 768, 256, release >= Release::v3_17 ? 1U : 0U}};
  g.pcp_batch = 2;
  g.pcp_high = 6;
  g.min_free_kbytes = page_size / 256;
  return g;
}

}  // namespace cma
