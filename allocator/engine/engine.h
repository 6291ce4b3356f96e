// The engine runs actors. An actor is a kernel task bound to a CPU; it performs at most one operation at a time, as a
// Task. The engine resumes an actor, stops it at a point on request, parks it while it waits, counts steps and keeps
// the virtual clock. It decides nothing: its caller, the interpreter, chooses the actor to resume.
//
// The class has three parts, by their callers. The scheduler (the interpreter, tests) adds actors, runs them and turns
// the clock. Operations ask which actor runs, and count work. Awaitables (await.h, mutex.h, bit_locks.h) suspend the
// current actor and wake others. One class, as all three work on the same record of each actor.
//
// Thread safety: none; one thread uses a machine. Cost: an unwatched point is a handful of instructions. Linear in the
// number of actors are resume(), stop_at(), set_watcher(), park(), take_woken(), next_sleeper(), reset(), stop_here()
// where a request is met, and advance_to() and abandon(), each once more for each actor that it wakes or stops.
//
// Failures: passed() and charge() throw EngineFault (bounded) when the step budget is used up, turn() throws one for a
// loop without end, park() one (locks) for a deadlock, or in a plain call.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "allocator/engine/fault.h"
#include "allocator/engine/point.h"
#include "allocator/engine/spin_count.h"
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

class Engine {
 public:
  enum class State : std::uint8_t {
    idle,      // between operations
    ready,     // inside an operation, and running or able to run: just begun, stopped at a point, or woken
    waiting,   // inside, for a mutex or another object to be free
    sleeping,  // inside, for the clock
  };

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
  std::size_t actors() const { return actors_.size(); }
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
  // Returns the time at which a sleeping actor wakes. Requires: it is sleeping.
  Time wake_time(ActorId actor) const { return actors_[actor].wake_time; }
  // Takes from the queue, and returns, the actor that was woken first and has not run since; kNoActor if there is none.
  ActorId take_woken();

  // --- looking ---
  State state(ActorId actor) const { return actors_[actor].state; }
  // Returns whether all actors are idle.
  bool at_rest() const { return inside_ == 0; }
  // Returns the point that the actor's operation passed last, which is where it stopped if it did; kCount if it has
  // passed none since it began.
  Point last_point(ActorId actor) const {
    return running_ && actor == current_ ? last_point_ : actors_[actor].last_point;
  }
  // Returns the point that the current actor passed last, in its operation or in a plain call made since it became
  // current; kCount if there is none. For reports of what just went wrong.
  Point last_point() const { return last_point_; }
  // Returns the name of the object that the actor waits for, for reports; "the clock" if it sleeps; empty
  // if it does neither.
  std::string waits_for(ActorId actor) const;
  // Returns the actor that holds that object; kNoActor if none does or the actor does not wait.
  ActorId waits_for_actor(ActorId actor) const { return actors_[actor].waits_on; }
  // Returns the flags of an actor.
  TaskFlags& flags(ActorId actor) { return actors_[actor].flags; }

  // ============ For operations and the layers that they run in ============

  // Returns the current actor: the one that resume() or assume() named last, kMainActor at first.
  ActorId current() const { return current_; }
  // Returns its CPU.
  int cpu() const { return cpu_; }
  int cpus() const { return cpus_; }
  // Returns its flags.
  TaskFlags& flags() { return actors_[current_].flags; }
  const TaskFlags& flags() const { return actors_[current_].flags; }
  Time now() const { return now_; }
  // Returns the count of spinlocks that are held.
  SpinCount& spinlocks() { return spinlocks_; }
  // Returns whether anything can stop an actor at a point. If not, callers may take a cheaper path.
  bool watching() const { return watching_; }
  // Counts a step and records the point as the last one passed. Called by at() and sleep_for(), and by callers
  // that have found that nothing is watching.
  void passed(Point point) {
    ++steps_;
    turns_ = 0;
    last_point_ = point;
    if (steps_ > step_limit_) [[unlikely]]
      out_of_steps();
  }
  // Counts work that passes no point against the budget.
  void charge(std::uint64_t steps) {
    steps_ += steps;
    if (steps_ > step_limit_) [[unlikely]]
      out_of_steps();
  }

  // Counts a turn of a loop whose end depends on state (README.md has the rule). Throws EngineFault (bounded) after
  // more turns than bound_turns() allows from one point to the next. Turns are no steps, and no correct run depends on
  // their number.
  void turn() {
    if (++turns_ > most_turns_) [[unlikely]]
      out_of_turns();
  }

  // ============ For what operations await: at(), sleep_for() and the locks ============

  // Reports the point to the watcher, counts down the actor's request, and returns whether the actor is to be
  // suspended; never in a plain call. Requires: watching().
  bool stop_here(Point point);
  // Parks the current actor at a point: it stays ready. Requires, as do the other calls that park: the actor holds no
  // spinlock and, but for park(), is inside an operation; `leaf` is its innermost coroutine, which suspends at once.
  void stop(PromiseBase& leaf);
  // Parks the current actor until wake(). `what` names the object that it waits for, and is kept, not copied: a
  // literal. `owner` is the actor that holds the object, kNoActor if a device does. Throws EngineFault (locks) if this
  // closes a cycle of waiters, if only of the actor itself, or in a plain call, which must not wait.
  void park(PromiseBase& leaf, const char* what, ActorId owner);
  // Parks the current actor until the clock reaches `wake_time`.
  void park_until(PromiseBase& leaf, Time wake_time);
  // Records that the object that an actor waits for has a new owner. Requires: the actor waits, and for that object.
  void set_waits_on(ActorId actor, ActorId owner) { actors_[actor].waits_on = owner; }
  // Makes an actor ready and queues it; take_woken() returns them in that order. Requires: it is waiting or sleeping.
  void wake(ActorId actor);

 private:
  struct Actor {
    int cpu = 0;
    State state = State::idle;
    TaskFlags flags;
    Point last_point = Point::kCount;  // of its operation, when that was last suspended or ended
    Point stop_point = Point::kCount;
    unsigned stop_countdown = 0;
    Task<void> operation;
    PromiseBase* leaf = nullptr;  // innermost suspended coroutine
    Time wake_time = 0;
    const char* waits_what = nullptr;
    ActorId waits_on = kNoActor;
  };

  [[noreturn]] void out_of_steps();
  [[noreturn]] void out_of_turns();
  std::string function_of_last_point() const;
  void update_watching();
  void run_to_a_stop(Actor& actor);
  void finish(Actor& actor);

  std::vector<Actor> actors_;
  std::vector<ActorId> woken_;  // those that have not run since, in that order
  ActorId current_ = kMainActor;
  bool running_ = false;  // whether the current actor's operation runs; else what runs is a plain call
  Point last_point_ = Point::kCount;
  int cpu_ = 0;
  int cpus_;
  unsigned inside_ = 0;
  bool watching_ = false;
  PointWatcher* watcher_ = nullptr;
  SpinCount spinlocks_;
  std::uint64_t steps_ = 0;
  std::uint64_t step_limit_ = kNoLimit;
  std::uint64_t turns_ = 0;  // since the last point
  std::uint64_t most_turns_ = kNoLimit;
  Time now_ = 0;
};

}  // namespace cma
