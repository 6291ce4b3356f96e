// Which operations under way have bits of an area: an allocation that has marked its window but not got it yet, a
// release whose bits are still set.
//
// Used by the explanations of requests to areas (why_area.h). Cost: linear in the operations of the program.
#pragma once

#include <string>
#include <vector>

#include "properties/explain/why_area.h"

namespace cma {

// Bits of an area that operations under way have.
struct BitsUnderWay {
  std::string name;         // "x, which is under way"
  std::uint64_t pages = 0;  // asked for by an allocation; of others all pages of the bits
  std::uint64_t bits = 0;
};

// Returns who has `unknown` bits of the area, which are set and belong to no buffer, as far as other operations than
// `asking` account for them. Allocations come in the order of the program. Releases share the rest, as bits of theirs
// are not told apart.
std::vector<BitsUnderWay> bits_under_way(const AreaSight& sight, AreaId id, Slot asking, std::uint64_t unknown);

}  // namespace cma
