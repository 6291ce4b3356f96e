// Why an area gave no buffer: it was never searched, no run of free bits was long enough, or each window that was tried
// had pages in the way. And what a request that succeeded got.
//
// Bits are not pages: a free bit means that no buffer has its pages, which others may still use. Part of the
// explanations (why_kinds.h). Cost: linear in the bits of the area and the results of the program.
#pragma once

#include <vector>

#include "properties/explain/answer.h"
#include "properties/explain/windows.h"
#include "properties/program/world.h"

namespace cma {

// Explains the request of the operation answer.op, which has failed just now. answer.windows has the windows that it
// tried, answer.error the error of the last sweep. `declared` has the range of each area before its activation.
void explain_area_request(const World& world, const AreaRequest& request, const std::vector<PfnRange>& declared,
                          Answer& answer);

// Explains what the operation answer.op got: its windows, and what made room for them.
void explain_given(const World& world, const GivenWindows* given, Answer& answer);

}  // namespace cma
