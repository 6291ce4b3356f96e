// Reclaimable slabs as counts (shrink_slab, do_shrink_slab; mm/vmscan.c, since 6.6 mm/shrinker.c): caches of objects
// that can be dropped, such as dentries, by one shrinker. An object fills a page.
//
// A part of Reclaim. The pages are real, allocated by the caller that adds them; the object that was added first is
// dropped first. Cost: O(objects dropped). Locks: shrinker_rwsem is not modelled; a point is passed after each batch.
#pragma once

#include <cstdint>
#include <deque>

#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"
#include "allocator/reclaim/scan_control.h"

namespace cma {

// SHRINK_BATCH: the objects that a shrinker is asked to scan at once.
inline constexpr std::uint64_t kShrinkBatch = 128;

// What one call of do_shrink_slab is to do.
struct SlabPressure {
  int priority = kDefPriority;  // since 4.16 objects are scanned by it, as pages of lists are
  // Up to 4.15 as many of the objects are scanned as of the pages that could be: `scanned` of `eligible`.
  std::uint64_t scanned = 0;
  std::uint64_t eligible = 0;
};
struct SlabScan {
  std::uint64_t delta = 0;  // new work
  std::uint64_t total = 0;  // objects to scan, with work that was put off before
};
// Returns how many of `freeable` objects to scan. `deferred` is what was put off before. Requires: freeable > 0.
SlabScan slab_scan(Release release, std::uint64_t freeable, std::uint64_t deferred, const SlabPressure& pressure);

class ReclaimableSlab {
 public:
  // Refers to its arguments, which outlive it.
  ReclaimableSlab(const Core& core, Buddy& buddy, ReclaimEvents& events);

  // Adds an object on a page whose only reference the caller hands over.
  void add(Pfn pfn);
  std::uint64_t objects() const { return pages_.size(); }
  // Returns the work that was put off.
  std::uint64_t deferred() const { return deferred_; }
  // Scans objects, all of which are unused, and frees their pages. Returns how many.
  Task<std::uint64_t> shrink(const SlabPressure& pressure);

  // Takes the objects of a machine of the same geometry.
  void copy_from(const ReclaimableSlab& other);

 private:
  bool goes_on(std::uint64_t total, std::uint64_t freeable) const;
  std::uint64_t rest(std::uint64_t total, std::uint64_t work, std::uint64_t scanned, std::uint64_t freeable) const;

  Release release_;
  Core core_;
  Buddy& buddy_;
  ReclaimEvents& events_;
  std::deque<Pfn> pages_;  // oldest first
  std::uint64_t deferred_ = 0;
};

}  // namespace cma
