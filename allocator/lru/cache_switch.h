// Whether the per-CPU caches in front of the LRU lists are in use (lru_cache_disable, 5.13). While they are not, a page
// that is queued is drained at once.
//
// LruDrain turns it, and Pagevecs reads it. A part of Lru. Cost: O(1). Locks: none; the kernel's counter is atomic.
#pragma once

#include "allocator/base/assert.h"

namespace cma {

class CacheSwitch {
 public:
  // Turns the caches off until the matching enable(). Calls nest.
  void disable() { ++disabled_; }
  // Ends one disable(). Requires: disabled() > 0.
  void enable() {
    CMA_ASSERT(disabled_ > 0);
    --disabled_;
  }
  // Returns how many disable() have not been ended: the caches are in use while it is 0.
  int disabled() const { return disabled_; }

 private:
  int disabled_ = 0;
};

}  // namespace cma
