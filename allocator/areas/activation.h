// Activating areas at boot: each gets its bitmap, and its pageblocks become CMA (cma_init_reserved_areas).
//
// AreaBoot makes one, once. Cost: O(pages of the areas).
#pragma once

#include "allocator/areas/area.h"
#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"

namespace cma {

class Activation {
 public:
  // Refers to all of its arguments, which must outlive it.
  Activation(const Core& core, Buddy& buddy, AreaTable& table)
      : release_(core.geometry.release), core_(core), buddy_(buddy), table_(table) {}

  // See AreaBoot::activate_all().
  void activate_all();

 private:
  bool activate_v3_5(Area& area);
  bool activate_v5_12(Area& area);
  bool make_bitmap(Area& area);
  bool in_one_zone(Pfn block, std::uint64_t pages, std::uint8_t zone) const;
  void activation_failed(Area& area);

  Release release_;
  Core core_;
  Buddy& buddy_;
  AreaTable& table_;
};

}  // namespace cma
