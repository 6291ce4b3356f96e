// How long compaction of a zone is put off after it has failed (compaction_deferred, mm/compaction.c): counts of a
// zone, which double the number of requests that are passed over, up to 64.
//
// Used by compaction on behalf of allocations. Plain counts; cost and locks: none.
#pragma once

#include <algorithm>
#include <cstdint>

namespace cma {

class CompactionDeferral {
 public:
  // Counts a request for a block of this order, and returns whether it is passed over (compaction_deferred).
  bool passes_over(unsigned order) {
    if (order < order_failed_) return false;
    const unsigned limit = 1U << shift_;
    considered_ = std::min(considered_ + 1, limit);
    return considered_ < limit;
  }
  // Returns whether the last request that was passed over was the last of the most there can be: the next compaction
  // begins at the zone's ends (compaction_restarting).
  bool restarting(unsigned order) const {
    return order >= order_failed_ && shift_ == kMaxShift && considered_ >= 1U << shift_;
  }
  // A compaction has failed (defer_compaction).
  void failed(unsigned order) {
    considered_ = 0;
    shift_ = std::min(shift_ + 1, kMaxShift);
    order_failed_ = std::min(order_failed_, order);
  }
  // A compaction has made a block, or it has besides served a request (compaction_defer_reset).
  void succeeded(unsigned order, bool served) {
    if (served) considered_ = shift_ = 0;
    order_failed_ = std::max(order_failed_, order + 1);
  }

  // Returns a number for the counts, 0 if nothing was counted.
  std::uint64_t digest() const {
    return std::uint64_t{considered_} << 16 | std::uint64_t{shift_} << 8 | std::uint64_t{order_failed_};
  }
  friend bool operator==(const CompactionDeferral&, const CompactionDeferral&) = default;

 private:
  static constexpr unsigned kMaxShift = 6;  // COMPACT_MAX_DEFER_SHIFT

  unsigned considered_ = 0;    // requests since the last failure
  unsigned shift_ = 0;         // binary logarithm of how many are passed over
  unsigned order_failed_ = 0;  // smaller blocks are not put off
};

}  // namespace cma
