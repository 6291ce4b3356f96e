// Page locks (PG_locked): bit locks that sleep, first come, first served. The bit lives in the page; who holds it and
// who waits lives here, for the few pages that are locked at any time.
#pragma once

#include <algorithm>
#include <vector>

#include "allocator/engine/engine.h"
#include "allocator/frames/memory_map.h"

namespace cma {

class PageLocks {
 public:
  PageLocks(Engine& engine, MemoryMap& map) : engine_(engine), map_(map) {}

  bool try_lock(Pfn pfn) {
    if (map_.page(pfn).has(kPageLocked)) return false;
    map_.edit(pfn).flags |= kPageLocked;
    held_.push_back({pfn, engine_.current(), {}, {}});
    return true;
  }

  class LockAwaiter {
   public:
    LockAwaiter(PageLocks& locks, Pfn pfn) : locks_(locks), pfn_(pfn) {}
    bool await_ready() { return locks_.try_lock(pfn_); }
    template <class P>
    void await_suspend(std::coroutine_handle<P> handle) {
      Held& held = locks_.find(pfn_);
      locks_.engine_.park(handle.promise(), "a page lock", held.owner);
      held.waiters.push_back(locks_.engine_.current());
    }
    void await_resume() const noexcept {}

   private:
    PageLocks& locks_;
    Pfn pfn_;
  };
  // co_await locks.lock(pfn)
  LockAwaiter lock(Pfn pfn) { return {*this, pfn}; }

  // co_await locks.wait(pfn): sleeps until the lock is let go of, without taking it (wait_on_page_locked).
  class WaitAwaiter {
   public:
    WaitAwaiter(PageLocks& locks, Pfn pfn) : locks_(locks), pfn_(pfn) {}
    bool await_ready() const { return !locks_.map_.page(pfn_).has(kPageLocked); }
    template <class P>
    void await_suspend(std::coroutine_handle<P> handle) {
      Held& held = locks_.find(pfn_);
      locks_.engine_.park(handle.promise(), "a page lock", held.owner);
      held.watchers.push_back(locks_.engine_.current());
    }
    void await_resume() const noexcept {}

   private:
    PageLocks& locks_;
    Pfn pfn_;
  };
  WaitAwaiter wait(Pfn pfn) { return {*this, pfn}; }

  // Wakes who only waits, and hands the lock to the first who wants it, if there is one.
  void unlock(Pfn pfn) {
    Held& held = find(pfn);
    for (ActorId watcher : held.watchers) engine_.wake(watcher);
    held.watchers.clear();
    if (held.waiters.empty()) {
      held_.erase(held_.begin() + (&held - held_.data()));
      map_.edit(pfn).flags &= ~kPageLocked;
      return;
    }
    held.owner = held.waiters.front();
    held.waiters.erase(held.waiters.begin());
    engine_.wake(held.owner);
    for (ActorId waiter : held.waiters) engine_.set_waits_on(waiter, held.owner);
  }

  bool none_held() const { return held_.empty(); }
  void reset() { held_.clear(); }

 private:
  struct Held {
    Pfn pfn;
    ActorId owner;
    std::vector<ActorId> waiters;
    std::vector<ActorId> watchers;
  };
  Held& find(Pfn pfn) {
    const auto it = std::find_if(held_.begin(), held_.end(), [pfn](const Held& held) { return held.pfn == pfn; });
    CMA_ASSERT(it != held_.end());
    return *it;
  }

  Engine& engine_;
  MemoryMap& map_;
  std::vector<Held> held_;
};

}  // namespace cma
