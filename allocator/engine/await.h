// What operations await, and the guard of a spinlock: at(), sleep_for() and SpinGuard; run_now() runs a task without
// an operation.
//
// Layers get this header with core.h. Cost: awaiting an unwatched point is a handful of instructions.
#pragma once

#include <coroutine>

#include "allocator/base/assert.h"
#include "allocator/engine/engine.h"
#include "allocator/engine/point.h"
#include "allocator/engine/task.h"

namespace cma {

// Holds a spinlock for a scope: counts it (spin_count.h), as there is nothing else to hold.
class SpinGuard {
 public:
  explicit SpinGuard(Engine& engine) : count_(engine.spinlocks()) { count_.lock(); }
  ~SpinGuard() { count_.unlock(); }
  SpinGuard(const SpinGuard&) = delete;
  SpinGuard& operator=(const SpinGuard&) = delete;

 private:
  SpinCount& count_;
};

// Awaited at a point: another actor may run here.
class [[nodiscard]] AtPoint {
 public:
  AtPoint(Engine& engine, Point point) : engine_(engine), point_(point) {}
  bool await_ready() {
    CMA_ASSERT(!engine_.spinlocks().any_held());
    engine_.passed(point_);
    return !engine_.watching() || !engine_.parking().stop_here(point_);
  }
  template <class P>
  void await_suspend(std::coroutine_handle<P> handle) {
    stopped_ = true;
    engine_.parking().stop(handle.promise());
  }
  bool await_resume() const noexcept { return stopped_; }

 private:
  Engine& engine_;
  Point point_;
  bool stopped_ = false;
};

// co_await at(engine, Point::x): passes the point. Returns whether the actor stopped there, so that others may have
// run. Requires: no spinlock is held. Throws as Engine::passed().
inline AtPoint at(Engine& engine, Point point) { return {engine, point}; }

// Awaited by an actor that sleeps. Always suspends.
class [[nodiscard]] Sleep {
 public:
  Sleep(Engine& engine, Time duration) : engine_(engine), duration_(duration) {}
  bool await_ready() {
    CMA_ASSERT(!engine_.spinlocks().any_held());
    engine_.passed(Point::sleep);
    return false;
  }
  template <class P>
  void await_suspend(std::coroutine_handle<P> handle) {
    engine_.parking().park_until(handle.promise(), engine_.now() + duration_);
  }
  void await_resume() const noexcept {}

 private:
  Engine& engine_;
  Time duration_;
};

// co_await sleep_for(engine, microseconds): sleeps, even if for 0. Requires: no spinlock is held, and the actor is
// inside an operation. Throws as Engine::passed().
inline Sleep sleep_for(Engine& engine, Time duration) { return {engine, duration}; }

// Runs a task as the current actor outside any operation, to its end, and returns its result: for boot, tests and
// benchmarks. Rethrows what it throws. Requires: it neither waits (EngineFault) nor sleeps (AssertionFailure).
template <class T>
T run_now(Task<T> task) {
  const bool done = task.await_ready();
  CMA_ASSERT(done);
  return task.take();
}

}  // namespace cma
