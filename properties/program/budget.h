// Step bounds (law `bounded`): how many points one stretch of an operation, from where it is resumed to where it ends,
// stops or waits, may pass at most on this machine. Generous by design: it tells an endless loop from a long one,
// nothing finer. Used by the interpreter; O(1).
#pragma once

#include "properties/program/world.h"

namespace cma {

// A page in the way is tried 10 passes x 5 tries, each passing up to 8 points; its drains and frees come on top, and a
// bound should be met by nothing that ends.
inline constexpr std::uint64_t kStepsPerPage = 2000;
// What an operation may do whatever its size: drains of all CPUs, mutexes.
inline constexpr std::uint64_t kStepsPerOperation = 10'000;

std::uint64_t step_budget(const World& world, const Op& op);
std::uint64_t step_budget(const World& world, const AreaRequest& request);

}  // namespace cma
