// Makes the short answer out of what each part of an explanation found: the finding with the most weight, what followed
// from it, and what else failed.
//
// A sentence that a statement says too gets that statement's lines; the statement then stands there only, for people.
// Used by explain_log, last of all. Cost: for output only.
#pragma once

#include <vector>

#include "properties/logs/answer.h"
#include "properties/logs/finding.h"

namespace cma::logs {

// Fills in the short answer, and what to do to learn more. Requires that all sections are there.
void tell_briefly(std::vector<Finding> findings, LogAnswer& answer);

}  // namespace cma::logs
