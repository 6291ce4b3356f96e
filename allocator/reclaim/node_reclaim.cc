#include "allocator/reclaim/node_reclaim.h"

#include <algorithm>

namespace cma {
namespace {

// Up to 5.3 a caller that insists scans on while the flushers write pages. None do here: it ends after so many scans.
constexpr unsigned kMostInVain = 3;

// A tick, at 250 a second.
constexpr Time kTick = 4 * kMillisecond;

std::size_t place(LruList list) { return static_cast<std::size_t>(list); }

}  // namespace

NodeReclaim::NodeReclaim(const Core& core, Buddy& buddy, Compaction& compaction, ListScanner& scanner,
                         ReclaimableSlab& slab, LruVecs& vecs)
    : release_(core.geometry.release),
      core_(core),
      buddy_(buddy),
      compaction_(compaction),
      scanner_(scanner),
      slab_(slab),
      vecs_(vecs) {}

// --- how much to scan ---

// prepare_scan_count (5.5): decides for the whole scan whether the active list may be shortened. Pages that come back
// soon after they were dropped (refaults) are not counted, so it is not shortened because of them. While it is not, and
// there are unused pages, anonymous memory is to be left alone (cache_trim_mode).
void NodeReclaim::prepare(LruVec vec, ScanControl& control) const {
  control.may_deactivate_file = control.force_deactivate || scanner_.inactive_file_is_low(vec, control);
  const bool unused = (vecs_.size(vec, LruList::inactive_file) >> control.priority) != 0;
  control.cache_trim_mode = unused && !control.may_deactivate_file && !control.no_cache_trim_mode;
}

// get_scan_count.
NodeReclaim::ToScan NodeReclaim::scan_counts(LruVec vec, const ScanControl& control) const {
  ToScan pages{};
  for (const LruList list : {LruList::inactive_file, LruList::active_file})
    pages[place(list)] = vecs_.size(vec, list, control.ceiling) >> control.priority;
  return pages;
}

// Returns whether a scan stops before all that it intends is scanned. A direct reclaim does not at the first priority,
// as kswapd should have kept up.
bool NodeReclaim::enough(const ScanControl& control, std::uint64_t reclaimed) const {
  if (reclaimed < control.nr_to_reclaim) return false;
  const bool first = control.priority == kDefPriority;
  return !first || (control.kswapd && release_ >= Release::v3_11);
}

// Returns whether the active file list is to be shortened (shrink_list). Since 5.5 records that it was not.
bool NodeReclaim::shortens_active(LruVec vec, ScanControl& control) const {
  if (release_ < Release::v5_5) return scanner_.inactive_file_is_low(vec, control);
  if (!control.may_deactivate_file) control.skipped_deactivate = true;
  return control.may_deactivate_file;
}

Task<void> NodeReclaim::shrink_lruvec(LruVec vec, ScanControl& control) {
  ToScan left = scan_counts(vec, control);
  std::uint64_t& inactive = left[place(LruList::inactive_file)];
  std::uint64_t& active = left[place(LruList::active_file)];
  std::uint64_t reclaimed = 0;
  while (inactive != 0 || active != 0) {
    core_.engine.turn();
    if (const std::uint64_t most = std::min(inactive, kSwapClusterMax); most != 0) {
      inactive -= most;
      const std::uint64_t freed = co_await scanner_.shrink_inactive(most, vec, control, LruList::inactive_file);
      reclaimed += freed;
    }
    if (const std::uint64_t most = std::min(active, kSwapClusterMax); most != 0) {
      active -= most;
      if (shortens_active(vec, control)) co_await scanner_.shrink_active(most, vec, control, LruList::active_file);
    }
    co_await at(core_.engine, Point::reclaim_lists);
    if (enough(control, reclaimed)) break;
  }
  control.nr_reclaimed += reclaimed;
}

// Returns the pages that a scan could reach at its last priority.
std::uint64_t NodeReclaim::eligible_pages(LruVec vec, const ScanControl& control) const {
  return vecs_.size(vec, LruList::inactive_file, control.ceiling) +
         vecs_.size(vec, LruList::active_file, control.ceiling);
}

// Shrinks the slabs, whose objects belong to node 0; up to 4.15 in the proportion in which pages were scanned.
Task<void> NodeReclaim::shrink_slab(LruVec vec, ScanControl& control, std::uint64_t scanned, std::uint64_t eligible) {
  if (buddy_.zone(vec.first_zone).node != 0) co_return;
  const SlabPressure pressure = {.priority = control.priority, .scanned = scanned, .eligible = eligible};
  const std::uint64_t freed = co_await slab_.shrink(pressure);
  control.nr_reclaimed += freed;
}

// --- conclusions ---

Task<void> NodeReclaim::throttle_noprogress(LruVec vec) {
  if (release_ < Release::v5_16 || vecs_.state(vec).kswapd_failures >= kMaxReclaimRetries) co_return;
  std::uint64_t reclaimable = 0;
  std::uint64_t write_pending = 0;
  for (std::size_t zone = vec.first_zone; zone < buddy_.zones(); ++zone) {
    if (!vecs_.contains(vec, zone) || buddy_.zone(zone).managed == 0) continue;
    reclaimable += vecs_.reclaimable(zone);
    write_pending += vecs_.write_pending(zone);
  }
  if (2 * write_pending <= reclaimable) co_return;
  co_await sleep_for(core_.engine, kTick);
}

// Sets the node's flags from the sums of a scan (4.17). kswapd stalls if pages come round before they are written;
// others if the node is congested, up to 5.15 only for a device that is: none is here.
Task<void> NodeReclaim::judge_scan(LruVec vec, const ScanControl& control) {
  if (release_ < Release::v4_17) co_return;
  NodeState& state = vecs_.state(vec);
  const BatchCounts& counts = control.sums.counts;
  if (control.kswapd) {
    if (counts.writeback != 0 && counts.writeback == control.sums.taken) state.writeback = true;
    if (counts.dirty != 0 && counts.dirty == counts.congested) state.congested = true;
    if (counts.unqueued_dirty == control.sums.file_taken) state.dirty = true;
    if (counts.immediate != 0) co_await sleep_for(core_.engine, kWritebackWait);
  } else if (state.congested) {
    co_await throttle_noprogress(vec);
  }
}

// Returns whether pages are freed for a compaction (in_reclaim_compaction). Since 6.9, and in the long-term series from
// 5.10 on, not for a caller that may start no I/O, for which none would run.
bool NodeReclaim::compacts_after(const ScanControl& control) const {
  const bool needs_io = since(release_, Release::v6_9, {Release::v5_10, Release::v5_15, Release::v6_1, Release::v6_6});
  if (control.order == 0 || (needs_io && (control.gfp & kGfpIo) == 0)) return false;
  return control.order > kCostlyOrder || control.priority < kDefPriority - 2;
}

// Returns whether in one of the zones the allocation would succeed, or a compaction could begin.
bool NodeReclaim::compaction_suits(LruVec vec, const ScanControl& control) const {
  for (std::size_t zone = vec.first_zone; zone < buddy_.zones() && zone <= control.ceiling; ++zone) {
    if (!vecs_.contains(vec, zone) || buddy_.zone(zone).managed == 0) continue;
    if (compaction_.suitable(zone, control.order, control.ceiling) != CompactResult::skipped) return true;
  }
  return false;
}

bool NodeReclaim::should_continue(LruVec vec, const ScanControl& control, std::uint64_t reclaimed,
                                  std::uint64_t scanned) const {
  if (!compacts_after(control)) return false;
  // A dying task counts pages as freed while others are isolated, and a kernel's goes on until these are put back.
  if (core_.engine.flags().fatal_signal || core_.engine.flags().given_up) return false;
  // Up to 5.3 a caller that wants to succeed goes on as long as there are pages to scan.
  const bool insists = release_ < Release::v5_4 && (control.gfp & kGfpRetryMayfail) != 0;
  if (reclaimed == 0 && !(insists && scanned != 0)) return false;
  const std::uint64_t gap = compact_gap(control.order);
  const bool pages_left = vecs_.size(vec, LruList::inactive_file) > gap;
  if (release_ >= Release::v5_4) return !compaction_suits(vec, control) && pages_left;
  if (control.nr_reclaimed < gap && pages_left) return true;
  return !compaction_suits(vec, control);
}

Task<void> NodeReclaim::shrink_node(LruVec vec, ScanControl& control) {
  bool progress = false;
  unsigned in_vain = 0;
  while (in_vain < kMostInVain) {
    core_.engine.turn();
    control.sums = {};
    const std::uint64_t reclaimed = control.nr_reclaimed;
    const std::uint64_t scanned = control.nr_scanned;
    const std::uint64_t eligible = eligible_pages(vec, control);
    if (release_ >= Release::v5_5) prepare(vec, control);
    co_await shrink_lruvec(vec, control);
    co_await at(core_.engine, Point::reclaim_node);
    if (release_ >= Release::v3_19) co_await shrink_slab(vec, control, control.nr_scanned - scanned, eligible);
    const std::uint64_t freed = control.nr_reclaimed - reclaimed;
    progress = progress || freed != 0;
    in_vain = freed != 0 ? 0 : in_vain + 1;
    co_await judge_scan(vec, control);
    if (!should_continue(vec, control, freed, control.nr_scanned - scanned)) break;
  }
  if (progress)
    vecs_.state(vec).kswapd_failures = 0;
  else if (control.cache_trim_mode)
    control.cache_trim_mode_failed = true;
}

}  // namespace cma
