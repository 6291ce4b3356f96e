#include "allocator/pressure/slow_path_steps.h"

namespace cma {

Task<Pfn> SlowPathV3_5::run() {
  CMA_ASSERT(release_ < Release::v4_8 && !served());
  Next next = Next::again;
  while (next == Next::again && !given_up()) {
    core_.engine.turn();
    next = co_await turn();
  }
  CMA_ASSERT((next == Next::done) == served());
  co_return page();
}

// Makes the attempts of a request that no watermark binds; without limit if it must not fail (up to 4.4).
Task<SlowPathSteps::Next> SlowPathV3_5::high_priority() {
  if (attempt(AllocAttempt::reserves)) co_return Next::done;
  if (has(kGfpNofail) && release_ < Release::v4_5) co_return co_await endless_turn();
  co_return Next::fails;
}

// Takes its rights down anew in each turn (3.19); before, in the first and after a call of the killer.
Task<SlowPathSteps::Next> SlowPathV3_5::turn() {
  if (restarts_ || release_ >= Release::v3_19) take_rights();
  restarts_ = false;
  if (attempt(AllocAttempt::min)) co_return Next::done;
  if (has_rights()) {
    const Next next = co_await high_priority();
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
  const bool put_off = compacted() == CompactResult::deferred || compacted() == CompactResult::contended;
  if (put_off && !has(kGfpKswapdReclaim)) co_return Next::fails;
  co_await reclaim();
  all_freed_ += freed();
  if (served()) co_return Next::done;
  co_return co_await after_reclaim();
}

// Returns whether a request is repeated: small ones always are, large ones that ask for it until as many pages were
// freed as they want.
bool SlowPathV3_5::should_alloc_retry() const {
  if (has(kGfpNoretry) && !core_.bugs.fires(Bug::noretry_retries)) return false;
  if (freed() > 0 && core_.bugs.fires(Bug::progress_ends_request)) return false;
  if (!costly() || must_not_fail()) return true;
  return has(kGfpRetryMayfail) && all_freed_ < order_pages(request().order);
}

Task<SlowPathSteps::Next> SlowPathV3_5::after_reclaim() {
  if (given_up()) co_return Next::fails;
  if (freed() == 0 && has(kGfpFs) && !has(kGfpNoretry)) co_return co_await may_kill();
  if (should_alloc_retry()) {
    // Of a large block, progress may be that reclaim leaves it to a compaction, which is put off.
    const bool enough_freed = costly() && all_freed_ >= order_pages(request().order);
    if (freed() == 0 || enough_freed) co_return co_await endless_turn();
    co_await begin_again();
    co_return Next::again;
  }
  co_await compact(priority_);
  co_return served() ? Next::done : Next::fails;
}

}  // namespace cma
