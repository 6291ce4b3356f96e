// Single steps of simplification: what the minimiser may try on one argument, on one stop, and on the machine.
//
// Every step goes down in a well-founded order (an argument towards the value that is left out of the text, else
// towards its least value; a machine towards the default small one), so that repeating
// them ends. Used by minimize.cc only. Cost: nothing beside an execution.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "properties/program/program.h"

namespace cma {

// Applies the `attempt`th simplification to the `field`th field of an operation.
enum class Simplified : std::uint8_t { changed, no_more_attempts, no_such_field };
Simplified simplify_field(OpBody& body, std::size_t field, std::size_t attempt);

// A change of a program; false if there is nothing to change.
using Change = std::function<bool(Program&)>;

// Changes to stops and performers of the operation at `index`, the boldest first.
std::vector<Change> stop_changes(std::size_t index);
// Changes to the machine, the boldest first. Bugs and the release stay.
std::vector<Change> machine_changes(const Program& program);
// Changes that make another finding of it, yet of the same bug, as far as anybody can tell: the newest release that
// breaks the law, cma_alloc in place of debugfs, results without names of their own. For Same::law.
std::vector<Change> changes_within_law(const Program& program);
// Removes actors that nobody names and names of results that are gone, and numbers results in the order of the program.
bool tidy_up(Program& program);

}  // namespace cma
