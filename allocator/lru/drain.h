// Draining the pagevecs of one CPU or of all, and keeping them empty (lru_add_drain, lru_add_drain_all and
// lru_cache_disable of mm/swap.c). What was in them has reached its list, or was let go as it is, and no slot holds a
// reference to it any more: callers that need pages to be movable or free drain first.
//
// A part of Lru, which hands it out. Cost: O(pages drained); of a drain of all CPUs also O(CPUs).
//
// Locks: callers hold no spinlock, as each Task may stop at a point. A drain of all CPUs sleeps for a mutex of its own.
#pragma once

#include "allocator/engine/mutex.h"
#include "allocator/frames/core.h"
#include "allocator/lru/cache_switch.h"

namespace cma {

class MlockPages;
class Pagevecs;
class SlotCache;

class LruDrain {
 public:
  // Refers to its arguments, which outlive it.
  LruDrain(const Core& core, Pagevecs& pagevecs, MlockPages& mlock, CacheSwitch& caches);
  // Sets the other per-CPU cache that is emptied together with the pagevecs. It is not owned. Requires: called once,
  // before any other call.
  void set_slots(SlotCache& slots) { slots_ = &slots; }

  // Drains all pagevecs of one CPU, that of mlocked memory last (lru_add_drain_cpu). Requires: 0 <= cpu < the machine's
  // CPUs, here and below.
  Task<void> add_drain(int cpu);
  // Looks at each CPU once, and drains those whose pagevecs hold pages then (lru_add_drain_all); since 5.13 also those
  // whose SlotCache is occupied. Sleeps. Since 5.5 returns without draining if another drain began while it waited,
  // unless it must be `certain`.
  Task<void> add_drain_all(bool certain = false);

  // Empties the caches of all CPUs and keeps them empty until the matching enable (5.13). Calls nest. Every caller
  // drains for itself, so none continues before a drain has finished. Sleeps.
  Task<void> cache_disable();
  // Ends one cache_disable(). Requires: disable_count() > 0.
  void cache_enable();
  // Returns how many cache_disable() have not been ended: the caches are in use while it is 0.
  int disable_count() const { return caches_.disabled(); }

  // Returns how many pages are in all pagevecs of a CPU, that of mlocked memory included.
  std::size_t parked(int cpu) const;

  // Takes the count of drains of a machine of the same geometry. Requires: no drain is under way in either.
  void copy_from(const LruDrain& other);

 private:
  Release release_;
  Core core_;
  Pagevecs& pagevecs_;
  MlockPages& mlock_;
  CacheSwitch& caches_;
  SlotCache* slots_ = nullptr;
  std::uint64_t drains_begun_ = 0;
  Mutex drain_mutex_{"lru_add_drain_all mutex"};
};

}  // namespace cma
