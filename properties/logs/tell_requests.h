// Explains the contiguous requests of a log. Used by explain_log. Cost: linear in the requests.
#pragma once

#include <optional>
#include <vector>

#include "properties/logs/answer.h"
#include "properties/logs/context.h"
#include "properties/logs/finding.h"
#include "properties/logs/requests.h"
#include "properties/logs/shown.h"

namespace cma::logs {

// Adds a section for each request, and for those that failed alike one. Returns what can become the short answer;
// nullopt if there is no request.
std::optional<Finding> tell_requests(const std::vector<Request>& requests, const Context& context, Shown& shown,
                                     LogAnswer& answer);

}  // namespace cma::logs
