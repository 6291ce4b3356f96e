// Single steps of simplification: what the minimiser may try on one argument, on one stop and on the machine.
//
// Every step goes down in a well-founded order, so that repeating them ends: an argument towards its default, which the
// text omits, else towards its least value; a machine towards the default small one. Used by minimize.cc only.
// Cost: nothing beside an execution.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "properties/program/program.h"

namespace cma {

// Applies the `attempt`th simplification to the `field`th field of an operation.
enum class Simplified : std::uint8_t { changed, no_more_attempts, no_such_field };
Simplified simplify_field(OpBody& body, std::size_t field, std::size_t attempt);

// Changes a program. Returns false if there is nothing to change.
using Change = std::function<bool(Program&)>;

// Returns changes to the stop and the performer of the operation at `index`, the boldest first.
std::vector<Change> stop_changes(std::size_t index);
// Returns changes to the machine, the boldest first. Its bugs and its release stay.
std::vector<Change> machine_changes(const Program& program);
// Returns changes for Same::law, which may change the signature but hardly the bug: the newest release that breaks the
// law, cma_alloc in place of debugfs, results without names of their own.
std::vector<Change> changes_within_law(const Program& program);
// Removes actors that perform nothing and names of results that are gone, and numbers results in the order of the
// program. Returns whether anything changed.
bool tidy_up(Program& program);

}  // namespace cma
