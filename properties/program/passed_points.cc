#include "properties/program/passed_points.h"

#include <algorithm>

#include "properties/program/passed_points_table.h"

namespace cma {
namespace {

// Returns the point of that name; nullptr if the row has none.
const PassedPoint* find_point(std::span<const PassedPoint> points, Point point) {
  if (point == Point::kCount) return nullptr;
  const auto found = std::ranges::find(points, point, &PassedPoint::point);
  return found == points.end() ? nullptr : &*found;
}

// A point that so many of a hundred operations pass again is in a loop, which most go through more than once.
constexpr unsigned kLoops = 50;

// Returns how many of a hundred operations that stand `here` (nullptr: at their beginning) pass the point that often.
unsigned share_reached(const PassedPoint& passed, const PassedPoint* here, unsigned times = 1) {
  unsigned share = passed.share;
  // Where it stands, or before it, it comes once more only in a loop.
  if (here != nullptr && &passed <= here) share = here->again >= kLoops ? passed.again : 0;
  // A loop that is gone through four times often has several turns more.
  if (times == 2) share = std::min<unsigned>(share, passed.again);
  if (times > 2) share = std::min<unsigned>(share, times <= 4 ? passed.often : passed.often / 2U);
  if (here == nullptr || share > here->share) return share;
  // Between a point that goes with this one and one that has nothing to do with it.
  return (share + 100 * share / here->share) / 2;
}

// Rises faster than the share, as a stop that is run past is lost: where some points are reached by all such operations
// and as many by three in ten, the latter get one draw in ten.
std::uint32_t weight_of(const PassedPoint& passed, const PassedPoint* here) {
  const std::uint32_t share = share_reached(passed, here);
  return share * share * (share + 10) / 100;
}

// Draws by weight; nullptr if all weights are 0.
const PassedPoint* draw_point(Random& random, std::span<const PassedPoint> points, const PassedPoint* here) {
  std::uint32_t sum = 0;
  for (const PassedPoint& passed : points) sum += weight_of(passed, here);
  if (sum == 0) return nullptr;
  std::uint64_t left = random.below(sum);
  for (const PassedPoint& passed : points) {
    const std::uint32_t weight = weight_of(passed, here);
    if (left < weight) return &passed;
    left -= weight;
  }
  return nullptr;
}

// Draws which time a point is to be passed: the first, most often, and a later one about as often as it is passed then.
std::uint16_t draw_time(Random& random, const PassedPoint& drawn) {
  if (random.chance(drawn.often / 9U)) return static_cast<std::uint16_t>(random.between(3, 4));
  return random.chance(drawn.again / 9U) ? std::uint16_t{2} : std::uint16_t{1};
}

}  // namespace

std::span<const PassedPoint> passed_points(const PassedBy& by) {
  const auto before = [](const passed::PassedRow& row, const PassedBy& wanted) {
    if (row.kind != wanted.kind) return row.kind < wanted.kind;
    if (row.prospect != wanted.prospect) return row.prospect < wanted.prospect;
    return row.since <= wanted.release;
  };
  const auto& rows = passed::kPassedRows;
  const auto next = std::lower_bound(rows.begin(), rows.end(), by, before);
  if (next == rows.begin()) return {};
  const passed::PassedRow& row = *(next - 1);
  if (row.kind != by.kind || row.prospect != by.prospect) return {};
  const auto end = std::ranges::find(row.points, Point::kCount, &PassedPoint::point);
  return {row.points.begin(), end};
}

unsigned share_stopped(std::span<const PassedPoint> points, const Stop& stop, Point standing) {
  const PassedPoint* passed = find_point(points, stop.point);
  return passed == nullptr ? 0 : share_reached(*passed, find_point(points, standing), stop.nth);
}

bool lies_ahead(std::span<const PassedPoint> points, Point standing, Point point) {
  const PassedPoint* passed = find_point(points, point);
  if (passed == nullptr) return false;
  const PassedPoint* here = find_point(points, standing);
  return here == nullptr || passed > here || (here->again >= kLoops && passed->again >= kLoops);
}

Stop random_stop(Random& random) {
  Stop stop;
  stop.point = static_cast<Point>(random.below(kPoints));
  stop.nth = static_cast<std::uint16_t>(random.chance(70) ? 1 : random.between(1, 8));
  return stop;
}

Stop likely_stop(Random& random, std::span<const PassedPoint> points, Point standing, unsigned alike) {
  // An operation that seldom comes to a point runs past nearly every stop.
  constexpr unsigned kSeldom = 25;
  const bool seldom = std::ranges::all_of(points, [](const PassedPoint& each) { return each.share < kSeldom; });
  const unsigned any_percent = seldom ? 1 : 3;
  if (random.chance(any_percent)) return random_stop(random);
  const PassedPoint* here = find_point(points, standing);
  const bool is_alike = !points.empty() && random.chance(alike);
  const PassedPoint* drawn = is_alike ? &points[random.below(points.size())] : draw_point(random, points, here);
  Stop stop;
  if (drawn == nullptr) return stop;
  // One that is reached seldom is dropped most of the time: operations run past it for nothing.
  constexpr unsigned kSurely = 80;
  const unsigned share = share_reached(*drawn, here);
  const unsigned kept = is_alike ? share + alike * 2 / 3 : share * share / 100;
  if (share < kSurely && !random.chance(kept)) return stop;
  stop.point = drawn->point;
  if (here == nullptr) stop.nth = draw_time(random, *drawn);
  return stop;
}

}  // namespace cma
