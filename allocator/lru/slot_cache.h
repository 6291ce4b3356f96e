// Another per-CPU cache that keeps pages from moving, and that draining empties together with the pagevecs (5.13): the
// buffer-head slots of the layer buffers/. Upward calls of this layer, made by LruDrain without a spinlock held. Cost:
// that of the layer; occupied() is asked once for each CPU and drain.
#pragma once

namespace cma {

class SlotCache {
 public:
  virtual ~SlotCache() = default;
  // Returns whether a slot of this CPU holds something (has_bh_in_lru).
  virtual bool occupied(int cpu) const = 0;
  // Empties the slots of this CPU, and drops what they hold (invalidate_bh_lrus_cpu).
  virtual void invalidate(int cpu) = 0;
  // Sets whether the slots take nothing from now on: so it is while the caches are disabled (lru_cache_disable).
  virtual void refuse(bool refuses) = 0;
};

}  // namespace cma
