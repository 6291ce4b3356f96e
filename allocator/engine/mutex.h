// A sleeping lock, such as cma_mutex: waiters get it in the order in which they came. It knows its owner, so a cycle of
// waiters is reported as it closes (an EngineFault). Plain data: ids of actors, no pointers.
#pragma once

#include <vector>

#include "allocator/engine/engine.h"

namespace cma {

class Mutex {
 public:
  explicit Mutex(const char* name) : name_(name) {}

  class LockAwaiter {
   public:
    LockAwaiter(Mutex& mutex, Engine& engine) : mutex_(mutex), engine_(engine) {}
    bool await_ready() { return mutex_.try_lock(engine_); }
    template <class P>
    void await_suspend(std::coroutine_handle<P> handle) {
      engine_.park(handle.promise(), mutex_.name_, mutex_.owner_);
      mutex_.waiters_.push_back(engine_.current());
    }
    void await_resume() const noexcept {}

   private:
    Mutex& mutex_;
    Engine& engine_;
  };

  // co_await mutex.lock(engine): takes the mutex, waiting if need be. Not under a spinlock. Reports an owner that takes
  // it twice.
  LockAwaiter lock(Engine& engine) {
    CMA_ASSERT(!engine.spinlocks().any_held());
    if (owner_ == engine.current())
      throw EngineFault(EngineFault::Kind::locks, name_, std::string(name_) + " is taken twice by its owner");
    return {*this, engine};
  }

  // Takes the mutex if it is free; returns whether it did.
  bool try_lock(Engine& engine) {
    if (owner_ != kNoActor) return false;
    owner_ = engine.current();
    return true;
  }

  // Gives the mutex back, to the first waiter if there is one. Requires that the current actor owns it.
  void unlock(Engine& engine) {
    CMA_ASSERT(owner_ == engine.current());
    owner_ = kNoActor;
    if (waiters_.empty()) return;
    owner_ = waiters_.front();
    waiters_.erase(waiters_.begin());
    engine.wake(owner_);
    for (ActorId waiter : waiters_) engine.set_waits_on(waiter, owner_);
  }

  bool held() const { return owner_ != kNoActor; }
  ActorId owner() const { return owner_; }
  void reset() {
    owner_ = kNoActor;
    waiters_.clear();
  }

 private:
  const char* name_;
  ActorId owner_ = kNoActor;
  std::vector<ActorId> waiters_;
};

}  // namespace cma
