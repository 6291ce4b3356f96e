// Findings of the step budget in a fraction of the time. A program without end uses up whatever it is given, and each
// run with the whole budget may take half a minute: hundreds of those are too many for the minimiser.
//
// So a candidate is first run with a 64th of its budget. One that stays within it has shown all that it ever shows. One
// that does not is run with a 16th, and the smallest program at the end with the whole. Counted in steps and runs, so
// that the result is the same everywhere. Used by the command line.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "properties/minimize/minimize.h"

namespace cma {

// Returns what is found when the program runs with its step budgets divided by this number; nullopt if nothing is. Must
// return the same for the same arguments.
using BudgetedRun = std::function<std::optional<Finding>(const Program&, std::uint64_t divisor)>;

// Returns whether the finding is that a step budget was used up.
bool is_over_budget(const Finding& finding);

// Returns what the program shows, as far as a 16th of its budget suffices to know. Where the budget ends is chance: a
// finding of the budget has neither function nor point, and counts only if its operation is of the kind that `like` is.
std::optional<Finding> find_in_fractions(const Program& program, const BudgetedRun& run, const Op& like);

// Minimises a program with a finding of the budget, for which `finding` was returned with the whole budget. If the
// result is only long, and within its whole budget, minimises once more with whole budgets alone. Requires:
// is_over_budget(finding). Returns what minimize() does; the finding is that of a run with the whole budget.
std::optional<Minimized> minimize_over_budget(const Program& program, const Finding& finding, const BudgetedRun& run,
                                              const MinimizeOptions& options = {});

}  // namespace cma
