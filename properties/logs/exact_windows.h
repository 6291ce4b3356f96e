// Which windows of a log without names of tasks are whose, once a request seems to have asked for as many pages as they
// have: a line names them, or another window has as many.
//
// A window that is larger than its request begins at the head of a free block. That is rarer than a request of exactly
// its size, so such a request takes the windows of that size which were taken for another's.
// And requests that were under way at once are found, as what is said of their windows is less certain. Used by the
// finder of requests. Cost: linear in the windows of the requests that are looked at.
#pragma once

#include <cstdint>
#include <vector>

#include "properties/logs/requests.h"

namespace cma::logs {

// Gives the last of the requests, which is for so many pages, the windows of exactly that size that others of fewer
// pages have, as far as they can be of one sweep with its own. Only windows without a caller are moved. Others that
// have nothing left are removed. `now`: where the line is from that shows the pages.
void take_exact_windows(std::vector<Request>& open, std::uint64_t pages, const Origin& now);

// Notes of each request with windows whether another one with windows was under way meanwhile: then it is not certain
// whose they are, without callers. The requests are in the
// order of their first lines.
void find_overlaps(std::vector<Request>& requests);

}  // namespace cma::logs
