// Suspends the current actor, and makes suspended ones ready again: what at(), sleep_for() and the locks of await.h,
// mutex.h and bit_locks.h are made of. The engine has one, and lends it to them alone (Engine::parking()).
//
// Requires of the calls that park: the actor holds no spinlock and, but for park(), is inside an operation; `leaf` is
// its innermost coroutine, which suspends at once.
//
// Cost: O(1) but for stop_here() where a request is met, and park(): linear in the number of actors.
#pragma once

#include "allocator/engine/actors.h"
#include "allocator/engine/spin_count.h"

namespace cma {

class Parking {
 public:
  // Refers to its arguments, which outlive it.
  Parking(Actors& actors, const SpinCount& spinlocks) : actors_(actors), spinlocks_(spinlocks) {}

  // --- at a point ---
  // Reports the point to the watcher, counts down the actor's request, and returns whether the actor is to be
  // suspended; never in a plain call. Requires: Engine::watching().
  bool stop_here(Point point);
  // Parks the current actor at a point: it stays ready.
  void stop(PromiseBase& leaf);

  // --- until something happens ---
  // Parks the current actor until wake(). `what` names the object that it waits for, and is kept, not copied: a
  // literal. `owner` is the actor that holds the object, kNoActor if a device does. Throws EngineFault (locks) if this
  // closes a cycle of waiters, if only of the actor itself, or in a plain call, which must not wait.
  void park(PromiseBase& leaf, const char* what, ActorId owner);
  // Parks the current actor until the clock reaches `wake_time`.
  void park_until(PromiseBase& leaf, Time wake_time);
  // Records that the object that an actor waits for has a new owner. Requires: the actor waits, and for that object.
  void set_waits_on(ActorId actor, ActorId owner);
  // Makes an actor ready, and queues it for Engine::take_woken(). Requires: it is waiting or sleeping.
  void wake(ActorId actor);

 private:
  Actors& actors_;
  const SpinCount& spinlocks_;
};

}  // namespace cma
