// A sleeping lock, such as cma_mutex: waiters get it in the order in which they came. It knows its owner, so a cycle of
// waiters is found as it closes. Layers above hold one as a member and pass the machine's engine to each call.
//
// It refers to no engine and no coroutine, only to ids of actors. Cost: a lock that is free, a few instructions;
// unlock() is linear in the number of waiters.
#pragma once

#include <vector>

#include "allocator/engine/engine.h"

namespace cma {

class Mutex {
 public:
  // `name` stands for the lock in reports, and is kept, not copied: a literal.
  explicit Mutex(const char* name) : name_(name) {}

  // What lock() returns, to be awaited at once.
  class [[nodiscard]] LockAwaiter {
   public:
    LockAwaiter(Mutex& mutex, Engine& engine) : mutex_(mutex), engine_(engine) {}
    bool await_ready() { return mutex_.try_lock(engine_); }
    template <class P>
    void await_suspend(std::coroutine_handle<P> handle) {
      engine_.parking().park(handle.promise(), mutex_.name_, mutex_.owner_);
      mutex_.waiters_.push_back(engine_.current());
    }
    void await_resume() const noexcept {}

   private:
    Mutex& mutex_;
    Engine& engine_;
  };

  // co_await mutex.lock(engine): takes the mutex for the current actor, which waits in order if another owns it.
  // Requires: no spinlock is held. Throws EngineFault (locks), named for the mutex, if the current actor owns it, if
  // waiting would close a cycle of waiters, and if a plain call (no operation) would wait.
  LockAwaiter lock(Engine& engine) {
    CMA_ASSERT(!engine.spinlocks().any_held());
    if (owner_ == engine.current())
      throw EngineFault(EngineFault::Kind::locks, name_, std::string(name_) + " is taken twice by its owner");
    return {*this, engine};
  }

  // Takes the mutex for the current actor if it is free; returns whether it did. Returns false if the actor itself owns
  // it. Never waits.
  bool try_lock(Engine& engine) {
    if (owner_ != kNoActor) return false;
    owner_ = engine.current();
    return true;
  }

  // Gives the mutex back; the first waiter owns it from now on, and is woken. Requires: the current actor owns it.
  void unlock(Engine& engine) {
    CMA_ASSERT(owner_ == engine.current());
    owner_ = kNoActor;
    if (waiters_.empty()) return;
    owner_ = waiters_.front();
    waiters_.erase(waiters_.begin());
    engine.parking().wake(owner_);
    for (ActorId waiter : waiters_) engine.parking().set_waits_on(waiter, owner_);
  }

  bool held() const { return owner_ != kNoActor; }
  // Returns the owner, kNoActor if it is free.
  ActorId owner() const { return owner_; }
  // Makes the mutex free, and forgets its waiters without waking them. Requires: their operations have been ended.
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
