// The engine runs actors. An actor performs at most one operation at a time, as a Task. The engine resumes an actor,
// stops it at a point on request, parks it while it waits, counts steps and keeps the virtual clock. It decides
// nothing: its caller, the interpreter, chooses the actor to resume.
//
// The class has two parts, by their callers. The scheduler (the interpreter, tests) adds actors, runs them and moves
// the clock. Operations ask which actor runs, and count work. What operations await (await.h, mutex.h, bit_locks.h) is
// a friend: it suspends the current actor and wakes others by a class of its own, Parking, on the same record.
//
//   Engine engine(/*cpus=*/2);
//   const ActorId actor = engine.add_actor(/*cpu=*/1);
//   engine.begin(actor, pass_points(engine));  // a Task<void>, of which nothing runs yet
//   engine.stop_at(actor, Point::migrate_page, 3);
//   engine.resume(actor);  // to the third passing of that point, unless the task waits, sleeps or ends before
//   while (engine.look(actor).state == ActorState::ready) engine.resume(actor);  // to its end or a wait
//
// Thread safety: none; one thread uses a machine. Cost: an unwatched point is a handful of instructions. Linear in the
// number of actors are resume(), stop_at(), set_watcher(), take_woken() and next_sleeper(); and, once more for each
// actor that they wake or end, advance_to(), abandon() and reset().
//
// Failures: passed() and charge() throw EngineFault (bounded) when the step budget is used up, turn() throws one for a
// loop without end. resume() throws what the operation has thrown, EngineFault (locks) among it. Most requirements are
// asserted: AssertionFailure (base/assert.h) is thrown then, unless asserts are compiled out. ActorIds are not checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "allocator/engine/actors.h"
#include "allocator/engine/fault.h"
#include "allocator/engine/parking.h"
#include "allocator/engine/point.h"
#include "allocator/engine/spin_count.h"
#include "allocator/engine/task.h"
#include "allocator/engine/task_flags.h"

namespace cma {

// What others see of an actor.
struct ActorView {
  ActorState state = ActorState::idle;
  // The point that its operation passed last, which is where it stopped if it did; kCount if it has passed none since
  // it began.
  Point last_point = Point::kCount;
  std::string_view waits_for;          // the object, for reports; "the clock" if it sleeps, empty if it does neither
  ActorId waits_for_actor = kNoActor;  // that holds this object; kNoActor if none does
  Time wake_time = 0;                  // of an actor that is sleeping
};

class Engine {
 public:
  // No limit, of steps or of turns.
  static constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

  // Makes an engine with kMainActor alone. Requires: cpus > 0.
  explicit Engine(int cpus);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // ============ For the scheduler: which actors there are, which one runs, and how far ============

  // --- actors ---
  // Adds an idle actor on that CPU and returns its id: ids count up from kMainActor + 1. Requires: 0 <= cpu < cpus(),
  // and no resume() is under way.
  ActorId add_actor(int cpu);
  // Returns how many actors there are, kMainActor included.
  std::size_t actors() const { return actors_.by_id.size(); }
  // Moves an actor to another CPU. A machine is reused by programs whose actors sit on other CPUs. Requires: the actor
  // is idle, 0 <= cpu < cpus().
  void bind(ActorId actor, int cpu);

  // --- running ---
  // Gives an actor an operation; nothing runs yet. Requires: the actor is idle.
  void begin(ActorId actor, Task<void> operation);
  // Makes an actor current and runs it until its operation ends, stops at a point, waits or sleeps. Requires: the actor
  // is ready, no spinlock is held, and no resume() is under way. Rethrows what the operation throws, after which the
  // actor is idle.
  void resume(ActorId actor);
  // Makes `actor` current for plain calls (boot, completions of I/O, tests). These belong to no operation, though the
  // actor may be inside one: nothing stops them at a point. Requires: no resume() is under way, and the calls
  // never wait.
  void assume(ActorId actor);
  // Destroys the operations of all actors. The machine is in no defined state afterwards and must be reset.
  // Requires, as reset() does: no resume() is under way.
  void abandon();
  // Ends all operations, and returns clock, steps, budget and the actors' flags to their first values. Makes kMainActor
  // current. Keeps the actors, the watcher and the bound of turns.
  void reset();

