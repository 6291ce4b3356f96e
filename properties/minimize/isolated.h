// Runs a program in a process of its own, for programs that bring the process down: by a sanitizer's report, a crash or
// a run that does not end. Used by `cmacheck minimize`. Cost: a fork a program, about half a millisecond.
#pragma once

#include <optional>

#include "properties/program/finding.h"
#include "properties/program/program.h"

namespace cma {

// Runs the program with all laws. Returns its finding; a crash is a finding of "law" `crash`, a run of more than 25
// seconds one of `hang`. Throws std::runtime_error if no process can be started.
std::optional<Finding> find_isolated(const Program& program);
// Returns whether the finding is a crash or a hang.
bool is_crash(const Finding& finding);

}  // namespace cma
