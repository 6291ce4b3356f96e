#include "properties/explain/why_board.h"

#include <fmt/format.h>

#include <algorithm>

#include "allocator/base/assert.h"
#include "allocator/base/error.h"
#include "properties/explain/why_boot.h"

namespace cma {
namespace {

std::string mebibytes_of(std::uint64_t bytes) {
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  if (bytes % kMiB == 0) return fmt::format("{} MiB", bytes / kMiB);
  return bytes % 1024 == 0 ? fmt::format("{} KiB", bytes >> 10) : fmt::format("{} bytes", bytes);
}

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
        fmt::format("{} aligned to {} in [{:#x}, {:#x}){}", mebibytes_of(region.wanted), mebibytes_of(region.alignment),
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
  const std::string where =
      fmt::format("{} at [{:#x}, {:#x})", mebibytes_of(region.size), region.base, region.base + region.size);
  if (region.fixed || region.searched.empty()) return where + ", the place that its node names";
  return fmt::format("{}, a free place in [{:#x}, {:#x})", where, region.searched.back().start,
                     region.searched.back().end);
}

std::string brief_of(const World& world, const ReservedRegion& region) {
  const Geometry& geometry = world.machine().geometry();
  const std::uint64_t unit = geometry.isolation_unit() << geometry.page_shift();
  if (region.error == -kENOMEM)
    return fmt::format("no place for {} that is free and aligned to {}", mebibytes_of(region.wanted),
                       mebibytes_of(region.alignment));
  if (!region.saved)
    return "the kernel's table of regions is full: the memory stays reserved, and nothing is made of it";
  if (region.area_error == -kEBUSY)
    return "the command line has cma=, which since 5.8 comes before linux,cma-default; the memory was given back";
  if (region.area_error == -kENOSPC)
    return fmt::format("the kernel has room for {} areas (MAX_CMA_AREAS) and has them all", geometry.max_areas);
  if (!is_aligned(region.base | region.size, unit))
    return fmt::format("[{:#x}, {:#x}) is not in whole units of {}", region.base, region.base + region.size,
                       mebibytes_of(unit));
  return fmt::format("[{:#x}, {:#x}) cannot be an area", region.base, region.base + region.size);
}

}  // namespace

void explain_region(const World& world, Answer& answer) {
  const ReservedRegion* region = region_of(world, answer.op);
  if (region == nullptr) return;
  const bool failed = world.result(answer.op).state == Result::State::failed;
  answer.brief = failed ? brief_of(world, *region) : place_of(*region);
  if (region->error == -kENOMEM) add_searched(*region, answer);
}

void explain_default_area(const World& world, Answer& answer) {
  const std::vector<AreaAttempt>& attempts = world.boot->boot->dma().attempts();
  const std::optional<AreaId> area = world.boot->boot->dma().default_area();
  if (attempts.empty() || (area && attempts.back().area != area)) {
    answer.brief = area ? fmt::format("the region {} is the default area", world.machine().areas.area(*area).name)
                        : "neither command line, configuration nor a region asks for a default area";
    return;
  }
  if (area)
    explain_declared(world, attempts.back().request, answer);
  else
    explain_declaration(world, attempts.back().request, answer);
}

void explain_boot_area(const World& world, const std::string& name, Answer& answer) {
  const Boot& boot = *world.boot->boot;
  for (const std::vector<AreaAttempt>* attempts : {&boot.dma().attempts(), &boot.hugetlb().attempts()})
    for (const AreaAttempt& attempt : *attempts)
      if (attempt.request.name == name) return explain_declaration(world, attempt.request, answer);
}

}  // namespace cma
