// What texts for people call the results and operations of a program. Used by the explanations of this folder. Cost:
// linear in the program; for output only.
#pragma once

#include <optional>
#include <string>

#include "properties/program/world.h"

namespace cma {

// Returns the name of an operation's result; "operation 3" if it has none.
std::string name_or_number(const Program& program, Slot slot);
// Returns the name of an operation's result; its text in backquotes if it has none.
std::string name_or_text(const Program& program, Slot slot);
// Returns whether the program can name the operation's result.
bool has_name(const Program& program, Slot slot);

// Returns the operation that an actor is inside; nullopt if it is inside none.
std::optional<Slot> operation_of(const World& world, ActorId actor);

// Returns the first operation whose result `fits`; nullopt if none does.
template <class Fits>
std::optional<Slot> find_result(const World& world, Fits fits) {
  for (Slot slot = 0; slot < world.program().ops.size(); ++slot)
    if (fits(world.result(slot))) return slot;
  return std::nullopt;
}

}  // namespace cma
