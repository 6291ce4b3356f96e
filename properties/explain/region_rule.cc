#include "properties/explain/region_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "allocator/base/error.h"
#include "properties/explain/names.h"

namespace cma {
namespace {

// Returns whether a region is what its node says.
bool is_as_asked(const RegionBoot& boot, const ReservedRegion& region, const TreeNode& node) {
  if (!region.saved || (region.error != 0 && region.error != -kENOENT)) return false;
  if (node.asks_for_area()) return region.area.has_value();
  // Up to 5.2 nothing keeps this error.
  const bool pool = node.compatible_with("shared-dma-pool") && boot.config.coherent_pools;
  return !(pool && region.error != 0) && !region.stays_mapped;
}

// Returns how the length of a property is wrong; empty if it is right or there is no such property.
std::string wrong_length(const TreeNode& node, const char* property, unsigned cells, const char* cells_property) {
  const std::string* value = node.find(property);
  if (value == nullptr || value->size() == cells * std::size_t{4}) return "";
  return fmt::format("`{}` has {}, and {} are {} ({})", property, plural(value->size(), "byte"), plural(cells, "cell"),
                     cells * 4, cells_property);
}

// Returns which property of a node the kernel could not read, in its order (__reserved_mem_alloc_size).
std::string bad_property(const BootTree& tree, const TreeNode& node) {
  if (!node.has("size")) return "its `reg` has size 0, and it has no `size`";
  if (std::string why = wrong_length(node, "size", tree.size_cells, "#size-cells"); !why.empty()) return why;
  if (std::string why = wrong_length(node, "alignment", tree.address_cells, "#address-cells"); !why.empty()) return why;
  const std::string* ranges = node.find("alloc-ranges");
  return fmt::format("`alloc-ranges` has {}: each range has {} of address and {} of size",
                     plural(ranges == nullptr ? 0 : ranges->size(), "byte"), plural(tree.address_cells, "cell"),
                     plural(tree.size_cells, "cell"));
}

// Returns why a region with `linux,cma-default` was passed over for the command line.
std::string passed_over(const ReservedRegion& region, const TreeNode& node) {
  // Of memory with `no-map` that the kernel placed, only the mapping comes back.
  const bool given_back = region.error != 0 && !node.has("no-map");
  return fmt::format("the command line has cma=, which since 5.6 takes precedence over the tree's default area{}",
                     given_back ? ": its memory was given back" : "");
}

// Returns the range from `base` on, which ends at the largest address at the latest.
ByteRange range_of(std::uint64_t base, std::uint64_t size) { return {base, base + std::min(size, ~base)}; }

// Returns the ranges that a node allows: those of its `reg` or of `alloc-ranges`, or none if it allows all.
std::vector<ByteRange> allowed_by(const BootTree& tree, const ReservedRegion& region, const TreeNode& node) {
  if (region.fixed) return {range_of(region.base, region.size)};
  const std::string* value = node.find("alloc-ranges");
  const std::size_t tuple = (tree.address_cells + tree.size_cells) * std::size_t{4};
  if (value == nullptr || value->size() % tuple != 0) return {};
  std::vector<ByteRange> ranges;
  for (std::size_t byte = 0; byte < value->size(); byte += tuple) {
    const std::uint64_t base = number_at(*value, byte, tree.address_cells);
    ranges.push_back(range_of(base, number_at(*value, byte + 4 * tree.address_cells, tree.size_cells)));
  }
  return ranges;
}

// Returns where the area of the command line lies, and where the node would have kept it, if that is elsewhere; empty
// if there is no such area.
std::string place_by_cmdline(const RegionBoot& boot, const ReservedRegion& region, const TreeNode& node) {
  const Areas& areas = boot.machine.areas;
  const unsigned shift = boot.machine.geometry().page_shift();
  for (AreaId id = 0; id < areas.size(); ++id) {
    const Area& area = areas.area(id);
    if (area.name != "reserved" || area.pages == 0) continue;
    const ByteRange place{area.base << shift, (area.base + area.pages) << shift};
    std::string text = "; cma= got " + addresses_text(place);
    if (node_allows(boot, region, place)) return text;
    const std::vector<ByteRange> allowed = allowed_by(boot.tree, region, node);
    text += fmt::format("; the node's {} would have kept it ", region.fixed ? "reg" : "alloc-ranges");
    if (allowed.size() == 1 && allowed[0].start == 0) return text + fmt::format("below {:#x}", allowed[0].end);
    for (std::size_t i = 0; i < allowed.size(); ++i) text += (i == 0 ? "in " : " or ") + addresses_text(allowed[i]);
    return text;
  }
  return {};
}

// Returns which of its ends a region has at no multiple of the unit. Requires: it has one.
std::string broken_units(const Geometry& geometry, const ReservedRegion& region) {
  const std::uint64_t unit = geometry.isolation_unit() << geometry.page_shift();
  std::string text;
  if (!is_aligned(region.base, unit)) text = no_multiple_text("base", region.base, unit, /*zero_does=*/true);
  if (!is_aligned(region.size, unit))
    text += (text.empty() ? "" : "; ") + no_multiple_text("size", region.size, unit, /*zero_does=*/false);
  const std::string other = other_unit_text(geometry);
  return text + fmt::format(" (need not be a power of two{})", other.empty() ? "" : "; the unit is " + other);
}

// Returns why a region is not the area that its node asks for, in the order of rmem_cma_setup.
std::string area_rule(const RegionBoot& boot, const ReservedRegion& region, const TreeNode& node) {
  const Geometry& geometry = boot.machine.geometry();
  if (geometry.release < Release::v3_18) return "nodes become areas since 3.18: before, it is reserved only";
  if (region.area_error == -kEBUSY) return passed_over(region, node) + place_by_cmdline(boot, region, node);
  if (!node.has("reusable")) {
    const bool arm = boot.config.architecture == Architecture::arm && !node.has("no-map");
    return fmt::format("it has `linux,cma-default`, but no `reusable`: that makes it a pool of coherent memory{}",
                       arm ? ", which on arm must have `no-map`" : ", not an area");
  }
  if (node.has("no-map"))
    return "`reusable` and `no-map` contradict each other: memory that is not mapped cannot be lent";
  if (region.area_error == -kENOSPC) return no_slots_text(geometry);
  if (region.size == 0) return "its size is 0";
  const std::uint64_t unit = geometry.isolation_unit() << geometry.page_shift();
  const std::string place = addresses_text(region.base, region.size);
  if (is_aligned(region.base | region.size, unit))
    return fmt::format("nothing of {} is reserved any more: a region that overlaps it was given back", place);
  return broken_units(geometry, region);
}

}  // namespace

std::string region_rule(const RegionBoot& boot, const ReservedRegion& region) {
  const TreeNode& node = boot.tree.regions[region.node];
  if (is_as_asked(boot, region, node)) return "";
  if (!region.saved && region.error == 0)
    return fmt::format("the kernel's table has {} places for regions (MAX_RESERVED_REGIONS): it is reserved only",
                       boot.memory.most_regions());
  if (region.error == -kENOMEM && region.searched.empty()) return "its `alloc-ranges` is empty";
  if (region.error == -kENOMEM)
    return fmt::format("no place for {} aligned to {}", size_text(region.wanted), size_text(region.alignment));
  if (!region.fixed && region.searched.empty()) return bad_property(boot.tree, node);
  if (node.asks_for_area()) return area_rule(boot, region, node);
  if (region.stays_mapped)
    return "a part of it is reserved already, so it stays mapped: since 5.12 the kernel refuses to unmap that";
  return "on arm a pool of coherent memory must have `no-map`: nothing is made of it";
}

bool node_allows(const RegionBoot& boot, const ReservedRegion& region, const ByteRange& place) {
  const std::vector<ByteRange> allowed = allowed_by(boot.tree, region, boot.tree.regions[region.node]);
  const auto holds = [&](const ByteRange& range) { return range.start <= place.start && place.end <= range.end; };
  return allowed.empty() || std::ranges::any_of(allowed, holds);
}

std::string no_slots_text(const Geometry& geometry) {
  return fmt::format("all {} slots for areas are taken (MAX_CMA_AREAS, by CONFIG_CMA_AREAS)", geometry.max_areas);
}

}  // namespace cma
