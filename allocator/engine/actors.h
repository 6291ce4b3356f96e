// The record of the actors of an engine: what each of them does, which one is current, and whether anything wants to
// stop one at a point. An actor is a kernel task bound to a CPU.
//
// Engine runs actors by it, Parking suspends and wakes them in it. All others see an actor by Engine::look(), and read
// and write its flags by Engine::flags(). Plain data. Cost: update_watching() is linear in the number of actors.
//
// Invariants, whenever no operation runs:
// - An actor has an operation and a leaf unless it is idle. It waits on another one only while it is `waiting`.
// - The actors in `woken` are ready, each of them there once.
// - `watching` says whether there is a watcher, or an actor with a stop_point. Only an actor with an operation has one.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "allocator/engine/point.h"
#include "allocator/engine/task.h"
#include "allocator/engine/task_flags.h"

namespace cma {

using ActorId = std::uint32_t;
inline constexpr ActorId kNoActor = ~ActorId{0};
// The actor of boot, and of plain calls until assume() or resume() makes another current. It begins on CPU 0.
inline constexpr ActorId kMainActor = 0;

// Virtual microseconds since boot.
using Time = std::uint64_t;
inline constexpr Time kMillisecond = 1000;

// Interface of a listener that sees the points that operations pass, such as a scheduler. Point::sleep is not among
// them, as sleeping suspends anyway; plain calls show it none.
class PointWatcher {
 public:
  virtual ~PointWatcher() = default;
  // The current actor passes `point`. Returns whether it is to be suspended there.
  virtual bool at_point(Point point) = 0;
};

enum class ActorState : std::uint8_t {
  idle,      // between operations
  ready,     // inside an operation, and running or able to run: just begun, stopped at a point, or woken
  waiting,   // inside, for a mutex or another object to be free
  sleeping,  // inside, for the clock
};

struct Actor {
  int cpu = 0;
  ActorState state = ActorState::idle;
  TaskFlags flags;
  Point last_point = Point::kCount;  // of its operation, when that was last suspended or ended
  Point stop_point = Point::kCount;  // where it is to stop (Engine::stop_at()); kCount: nowhere
  unsigned stop_countdown = 0;       // passings of that point until then
  Task<void> operation;
  PromiseBase* leaf = nullptr;  // innermost suspended coroutine
  Time wake_time = 0;
  const char* waits_what = "";  // the object that it waits for, or did last
  ActorId waits_on = kNoActor;  // the actor that holds the object
};

struct Actors {
  std::vector<Actor> by_id;
  std::vector<ActorId> woken;  // those that have not run since, in that order
  ActorId current = kMainActor;
  bool running = false;   // whether the current actor's operation runs; else what runs is a plain call
  bool watching = false;  // whether anything can stop an actor at a point
  PointWatcher* watcher = nullptr;

  Actor& current_one() { return by_id[current]; }
  // Works `watching` out again, after the watcher or a request has changed.
  void update_watching() {
    const auto requested = [](const Actor& actor) { return actor.stop_point != Point::kCount; };
    watching = watcher != nullptr || std::any_of(by_id.begin(), by_id.end(), requested);
  }
};

}  // namespace cma
