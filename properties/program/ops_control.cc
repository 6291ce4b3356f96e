#include "properties/program/ops_control.h"

#include "properties/program/world.h"

namespace cma {

template <DrainKind Kind>
Task<void> DrainOp<Kind>::perform(World& world, Slot) const {
  Machine& machine = world.machine();
  if constexpr (Kind == DrainKind::this_pagevec) {
    co_await machine.lru.drain().add_drain(machine.engine.cpu());
  } else {
    constexpr bool kLru = Kind == DrainKind::everything || Kind == DrainKind::lru;
    constexpr bool kPages = Kind == DrainKind::everything || Kind == DrainKind::pages;
    static_assert(kLru || kPages);
    if constexpr (kLru) co_await machine.lru.drain().add_drain_all();
    if constexpr (kPages) co_await machine.buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones);
  }
}

template struct DrainOp<DrainKind::everything>;
template struct DrainOp<DrainKind::pages>;
template struct DrainOp<DrainKind::lru>;
template struct DrainOp<DrainKind::this_pagevec>;

void Signal::perform(World& world, Slot self) const {
  const ActorId actor = world.actor(target);
  if (actor == kNoActor) {
    world.skip(self, "there is no such actor");
    return;
  }
  TaskFlags& task = world.machine().engine.flags(actor);
  task.fatal_signal = true;
  // It stays when that of the OOM killer is gone.
  task.oom_signal = false;
}

// Leaves the time to the interpreter, which runs the sleepers that wake meanwhile.
void SleepOp::perform(World& world, Slot) const { world.sleep = us; }

}  // namespace cma
