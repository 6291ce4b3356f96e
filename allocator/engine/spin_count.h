// Counts the spinlocks that are held. Spinlocks need no owner in the model, as nothing else runs while one is held: the
// count proves that none is held at a point or across a sleep, and await.h, mutex.h and the engine assert it.
//
// SpinGuard (await.h) holds one for a scope. Cost: an addition.
#pragma once

namespace cma {

class SpinCount {
 public:
  void lock() { ++held_; }
  // Requires: a lock() before it.
  void unlock() { --held_; }
  // Returns whether any spinlock is held.
  bool any_held() const { return held_ != 0; }
  // Forgets all locks, for operations that are destroyed.
  void reset() { held_ = 0; }

 private:
  int held_ = 0;
};

}  // namespace cma
