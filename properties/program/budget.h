// Step bounds (law `bounded`): how many points a stretch of an operation may pass, from where it is resumed to where it
// ends, stops or waits. Generous: a bound only separates endless loops from long ones. Used by the interpreter; O(1).
#pragma once

#include "properties/program/world.h"

namespace cma {

// A page in the way is tried in 5 calls of 10 passes with up to 8 points each. Drains and frees come on top.
inline constexpr std::uint64_t kStepsPerPage = 2000;
// Steps of an operation of any size, for drains of all CPUs and mutexes.
inline constexpr std::uint64_t kStepsPerOperation = 10'000;

// Returns the bound of an operation, or of a request, on the world's machine.
std::uint64_t step_budget(const World& world, const Op& op);
std::uint64_t step_budget(const World& world, const AreaRequest& request);

}  // namespace cma
