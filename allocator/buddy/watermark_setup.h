// The figures that watermarks are tested with: how many pages each zone must keep free, how many it keeps for requests
// that cannot use higher zones, and by how much a boost raises its marks (mm/page_alloc.c).
//
// A part of Buddy, which hands it out for reading; Watermarks tests the figures. Computes them from the settings of the
// geometry and the release; the figures are the zones' (Zone::watermark, lowmem_reserve, watermark_boost).
//
// Cost: set_up() O(zones squared), the others O(1). Locks: callers of boost() hold zone->lock; boot needs none.
#pragma once

#include <cstdint>

#include "allocator/buddy/zone.h"
#include "allocator/frames/core.h"

namespace cma {

class WatermarkSetup {
 public:
  explicit WatermarkSetup(const Core& core);

  // Computes watermarks and lowmem reserves of all zones from what is managed now (init_per_zone_wmark_min,
  // __setup_per_zone_wmarks, setup_per_zone_lowmem_reserve), and sets the boosts that they have at boot
  // (Geometry::watermark_boost, at most most_boost()).
  void set_up(Zones& zones) const;

  // Raises all watermarks of a zone by a pageblock, because types were mixed in a pageblock (boost_watermark). Stops at
  // most_boost(). Only kswapd lowers them again.
  void boost(Zone& zone) const;
  // Returns by how many pages the watermarks of a zone may be raised: watermark_boost_factor / 10,000 of the high
  // watermark, at least a pageblock. 0 before 5.0, if that product is less than a page, or if the zone has fewer than
  // four pageblocks. Requires: set_up() has ended, or the zone's high watermark is set.
  std::uint64_t most_boost(const Zone& zone) const;

 private:
  bool is_highmem(const Zone& zone, bool machine_has_highmem) const;
  std::uint64_t reserve_ratio(const Zone& zone) const;

  Release release_;
  Core core_;
};

}  // namespace cma
