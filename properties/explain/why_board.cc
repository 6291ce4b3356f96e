#include "properties/explain/why_board.h"

#include <fmt/format.h>

#include <algorithm>

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

// Adds which ranges were searched, and what was free there.
void add_searched(const ReservedRegion& region, Answer& answer) {
  for (const ByteRange& searched : region.searched) {
    answer.add(
        About::wanted,
        fmt::format("{} aligned to {} in [{:#x}, {:#x}){}", size_text(region.wanted), size_text(region.alignment),
                    searched.start, searched.end, searched.end <= searched.start ? ", an empty range" : ""),
        {{"size", region.wanted}, {"alignment", region.alignment}});
    std::size_t listed = 0;
    for (const ByteRange& free : region.free_before) {
      const ByteRange part{std::max(free.start, searched.start), std::min(free.end, searched.end)};
      if (part.start >= part.end || listed++ >= kListed) continue;
      answer.add(About::run, fmt::format("[{:#x}, {:#x}) free", part.start, part.end),
                 {{"start", part.start}, {"end", part.end}});
    }
  }
}

// Returns where the memory of a region lies, and why there.
std::string place_of(const ReservedRegion& region) {
  const std::string where = size_text(region.size) + " at " + addresses_text(region.base, region.size);
  if (region.fixed || region.searched.empty()) return where + ", the place that its node names";
  return fmt::format("{}, a free place in [{:#x}, {:#x})", where, region.searched.back().start,
                     region.searched.back().end);
}

// Returns which region is the default area, and where it lies.
std::string of_region(const Machine& machine, const Area& area) {
  const unsigned shift = machine.geometry().page_shift();
  return fmt::format("the region {} is the default area, {} at {}", area.name, size_text(area.pages << shift),
                     addresses_text(area.base << shift, area.pages << shift));
}

// Returns the rule that refused the region; empty if it is what its operation says.
std::string rule_of(const World& world, const ReservedRegion& region) {
  const ProgramBoot& made = *world.boot;
  return region_rule({world.machine(), made.tree, made.config, *made.boot->reserved_memory()}, region);
}

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
  if (region->error == -kENOMEM) add_searched(*region, answer);
}

void explain_default_area(const World& world, Answer& answer) {
  const std::vector<AreaAttempt>& attempts = world.boot->boot->dma().attempts();
  const std::optional<AreaId> area = world.boot->boot->dma().default_area();
  if (attempts.empty() || (area && attempts.back().area != area)) {
    answer.brief = area ? of_region(world.machine(), world.machine().areas.area(*area))
                        : "neither command line, configuration nor a region asks for a default area";
    return;
  }
  if (area)
    explain_declared(world, attempts.back().request, answer);
  else
    explain_declaration(world, attempts.back().request, answer);
}

void explain_boot_area(const World& world, const std::string& name, Answer& answer) {
  if (const AreaAttempt* attempt = world.boot->boot->attempt(name))
    return explain_declaration(world, attempt->request, answer);
  const ReservedRegion* region = world.boot->region_named(name);
  CMA_ASSERT(region != nullptr);
  answer.brief = rule_of(world, *region);
  if (region->error == -kENOMEM) add_searched(*region, answer);
}

}  // namespace cma
