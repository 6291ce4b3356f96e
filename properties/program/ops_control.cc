#include "properties/program/ops_control.h"

#include "properties/program/world.h"

namespace cma {

template <DrainKind kKind>
Task<void> DrainOp<kKind>::perform(World& world, Slot) const {
  Machine& machine = world.machine();
  if constexpr (kKind == DrainKind::this_pagevec) {
    co_await machine.lru.add_drain(machine.engine.cpu());
  } else {
    if constexpr (kKind != DrainKind::pages) co_await machine.lru.add_drain_all();
    if constexpr (kKind != DrainKind::lru) co_await machine.buddy.drain_all_pages(Buddy::kAllZones);
  }
}

template struct DrainOp<DrainKind::everything>;
template struct DrainOp<DrainKind::pages>;
template struct DrainOp<DrainKind::lru>;
template struct DrainOp<DrainKind::this_pagevec>;

void Signal::perform(World& world, Slot self) const {
  const ActorId actor = world.actor(target);
  if (actor == kNoActor) {
    world.skip(self);
    return;
  }
  world.machine().engine.send_fatal_signal(actor);
}

// The interpreter lets the time pass: sleepers run in between.
void SleepOp::perform(World& world, Slot) const { world.sleep = us; }

}  // namespace cma
