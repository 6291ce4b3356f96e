// The engine: who runs. Actors are kernel tasks bound to a CPU; each performs at most one operation at a time, as a
// Task. The engine resumes an actor, stops it at a point somebody asked for, parks it when it waits, counts steps and
// keeps the virtual clock. It decides nothing: the interpreter chooses whom to resume.
//
// There are no threads. A machine is only copied, compared or hashed at rest, when no actor is inside an operation.
// Cost: a point nobody watches is an increment and a branch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "allocator/engine/fault.h"
#include "allocator/engine/point.h"
#include "allocator/engine/task.h"

namespace cma {

using ActorId = std::uint32_t;
inline constexpr ActorId kNoActor = ~ActorId{0};
// The actor that boot and plain calls run as; it sits on CPU 0.
inline constexpr ActorId kMainActor = 0;

// Virtual microseconds since boot.
using Time = std::uint64_t;
inline constexpr Time kMillisecond = 1000;

// Sees every point as it is passed, with the actor current. Returning true suspends the actor there.
class PointWatcher {
 public:
  virtual ~PointWatcher() = default;
  virtual bool at_point(Point point) = 0;
};

class Engine {
 public:
  enum class State : std::uint8_t {
    idle,      // between operations
    ready,     // inside an operation and able to run: stopped at a point, or woken
    waiting,   // waits for a mutex or another object
    sleeping,  // waits for the clock
  };

  explicit Engine(int cpus);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // --- actors ---
  ActorId add_actor(int cpu);
  std::size_t actors() const { return actors_.size(); }
  // Moves an idle actor to another CPU: machines are reused by programs whose actors sit elsewhere.
  void bind(ActorId actor, int cpu) {
    CMA_ASSERT(actors_[actor].state == State::idle && cpu >= 0 && cpu < cpus_);
    actors_[actor].cpu = cpu;
  }
  State state(ActorId actor) const { return actors_[actor].state; }
  bool at_rest() const { return inside_ == 0; }
  // The point the actor was stopped at, or the last one its operation passed; kCount if it passed none.
  Point last_point(ActorId actor) const { return actors_[actor].last_point; }

  // Begins an operation of an idle actor; nothing runs yet.
  void begin(ActorId actor, Task<void> operation);
  // Resumes a ready actor until it finishes, stops at a point, or waits. Rethrows what the operation threw (the actor
  // is idle then).
  void resume(ActorId actor);
  // Throws away whatever every actor is doing: the machine is in no defined state afterwards and must be reset.
  void abandon();
  // Back to the state of a new engine with the same actors.
  void reset();

  ActorId current() const { return current_; }
  int cpu() const { return cpu_; }
  int cpus() const { return cpus_; }
  // Runs what follows as `actor` without an operation (boot, tests, plain calls).
  void assume(ActorId actor);

  // --- points ---
  // Stops `actor` the nth time (1 = next) it passes `point`. Cleared when its operation ends.
  void stop_at(ActorId actor, Point point, unsigned nth);
  void set_watcher(PointWatcher* watcher);
  bool watching() const { return watching_; }
  // True where control may change actor at a point: cheaper code may be used where it may not.
  void passed(Point point) {
    ++steps_;
    Actor& actor = actors_[current_];
    actor.last_point = point;
    if (steps_ > step_limit_) [[unlikely]]
      out_of_steps();
  }
  // Called for a watched point: true if the current actor is to be suspended here.
  bool stop_here(Point point);

  // --- waiting ---
  // Parks the current actor (it must suspend right after) until wake(); `owner` is who it waits for.
  void park(PromiseBase& leaf, const char* what, ActorId owner);
  void park_until(PromiseBase& leaf, Time wake_time);
  void stop(PromiseBase& leaf);
  // The object a parked actor waits for has changed hands.
  void set_waits_on(ActorId actor, ActorId owner) { actors_[actor].waits_on = owner; }
  // Makes a waiting actor ready and queues it: woken actors run in the order of waking.
  void wake(ActorId actor);
  // Takes the actor that was woken first and has not run since; kNoActor if there is none.
  ActorId take_woken();
  // The sleeping actor whose time comes first (lowest id among equals), kNoActor if none sleeps.
  ActorId next_sleeper() const;
  // When a sleeping actor wakes.
  Time wake_time(ActorId actor) const { return actors_[actor].wake_time; }
  // Advances the clock, waking every sleeper whose time has come, in order of time.
  void advance_to(Time time);
  // What the actor waits for, for reports; empty if it does not.
  std::string waits_for(ActorId actor) const;
  ActorId waits_for_actor(ActorId actor) const { return actors_[actor].waits_on; }

