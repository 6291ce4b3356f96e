#include "allocator/compaction/compaction.h"

#include <algorithm>

#include "allocator/compaction/zone_compaction.h"

namespace cma {

Compaction::Compaction(const Core& core, Buddy& buddy, Lru& lru, MigrateScanner& scanner, Migration& migration,
                       EndlessTurns& endless)
    : release_(core.geometry.release),
      core_(core),
      buddy_(buddy),
      lru_(lru),
      scanner_(scanner),
      migration_(migration),
      free_scanner_(core, buddy),
      endless_(endless),
      deferrals_(buddy.zones()) {
  if (release_ >= Release::v3_7) return;
  for (std::size_t zone = 0; zone < buddy_.zones(); ++zone)
    scanner_.hints().set_boot_free(zone, core_.map.pageblock_start(buddy_.zone(zone).range.end));
}

Task<CompactResult> Compaction::compact_zone(std::size_t zone, const CompactRequest& request) {
  ++runs_;
  ZoneCompaction run({core_, buddy_, lru_, scanner_, migration_, free_scanner_, endless_}, zone, request);
  co_return co_await run.run();
}

CompactResult Compaction::suitable(std::size_t zone, unsigned order, std::size_t class_zone) {
  CMA_ASSERT(order > 0 && order <= buddy_.largest_order());
  CompactRequest request;
  request.order = static_cast<int>(order);
  request.alloc_flags = kAllocWmarkMin;
  request.class_zone = class_zone;
  return ZoneCompaction({core_, buddy_, lru_, scanner_, migration_, free_scanner_, endless_}, zone, request).suitable();
}

Task<void> Compaction::compact_memory() {
  co_await lru_.drain().add_drain_all();
  CompactRequest request;
  request.mode = release_ >= Release::v3_16 ? MoveMode::sync : MoveMode::sync_light;
  request.whole_zone = true;
  request.ignore_skip_hint = true;
  for (unsigned node = 0; node < buddy_.nodes(); ++node)
    for (std::size_t zone = 0; zone < buddy_.zones(); ++zone) {
      if (buddy_.zone(zone).node != node || buddy_.zone(zone).present == 0) continue;
      co_await compact_zone(zone, request);
    }
}

// Returns what a priority asks of each zone.
CompactRequest Compaction::request_with(CompactPriority priority, Release release) {
  const bool full = priority == CompactPriority::full && release >= Release::v4_9;
  CompactRequest request;
  request.mode = priority == CompactPriority::async ? MoveMode::async : MoveMode::sync_light;
  request.direct = true;
  request.whole_zone = full;
  request.ignore_skip_hint = full;
  request.ignore_block_suitable = full;
  return request;
}

Task<CompactResult> Compaction::compact_for(unsigned order, Migratetype type, CompactPriority priority,
                                            bool restarting) {
  CMA_ASSERT(order > 0 && order <= buddy_.largest_order());
  const ReclaimScope scope = core_.engine.flags().scope;
  if (scope == ReclaimScope::noio || core_.bugs.fires(Bug::compact_order_idle)) co_return CompactResult::skipped;
  const bool movable = type == Migratetype::movable;
  CompactRequest request = request_with(priority, release_);
  request.order = static_cast<int>(order);
  request.type = type;
  request.restarting = restarting;
  request.may_enter_fs = !forbids_fs(scope);
  request.alloc_flags = kAllocWmarkMin | (movable ? kAllocCma : 0U);
  const ZoneList zonelist = buddy_.zonelist(movable ? kGfpHighuserMovable : kGfpKernel);
  CompactResult best = CompactResult::skipped;
  for (const ZoneList::Entry& entry : zonelist) {
    if (buddy_.zone(entry.zone).present == 0) continue;
    request.class_zone = entry.ceiling;
    const CompactResult result = co_await compact_zone(entry.zone, request);
    best = std::max(best, result);
    if (result == CompactResult::success || core_.engine.flags().fatal_signal) break;
    if (core_.engine.flags().given_up) break;
  }
  co_return best;
}

Task<CompactResult> Compaction::try_to_compact_pages(const PageRequest& wanted, std::uint32_t flags,
                                                     CompactPriority priority) {
  const unsigned order = wanted.order;
  CMA_ASSERT(order > 0 && order <= buddy_.largest_order());
  if (!may_compact_with(wanted.gfp, release_) || wanted.zonelist.size == 0) co_return CompactResult::skipped;
  const bool by_zone = release_ >= Release::v4_8;
  const std::size_t first = wanted.zonelist.entries[0].zone;
  if (!by_zone && deferrals_[first].passes_over(order)) co_return CompactResult::deferred;
  CompactRequest request = request_with(priority, release_);
  request.order = static_cast<int>(order);
  request.type = migratetype_of(wanted.gfp);
  request.may_enter_fs = (wanted.gfp & kGfpFs) != 0;
  request.alloc_flags = flags;
  CompactResult best = CompactResult::skipped;
  for (const ZoneList::Entry& entry : wanted.zonelist) {
    if (buddy_.zone(entry.zone).present == 0) continue;
    CompactionDeferral& deferral = deferrals_[by_zone ? entry.zone : first];
    if (by_zone && priority != CompactPriority::full && deferral.passes_over(order)) {
      best = std::max(best, CompactResult::deferred);
      continue;
    }
    request.class_zone = entry.ceiling;
    request.restarting = deferral.restarting(order);
    const CompactResult result = co_await compact_zone(entry.zone, request);
    best = std::max(best, result);
    if (result == CompactResult::success) {
      deferral.succeeded(order, /*served=*/false);
      break;
    }
    const bool failed = result == CompactResult::complete || result == CompactResult::partial_skipped;
    if (failed && priority != CompactPriority::async) deferral.failed(order);
    if (core_.engine.flags().fatal_signal || core_.engine.flags().given_up) break;
  }
  co_return best;
}

void Compaction::served(std::size_t zone, unsigned order) {
  if (scanner_.hints().zone(zone).flush) scanner_.hints().edit_zone(zone).flush = false;
  deferrals_[zone].succeeded(order, /*served=*/true);
}

bool Compaction::has_room(std::size_t zone, unsigned order, std::size_t class_zone, std::int64_t free) {
  CMA_ASSERT(order > 0 && order <= buddy_.largest_order());
  CompactRequest request;
  request.order = static_cast<int>(order);
  request.class_zone = class_zone;
  return ZoneCompaction({core_, buddy_, lru_, scanner_, migration_, free_scanner_, endless_}, zone, request)
      .has_room(free);
}

}  // namespace cma
