#include "allocator/pressure/page_allocator.h"

#include <algorithm>

#include "allocator/pressure/slow_path.h"

namespace cma {

// Makes the attempts after the first. One that cannot wait makes them at once.
Task<Pfn> PageAllocator::serve_slowly(PageRequest& request) {
  bool can_wait = (request.gfp & kGfpDirectReclaim) != 0;
  if (!can_wait && relief_ != nullptr) can_wait = core_.bugs.fires(Bug::atomic_reclaims);
  if (relief_ == nullptr || !can_wait) {
    const bool wakes = relief_ != nullptr && (request.gfp & kGfpKswapdReclaim) != 0;
    if (wakes) relief_->wake_kswapds(request);
    co_return buddy_.requests().attempts_before_reclaim(request);
  }
  const SlowPathHelpers helpers{*relief_, killer_, endless_};
  const ActorId self = core_.engine.current();
  endless_.request_begins(self);
  const Pfn pfn = co_await run_slow_path(core_, buddy_, helpers, request);
  endless_.request_ends(self);
  if (!core_.engine.flags().given_up || endless_.requesting(self)) co_return pfn;
  core_.engine.flags().given_up = false;
  if (pfn == kNoPfn) gave_up_.push_back(self);
  co_return pfn;
}

Task<Pfn> PageAllocator::alloc_pages(Gfp gfp, unsigned order, unsigned node) {
  CMA_ASSERT((gfp & kGfpDirectReclaim) == 0 || !core_.engine.spinlocks().any_held());
  if (!gave_up_.empty()) std::erase(gave_up_, core_.engine.current());
  PageRequest request = buddy_.requests().begin(gfp, order, node);
  Pfn pfn = kNoPfn;
  if (order <= buddy_.largest_order()) {
    pfn = buddy_.requests().attempt(request, AllocAttempt::low);
    const bool goes_on = pfn == kNoPfn && !buddy_.requests().ends_at_first_attempt(request.gfp);
    if (goes_on) pfn = co_await serve_slowly(request);
  }
  if (pfn == kNoPfn) co_await buddy_.requests().report_failure_in_parts(request);
  buddy_.requests().end(request, pfn);
  CMA_ASSERT(pfn == kNoPfn || core_.map.page(pfn).ref == 1);
  co_return pfn;
}

}  // namespace cma