  Time now() const { return now_; }

  // --- budgets ---
  std::uint64_t steps() const { return steps_; }
  // Throws an EngineFault (bounded) when more than `limit` further steps are taken.
  void set_step_budget(std::uint64_t limit) { step_limit_ = steps_ + limit; }
  // Work that has no point: counts against the budget.
  void charge(std::uint64_t steps) {
    steps_ += steps;
    if (steps_ > step_limit_) [[unlikely]]
      out_of_steps();
  }

  // --- spinlocks: nobody else runs while one is held, so they need no state but this depth, which proves that no point
  // and no sleep lies inside ---
  void spin_lock() { ++spin_depth_; }
  void spin_unlock() { --spin_depth_; }
  bool spinning() const { return spin_depth_ != 0; }

  // --- pending fatal signals ---
  void send_fatal_signal(ActorId actor) { actors_[actor].fatal_signal = true; }
  bool fatal_signal_pending() const { return actors_[current_].fatal_signal; }

  // --- a task's flag for its allocations (PF_MEMALLOC_PIN, before 5.13 PF_MEMALLOC_NOCMA): none from areas ---
  void set_memalloc_pin(bool on) { actors_[current_].memalloc_pin = on; }
  bool memalloc_pin() const { return actors_[current_].memalloc_pin; }

 private:
  struct Actor {
    int cpu = 0;
    State state = State::idle;
    bool fatal_signal = false;
    bool memalloc_pin = false;
    bool woken = false;
    Point last_point = Point::kCount;
    Point stop_point = Point::kCount;
    unsigned stop_countdown = 0;
    Task<void> operation;
    PromiseBase* leaf = nullptr;  // innermost suspended coroutine
    Time wake_time = 0;
    const char* waits_what = nullptr;
    ActorId waits_on = kNoActor;
  };

  [[noreturn]] void out_of_steps();
  void update_watching();
  void finish(Actor& actor);

  std::vector<Actor> actors_;
  std::vector<ActorId> woken_;
  ActorId current_ = kMainActor;
  int cpu_ = 0;
  int cpus_;
  unsigned inside_ = 0;
  bool watching_ = false;
  PointWatcher* watcher_ = nullptr;
  int spin_depth_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t step_limit_ = ~std::uint64_t{0};
  Time now_ = 0;
};

// Scope of a spinlock.
class SpinGuard {
 public:
  explicit SpinGuard(Engine& engine) : engine_(engine) { engine_.spin_lock(); }
  ~SpinGuard() { engine_.spin_unlock(); }
  SpinGuard(const SpinGuard&) = delete;
  SpinGuard& operator=(const SpinGuard&) = delete;

 private:
  Engine& engine_;
};

// `co_await at(engine, Point::x)`: another actor may run here.
class AtPoint {
 public:
  AtPoint(Engine& engine, Point point) : engine_(engine), point_(point) {}
  bool await_ready() {
    CMA_ASSERT(!engine_.spinning());
    engine_.passed(point_);
    return !engine_.watching() || !engine_.stop_here(point_);
  }
  template <class P>
  void await_suspend(std::coroutine_handle<P> handle) {
    engine_.stop(handle.promise());
  }
  void await_resume() const noexcept {}

 private:
  Engine& engine_;
  Point point_;
};

inline AtPoint at(Engine& engine, Point point) { return {engine, point}; }

// `co_await sleep_for(engine, microseconds)`.
class Sleep {
 public:
  Sleep(Engine& engine, Time duration) : engine_(engine), duration_(duration) {}
  bool await_ready() {
    CMA_ASSERT(!engine_.spinning());
    engine_.passed(Point::sleep);
    return false;
  }
  template <class P>
  void await_suspend(std::coroutine_handle<P> handle) {
    engine_.park_until(handle.promise(), engine_.now() + duration_);
  }
  void await_resume() const noexcept {}

 private:
  Engine& engine_;
  Time duration_;
};

inline Sleep sleep_for(Engine& engine, Time duration) { return {engine, duration}; }

// Runs a task that is not expected to wait, as the current actor, outside any operation: boot, tests, benchmarks.
template <class T>
T run_now(Task<T> task) {
  const bool done = task.await_ready();
  CMA_ASSERT(done);
  return task.take();
}

}  // namespace cma
