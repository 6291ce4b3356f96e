// The short answer about contiguous requests: what happened to the worst of them, why, what would help. Used by the
// explanation of requests. Cost: for output only.
#pragma once

#include <cstdint>
#include <vector>

#include "properties/logs/context.h"
#include "properties/logs/finding.h"
#include "properties/logs/request_groups.h"
#include "properties/logs/shown.h"

namespace cma::logs {

// Returns how much a group says: one that failed more than one that only found windows busy.
std::uint64_t weight_of(const Group& group);
// Returns whether no request failed or found a window busy, as far as the log shows.
bool is_uneventful(const std::vector<Group>& groups);
// Returns the pages that all places have in common, which there must be: "[0x90800, 0x90e00)".
std::string places_text(const Places& places, const Shown& shown);
// Returns the short answer about requests of which none failed.
Finding uneventful_finding(const std::vector<Request>& requests, const std::vector<Group>& groups,
                           const Context& context, const Shown& shown);
// Returns the short answer, about the group with the most weight.
Finding request_finding(const std::vector<Group>& groups, const Group& worst, const Context& context, Shown& shown);

}  // namespace cma::logs
