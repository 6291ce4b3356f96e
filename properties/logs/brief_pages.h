// The short answer about a request for pages that failed: what happened, why, what would help. Used by the explanation
// of such requests. Cost: for output only.
#pragma once

#include <string>

#include "properties/logs/finding.h"
#include "properties/logs/page_verdict.h"
#include "properties/logs/shown.h"

namespace cma::logs {

// Returns what failed, as a sentence.
std::string what_failed(const Judged& judged, Shown& shown);
// Returns the short answer.
Finding page_finding(const Judged& judged, Shown& shown);

}  // namespace cma::logs
