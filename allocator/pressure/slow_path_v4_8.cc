#include <algorithm>

#include "allocator/pressure/slow_path_steps.h"

namespace cma {
namespace {

// MAX_RECLAIM_RETRIES and MAX_COMPACT_RETRIES.
constexpr unsigned kMostTurnsInVain = 16;
constexpr unsigned kMostCompactions = 16;
// HZ / 10: how long a turn waits for I/O (up to 5.15).
constexpr Time kWriteWait = 100 * kMillisecond;

}  // namespace

Task<Pfn> SlowPathV4_8::run() {
  CMA_ASSERT(release_ >= Release::v4_8 && !served());
  wake_kswapds();
  if (attempt(AllocAttempt::min)) co_return page();
  Next next = co_await first_compaction();
  while (next != Next::done) {
    core_.engine.turn();
    if (given_up()) break;
    if (next == Next::again) next = co_await turn();
    tries_anew_ = true;
    if (next != Next::fails) continue;
    next = co_await refuse_to_fail();
    if (next == Next::fails) break;
  }
  CMA_ASSERT((next == Next::done) == served());
  co_return page();
}

void SlowPathV4_8::wake_kswapds() {
  if (has(kGfpKswapdReclaim)) relief_.wake_kswapds(request());
}

std::uint64_t SlowPathV4_8::kept() const {
  const auto priority = static_cast<std::uint64_t>(priority_);
  return std::uint64_t{compactions_} << 16 | std::uint64_t{in_vain_} << 8 | priority;
}

// Returns whether a compaction may be made for the request (gfp_compaction_allowed); before, it was tried, and skipped
// all zones.
bool SlowPathV4_8::may_compact() const {
  const bool needs_io = since(release_, Release::v6_9, {Release::v5_10, Release::v5_15, Release::v6_1, Release::v6_6});
  return !needs_io || has(kGfpIo);
}

// Compacts memory before anything is reclaimed: for large blocks, which lack contiguous pages rather than pages; since
// 4.12 for all of memory that does not move, so that it stays together. One that may not use reserves only. With
// __GFP_NORETRY a large block is given up if that was put off; since 5.4 also if there was no room for it, and since
// 6.11, as in the long-term series of 6.1 and 6.6, if it should be of one node.
Task<SlowPathSteps::Next> SlowPathV4_8::first_compaction() {
  const bool movable = migratetype_of(request().gfp) == Migratetype::movable;
  const bool wanted = costly() || (request().order > 0 && !movable && release_ >= Release::v4_12);
  if (!wanted || !may_compact() || buddy_.requests().may_use_reserves(request().gfp)) co_return Next::again;
  const bool tried = co_await compact(CompactPriority::async);
  tries_anew_ = !tried;
  if (served()) co_return Next::done;
  if (!costly() || !has(kGfpNoretry)) co_return Next::again;
  if (compacted() == CompactResult::deferred) co_return Next::fails;
  if (compacted() == CompactResult::skipped && release_ >= Release::v5_4) co_return Next::fails;
  const bool one_node_is_enough = since(release_, Release::v6_11, {Release::v6_1, Release::v6_6});
  if (has(kGfpThisnode) && one_node_is_enough) co_return Next::fails;
  priority_ = CompactPriority::async;
  co_return Next::again;
}

Task<SlowPathSteps::Next> SlowPathV4_8::turn() {
  wake_kswapds();
  take_rights();
  repeat(has_rights() ? AllocAttempt::reserves : AllocAttempt::min);
  // Nothing has changed since the attempt before if no other has run.
  const bool anew = has_rights() || tries_anew_;
  if (anew && attempt(repeated())) co_return Next::done;
  if (scope() == ReclaimScope::noreclaim) {
    if (release_ < Release::v4_12 && has(kGfpNofail)) co_return co_await endless_turn();
    co_return Next::fails;
  }
  const bool dies = is_victim() && !has(kGfpNofail);
  if (dies && release_ < Release::v4_12) co_return Next::fails;
  co_await reclaim();
  if (served()) co_return Next::done;
  co_await compact(priority_);
  if (served()) co_return Next::done;
  co_return co_await after_reclaim();
}

// Returns whether a request is not repeated: it asks for that, or its block is large and it does not insist.
bool SlowPathV4_8::gives_up_early() const {
  if (has(kGfpNoretry) && !core_.bugs.fires(Bug::noretry_retries)) return true;
  if (!costly()) return false;
  if (!may_compact()) return true;
  return !has(kGfpRetryMayfail) && !core_.bugs.fires(Bug::costly_retried);
}

Task<SlowPathSteps::Next> SlowPathV4_8::after_reclaim() {
  if (given_up() || gives_up_early()) co_return Next::fails;
  const bool more_to_reclaim = co_await should_reclaim_retry();
  if (more_to_reclaim && freed() > 0 && core_.bugs.fires(Bug::progress_ends_request)) co_return Next::fails;
  if (more_to_reclaim) co_return Next::again;
  if (freed() == 0 || !may_compact() || !should_compact_retry()) co_return co_await may_kill();
  // Reclaim leaves a large block to a compaction, and calls that progress; but none is made, and each turn is the same.
  const bool same = in_vain_ > kMostTurnsInVain && !may_compact_with(request().gfp, release_);
  if (same) co_return co_await endless_turn();
  co_await begin_again();
  co_return Next::again;
}

// --- whether to begin again ---

// Returns whether the attempt would leave enough if all these pages of a zone were free. Up to 4.9 they count less with
// each turn in vain.
bool SlowPathV4_8::enough_if_reclaimed(const ZoneList::Entry& entry, std::uint64_t reclaimable) const {
  const Zone& zone = buddy_.zone(entry.zone);
  std::uint64_t counted = reclaimable;
  if (release_ < Release::v4_10) counted -= (in_vain_ * reclaimable + kMostTurnsInVain - 1) / kMostTurnsInVain;
  const WatermarkRequest asked = {.order = request().order,
                                  .class_zone = entry.ceiling,
                                  .flags = buddy_.requests().attempt_flags(request(), repeated())};
  return buddy_.watermarks().zone_watermark_ok(zone, Watermarks::watermark(zone, Watermark::min), asked,
                                               zone.nr_free_pages + static_cast<std::int64_t>(counted));
}

// Takes back what is reserved for atomic requests, where releases since `first` do. Returns whether pages came free.
bool SlowPathV4_8::take_reserve() {
  if (core_.bugs.fires(Bug::reserve_outlasts_request)) return false;
  return buddy_.requests().unreserve_highatomic(request(), /*force=*/true);
}

// Returns whether reclaim may lead somewhere yet: there were no more than 16 turns in vain, and a zone would have
// enough if all that could be reclaimed was. Waits for I/O if most of that is dirty (up to 5.15). Since 4.10, before it
// gives up, takes back what is reserved for atomic requests: after 16 turns, since 6.8 (and the long-term series
// of 6.1 and 6.6) also where no zone would.
Task<bool> SlowPathV4_8::should_reclaim_retry() {
  const bool in_vain = freed() == 0 || costly();
  // More make no difference.
  if (!in_vain)
    in_vain_ = 0;
  else if (!core_.bugs.fires(Bug::vain_turns_uncounted))
    in_vain_ = std::min(in_vain_ + 1, kMostTurnsInVain + 1);
  const bool knows_reserve = release_ >= Release::v4_10;
  if (in_vain_ > kMostTurnsInVain) co_return knows_reserve ? take_reserve() : false;
  for (const ZoneList::Entry& entry : request().zonelist) {
    const std::uint64_t reclaimable = relief_.reclaimable(entry.zone);
    if (!enough_if_reclaimed(entry, reclaimable)) continue;
    const bool waits = freed() == 0 && release_ < Release::v5_16 && 2 * relief_.write_pending(entry.zone) > reclaimable;
    if (waits)
      co_await sleep_for(core_.engine, kWriteWait);
    else
      co_await begin_again();
    co_return true;
  }
  co_return since(release_, Release::v6_8, {Release::v6_1, Release::v6_6}) && take_reserve();
}

// Raises the priority of compaction. Returns false if it is at its highest, which is lower for large blocks.
bool SlowPathV4_8::raise_priority() {
  const CompactPriority highest = costly() ? CompactPriority::light : CompactPriority::full;
  if (priority_ <= highest) return false;
  priority_ = static_cast<CompactPriority>(static_cast<unsigned>(priority_) - 1);
  compactions_ = 0;
  return true;
}

// Returns whether a compaction would have room in a zone, with more pages reclaimed (compaction_zonelist_suitable).
bool SlowPathV4_8::any_zone_has_room() const {
  for (const ZoneList::Entry& entry : request().zonelist) {
    const std::uint64_t more = relief_.reclaimable(entry.zone) / request().order;
    const std::int64_t free = buddy_.zone(entry.zone).nr_free_pages + static_cast<std::int64_t>(more);
    if (relief_.compaction_has_room(entry, request().order, free)) return true;
  }
  return false;
}

// Returns whether another compaction may help. One that had no room does if reclaim can make some; up to 5.3 one that
// was put off or given up, or that skipped a part, is treated the same, later it gets a higher priority. One that has
// made a block, which another took, is repeated. Since 5.14 not for a task that is about to die.
bool SlowPathV4_8::should_compact_retry() {
  if (request().order == 0) return false;
  if (core_.engine.flags().fatal_signal && release_ >= Release::v5_14) return false;
  const bool withdrawn = compacted() == CompactResult::deferred || compacted() == CompactResult::contended ||
                         compacted() == CompactResult::partial_skipped;
  if (compacted() == CompactResult::skipped || (withdrawn && release_ < Release::v5_4)) return any_zone_has_room();
  if (compacted() == CompactResult::success) {
    const unsigned most = costly() ? kMostCompactions / 4 : kMostCompactions;
    // More make no difference.
    compactions_ = std::min(compactions_ + 1, kMostCompactions + 1);
    if (compactions_ <= most) return true;
  }
  return raise_priority();
}

}  // namespace cma
