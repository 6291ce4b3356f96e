// The windows of a contiguous request as a picture, from what a log says of it: a row for each window, where it lies
// in the area, and below them what must have been free and what can be in the way.
//
// Used by the page about a log. Deterministic. Cost: linear in the rows drawn, of which there are at most about fifty.
#pragma once

#include <string>
#include <vector>

#include "properties/logs/answer.h"

namespace cma {

// Returns the picture as one element, whose classes are those of map_style(); empty if the log has no window of the
// request. `areas` are those that the log names. `id` begins the identifiers in it.
std::string draw_windows(const logs::RequestSummary& request, const std::vector<PfnRange>& areas,
                         const std::string& id);

}  // namespace cma
