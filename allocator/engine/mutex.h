// A sleeping lock: first come, first served, and it knows its owner, so that a cycle of waiters is seen at once (an
// EngineFault). Plain data: ids of actors, no pointers.
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

  // co_await mutex.lock(engine)
  LockAwaiter lock(Engine& engine) {
    CMA_ASSERT(!engine.spinning());
    if (owner_ == engine.current())
      throw EngineFault(EngineFault::Kind::locks, name_, std::string(name_) + " is taken twice by its owner");
    return {*this, engine};
  }

  bool try_lock(Engine& engine) {
    if (owner_ != kNoActor) return false;
    owner_ = engine.current();
    return true;
  }

  // Hands the mutex to the first waiter, if there is one.
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
