// Bit locks that sleep, first come, first served: PG_locked, BH_Lock, and PG_writeback as far as it is waited for. The
// bit lives in the thing that is locked; who holds it and who waits lives here, for the few things that are locked at
// any time. `Bits` has test(key), set(key) and clear(key); kName says what is waited for.
//
// A lock may be given to a device, which belongs to no actor and lets go when its I/O completes. Cost: linear in the
// locks held at the time.
#pragma once

#include <algorithm>
#include <vector>

#include "allocator/engine/engine.h"

namespace cma {

template <class Bits>
class BitLocks {
 public:
  using Key = typename Bits::Key;

  BitLocks(Engine& engine, Bits bits) : engine_(engine), bits_(bits) {}

  bool try_lock(Key key) {
    if (bits_.test(key)) return false;
    bits_.set(key);
    held_.push_back({key, engine_.current(), {}, {}});
    return true;
  }

  class LockAwaiter {
   public:
    LockAwaiter(BitLocks& locks, Key key) : locks_(locks), key_(key) {}
    bool await_ready() { return locks_.try_lock(key_); }
    template <class P>
    void await_suspend(std::coroutine_handle<P> handle) {
      Held& held = locks_.find(key_);
      locks_.engine_.park(handle.promise(), Bits::kName, held.owner);
      held.waiters.push_back(locks_.engine_.current());
    }
    void await_resume() const noexcept {}

   private:
    BitLocks& locks_;
    Key key_;
  };
  // co_await locks.lock(key)
  LockAwaiter lock(Key key) { return {*this, key}; }

  // co_await locks.wait(key): sleeps until the lock is let go of, without taking it (wait_on_page_locked).
  class WaitAwaiter {
   public:
    WaitAwaiter(BitLocks& locks, Key key) : locks_(locks), key_(key) {}
    bool await_ready() const { return !locks_.bits_.test(key_); }
    template <class P>
    void await_suspend(std::coroutine_handle<P> handle) {
      Held& held = locks_.find(key_);
      locks_.engine_.park(handle.promise(), Bits::kName, held.owner);
      held.watchers.push_back(locks_.engine_.current());
    }
    void await_resume() const noexcept {}

   private:
    BitLocks& locks_;
    Key key_;
  };
  WaitAwaiter wait(Key key) { return {*this, key}; }

  // Wakes who only waits, and hands the lock to the first who wants it, if there is one.
  void unlock(Key key) {
    Held& held = find(key);
    for (ActorId watcher : held.watchers) engine_.wake(watcher);
    held.watchers.clear();
    if (held.waiters.empty()) {
      held_.erase(held_.begin() + (&held - held_.data()));
      bits_.clear(key);
      return;
    }
    held.owner = held.waiters.front();
    held.waiters.erase(held.waiters.begin());
    engine_.wake(held.owner);
    for (ActorId waiter : held.waiters) engine_.set_waits_on(waiter, held.owner);
  }

  // The lock is a device's from now on: it is let go of when I/O completes, by whoever is interrupted.
  void give_to_device(Key key) {
    Held& held = find(key);
    held.owner = kNoActor;
    for (ActorId waiter : held.waiters) engine_.set_waits_on(waiter, kNoActor);
  }

  // Who holds it; kNoActor if nobody or a device does.
  ActorId holder(Key key) const {
    const auto it = std::find_if(held_.begin(), held_.end(), [key](const Held& held) { return held.key == key; });
    return it == held_.end() ? kNoActor : it->owner;
  }
  bool none_held() const { return held_.empty(); }
  // Locks that actors hold, those of devices left out.
  bool none_held_by_actors() const {
    return std::all_of(held_.begin(), held_.end(), [](const Held& held) { return held.owner == kNoActor; });
  }
  std::size_t held() const { return held_.size(); }
  void reset() { held_.clear(); }

 private:
  struct Held {
    Key key;
    ActorId owner;
    std::vector<ActorId> waiters;
    std::vector<ActorId> watchers;
  };
  Held& find(Key key) {
    const auto it = std::find_if(held_.begin(), held_.end(), [key](const Held& held) { return held.key == key; });
    CMA_ASSERT(it != held_.end());
    return *it;
  }

  Engine& engine_;
  Bits bits_;
  std::vector<Held> held_;
};

}  // namespace cma
