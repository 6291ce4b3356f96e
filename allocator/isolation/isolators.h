// The record of the actors that have isolated pageblocks, which the kernel does not keep.
//
// Isolation writes it. The law `restored` and `cmacheck run --why` read it, and contig/, to note that a bug was
// reached; no decision of the model depends on it. Cost: O(pageblocks that are isolated), each of which has a record.
#pragma once

#include <algorithm>
#include <vector>

#include "allocator/frames/core.h"

namespace cma {

class Isolators {
 public:
  // A pageblock that an actor has isolated and not yet given back itself.
  struct Held {
    Pfn block;  // its first frame
    ActorId actor;
  };

  // In all calls `block` is the first frame of a pageblock.

  // Returns the records, oldest first.
  const std::vector<Held>& held() const { return held_; }
  // Returns the actor that has isolated the pageblock, the first if there are two; kNoActor if there is none.
  ActorId of(Pfn block) const {
    const auto found = std::ranges::find(held_, block, &Held::block);
    return found == held_.end() ? kNoActor : found->actor;
  }
  // Records that the actor has isolated the pageblock.
  void add(Pfn block, ActorId actor) { held_.push_back({block, actor}); }
  // Removes the actor's oldest record of the pageblock, if there is one.
  void drop(Pfn block, ActorId actor) {
    const auto mine =
        std::ranges::find_if(held_, [&](const Held& held) { return held.block == block && held.actor == actor; });
    if (mine != held_.end()) held_.erase(mine);
  }

 private:
  std::vector<Held> held_;
};

}  // namespace cma
