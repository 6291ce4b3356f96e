#include "properties/explain/why_board.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "allocator/base/assert.h"
#include "allocator/base/error.h"
#include "properties/explain/names.h"
#include "properties/explain/region_rule.h"
#include "properties/explain/why_boot.h"

namespace cma {
namespace {

// Returns what boot knows of the region of this operation; nullptr if it passed it over.
const ReservedRegion* region_of(const World& world, Slot op) {
  CMA_ASSERT(world.boot != nullptr && world.boot->boot);
  const auto index = static_cast<std::size_t>(std::ranges::find(world.boot->regions, op) - world.boot->regions.begin());
  const auto& memory = world.boot->boot->reserved_memory();
  if (!memory) return nullptr;
  const auto found = std::ranges::find(memory->regions(), index, &ReservedRegion::node);
  return found == memory->regions().end() ? nullptr : &*found;
}

// Returns the boot that has read the regions. Requires: there is one.
RegionBoot boot_of(const World& world) {
  const ProgramBoot& made = *world.boot;
  return {world.machine(), made.tree, made.config, *made.boot->reserved_memory()};
}

// Returns the addresses of an area.
ByteRange addresses_of(const Machine& machine, AreaId id) {
  const Area& area = machine.areas.area(id);
  const unsigned shift = machine.geometry().page_shift();
  return {area.base << shift, (area.base + area.pages) << shift};
}

// Returns the size and the place of an area.
std::string place_of_area(const Machine& machine, AreaId id) {
  const ByteRange place = addresses_of(machine, id);
  return fmt::format("{} at {}", size_text(place.end - place.start), addresses_text(place));
}

// Adds which ranges were searched, what was free there, and how large a region would have had a place.
void add_searched(const World& world, const ReservedRegion& region, Answer& answer) {
  const Geometry& geometry = world.machine().geometry();
  const std::uint64_t alignment = std::max<std::uint64_t>(region.alignment, 1);
  std::uint64_t most = 0;
  for (const ByteRange& searched : region.searched) {
    answer.add(
        About::wanted,
        fmt::format("{} aligned to {} in [{:#x}, {:#x}){}", size_text(region.wanted), size_text(region.alignment),
                    searched.start, searched.end, searched.end <= searched.start ? ", an empty range" : ""),
        {{"size", region.wanted}, {"alignment", region.alignment}});
    std::size_t listed = 0;
    for (const ByteRange& free : region.free_before) {
      const ByteRange part{std::max(free.start, searched.start), std::min(free.end, searched.end)};
      // Boot gives nothing away from the first page of all.
      const std::uint64_t first = align_up(std::max(part.start, geometry.page_size), alignment);
      if (first < part.end) most = std::max(most, part.end - first);
      if (part.start >= part.end || listed++ >= kListed) continue;
      answer.add(About::run, fmt::format("[{:#x}, {:#x}) free", part.start, part.end),
                 {{"start", part.start}, {"end", part.end}});
    }
  }
  if (world.boot->tree.regions[region.node].asks_for_area())
    most = align_down(most, geometry.isolation_unit() << geometry.page_shift());
  if (most > 0) answer.add(About::would, fmt::format("fit with {} at most", size_text(most)), {{"size", most}});
}

// Adds what base and size of an area must be, and which of them is so; whether an `alignment` of the node counts.
void add_units(const World& world, const ReservedRegion& region, const TreeNode& node, Answer& answer) {
  const Geometry& geometry = world.machine().geometry();
  const std::uint64_t unit = geometry.isolation_unit() << geometry.page_shift();
  const auto judged = [&](std::string_view what, std::uint64_t bytes) {
    const std::string count = fmt::format("one ({} * {})", bytes / unit, size_text(unit));
    return fmt::format("{} {:#x} is {}", what, bytes, is_aligned(bytes, unit) ? count : "none");
  };
  std::string text = fmt::format("base and size both multiples of {}: {}, {}", size_text(unit),
                                 judged("base", region.base), judged("size", region.size));
  if (node.has("alignment"))
    text += region.fixed ? "; the node's `alignment` is not read, as its `reg` names the place"
                         : "; the node's `alignment` is for its base only";
  answer.add(About::wanted, std::move(text), {{"base", region.base}, {"size", region.size}, {"unit", unit}});
}

// Returns whether base or size of a region is no multiple of the unit of areas.
bool is_off_unit(const Geometry& geometry, const ReservedRegion& region) {
  return region.size != 0 && !is_aligned(region.base | region.size, geometry.isolation_unit() << geometry.page_shift());
}

// Returns whether the region would be the default area of its node if the command line did not come first.
bool would_be_default(const World& world, const ReservedRegion& region, const TreeNode& node) {
  const bool lendable = node.has("reusable") && !node.has("no-map");
  return lendable && region.size != 0 && !is_off_unit(world.machine().geometry(), region);
}

// Adds that nothing but its limit keeps the area of the command line low, where there is no high memory.
void add_missing_high_memory(const Machine& machine, const DeclareRequest& asked, Answer& answer) {
  for (std::size_t z = 0; z < machine.buddy.zones(); ++z)
    if (machine.buddy.zone(z).kind == ZoneKind::high_mem) return;
  if (asked.base != 0 || asked.limit == 0) return;
  answer.add(About::found,
             fmt::format("no high memory (a 64-bit kernel has none): the limit alone, {:#x}, keeps cma= low, as what "
                         "the node allows does not bind it",
                         asked.limit),
             {{"limit", asked.limit}});
}

// Adds why the area of the command line lies where it does, and what would put the default area where its node allows.
void add_cmdline_area(const World& world, const ReservedRegion& region, const TreeNode& node, Answer& answer) {
  const AreaAttempt* attempt = world.boot->boot->attempt("reserved");
  if (attempt != nullptr && attempt->area) {
    const Area& area = world.machine().areas.area(*attempt->area);
    Answer place;
    explain_place(world, attempt->request, {area.base, area.base + area.pages}, place);
    answer.add(About::found, "cma= got " + place.brief);
    std::ranges::move(place.evidence, std::back_inserter(answer.evidence));
    add_missing_high_memory(world.machine(), attempt->request, answer);
  }
  if (would_be_default(world, region, node))
    answer.add(About::would,
               fmt::format("be the default area, {} at {}, without cma= on the command line; its size is then that of "
                           "the node",
                           size_text(region.size), addresses_text(region.base, region.size)),
               {{"base", region.base}, {"size", region.size}});
}

// Adds what becomes of a region that is no area, and of the devices that it is for (of_reserved_mem_device_init).
void add_devices(const World& world, const ReservedRegion& region, const TreeNode& node, Answer& answer) {
  const bool has_memory = region.size != 0 && region.error != -kENOMEM && !node.has("no-map");
  if (has_memory && region.area_error != -kEBUSY)
    answer.add(About::left, region.error == -kENOENT ? "its memory stays reserved, and nothing uses it"
                                                     : "its memory is given back, as ordinary memory");
  const std::optional<AreaId> id = world.boot->boot->dma().default_area();
  const std::string area = id ? "the default area, " + place_of_area(world.machine(), *id) : std::string("no area");
  const bool passed_over = region.area_error == -kEBUSY;
  const bool allowed = !id || node_allows(boot_of(world), region, addresses_of(world.machine(), *id));
  std::string text = passed_over ? "devices without an area of their own"
                                 : "a driver that asks for the region gets -EINVAL (of_reserved_mem_device_init, -22); "
                                   "one that goes on without it";
  text += fmt::format(" {} buffers from {}", passed_over ? "get" : "gets", area);
  if (passed_over && !allowed) text += ": one that reaches only what the node allows cannot use those";
  answer.add(About::next, std::move(text), {{"next", std::string(passed_over ? "default area" : "no region")}});
}

// Returns where the memory of a region lies, and why there.
std::string place_of(const ReservedRegion& region) {
  const std::string where = size_text(region.size) + " at " + addresses_text(region.base, region.size);
  if (region.fixed || region.searched.empty()) return where + ", the place that its node names";
  return fmt::format("{}, a free place in [{:#x}, {:#x})", where, region.searched.back().start,
                     region.searched.back().end);
}

// Returns the rule that refused the region; empty if it is what its operation says.
std::string rule_of(const World& world, const ReservedRegion& region) { return region_rule(boot_of(world), region); }

}  // namespace

void explain_region(const World& world, Answer& answer) {
  const ReservedRegion* region = region_of(world, answer.op);
  if (region == nullptr) return;
  const bool failed = world.result(answer.op).state == Result::State::failed;
  const std::string rule = rule_of(world, *region);
  CMA_ASSERT(!failed || !rule.empty());
  answer.brief = failed ? rule : place_of(*region);
  // Not all that differs from the node is an error of the region: up to 5.2 nothing keeps that of a pool.
  if (!failed && !rule.empty()) answer.brief += "; " + rule;
  if (region->error == -kENOMEM) add_searched(world, *region, answer);
  const TreeNode& node = world.boot->tree.regions[region->node];
  if (!failed || !node.asks_for_area()) return;
  if (is_off_unit(world.machine().geometry(), *region)) add_units(world, *region, node, answer);
  if (region->area_error == -kEBUSY) add_cmdline_area(world, *region, node, answer);
  add_devices(world, *region, node, answer);
}

void explain_default_area(const World& world, Answer& answer) {
  const std::vector<AreaAttempt>& attempts = world.boot->boot->dma().attempts();
  const std::optional<AreaId> area = world.boot->boot->dma().default_area();
  if (attempts.empty() || (area && attempts.back().area != area)) {
    answer.brief = area ? fmt::format("the region {} is the default area, {}", world.machine().areas.area(*area).name,
                                      place_of_area(world.machine(), *area))
                        : "neither command line, configuration nor a region asks for a default area";
    return;
  }
  if (area) return explain_declared(world, attempts.back().request, answer);
  explain_declaration(world, attempts.back().request, answer);
  const Geometry& geometry = world.machine().geometry();
  const std::uint64_t most = geometry.largest_pages() << geometry.page_shift();
  answer.add(About::left,
             fmt::format("no default area: buffers of devices without an area of their own come from the page "
                         "allocator, in blocks of {} at most",
                         size_text(most)),
             {{"largest_block", most}});
}

void explain_boot_area(const World& world, const std::string& name, Answer& answer) {
  if (const AreaAttempt* attempt = world.boot->boot->attempt(name))
    return explain_declaration(world, attempt->request, answer);
  const ReservedRegion* region = world.boot->region_named(name);
  CMA_ASSERT(region != nullptr);
  answer.brief = rule_of(world, *region);
  if (region->error == -kENOMEM) add_searched(world, *region, answer);
}

}  // namespace cma
