// Explains files of debugfs, sysfs and /proc that were pasted among the lines of a log: the areas, whether they have
// room for a request that failed, what failed since boot, and the free blocks.
//
// Used by explain_log. Cost: for output only.
#pragma once

#include <optional>
#include <vector>

#include "properties/logs/answer.h"
#include "properties/logs/context.h"
#include "properties/logs/finding.h"
#include "properties/logs/pasted_files.h"
#include "properties/logs/requests.h"
#include "properties/logs/shown.h"

namespace cma::logs {

// Adds a section about the files, if there are some. Returns what can become the short answer; nullopt unless they say
// that requests failed.
std::optional<Finding> tell_pasted(const PastedFiles& files, const std::vector<Request>& requests,
                                   const Context& context, Shown& shown, LogAnswer& answer);

}  // namespace cma::logs
