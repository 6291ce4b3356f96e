// With which CONFIG_CMA_ALIGNMENT a request that found no window would have found one, if all requests before it had
// been made with that too.
//
// Used by the explanations of requests to areas (why_area.h). Cost: the requests of the program once for each smaller
// alignment, on a bitmap. No locks; it stands on sizing/, whose answers for `cmacheck fit` take the same alignments.
#pragma once

#include <optional>

#include "properties/program/world.h"

namespace cma {

// Returns the largest CONFIG_CMA_ALIGNMENT below the usual one with which the request of the operation `op` and all
// that the program made of this area before it succeed; 0 if none does. Returns nullopt where it is no matter of bits
// and that option alone: the program has other operations before it, a request with a larger alignment or more than a
// thousand requests, or the machine has bugs. Requires: the operation asked the area for pages and found no window.
std::optional<unsigned> alignment_for_all(const World& world, AreaId id, Slot op);

}  // namespace cma
