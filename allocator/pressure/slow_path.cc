#include "allocator/pressure/slow_path.h"

#include <algorithm>

namespace cma {
namespace {

// MAX_RECLAIM_RETRIES and MAX_COMPACT_RETRIES.
constexpr unsigned kMostTurnsInVain = 16;
constexpr unsigned kMostCompactions = 16;
// HZ / 10: how long a turn waits for I/O (up to 5.15).
constexpr Time kWriteWait = 100 * kMillisecond;
// An endless turn yields to others without sleeping. Here it sleeps, so that they run.
constexpr Time kEndlessSleep = 100 * kMillisecond;

// Returns whether no watermark binds the last of the attempts before reclaim.
bool ignores_watermarks(Gfp gfp, const TaskFlags& task) {
  const bool entitled = (gfp & kGfpMemalloc) != 0 || task.scope == ReclaimScope::noreclaim || task.is_oom_victim();
  return entitled && (gfp & kGfpNomemalloc) == 0;
}

// Returns whether the task is a victim of the OOM killer whose request gets no more of the reserves (4.12).
bool victim_has_its_share(Gfp gfp, const TaskFlags& task, Release release) {
  if (!task.is_oom_victim() || release < Release::v4_12) return false;
  // Since 4.14 one of a task that is about to free memory has more of them, and is repeated.
  return (gfp & kGfpNomemalloc) != 0 || (gfp & kGfpMemalloc) == 0 || release < Release::v4_14;
}

}  // namespace

AfterAttempts after_attempts(Gfp gfp, const TaskFlags& task, const Geometry& geometry) {
  const Release release = geometry.release;
  const bool nofail = (gfp & kGfpNofail) != 0;
  // GFP_THISNODE: slab takes pages of another node before the last ones of this.
  constexpr Gfp kSlabs = kGfpThisnode | kGfpNoretry | kGfpNowarn;
  if (release < Release::v4_1 && geometry.several_nodes() && (gfp & kSlabs) == kSlabs) return AfterAttempts::fails;
  // __alloc_pages_high_priority, up to 4.4.
  if (release < Release::v4_5 && nofail && ignores_watermarks(gfp, task)) return AfterAttempts::tries_again;
  if ((gfp & kGfpDirectReclaim) == 0) return AfterAttempts::fails;
  // A task that reclaims does not reclaim on behalf of its own requests.
  if (task.scope == ReclaimScope::noreclaim)
    return nofail && release >= Release::v4_5 ? AfterAttempts::tries_again : AfterAttempts::fails;
  // Since 4.12 a victim of the OOM killer reclaims once.
  if (task.is_oom_victim() && !nofail && release < Release::v4_12) return AfterAttempts::fails;
  return AfterAttempts::reclaims;
}

bool victim_gives_up(Gfp gfp, const TaskFlags& task, Release release) {
  return (gfp & kGfpNofail) == 0 && victim_has_its_share(gfp, task, release);
}

SlowPath::SlowPath(const Core& core, Buddy& buddy, const SlowPathHelpers& helpers, PageRequest& request)
    : release_(core.geometry.release),
      core_(core),
      buddy_(buddy),
      relief_(helpers.relief),
      killer_(helpers.killer),
      endless_(helpers.endless),
      request_(request),
      costly_(request.order > kCostlyOrder) {}

Task<Pfn> SlowPath::run() {
  if (release_ >= Release::v4_8)
    co_await run_v4_8();
  else
    co_await run_v3_5();
  co_return pfn_;
}

// --- steps of all releases ---

// Makes one attempt. Returns whether it has served the request.
bool SlowPath::attempt(AllocAttempt attempt) {
  CMA_ASSERT(!served());
  slept_ = false;
  pfn_ = buddy_.attempt(request_, attempt);
  return served();
}

// Returns whether a compaction may be made for the request (gfp_compaction_allowed, 6.9, and the long-term series from
// 5.10 on); before, it was tried, and skipped all zones.
bool SlowPath::may_compact() const { return release_ < Release::v5_10 || has(kGfpIo); }

// Takes down whether the task has a right to the reserves. The OOM killer may have chosen it since the last time.
void SlowPath::take_rights() {
  if (AllocationWatcher* const watcher = core_.trace.allocations()) watcher->rights_taken();
  const bool entitled = buddy_.may_use_reserves(request_.gfp);
  const bool unnoticed = entitled && !reserves_ && took_rights_ && core_.bugs.fires(Bug::victim_unnoticed);
  reserves_ = entitled && !unnoticed;
  took_rights_ = true;
}

// Frees pages, and tries again if there were any; once more without what other CPUs and the reserve for atomic requests
// hold back (__alloc_pages_direct_reclaim).
Task<void> SlowPath::reclaim() {
  co_await at(core_.engine, Point::alloc_reclaim);
  const ReclaimScope before = scope();
  core_.engine.flags().scope = ReclaimScope::noreclaim;
  progress_ = 0;
  if (!core_.bugs.fires(Bug::request_reclaims_nothing)) progress_ = co_await relief_.reclaim(request_);
  if (!core_.bugs.fires(Bug::reclaim_rights_kept)) core_.engine.flags().scope = before;
  freed_ += progress_;
  slept_ = true;
  if (progress_ == 0) co_return;
  co_await at(core_.engine, Point::alloc_reclaimed);
  if (core_.bugs.fires(Bug::freed_page_not_tried)) co_return;
  if (attempt(kind_)) co_return;
  buddy_.unreserve_highatomic(request_, /*force=*/false);
  co_await buddy_.per_cpu().drain_all_pages(PerCpuLists::kAllZones);
  attempt(kind_);
}

// Compacts memory, and tries again (__alloc_pages_direct_compact). Up to 5.9 it does not if nothing was compacted,
// since 5.13 if nothing could be.
Task<void> SlowPath::compact(CompactPriority priority) {
  if (request_.order == 0) co_return;
  const std::uint32_t flags = buddy_.attempt_flags(request_, kind_);
  const ReclaimScope before = scope();
  core_.engine.flags().scope = ReclaimScope::noreclaim;
  result_ = co_await relief_.compact(request_, flags, priority);
  core_.engine.flags().scope = before;
  slept_ = true;
  const bool deferred = result_ == CompactResult::deferred && release_ < Release::v5_10;
  const bool skipped = result_ == CompactResult::skipped && (release_ < Release::v5_10 || release_ >= Release::v5_13);
  if (deferred || skipped || given_up()) co_return;
  co_await at(core_.engine, Point::alloc_compacted);
  if (attempt(kind_)) relief_.compaction_served(core_.map.page(pfn_).zone, request_.order);
}

// Goes round in a loop without limit. Its turns begin anew, but for a few counts.
Task<SlowPath::Next> SlowPath::endless_turn() {
  const ActorId self = core_.engine.current();
  const auto priority = static_cast<std::uint64_t>(priority_);
  co_await at(core_.engine, Point::alloc_retry);
  endless_.begin(self, std::uint64_t{compactions_} << 16 | std::uint64_t{in_vain_} << 8 | priority);
  co_await sleep_for(core_.engine, kEndlessSleep);
  endless_.end(self);
  slept_ = true;
  co_return Next::again;
}

// Yields before another turn. A dying task counts pages as freed while others are isolated: its turns may have no end.
Task<void> SlowPath::begin_again() {
  if (core_.engine.flags().fatal_signal)
    co_await endless_turn();
  else
    co_await at(core_.engine, Point::alloc_retry);
}

void SlowPath::wake_kswapds() {
  if (has(kGfpKswapdReclaim)) relief_.wake_kswapds(request_);
}

// --- killing ---

// Returns whether no process is killed for the request, which then fails if it may. Up to 4.11 one is for any that must
// not; since 4.12 such a request goes on without.
bool SlowPath::killing_is_no_help() const {
  if (has(kGfpNofail) && release_ < Release::v4_12) return false;
  if (costly_ || (has(kGfpRetryMayfail) && release_ >= Release::v4_13)) return true;
  if (buddy_.gfp_zone(request_.gfp) < ZoneKind::normal) return true;
  return has(kGfpThisnode) && release_ >= Release::v3_19;
}

// Returns whether a victim has had what it may of the reserves, and is not to wait for more. Its request fails then, or
// goes on as one that must not fail does.
bool SlowPath::victim_ends() const {
  const bool tried = has(kGfpNomemalloc) || kind_ == AllocAttempt::reserves;
  return tried && victim_has_its_share(request_.gfp, core_.engine.flags(), release_);
}

// Kills a process, unless the request is for memory of one node (up to 3.18): it begins again then, as if one was.
Task<Killed> SlowPath::kill() {
  if (has(kGfpThisnode) && !has(kGfpNofail) && release_ < Release::v3_19) co_return Killed::waits;
  if (killer_ != nullptr) co_return co_await killer_->out_of_memory(request_);
  co_return leaves_alone(request_.gfp, release_) ? Killed::waits : Killed::none;
}

// Tries once more, well above what is kept free, and then kills a process (__alloc_pages_may_oom). One that must not
// fail begins again in any case; since 4.4 with the last page, if there is one.
Task<SlowPath::Next> SlowPath::may_kill() {
  if (attempt(AllocAttempt::high)) co_return Next::done;
  if (killing_is_no_help()) co_return Next::fails;
  const Killed killed = co_await kill();
  if (killed == Killed::none && !must_not_fail()) co_return Next::fails;
  if (has(kGfpNofail) && release_ >= Release::v4_4 && attempt(AllocAttempt::last_page)) co_return Next::done;
  if (victim_ends()) co_return Next::fails;
  in_vain_ = 0;
  restarts_ = true;
  if (killed != Killed::process) co_return co_await endless_turn();
  co_await at(core_.engine, Point::alloc_retry);
  co_return Next::again;
}

// --- since 4.8 ---

Task<void> SlowPath::run_v4_8() {
  wake_kswapds();
  if (attempt(AllocAttempt::min)) co_return;
  Next next = co_await first_compaction();
  while (next != Next::done) {
    core_.engine.turn();
    if (given_up()) co_return;
    if (next == Next::again) next = co_await turn_v4_8();
    slept_ = true;
    if (next != Next::fails) continue;
    // 4.12: one that must not fail gets some of the reserves, and begins again.
    const bool goes_on = release_ >= Release::v4_12 && must_not_fail();
    if (given_up() || !goes_on || attempt(AllocAttempt::helped)) co_return;
    next = co_await endless_turn();
  }
}

// Compacts memory before anything is reclaimed: for large blocks, which lack contiguous pages rather than pages; since
// 4.12 for all of memory that does not move, so that it stays together. One that may not use reserves only. With
// __GFP_NORETRY a large block is given up if that was put off; since 5.4 also if there was no room for it, and since
// 6.11, as in the long-term series of 6.1, if it should be of one node.
Task<SlowPath::Next> SlowPath::first_compaction() {
  const bool movable = migratetype_of(request_.gfp) == Migratetype::movable;
  const bool wanted = costly_ || (request_.order > 0 && !movable && release_ >= Release::v4_12);
  if (!wanted || !may_compact() || buddy_.may_use_reserves(request_.gfp)) co_return Next::again;
  co_await compact(CompactPriority::async);
  if (served()) co_return Next::done;
  if (!costly_ || !has(kGfpNoretry)) co_return Next::again;
  if (result_ == CompactResult::deferred) co_return Next::fails;
  if (result_ == CompactResult::skipped && release_ >= Release::v5_4) co_return Next::fails;
  if (has(kGfpThisnode) && release_ >= Release::v6_1) co_return Next::fails;
  priority_ = CompactPriority::async;
  co_return Next::again;
}

Task<SlowPath::Next> SlowPath::turn_v4_8() {
  wake_kswapds();
  take_rights();
  kind_ = reserves_ ? AllocAttempt::reserves : AllocAttempt::min;
  // Nothing has changed since the attempt before if no other has run.
  const bool anew = reserves_ || slept_;
  if (anew && attempt(kind_)) co_return Next::done;
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
bool SlowPath::gives_up_early() const {
  if (has(kGfpNoretry) && !core_.bugs.fires(Bug::noretry_retries)) return true;
  if (!costly_) return false;
  if (!may_compact()) return true;
  return !has(kGfpRetryMayfail) && !core_.bugs.fires(Bug::costly_retried);
}

Task<SlowPath::Next> SlowPath::after_reclaim() {
  if (given_up() || gives_up_early()) co_return Next::fails;
  const bool more_to_reclaim = co_await should_reclaim_retry();
  if (more_to_reclaim && progress_ > 0 && core_.bugs.fires(Bug::progress_ends_request)) co_return Next::fails;
  if (more_to_reclaim) co_return Next::again;
  if (progress_ == 0 || !may_compact() || !should_compact_retry()) co_return co_await may_kill();
  // Reclaim leaves a large block to a compaction, and calls that progress; but none is made, and each turn is the same.
  const bool same = in_vain_ > kMostTurnsInVain && !may_compact_with(request_.gfp, release_);
  if (same) co_return co_await endless_turn();
  co_await begin_again();
  co_return Next::again;
}

// --- whether to begin again ---

// Returns whether the attempt would leave enough if all these pages of a zone were free. Up to 4.9 they count less with
// each turn in vain.
bool SlowPath::enough_if_reclaimed(const ZoneList::Entry& entry, std::uint64_t reclaimable) const {
  const Zone& zone = buddy_.zone(entry.zone);
  std::uint64_t counted = reclaimable;
  if (release_ < Release::v4_10) counted -= (in_vain_ * reclaimable + kMostTurnsInVain - 1) / kMostTurnsInVain;
  const WatermarkRequest request = {
      .order = request_.order, .class_zone = entry.ceiling, .flags = buddy_.attempt_flags(request_, kind_)};
  return buddy_.watermarks().zone_watermark_ok(zone, Watermarks::watermark(zone, Watermark::min), request,
                                               zone.nr_free_pages + static_cast<std::int64_t>(counted));
}

// Takes back what is reserved for atomic requests, where releases since `first` do. Returns whether pages came free.
bool SlowPath::take_reserve(Release first) {
  if (release_ < first || core_.bugs.fires(Bug::reserve_outlasts_request)) return false;
  return buddy_.unreserve_highatomic(request_, /*force=*/true);
}

// Returns whether reclaim may lead somewhere yet: there were no more than 16 turns in vain, and a zone would have
// enough if all that could be reclaimed was. Waits for I/O if most of that is dirty (up to 5.15). Since 4.10, before it
// gives up, takes back what is reserved for atomic requests: after 16 turns, since 6.8 (and the long-term series
// of 6.1) also where no zone would.
Task<bool> SlowPath::should_reclaim_retry() {
  const bool in_vain = progress_ == 0 || costly_;
  // More make no difference.
  if (!in_vain)
    in_vain_ = 0;
  else if (!core_.bugs.fires(Bug::vain_turns_uncounted))
    in_vain_ = std::min(in_vain_ + 1, kMostTurnsInVain + 1);
  if (in_vain_ > kMostTurnsInVain) co_return take_reserve(Release::v4_10);
  for (const ZoneList::Entry& entry : request_.zonelist) {
    const std::uint64_t reclaimable = relief_.reclaimable(entry.zone);
    if (!enough_if_reclaimed(entry, reclaimable)) continue;
    const bool waits =
        progress_ == 0 && release_ < Release::v5_16 && 2 * relief_.write_pending(entry.zone) > reclaimable;
    if (waits)
      co_await sleep_for(core_.engine, kWriteWait);
    else
      co_await begin_again();
    co_return true;
  }
  co_return take_reserve(Release::v6_1);
}

// Raises the priority of compaction. Returns false if it is at its highest, which is lower for large blocks.
bool SlowPath::raise_priority() {
  const CompactPriority highest = costly_ ? CompactPriority::light : CompactPriority::full;
  if (priority_ <= highest) return false;
  priority_ = static_cast<CompactPriority>(static_cast<unsigned>(priority_) - 1);
  compactions_ = 0;
  return true;
}

// Returns whether a compaction would have room in a zone, with more pages reclaimed (compaction_zonelist_suitable).
bool SlowPath::any_zone_has_room() const {
  for (const ZoneList::Entry& entry : request_.zonelist) {
    const std::uint64_t more = relief_.reclaimable(entry.zone) / request_.order;
    const std::int64_t free = buddy_.zone(entry.zone).nr_free_pages + static_cast<std::int64_t>(more);
    if (relief_.compaction_has_room(entry, request_.order, free)) return true;
  }
  return false;
}

// Returns whether another compaction may help. One that had no room does if reclaim can make some; up to 5.3 one that
// was put off or given up, or that skipped a part, is treated the same, later it gets a higher priority. One that has
// made a block, which another took, is repeated. Since 5.14 not for a task that is about to die.
bool SlowPath::should_compact_retry() {
  if (request_.order == 0) return false;
  if (core_.engine.flags().fatal_signal && release_ >= Release::v5_14) return false;
  const bool withdrawn = result_ == CompactResult::deferred || result_ == CompactResult::contended ||
                         result_ == CompactResult::partial_skipped;
  if (result_ == CompactResult::skipped || (withdrawn && release_ < Release::v5_4)) return any_zone_has_room();
  if (result_ == CompactResult::success) {
    const unsigned most = costly_ ? kMostCompactions / 4 : kMostCompactions;
    // More make no difference.
    compactions_ = std::min(compactions_ + 1, kMostCompactions + 1);
    if (compactions_ <= most) return true;
  }
  return raise_priority();
}

// --- up to 4.7 ---

Task<void> SlowPath::run_v3_5() {
  priority_ = CompactPriority::async;
  Next next = Next::again;
  while (next == Next::again && !given_up()) {
    core_.engine.turn();
    next = co_await turn_v3_5();
  }
}

// The attempts of a request that no watermark binds; without limit if it must not fail (up to 4.4).
Task<SlowPath::Next> SlowPath::high_priority_v3_5() {
  if (attempt(AllocAttempt::reserves)) co_return Next::done;
  if (has(kGfpNofail) && release_ < Release::v4_5) co_return co_await endless_turn();
  co_return Next::fails;
}

// Takes its rights down anew in each turn (3.19); before, in the first and in each that follows may_kill().
Task<SlowPath::Next> SlowPath::turn_v3_5() {
  kind_ = AllocAttempt::min;
  if (restarts_ || release_ >= Release::v3_19) take_rights();
  restarts_ = false;
  if (attempt(kind_)) co_return Next::done;
  if (reserves_) {
    const Next next = co_await high_priority_v3_5();
    if (next != Next::fails) co_return next;
  }
  if (scope() == ReclaimScope::noreclaim) {
    if (has(kGfpNofail) && release_ >= Release::v4_5) co_return co_await endless_turn();
    co_return Next::fails;
  }
  if (is_victim() && !has(kGfpNofail)) co_return Next::fails;
  co_await compact(priority_);
  if (served()) co_return Next::done;
  priority_ = CompactPriority::light;
  const bool given_up = result_ == CompactResult::deferred || result_ == CompactResult::contended;
  if (given_up && !has(kGfpKswapdReclaim)) co_return Next::fails;
  co_await reclaim();
  if (served()) co_return Next::done;
  co_return co_await after_reclaim_v3_5();
}

// Returns whether a request is repeated: small ones always are, large ones that ask for it until as many pages were
// freed as they want.
bool SlowPath::should_alloc_retry_v3_5() const {
  if (has(kGfpNoretry) && !core_.bugs.fires(Bug::noretry_retries)) return false;
  if (progress_ > 0 && core_.bugs.fires(Bug::progress_ends_request)) return false;
  if (!costly_ || must_not_fail()) return true;
  return has(kGfpRetryMayfail) && freed_ < order_pages(request_.order);
}

Task<SlowPath::Next> SlowPath::after_reclaim_v3_5() {
  if (given_up()) co_return Next::fails;
  if (progress_ == 0 && has(kGfpFs) && !has(kGfpNoretry)) co_return co_await may_kill();
  if (should_alloc_retry_v3_5()) {
    // Of a large block, progress may be that reclaim leaves it to a compaction, which is put off.
    const bool enough_freed = costly_ && freed_ >= order_pages(request_.order);
    if (progress_ == 0 || enough_freed) co_return co_await endless_turn();
    co_await begin_again();
    co_return Next::again;
  }
  co_await compact(priority_);
  co_return served() ? Next::done : Next::fails;
}

}  // namespace cma
