// The quiet call: a cma_alloc that has the machine to itself. No other actor is inside an operation when it begins, and
// no other actor runs before it ends. If it fails it must have had a reason (completeness.h); a call that was disturbed
// gets no verdict, and its request is kept for the end of the program (checked_run.h).
//
// Used by Laws, which forwards what happens. There is one at most, as a second call disturbs the first. Cost of a call
// that succeeds: a pass over actors and owners, and a copy of the auditor's marks if audits run inside calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "allocator/machine.h"
#include "properties/laws/auditor.h"
#include "properties/laws/completeness.h"
#include "properties/laws/ledger.h"
#include "properties/laws/tallies.h"
#include "properties/program/observer.h"

namespace cma {

// At most this many failed, contended requests of a program are retried after it; more seldom find anything new.
inline constexpr std::size_t kContended = 4;

class QuietCall {
 public:
  QuietCall() = default;
  // before_ points into the object.
  QuietCall(const QuietCall&) = delete;
  QuietCall& operator=(const QuietCall&) = delete;

  // Returns whether a call that the current actor begins now is quiet: no other actor is inside an operation, and no
  // fatal signal can end the call.
  static bool may_begin(const Machine& machine);

  // Forgets the calls of the last program.
  void program_begins();
  // Records that the current actor begins a quiet call, and keeps the state before it. `audits_inside`: audits may run
  // before it ends, and control_changes() is also called when its own actor goes on. Requires: may_begin(); the auditor
  // is up to date, and outlives the call.
  void begins(const Machine& machine, const Auditor& auditor, bool audits_inside);
  // Ends the quiet call, if there is one: it has succeeded, or is no longer alone.
  void disturbed() { actor_ = kNoActor; }
  // Records that `next` is about to run. Disturbs the call unless it is the call's own actor, stopped at a point.
  void control_changes(ActorId next) {
    if (!audits_inside_ || next != actor_) disturbed();
  }
  // Takes the failure of the current actor's cma_alloc. If the call was quiet, checks the failure and throws LawBroken
  // (laws `contract` and `complete`); if not, keeps the request.
  void failed(const Machine& machine, const Ledger& ledger, const AreaRequest& request);

  // Returns the requests of calls that failed and were not quiet since program_begins(), each once, at most kContended.
  const std::vector<AreaRequest>& contended() const { return contended_; }

 private:
  void check_errors(const Machine& machine) const;
  void check_complete(const Machine& machine, const Ledger& ledger, const AreaRequest& request) const;
  void keep_contended(const AreaRequest& request);

  ActorId actor_ = kNoActor;  // kNoActor: no call is quiet
  bool audits_inside_ = false;
  std::size_t first_record_ = 0;  // of the trace, when the call began
  // The state before the call. Points to the auditor's marks, or to the copies below if audits run inside the call.
  QuietState before_;
  std::vector<Pfn> immovable_;
  std::vector<std::uint64_t> available_;
  std::vector<std::uint64_t> movable_;
  std::vector<Tallies> zone_sums_;
  std::vector<AreaRequest> contended_;
};

}  // namespace cma
