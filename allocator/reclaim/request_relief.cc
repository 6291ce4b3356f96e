#include "allocator/reclaim/request_relief.h"

namespace cma {

void RequestRelief::wake_kswapds(const PageRequest& request) {
  if (core_.geometry.release < Release::v4_8) return;
  unsigned last = kMaxNodes;
  for (const ZoneList::Entry& entry : request.zonelist) {
    const Zone& zone = buddy_.zone(entry.zone);
    if (zone.managed == 0 || zone.node == last) continue;
    reclaim_.kswapd().wake(entry.zone, request.gfp, request.order, entry.ceiling);
    last = zone.node;
  }
}

Task<std::uint64_t> RequestRelief::reclaim(const PageRequest& request) {
  ReclaimRequest wanted;
  wanted.gfp = request.gfp;
  wanted.order = request.order;
  wanted.node = request.node;
  co_return co_await reclaim_.try_to_free_pages(wanted);
}

Task<CompactResult> RequestRelief::compact(const PageRequest& request, std::uint32_t flags, CompactPriority priority) {
  return compaction_.try_to_compact_pages(request, flags, priority);
}

void RequestRelief::compaction_served(std::size_t zone, unsigned order) { compaction_.served(zone, order); }

bool RequestRelief::compaction_has_room(const ZoneList::Entry& entry, unsigned order, std::int64_t free) {
  return compaction_.has_room(entry.zone, order, entry.ceiling, free);
}

std::uint64_t RequestRelief::reclaimable(std::size_t zone) const { return reclaim_.lruvecs().reclaimable(zone); }

std::uint64_t RequestRelief::write_pending(std::size_t zone) const { return reclaim_.lruvecs().write_pending(zone); }

}  // namespace cma