  // --- stopping ---
  // Asks that `actor` stop when it passes `point` for the nth time from now (1 = next). The request ends with the
  // actor's operation; a second one replaces the first. Never stops it at Point::sleep. Requires: the actor is inside
  // an operation, nth >= 1.
  void stop_at(ActorId actor, Point point, unsigned nth);
  // Sets the listener, nullptr for none. It is not owned, and reset() keeps it.
  void set_watcher(PointWatcher* watcher);
  // Makes the step after `limit` further ones throw EngineFault (bounded); the throw lifts the limit. kNoLimit lifts
  // it, too.
  void set_step_budget(std::uint64_t limit) { step_limit_ = limit < kNoLimit - steps_ ? steps_ + limit : kNoLimit; }
  // Sets how many turns loops may take together before a point is passed or an actor made current (turn()); without
  // limit at first. reset() keeps it.
  void bound_turns(std::uint64_t most) { most_turns_ = most; }
  // Returns the steps counted since the last reset().
  std::uint64_t steps() const { return steps_; }

  // --- the clock, and actors that have been woken ---
  // Advances the clock and wakes the actors whose time has come, in the order of their times. A time that has passed
  // changes nothing.
  void advance_to(Time time);
  // Returns the sleeping actor that wakes first (the lowest id among equals), kNoActor if none sleeps.
  ActorId next_sleeper() const;
  // Takes from the queue, and returns, the actor that was woken first and has not run since; kNoActor if there is none.
  ActorId take_woken();

  // --- looking ---
  // Returns what an actor does now. Requires: actor < actors().
  ActorView look(ActorId actor) const;
  // Returns whether all actors are idle.
  bool at_rest() const { return inside_ == 0; }
  // Returns the point that the current actor passed last, in its operation or in a plain call made since it became
  // current; kCount if there is none. For reports of what just went wrong.
  Point last_point() const { return last_point_; }
  // Return the flags of an actor. Require: actor < actors().
  TaskFlags& flags(ActorId actor);
  const TaskFlags& flags(ActorId actor) const;

  // ============ For operations and the layers that they run in ============

  // Returns the current actor: the one that resume() or assume() named last, kMainActor at first and after reset().
  ActorId current() const { return actors_.current; }
  // Returns its CPU.
  int cpu() const { return cpu_; }
  // Returns how many CPUs the engine has: they are numbered from 0 on.
  int cpus() const { return cpus_; }
  // Returns the current actor's flags.
  TaskFlags& flags() { return actors_.by_id[actors_.current].flags; }
  const TaskFlags& flags() const { return actors_.by_id[actors_.current].flags; }
  // Returns the time of the virtual clock: 0 at first and after reset().
  Time now() const { return now_; }
  // Returns the count of spinlocks that are held.
  SpinCount& spinlocks() { return spinlocks_; }
  // Returns whether anything can stop an actor at a point. If not, callers may take a cheaper path.
  bool watching() const { return actors_.watching; }
  // Counts a step and records the point as the last one passed. Called by at() and sleep_for(), and by callers
  // that have found that nothing is watching.
  void passed(Point point) {
    ++steps_;
    turns_ = 0;
    last_point_ = point;
    if (steps_ > step_limit_) [[unlikely]]
      out_of_steps();
  }
  // Counts further passings of the last point, which nothing watches, against the budget.
  void charge(std::uint64_t steps) {
    steps_ += steps;
    if (steps_ > step_limit_) [[unlikely]]
      out_of_steps();
  }

  // Counts a turn of a loop whose end depends on state (README.md has the rule). Throws EngineFault (bounded) after
  // more turns than bound_turns() allows since a point was passed (charge() passes none) or an actor made current.
  // Turns are no steps, and no correct run depends on their number.
  void turn() {
    if (++turns_ > most_turns_) [[unlikely]]
      out_of_turns();
  }

 private:
  // What operations await suspends and wakes actors.
  friend class AtPoint;
  friend class Sleep;
  friend class Mutex;
  template <class Bits>
  friend class BitLocks;
  Parking& parking() { return parking_; }

  [[noreturn]] void out_of_steps();
  [[noreturn]] void out_of_turns();
  std::string function_of_last_point() const;
  void run_to_a_stop(Actor& actor);
  void finish(Actor& actor);

  Actors actors_;
  SpinCount spinlocks_;
  Parking parking_;
  Point last_point_ = Point::kCount;
  int cpu_ = 0;
  int cpus_;
  unsigned inside_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t step_limit_ = kNoLimit;
  std::uint64_t turns_ = 0;  // since a point was passed or an actor made current
  std::uint64_t most_turns_ = kNoLimit;
  Time now_ = 0;
};

}  // namespace cma
