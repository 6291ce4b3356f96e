// A request for pages, from its first attempt to its last (mm/page_alloc.c): what it may do at each, which zones it
// tries, and the reserve that is kept for atomic requests. A part of Buddy, which hands it out.
//
//   PageRequest request = buddy.requests().begin(gfp, order, node);
//   Pfn pfn = buddy.requests().attempt(request, AllocAttempt::low);
//   ...                                          // while it is kNoPfn: other attempts, and whatever frees memory
//   if (pfn == kNoPfn) buddy.requests().report_failure(request);
//   buddy.requests().end(request, pfn);
//
// A request that waits nowhere is one call, Buddy::alloc_pages(). PageAllocator (pressure/) makes those that may wait.
// Nothing is kept here of a request under way: PageRequest holds it.
//
// Cost of an attempt: a look at the watermarks of each zone tried; then a hit on a per-CPU list is a handful of
// instructions for a single page, a refill linear in the batch, a compound page linear in its pages, and stealing a
// pageblock in the pageblock's.
//
// Locks: attempts and unreserve_highatomic() take zone->lock themselves; callers must not hold it. What the current
// actor's task may do (Engine::flags()) is asked at each call.
#pragma once

#include "allocator/base/gfp.h"
#include "allocator/buddy/alloc_flags.h"
#include "allocator/buddy/failed_requests.h"
#include "allocator/buddy/fallback.h"
#include "allocator/buddy/free_lists.h"
#include "allocator/buddy/pageblock_types.h"
#include "allocator/buddy/pcp.h"
#include "allocator/buddy/watermark.h"
#include "allocator/buddy/zone.h"
#include "allocator/frames/core.h"
#include "allocator/trace/allocation_watcher.h"

namespace cma {

// A request for pages under way.
struct PageRequest {
  Gfp asked = 0;  // its flags, as it began
  Gfp gfp = 0;    // without what the task's scopes take away
  unsigned order = 0;
  unsigned node = 0;
  ZoneList zonelist;        // the zones that may serve it
  std::uint32_t areas = 0;  // kAllocCma if it may have pages of areas
};

class RequestSteps {
 public:
  // The parts of Buddy that serve requests.
  struct Parts {
    Zones& zones;
    const Watermarks& watermarks;
    FreeLists& free_lists;
    PageblockTypes& pageblock_types;
    Fallback& fallback;
    PerCpuLists& per_cpu;
  };

  // Refers to the parts, which outlive it.
  RequestSteps(const Core& core, const Parts& parts) : core_(core), parts_(parts) {}
  // Sets the receiver of failing requests, nullptr for none. It is not owned.
  void report_failures_to(FailedRequests* receiver) { failed_requests_ = receiver; }

  // --- a request ---
  // Begins one for 2^order pages, aligned to their size (__alloc_pages). Requires of the flags what
  // Buddy::alloc_pages() does.
  PageRequest begin(Gfp gfp, unsigned order, unsigned node);
  // Looks at the zones once (get_page_from_freelist); all but AllocAttempt::low are of the slow path, and take the
  // flags that the task's scope forbids away from the request. Returns the first page, with one reference; kNoPfn, and
  // no page moves, if no zone may serve it so. Requires: order <= Buddy::largest_order(); may_use_reserves() of an
  // attempt at the reserves.
  Pfn attempt(PageRequest& request, AllocAttempt attempt);
  // Makes the attempts after the first that do not reclaim: at the min watermark, and at the reserves.
  Pfn attempts_before_reclaim(PageRequest& request);
  // Reports a request that fails to the receiver, as one step of the actor.
  void report_failure(const PageRequest& request);
  // The same, with points at which others may run unless the caller holds a spinlock.
  Task<void> report_failure_in_parts(const PageRequest& request);
  // Ends a request that got `pfn`, or kNoPfn: tells tracepoint and watcher.
  void end(const PageRequest& request, Pfn pfn);

  // --- what a request of the current actor may do ---
  // Returns the flags ALLOC_* of an attempt.
  std::uint32_t attempt_flags(const PageRequest& request, AllocAttempt attempt) const;
  // Returns the flags of the last attempt at a request that does not reclaim, but for kAllocCma: down to the min
  // watermark, and below it for atomic requests and real-time tasks; kAllocNoWatermarks for callers that are about to
  // free memory, kAllocOom for victims of the OOM killer. Up to 4.0 a request of GFP_THISNODE stays above the low
  // watermark. Buddy::alloc_pages() fails only if this attempt does.
  std::uint32_t last_attempt_flags(Gfp gfp, unsigned order) const;
  // Returns whether the request may use what is kept for those that free memory (gfp_pfmemalloc_allowed).
  bool may_use_reserves(Gfp gfp) const { return reserve_flags(gfp) != 0; }
  // Returns whether the request makes no attempt at the min watermark: up to 4.0 one of slab's, which takes pages of
  // other nodes itself (GFP_THISNODE).
  bool ends_at_first_attempt(Gfp gfp) const;

  // --- the reserve for atomic requests ---
  // Gives a pageblock of the reserve to the type of the request (unreserve_highatomic_pageblock): that of the smallest
  // free block there, in the first of its zones that has one. Zones that keep no more than a pageblock are passed over
  // unless `force` is set (4.10). If nothing moves, tries larger blocks and other zones since 4.10. Returns whether
  // pages came free for the request. Does nothing before 4.4.
  bool unreserve_highatomic(const PageRequest& request, bool force);

 private:
  bool reports(const PageRequest& request) const;
  Gfp in_scope(Gfp gfp) const;
  std::uint32_t fragment_flags(const ZoneList& zonelist) const;
  std::uint32_t reserve_flags(Gfp gfp) const;
  std::uint32_t slow_path_flags(Gfp gfp, unsigned order) const;
  Pfn get_page_from_freelist(Gfp gfp, unsigned order, std::uint32_t flags, const ZoneList& zonelist);
  Pfn try_zones(Gfp gfp, unsigned order, std::uint32_t flags, const ZoneList& zonelist);
  Pfn rmqueue(Zone& zone, Gfp gfp, unsigned order, std::uint32_t flags);
  bool takes_reserve_last(const Zone& zone, unsigned order, std::uint32_t flags);
  std::uint64_t most_reserved(const Zone& zone) const;
  void reserve_highatomic_pageblock(Zone& zone, Pfn pfn, unsigned order);

  Core core_;
  Parts parts_;
  FailedRequests* failed_requests_ = nullptr;
};

}  // namespace cma
