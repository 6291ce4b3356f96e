#include "allocator/engine/parking.h"

#include <string>

#include "allocator/base/assert.h"
#include "allocator/engine/fault.h"

namespace cma {

bool Parking::stop_here(Point point) {
  // Nothing could resume a plain call. The actor that it runs as may be inside an operation, whose request is to wait.
  if (!actors_.running) return false;
  Actor& actor = actors_.current_one();
  bool stop = actors_.watcher != nullptr && actors_.watcher->at_point(point);
  if (actor.stop_point == point && --actor.stop_countdown == 0) {
    actor.stop_point = Point::kCount;
    actors_.update_watching();
    stop = true;
  }
  return stop;
}

void Parking::stop(PromiseBase& leaf) {
  CMA_ASSERT(actors_.running);
  Actor& actor = actors_.current_one();
  actor.leaf = &leaf;
  actor.state = ActorState::ready;
}

void Parking::park(PromiseBase& leaf, const char* what, ActorId owner) {
  const auto fault = [what](const std::string& message) {
    return EngineFault(EngineFault::Kind::locks, what, message + what);
  };
  if (!actors_.running) throw fault("a plain call would wait for ");
  CMA_ASSERT(!spinlocks_.any_held());
  if (owner == actors_.current) throw fault("deadlock: an actor waits for itself, for ");
  const auto waits = [&](ActorId id) { return id != kNoActor && actors_.by_id[id].state == ActorState::waiting; };
  for (ActorId next = owner; waits(next); next = actors_.by_id[next].waits_on)
    if (actors_.by_id[next].waits_on == actors_.current)
      throw fault("deadlock: actors wait for each other, the last one for ");
  Actor& actor = actors_.current_one();
  actor.leaf = &leaf;
  actor.state = ActorState::waiting;
  actor.waits_what = what;
  actor.waits_on = owner;
}

void Parking::park_until(PromiseBase& leaf, Time wake_time) {
  CMA_ASSERT(actors_.running);
  Actor& actor = actors_.current_one();
  actor.leaf = &leaf;
  actor.state = ActorState::sleeping;
  actor.wake_time = wake_time;
  actor.waits_what = "the clock";
  actor.waits_on = kNoActor;
}

void Parking::set_waits_on(ActorId id, ActorId owner) {
  CMA_ASSERT(actors_.by_id[id].state == ActorState::waiting);
  actors_.by_id[id].waits_on = owner;
}

void Parking::wake(ActorId id) {
  Actor& actor = actors_.by_id[id];
  CMA_ASSERT(actor.state == ActorState::waiting || actor.state == ActorState::sleeping);
  actor.state = ActorState::ready;
  actor.waits_on = kNoActor;
  actors_.woken.push_back(id);
}

}  // namespace cma
