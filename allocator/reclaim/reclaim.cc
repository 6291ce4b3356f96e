#include "allocator/reclaim/reclaim.h"

#include <algorithm>

#include "allocator/engine/gfp_scope.h"

namespace cma {
namespace {

// KSWAPD_ZONE_BALANCE_GAP_RATIO: the part of a zone that counts for nothing beside its high watermark (3.0 to 3.13).
constexpr std::uint64_t kBalanceGapRatio = 100;

}  // namespace

Reclaim::Reclaim(const Core& core, Buddy& buddy, Lru& lru, PageLocks& locks, OwnerReclaim& owners,
                 Compaction& compaction)
    : release_(core.geometry.release),
      core_(core),
      buddy_(buddy),
      compaction_(compaction),
      vecs_(core, buddy, lru),
      scanner_(core, lru, locks, owners, vecs_, events_),
      slab_(core, buddy, events_),
      nodes_(core, buddy, compaction, scanner_, slab_, vecs_),
      kswapd_(core, buddy, nodes_, vecs_, events_) {}

void Reclaim::copy_from(const Reclaim& other) {
  events_ = other.events_;
  vecs_.copy_from(other.vecs_);
  slab_.copy_from(other.slab_);
  kswapd_.copy_from(other.kswapd_);
}

Gfp Reclaim::in_scope(Gfp gfp) const { return gfp_in_scope(gfp, core_.engine.flags().scope); }

// Returns whether so much of a zone is free that a compaction for the costly request should come first.
bool Reclaim::compaction_ready(const ZoneList::Entry& entry, const ScanControl& control) {
  if (control.order <= kCostlyOrder) return false;
  if (release_ >= Release::v5_10 && (control.gfp & kGfpIo) == 0) return false;
  const CompactResult suits = compaction_.suitable(entry.zone, control.order, entry.ceiling);
  if (suits == CompactResult::skipped) return false;
  if (suits == CompactResult::success && release_ >= Release::v4_8) return true;
  const Zone& zone = buddy_.zone(entry.zone);
  std::uint64_t mark = Watermarks::watermark(zone, Watermark::high) + compact_gap(control.order);
  if (release_ < Release::v3_14) {
    const std::uint64_t share = (zone.present + kBalanceGapRatio - 1) / kBalanceGapRatio;
    mark += std::min(Watermarks::watermark(zone, Watermark::low), share);
  }
  const WatermarkRequest request = {.class_zone = release_ < Release::v4_8 ? std::size_t{0} : entry.ceiling};
  return buddy_.watermarks().zone_watermark_ok(zone, mark, request, zone.nr_free_pages);
}

// Scans each node that the request may use once, up to 4.7 each zone. Since 5.16 a caller rests that has found nothing
// by priority 1.
Task<void> Reclaim::shrink_zones(const ZoneList& zonelist, ScanControl& control) {
  std::optional<LruVec> first;
  std::optional<LruVec> last;
  for (const ZoneList::Entry& entry : zonelist) {
    if (buddy_.zone(entry.zone).managed == 0) continue;
    if (compaction_ready(entry, control)) {
      control.compaction_ready = true;
      continue;
    }
    const LruVec vec = vecs_.of_zone(entry.zone);
    if (last == vec) continue;
    if (!first) first = vec;
    last = vec;
    control.ceiling = release_ < Release::v4_8 ? entry.zone : entry.ceiling;
    co_await nodes_.shrink_node(vec, control);
  }
  if (first && control.nr_reclaimed == 0 && control.priority == 1) co_await nodes_.throttle_noprogress(*first);
}

// Shrinks the slabs after all zones were scanned (up to 3.18).
Task<void> Reclaim::shrink_slab_v3_5(const ZoneList& zonelist, ScanControl& control) {
  SlabPressure pressure;
  pressure.scanned = control.nr_scanned;
  for (const ZoneList::Entry& entry : zonelist) pressure.eligible += vecs_.reclaimable(entry.zone);
  const std::uint64_t freed = co_await slab_.shrink(pressure);
  control.nr_reclaimed += freed;
}

// Scans with falling priorities until enough is freed, or enough is free for a compaction. Up to 4.10 wakes the
// flushers for as many pages as were scanned.
Task<void> Reclaim::down_the_priorities(const ZoneList& zonelist, ScanControl& control) {
  ++events_.allocstall;
  std::uint64_t total_scanned = 0;
  for (; control.priority >= 0; --control.priority) {
    core_.engine.turn();
    co_await at(core_.engine, Point::reclaim_priority);
    control.nr_scanned = 0;
    co_await shrink_zones(zonelist, control);
    if (release_ < Release::v3_19) co_await shrink_slab_v3_5(zonelist, control);
    total_scanned += control.nr_scanned;
    if (control.nr_reclaimed >= control.nr_to_reclaim) break;
    if (control.compaction_ready && release_ >= Release::v3_17) break;
    if (control.priority < kDefPriority - 2) control.may_writepage = true;
    const bool wakes_flushers = release_ < Release::v4_11 && total_scanned > control.nr_to_reclaim * 3 / 2;
    if (wakes_flushers) ++events_.flusher_wakeups;
  }
}

// Returns whether a call that has freed nothing begins anew: 4.0 to 4.11 once, for control groups that it had spared,
// whether there are such or not; since 5.5 with active lists that were too short to be touched; since 6.12 once before,
// with a walk over all groups.
bool Reclaim::tries_again(ScanControl& control, unsigned attempt) const {
  if (release_ >= Release::v4_0 && release_ < Release::v4_12) return attempt == 0;
  if (release_ >= Release::v6_12 && attempt == 0) return true;
  if (!control.skipped_deactivate) return false;
  control.force_deactivate = true;
  control.skipped_deactivate = false;
  return true;
}

Task<std::uint64_t> Reclaim::try_to_free_pages(ReclaimRequest request) {
  CMA_ASSERT(request.priority >= 0 && request.priority <= kDefPriority);
  ScanControl control;
  control.nr_to_reclaim = request.nr_to_reclaim;
  control.gfp = in_scope(request.gfp);
  control.order = request.order;
  const ZoneList zonelist = buddy_.zonelist(request.gfp, request.node);
  for (unsigned attempt = 0;; ++attempt) {
    core_.engine.turn();
    control.priority = request.priority;
    co_await down_the_priorities(zonelist, control);
    if (control.nr_reclaimed != 0) co_return control.nr_reclaimed;
    if (control.compaction_ready) co_return 1;
    if (!tries_again(control, attempt)) co_return 0;
  }
}

}  // namespace cma
