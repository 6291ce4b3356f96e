#include "properties/explain/names.h"

#include <fmt/format.h>

#include "properties/program/text.h"

namespace cma {

std::string name_or_number(const Program& program, Slot slot) {
  return has_name(program, slot) ? program.name_of(program.ops[slot]) : fmt::format("operation {}", slot + 1);
}

std::string name_or_text(const Program& program, Slot slot) {
  const Op& op = program.ops[slot];
  return has_name(program, slot) ? program.name_of(op) : fmt::format("`{}`", print_op(program, op));
}

bool has_name(const Program& program, Slot slot) { return !program.name_of(program.ops[slot]).empty(); }

std::optional<Slot> operation_of(const World& world, ActorId actor) {
  const Program& program = world.program();
  for (Slot slot = 0; slot < program.ops.size(); ++slot)
    if (world.result(slot).state == Result::State::inside && world.actor(program.ops[slot].performer) == actor)
      return slot;
  return std::nullopt;
}

}  // namespace cma
