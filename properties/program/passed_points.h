// The points that each kind of operation passes, and how often: where a stop is worth drawing.
//
// Used by the generator and by mutators, which draw stops from it, and by the forecast (forecast.h). The table is
// measured, not written: passed_points_slow_test.cc runs generated programs, holds the table to what these pass, and
// prints it anew if asked. A kind without rows passes nothing. Cost of a look-up: a binary search among some hundreds.
#pragma once

#include <cstdint>
#include <span>

#include "properties/program/op.h"
#include "properties/program/random.h"

namespace cma {

struct PassedPoint {
  Point point = Point::kCount;
  // Of a hundred such operations, how many pass it.
  std::uint8_t share = 0;
  // Of a hundred such operations, how many pass it a second time, and how many a fourth time.
  std::uint8_t again = 0;
  std::uint8_t often = 0;
};

// What the forecast holds of an operation, as far as its points depend on it.
enum class Prospect : std::uint8_t {
  plain,
  moves,     // pages that move may be in its way
  in_way,    // such pages lie where it will probably take its own
  large,     // it has much to work on: a block of several pages, a process or a file that has some
  doubtful,  // it may well fail at once
};

// What decides which points an operation passes.
struct PassedBy {
  std::size_t kind = kOpKinds;
  Prospect prospect = Prospect::plain;
  Release release = Release::v6_1;
};

// Returns the points that such operations pass, in the order in which they come to them.
std::span<const PassedPoint> passed_points(const PassedBy& by);
// Returns how many of a hundred operations that stand at a point (kCount: at their beginning) come to the stop.
// Estimated: of operations that pass a rare point, those that pass another rare one are not known.
unsigned share_stopped(std::span<const PassedPoint> points, const Stop& stop, Point standing = Point::kCount);
// Returns whether most such operations that stand at one point come to the other one, if they pass that at all.
bool lies_ahead(std::span<const PassedPoint> points, Point standing, Point point);

// Returns any point, most often the first time it is passed.
Stop random_stop(Random& random);
// Of a hundred stops, how many are drawn alike among the points that such operations pass, however seldom they do:
// where most pages are met or moved.
inline constexpr unsigned kDrawnAlike = 15;
// Returns a stop for an operation that passes these points and stands at one of them (kCount: at its beginning): most
// often one of those ahead, the more likely the more often it is reached; three times in a hundred any point. Returns
// no stop if there is no such point, and most of the time if the one that is drawn is reached seldom. `alike`: as
// kDrawnAlike is.
Stop likely_stop(Random& random, std::span<const PassedPoint> points, Point standing = Point::kCount,
                 unsigned alike = kDrawnAlike);

}  // namespace cma
