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

namespace cma {

class MlockPages;
class Pagevecs;
class SlotCache;

class LruDrain {
 public:
  // Refers to all but `core`, which outlive it. `slots` is emptied together with the pagevecs.
  LruDrain(const Core& core, Pagevecs& pagevecs, MlockPages& mlock, SlotCache& slots);

  // Drains all pagevecs of one CPU, that of mlocked memory last (lru_add_drain_cpu). Requires: 0 <= cpu < the machine's
  // CPUs, here and below.
  Task<void> add_drain(int cpu);
  // Looks at each CPU once, and drains those whose pagevecs hold pages then (lru_add_drain_all); since 5.13 also those
  // whose SlotCache is occupied. Sleeps. Since 5.5 returns without draining if another drain began while it waited.
  Task<void> add_drain_all() { return drain_all(/*certain=*/false); }

  // Drains the pagevecs of all CPUs, and keeps them empty until the matching cache_enable() (lru_cache_disable, 5.13):
  // every page that is queued is drained at once, and the SlotCache takes nothing. Calls nest. Each makes a drain of
  // its own. Sleeps.
  Task<void> cache_disable();
  // Ends one cache_disable() (lru_cache_enable). Requires: disable_count() > 0.
  void cache_enable();
  // Returns how many cache_disable() have not been ended (lru_disable_count).
  int disable_count() const { return disables_; }

  // Returns how many pages are in all pagevecs of a CPU, that of mlocked memory included.
  std::size_t parked(int cpu) const;

  // Takes the counts of a machine of the same geometry. Requires: no drain is under way in either.
  void copy_from(const LruDrain& other);

 private:
  Task<void> drain_all(bool certain);

  Release release_;
  Core core_;
  Pagevecs& pagevecs_;
  MlockPages& mlock_;
  SlotCache& slots_;
  int disables_ = 0;
  std::uint64_t drains_begun_ = 0;
  Mutex drain_mutex_{"lru_add_drain_all mutex"};
};

}  // namespace cma
