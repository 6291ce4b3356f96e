// Explains the requests for pages of a log that failed: the watermark test with the printed figures, the blocks that
// could have served, and what of a report contradicts itself. Used by explain_log. Cost: linear in the zones.
#pragma once

#include <optional>
#include <vector>

#include "properties/logs/answer.h"
#include "properties/logs/context.h"
#include "properties/logs/finding.h"
#include "properties/logs/memory_report.h"
#include "properties/logs/shown.h"

namespace cma::logs {

// Adds a section for each failure. Returns what can become the short answer; nullopt if there is none.
std::optional<Finding> tell_page_failures(const std::vector<PageFailure>& failures, const Context& context,
                                          Shown& shown, LogAnswer& answer);

}  // namespace cma::logs
