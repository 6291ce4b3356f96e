// Why the page allocator gave no block: for each zone its free pages, what the request may use of them, and what it
// must leave.
//
// RefusedRequests watches the requests for pages of a run and keeps, for each actor, the answer to the last one that
// was refused, as the machine was then; what would have helped is as it was before the request began to reclaim. Part
// of the recorder (why.h). Cost: O(zones) for each request that is refused.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "properties/explain/answer.h"
#include "properties/program/world.h"

namespace cma {

// A request that was refused.
struct RefusedRequest {
  Gfp gfp = 0;
  unsigned order = 0;
  std::vector<std::size_t> zones;  // the preferred one, and the one that was nearest to serving it; none if none could
  bool may_use_areas = false;      // whether free pages of areas serve it
  std::string brief;               // the short answer
  std::vector<Evidence> evidence;
};

// Explains why a request for pages fails on the machine as it is now, if the current actor makes it.
RefusedRequest explain_request(const Machine& machine, Gfp gfp, unsigned order);

// Adds which results, processes and files have the pages of these zones, the largest first. Sums up pages that would be
// of no use to the request if they were freed. O(pages of the zones).
void add_holders(const World& world, const RefusedRequest& refused, std::vector<Evidence>& evidence);

class RefusedRequests final : public AllocationWatcher {
 public:
  // Forgets everything, and watches the requests of this machine. Another watcher may take its place if it passes each
  // call on, as the laws do.
  void watch(Machine& machine);
  // Returns the last request of the actor that was refused since forget(); nullptr if there is none.
  const RefusedRequest* last(ActorId actor) const;
  // Forgets the requests of an actor, whose operation has ended.
  void forget(ActorId actor) { last_.erase(actor); }

  // --- AllocationWatcher ---
  void allocation_begins(Gfp gfp, unsigned order, unsigned node) override;
  void attempt_begins(AllocAttempt attempt, Gfp gfp, unsigned order, unsigned node) override;
  void attempt_ended(Pfn pfn) override;
  void allocation_ended(Gfp gfp, unsigned order, Pfn pfn) override;

 private:
  Machine* machine_ = nullptr;
  std::map<ActorId, RefusedRequest> last_;
  // What would have helped requests under way before they began to reclaim.
  std::map<ActorId, std::vector<Evidence>> remedies_;
  // The attempt under way.
  AllocAttempt attempt_ = AllocAttempt::low;
  Gfp gfp_ = 0;
  unsigned order_ = 0;
};

}  // namespace cma
