#include "properties/explain/alignment.h"

#include <algorithm>

#include "properties/sizing/area_size.h"
#include "properties/sizing/first_fit.h"

namespace cma {
namespace {

// The most requests that are tried again for each that fails.
constexpr std::size_t kMostTried = 1000;

// Returns whether all requests succeed in an area whose pages are free.
bool all_fit(const Area& area, const sizing::Demand& demand) {
  sizing::BitmapTarget target(area.pages, area.base, area.order_per_bit);
  return !sizing::perform(demand, demand.steps, target).failed;
}

}  // namespace

std::optional<unsigned> alignment_for_all(const World& world, AreaId id, Slot op) {
  // Sizes are those of a repaired kernel.
  if (world.machine().bugs.any()) return std::nullopt;
  Program before = world.program();
  before.ops.resize(op + std::size_t{1});
  const auto demands = sizing::demands_of(before, {});
  if (!demands) return std::nullopt;
  const Area& area = world.machine().areas.area(id);
  const auto asked = std::ranges::find(*demands, area.name, &sizing::Demand::area);
  if (asked == demands->end() || asked->others > 0 || asked->requests.size() > kMostTried) return std::nullopt;
  const Release release = world.machine().release();
  const auto beyond = [&](const sizing::Request& request) { return request.align > kCmaAlignment; };
  if (release >= Release::v3_17 && std::ranges::any_of(asked->requests, beyond)) return std::nullopt;
  sizing::Demand demand = *asked;
  // Where boot put the area, and how large a bit is, is known here.
  demand.base = area.base;
  demand.order_per_bit = area.order_per_bit;
  for (unsigned limit = kCmaAlignment; limit-- > sizing::cma_alignments(release).first;) {
    for (std::size_t i = 0; i < demand.requests.size(); ++i)
      demand.requests[i].align = sizing::align_with(asked->requests[i], kCmaAlignment, limit, release);
    if (all_fit(area, demand)) return limit;
  }
  return 0;
}

}  // namespace cma
