// How much of an area the requests of a log take if all are held at once.
//
// Computed on a bitmap, as `cmacheck fit` does (sizing/). Used by the short answer about requests of which none failed.
// Cost: a search of the bitmap for each request, and for a few requests one for the best order.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "properties/logs/requests.h"

namespace cma::logs {

// All in pages, of an area that begins at a multiple of each alignment, where a bit stands for a page.
struct AreaDemand {
  std::uint64_t in_order = 0;  // if they come in the order of the log
  std::uint64_t best = 0;      // in the best order found; 0: none was looked for
  std::uint64_t least = 0;     // what every order needs
};

// Returns it for requests whose pages and alignments lines name; nullopt if there is another one, if they are of
// different areas, or together too large.
std::optional<AreaDemand> demand_together(const std::vector<Request>& requests);

}  // namespace cma::logs
