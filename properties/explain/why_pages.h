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

// Explains why a request for pages fails on the machine as it is now, if the current actor makes it. `killed`: how many
// processes were killed for memory since its operation began.
RefusedRequest explain_request(const Machine& machine, Gfp gfp, unsigned order, std::uint64_t killed = 0);

// Adds the evidence about a request that an operation was refused just now, and who has the pages of its zones. `left`:
// how many requests of this kind the operation still needs, this one counted; 0 if that is not known.
// O(pages of the zones).
void explain_refused(const World& world, const RefusedRequest& refused, std::uint64_t left, Answer& answer);

// What a range that could not be emptied for lack of memory would take yet.
struct MovesLeft {
  std::uint64_t pages = 0;     // in use in it
  std::uint64_t isolated = 0;  // free in it and in what is isolated with it
};
// Adds the evidence about the request for a page to move to that a migration was refused just now.
void explain_no_target(const World& world, const RefusedRequest& refused, const MovesLeft& moves, Answer& answer);

class RefusedRequests final : public AllocationWatcher {
 public:
  // Forgets everything, and watches the requests of this machine. Another watcher may take its place if it passes each
  // call on, as the laws do.
  void watch(Machine& machine);
  // Returns the last request of the actor that was refused since forget(); nullptr if there is none.
  const RefusedRequest* last(ActorId actor) const;
  // Forgets the requests of an actor, whose operation has ended.
  void forget(ActorId actor) {
    last_.erase(actor);
    killed_before_.erase(actor);
  }

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
  // How many processes had been killed when the operations under way made their first request.
  std::map<ActorId, std::uint64_t> killed_before_;
  // The attempt under way.
  AllocAttempt attempt_ = AllocAttempt::low;
  Gfp gfp_ = 0;
  unsigned order_ = 0;
};

}  // namespace cma
