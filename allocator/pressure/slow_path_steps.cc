#include "allocator/pressure/slow_path_steps.h"

namespace cma {
namespace {

// An endless turn yields to others without sleeping. Here it sleeps, so that they run.
constexpr Time kEndlessSleep = 100 * kMillisecond;

}  // namespace

SlowPathSteps::SlowPathSteps(const Core& core, Buddy& buddy, const SlowPathHelpers& helpers, PageRequest& request)
    : release_(core.geometry.release),
      core_(core),
      buddy_(buddy),
      relief_(helpers.relief),
      request_(request),
      killer_(helpers.killer),
      endless_(helpers.endless) {}

bool SlowPathSteps::attempt(AllocAttempt attempt) {
  CMA_ASSERT(!served());
  pfn_ = buddy_.requests().attempt(request_, attempt);
  return served();
}

// The OOM killer may have chosen the task since the last time.
void SlowPathSteps::take_rights() {
  if (AllocationWatcher* const watcher = core_.trace.allocations()) watcher->rights_taken();
  const bool entitled = buddy_.requests().may_use_reserves(request_.gfp);
  const bool unnoticed = entitled && !reserves_ && took_rights_ && core_.bugs.fires(Bug::victim_unnoticed);
  reserves_ = entitled && !unnoticed;
  took_rights_ = true;
}

// Repeats the attempt once more without what other CPUs and the reserve for atomic requests hold back.
Task<void> SlowPathSteps::reclaim() {
  co_await at(core_.engine, Point::alloc_reclaim);
  const ReclaimScope before = scope();
  core_.engine.flags().scope = ReclaimScope::noreclaim;
  freed_ = 0;
  if (!core_.bugs.fires(Bug::request_reclaims_nothing)) freed_ = co_await relief_.reclaim(request_);
  if (!core_.bugs.fires(Bug::reclaim_rights_kept)) core_.engine.flags().scope = before;
  if (freed_ == 0) co_return;
  co_await at(core_.engine, Point::alloc_reclaimed);
  if (core_.bugs.fires(Bug::freed_page_not_tried)) co_return;
  if (attempt(kind_)) co_return;
  buddy_.requests().unreserve_highatomic(request_, /*force=*/false);
  co_await buddy_.per_cpu().drain_all_pages(PerCpuLists::kAllZones);
  attempt(kind_);
}

Task<bool> SlowPathSteps::compact(CompactPriority priority) {
  if (request_.order == 0) co_return false;
  const std::uint32_t flags = buddy_.requests().attempt_flags(request_, kind_);
  const ReclaimScope before = scope();
  core_.engine.flags().scope = ReclaimScope::noreclaim;
  result_ = co_await relief_.compact(request_, flags, priority);
  core_.engine.flags().scope = before;
  const bool deferred = result_ == CompactResult::deferred && release_ < Release::v5_10;
  const bool skipped = result_ == CompactResult::skipped && (release_ < Release::v5_10 || release_ >= Release::v5_13);
  if (deferred || skipped || given_up()) co_return false;
  co_await at(core_.engine, Point::alloc_compacted);
  if (attempt(kind_)) relief_.compaction_served(core_.map.page(pfn_).zone, request_.order);
  co_return true;
}

// The next turn begins anew, but for what kept() counts.
Task<SlowPathSteps::Next> SlowPathSteps::endless_turn() {
  const ActorId self = core_.engine.current();
  const std::uint64_t locals = kept();
  co_await at(core_.engine, Point::alloc_retry);
  endless_.begin(self, locals);
  co_await sleep_for(core_.engine, kEndlessSleep);
  endless_.end(self);
  co_return Next::again;
}

// Yields before another turn. A dying task counts pages as freed while others are isolated: its turns may have no end.
Task<void> SlowPathSteps::begin_again() {
  if (core_.engine.flags().fatal_signal)
    co_await endless_turn();
  else
    co_await at(core_.engine, Point::alloc_retry);
}

}  // namespace cma
