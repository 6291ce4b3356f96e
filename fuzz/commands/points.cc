// `cmacheck points`: lists where another actor may run.

#include "allocator/engine/point.h"

#include <fmt/format.h>

#include "fuzz/commands/command.h"

namespace cma {

void add_points(CommandLine& line) {
  Command sub = line.add("points", "Lists the points: where another actor may run, in which function, why");
  sub.footer("`until=POINT` suspends an operation there, `until=POINT#3` the third time it passes.");
  sub.action([] {
    for (const PointInfo& point : point_catalogue())
      fmt::print("{:<24} {:<28} {}\n", point.name, point.function, point.why);
    return kNothingFound;
  });
}

}  // namespace cma
