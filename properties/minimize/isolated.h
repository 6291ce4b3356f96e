// Judges a program in a process of its own, for programs that bring the process down: a sanitizer's report, a crash, a
// run that does not end. Used by `minimize`. Cost: a fork an execution, about half a millisecond.
#pragma once

#include <optional>

#include "properties/program/finding.h"
#include "properties/program/program.h"

namespace cma {

// The finding of the program; a crash is a finding of "law" `crash`, a run that takes too long one of `hang`.
std::optional<Finding> find_isolated(const Program& program);
bool is_crash(const Finding& finding);

}  // namespace cma
