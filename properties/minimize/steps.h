// Smaller programs: what may be removed from a program or made plainer in it, one step at a time.
//
// The minimiser and the properties' shrinking take the same steps. A step is a change that is applied to a copy of the
// program. None runs anything. Cost: linear in the program, for a list of some ten steps an operation.
#pragma once

#include <vector>

#include "properties/minimize/simplify.h"
#include "properties/program/program.h"

namespace cma {

// Marks the operations that name a result of a marked one, and so on. Requires: one mark for each operation.
void close_over_users(const Program& program, std::vector<bool>& marked);
// Marks the operations whose results the marked ones name, and so on. Requires: one mark for each operation.
void close_over_operands(const Program& program, std::vector<bool>& marked);
// Removes the operations that are not marked. Returns false if all are marked.
bool keep_only(Program& program, const std::vector<bool>& keep);

// Returns the steps that make the arguments of the operation at `index` smaller and plainer, one field at a time.
std::vector<Change> argument_steps(const Program& program, std::size_t index);
// Returns the steps that cost one execution each, the boldest first: runs of operations removed, longest first; an
// operation with all that names its result; single operations; stops and actors; arguments made small and plain; a
// plainer machine. The program must be settled after a step. A program without steps is as small as they make it.
std::vector<Change> cheap_steps(const Program& program);

}  // namespace cma
