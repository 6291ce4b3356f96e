// What frees memory for requests that find too little: kswapd, reclaim and compaction, put together for the slow path
// of the page allocator (pressure/relief.h).
//
// The machine has one. Locks and cost: those of the parts that it calls.
#pragma once

#include "allocator/buddy/buddy.h"
#include "allocator/compaction/compaction.h"
#include "allocator/frames/core.h"
#include "allocator/pressure/relief.h"
#include "allocator/reclaim/reclaim.h"

namespace cma {

class RequestRelief final : public Relief {
 public:
  // Refers to its arguments, which outlive it.
  RequestRelief(const Core& core, const Buddy& buddy, Compaction& compaction, Reclaim& reclaim)
      : core_(core), buddy_(buddy), compaction_(compaction), reclaim_(reclaim) {}

  // Does nothing up to 4.7, whose kswapd is not modelled.
  void wake_kswapds(const PageRequest& request) override;
  Task<std::uint64_t> reclaim(const PageRequest& request) override;
  Task<CompactResult> compact(const PageRequest& request, std::uint32_t flags, CompactPriority priority) override;
  void compaction_served(std::size_t zone, unsigned order) override;
  bool compaction_has_room(const ZoneList::Entry& entry, unsigned order, std::int64_t free) override;
  std::uint64_t reclaimable(std::size_t zone) const override;
  std::uint64_t write_pending(std::size_t zone) const override;

 private:
  Core core_;
  const Buddy& buddy_;
  Compaction& compaction_;
  Reclaim& reclaim_;
};

}  // namespace cma
