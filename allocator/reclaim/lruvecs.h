// Which zones share LRU lists, and what is on them: those of a node; up to 4.7 each zone has lists of its own.
//
// The lists of the machine (LruLists) have the pages of all zones, each zone's in the order that its own lists would
// have. A LruVec names the part of them that the kernel would have as lists. A part of Reclaim. Cost: O(zones) where
// nothing else is stated.
#pragma once

#include <cstdint>
#include <vector>

#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"
#include "allocator/lru/lru.h"
#include "allocator/reclaim/scan_control.h"

namespace cma {

// A struct lruvec, by one of its zones: the first.
struct LruVec {
  std::size_t first_zone = 0;
  friend bool operator==(const LruVec&, const LruVec&) = default;
};

class LruVecs {
 public:
  static constexpr std::size_t kAllZones = ~std::size_t{0};

  // Refers to its arguments, which outlive it.
  LruVecs(const Core& core, const Buddy& buddy, const Lru& lru);

  // Returns the lists that a zone's pages are on. Requires: the machine has the zone, here and below.
  LruVec of_zone(std::size_t zone) const;
  // Returns those that a node begins with. Requires: the machine has the node; 4.8.
  LruVec of_node(unsigned node) const;
  bool contains(LruVec vec, std::size_t zone) const { return of_zone(zone) == vec; }

  // Returns the pages on one of the lists, of zones up to `ceiling` only.
  std::uint64_t size(LruVec vec, LruList list, std::size_t ceiling = kAllZones) const;
  // Returns the pages of the zones that are isolated from the file lists, or from the anonymous ones.
  std::uint64_t isolated(LruVec vec, bool file) const;
  // Returns the pages of a zone that reclaim could free (zone_reclaimable_pages): those of its file lists; without a
  // swap device no anonymous ones. 6.13, and the long-term series from 5.10 on, return the zone's free pages if there
  // are none, so that a zone with empty lists is not passed over.
  std::uint64_t reclaimable(std::size_t zone) const;
  // Returns the pages on a zone's file lists that are dirty or under writeback. O(pages of files).
  std::uint64_t write_pending(std::size_t zone) const;

  // Returns the flags and failures of the node, up to 4.7 of the zone.
  NodeState& state(LruVec vec) { return states_[vec.first_zone]; }
  const NodeState& state(LruVec vec) const { return states_[vec.first_zone]; }

  // Takes the states of a machine of the same geometry.
  void copy_from(const LruVecs& other) { states_ = other.states_; }

 private:
  Release release_;
  Core core_;
  const Buddy& buddy_;
  const Lru& lru_;
  std::vector<NodeState> states_;  // by zone; those of a LruVec's first zones are used
};

}  // namespace cma
