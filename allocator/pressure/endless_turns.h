// Which actors make requests that take long: those whose request has found nothing yet, and those that repeat one, or a
// step of a compaction, that only another task can end, as the kernel's loops without limit do.
//
// The slow path and ZoneCompaction note each such turn here, and sleep. A scheduler may find out that a turn leads back
// to where it began, or that many were in vain, with nothing else able to run. It sets TaskFlags::given_up then: the
// request fails, which a kernel's never does. A part of PageAllocator. Cost: linear in such actors; there are few.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "allocator/engine/engine.h"

namespace cma {

class EndlessTurns {
 public:
  // The actor's request has found nothing at its first attempt. Requests are nested.
  void request_begins(ActorId actor) { requests_.push_back(actor); }
  // The latest of them has ended.
  void request_ends(ActorId actor) {
    const auto latest = std::find(requests_.rbegin(), requests_.rend(), actor);
    CMA_ASSERT(latest != requests_.rend());
    requests_.erase(std::next(latest).base());
  }
  // Returns whether the actor is inside such a request.
  bool requesting(ActorId actor) const {
    return std::find(requests_.begin(), requests_.end(), actor) != requests_.end();
  }

  // What is repeated: a request, or a step of a compaction. A driver that refuses ever so often ends the latter.
  enum class Kind : std::uint8_t { request, compaction };
  // It has made a turn in vain, and sleeps. `locals` is a number for what it keeps till the next one.
  void begin(ActorId actor, std::uint64_t locals, Kind kind = Kind::request) {
    turns_.push_back({actor, locals, kind});
  }
  // It wakes. Requires: begin() was its last call.
  void end(ActorId actor) {
    std::erase_if(turns_, [&](const Turn& turn) { return turn.actor == actor; });
  }
  // Returns whether the actor is between begin() and end().
  bool between(ActorId actor) const {
    return std::any_of(turns_.begin(), turns_.end(), [&](const Turn& turn) { return turn.actor == actor; });
  }
  // Returns whether it is, in a compaction.
  bool compacts(ActorId actor) const {
    return std::any_of(turns_.begin(), turns_.end(),
                       [&](const Turn& turn) { return turn.actor == actor && turn.kind == Kind::compaction; });
  }
  // Returns its number. Requires: between(actor).
  std::uint64_t locals(ActorId actor) const {
    const auto is_its = [&](const Turn& turn) { return turn.actor == actor; };
    return std::find_if(turns_.begin(), turns_.end(), is_its)->locals;
  }

  void reset() {
    requests_.clear();
    turns_.clear();
  }

 private:
  struct Turn {
    ActorId actor = 0;
    std::uint64_t locals = 0;
    Kind kind = Kind::request;
  };

  std::vector<ActorId> requests_;  // the latest last
  std::vector<Turn> turns_;
};

}  // namespace cma
