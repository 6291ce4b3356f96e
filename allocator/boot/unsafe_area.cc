#include "allocator/boot/unsafe_area.h"

namespace cma {

std::optional<UnsafeArea> unsafe_area(const Memblock& memblock, const Areas& areas) {
  const auto range = [&](AreaId id) {
    return PfnRange{areas.area(id).base, areas.area(id).base + areas.area(id).pages};
  };
  for (AreaId id = 0; id < areas.size(); ++id) {
    if (range(id).start < memblock.memory().start || range(id).end > memblock.memory().end)
      return UnsafeArea{UnsafeArea::Why::outside, id};
    if (!memblock.is_region_reserved(range(id))) return UnsafeArea{UnsafeArea::Why::given_back, id};
    for (AreaId other = 0; other < id; ++other)
      if (range(id).overlaps(range(other))) return UnsafeArea{UnsafeArea::Why::shared, id, other};
  }
  return std::nullopt;
}

}  // namespace cma
