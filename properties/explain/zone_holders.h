// Who has the pages of a zone, the largest holder first; and what of it is page cache that could be dropped once it is
// written, or could not be, and why.
//
// Used by the explanations of requests for pages (why_pages.h). Cost: linear in the pages of the zone, the results and
// the buffers of the machine.
#pragma once

#include <cstdint>
#include <vector>

#include "properties/explain/answer.h"
#include "properties/program/world.h"

namespace cma {

// What becomes of a cached page that reclaim looks at.
enum class CacheState : std::uint8_t {
  clean,       // it can be dropped
  dirty,       // it has to be written first
  writeback,   // it is being written
  shared,      // shared memory: without swap it has no other place
  locked,      // locked in memory, or its page lock is held
  buffers,     // its buffers are in use
  references,  // others have references
};
inline constexpr std::size_t kCacheStates = 7;

// Adds who has the pages of this zone, one piece of evidence for each. Sums up pages of areas unless `may_use_areas`:
// they would be of no use to the request if they were freed. Returns how many pages of files in the zone the request
// could have if only they were written.
std::uint64_t add_zone_holders(const World& world, std::size_t zone, bool may_use_areas,
                               std::vector<Evidence>& evidence);

}  // namespace cma
