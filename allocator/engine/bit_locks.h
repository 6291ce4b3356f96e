// Bit locks that sleep: PG_locked, BH_Lock, and PG_writeback as far as it is waited for. Waiters get a lock in the
// order in which they came. The bit lies in the locked object; holder and waiters are kept here, for the few objects
// that are locked at any time. `Bits`, which is copied, has the type Key, test(key), set(key) and clear(key), and
// kName, the lock's name in reports.
//
// A lock may be given to a device, which is no actor and unlocks when its I/O completes. Cost: taking a free lock O(1);
// everything else is linear in the number of locks held at the time and of the waiters.
//
// Requires: nothing that waits is called under a spinlock. lock() and wait() throw EngineFault (locks), named for the
// lock, if waiting would close a cycle of waiters, the actor itself included, and if a plain call would wait.
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

  // Takes the lock for the current actor if it is free; returns whether it did. Never waits.
  bool try_lock(Key key) {
    if (bits_.test(key)) return false;
    bits_.set(key);
    held_.push_back({key, engine_.current(), {}, {}});
    return true;
  }

  class [[nodiscard]] LockAwaiter {
   public:
    LockAwaiter(BitLocks& locks, Key key) : locks_(locks), key_(key) {}
    bool await_ready() { return locks_.try_lock(key_); }
    template <class P>
    void await_suspend(std::coroutine_handle<P> handle) {
      Held& held = locks_.find(key_);
      locks_.engine_.parking().park(handle.promise(), Bits::kName, held.owner);
      held.waiters.push_back(locks_.engine_.current());
    }
    void await_resume() const noexcept {}

   private:
    BitLocks& locks_;
    Key key_;
  };
  // co_await locks.lock(key): takes the lock, waiting in order if it is held.
  LockAwaiter lock(Key key) { return {*this, key}; }

  class [[nodiscard]] WaitAwaiter {
   public:
    WaitAwaiter(BitLocks& locks, Key key) : locks_(locks), key_(key) {}
    bool await_ready() const { return !locks_.bits_.test(key_); }
    template <class P>
    void await_suspend(std::coroutine_handle<P> handle) {
      Held& held = locks_.find(key_);
      locks_.engine_.parking().park(handle.promise(), Bits::kName, held.owner);
      held.watchers.push_back(locks_.engine_.current());
    }
    void await_resume() const noexcept {}

   private:
    BitLocks& locks_;
    Key key_;
  };
  // co_await locks.wait(key): waits until the lock is given back, without taking it (wait_on_page_locked). Does not
  // wait if it is free; another actor may have it again by the time this one runs.
  WaitAwaiter wait(Key key) { return {*this, key}; }

  // Wakes the actors that only wait, and gives the lock to the first that wants it, if there is one. Any actor may call
  // it. Requires: the lock is held.
  void unlock(Key key) {
    Held& held = find(key);
    for (ActorId watcher : held.watchers) engine_.parking().wake(watcher);
    held.watchers.clear();
    if (held.waiters.empty()) {
      held_.erase(held_.begin() + (&held - held_.data()));
      bits_.clear(key);
      return;
    }
    held.owner = held.waiters.front();
    held.waiters.erase(held.waiters.begin());
    engine_.parking().wake(held.owner);
    for (ActorId waiter : held.waiters) engine_.parking().set_waits_on(waiter, held.owner);
  }

  // Makes a device the holder: the completion of its I/O unlocks, as whichever actor is interrupted. Requires: the lock
  // is held.
  void give_to_device(Key key) {
    Held& held = find(key);
    held.owner = kNoActor;
    for (ActorId waiter : held.waiters) engine_.parking().set_waits_on(waiter, kNoActor);
    for (ActorId watcher : held.watchers) engine_.parking().set_waits_on(watcher, kNoActor);
  }

  // Returns the actor that holds the lock; kNoActor if it is free or a device holds it.
  ActorId holder(Key key) const {
    const auto it = std::find_if(held_.begin(), held_.end(), [key](const Held& held) { return held.key == key; });
    return it == held_.end() ? kNoActor : it->owner;
  }
  // Returns whether no lock is held.
  bool none_held() const { return held_.empty(); }
  // Returns whether no actor holds a lock; those of devices do not count.
  bool none_held_by_actors() const {
    return std::all_of(held_.begin(), held_.end(), [](const Held& held) { return held.owner == kNoActor; });
  }
  // Returns the number of locks held.
  std::size_t held() const { return held_.size(); }
  // Forgets all locks and waiters, for operations that are destroyed; the bits stay as they are.
  void reset() { held_.clear(); }

 private:
  struct Held {
    Key key;
    ActorId owner;
    std::vector<ActorId> waiters;   // want the lock
    std::vector<ActorId> watchers;  // wait for its end only
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
