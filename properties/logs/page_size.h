// How large the pages of the machine are, as far as lines of its log tell: by windows that lie in an area, by an area's
// pages beside its size, by what a driver asked for. Pages have 4 KiB where no size alone fits these lines.
//
// Used by explain_log, when all lines are read. Cost: a few looks at each request.
#pragma once

#include <vector>

#include "properties/logs/context.h"
#include "properties/logs/requests.h"

namespace cma::logs {

// Sets the size of pages in the context, and why, unless a line of free blocks has set it already.
void find_page_size(const std::vector<Request>& requests, Context& context);

}  // namespace cma::logs
