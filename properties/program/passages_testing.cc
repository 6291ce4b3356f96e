#include "properties/program/passages_testing.h"

namespace cma {
namespace {

constexpr Slot kNoSlot = ~Slot{0};

}  // namespace

void Passages::program_begins(Machine& machine) {
  engine_ = &machine.engine;
  passages_.assign(world_.program().ops.size(), Passage{});
  current_ = 0;
  inside_.assign(machine.engine.actors(), kNoSlot);
  asked_.assign(machine.engine.actors(), kNoSlot);
  // The interpreter takes it off when the run ends.
  machine.engine.set_watcher(this);
}

// Returns the operation that the actor is inside.
Slot Passages::slot_of(ActorId actor) {
  const std::vector<Op>& ops = world_.program().ops;
  const bool begins = current_ < ops.size() && info_of(ops[current_]).performed == Performed::by_actor &&
                      world_.actor(ops[current_].performer) == actor &&
                      world_.result(current_).state != Result::State::skipped;
  if (begins) inside_[actor] = current_;
  return inside_[actor];
}

bool Passages::at_point(Point point) {
  const Slot slot = slot_of(engine_->current());
  if (slot == kNoSlot) return false;
  Passage& passage = passages_[slot];
  std::uint8_t& times = passage.times[static_cast<std::size_t>(point)];
  if (times == 0) passage.place[static_cast<std::size_t>(point)] = passage.distinct++;
  if (times != 0xff) ++times;
  return false;
}

void Passages::op_performed(Machine& machine, std::size_t op) {
  const Op& performed = world_.program().ops[op];
  const Slot slot = static_cast<Slot>(op);
  const bool skipped = world_.result(slot).state == Result::State::skipped;
  const Performed by = info_of(performed).performed;
  // It may have waited before its first point.
  if (by == Performed::by_actor && !skipped) inside_[world_.actor(performed.performer)] = slot;
  if (performed.until.wanted() && by != Performed::without_actor && !skipped)
    asked_[world_.actor(performed.performer)] = slot;
  current_ = slot + 1;
  for (ActorId actor = 0; actor < machine.engine.actors(); ++actor)
    if (asked_[actor] != kNoSlot && machine.engine.look(actor).state == ActorState::ready)
      passages_[asked_[actor]].stopped = true;
}

}  // namespace cma
