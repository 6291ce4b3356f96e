#include "allocator/buddy/zone.h"

#include <algorithm>

namespace cma {

ZoneKind zone_kind_from_name(const std::string& name) {
  if (name == "DMA") return ZoneKind::dma;
  if (name == "DMA32") return ZoneKind::dma32;
  if (name == "Normal") return ZoneKind::normal;
  if (name == "HighMem") return ZoneKind::high_mem;
  return name == "Movable" ? ZoneKind::movable : ZoneKind::other;
}

Zones::Zones(const Core& core) : map_(core.map) {
  for (const ZoneSpec& spec : core.geometry.effective_zones()) {
    Zone zone;
    zone.range = spec.range;
    zone.kind = zone_kind_from_name(spec.name);
    for (Pfn pfn = spec.range.start; pfn < spec.range.end; ++pfn) zone.present += core.map.present(pfn) ? 1 : 0;
    zones_.push_back(zone);
    names_.push_back(spec.name);
  }
}

bool Zones::has(ZoneKind kind) const {
  return std::ranges::any_of(zones_, [kind](const Zone& zone) { return zone.kind == kind; });
}

std::size_t Zones::ceiling(Gfp gfp) const {
  ZoneKind highest = ZoneKind::normal;
  if (gfp & kGfpDma)
    highest = ZoneKind::dma;
  else if (gfp & kGfpDma32)
    highest = ZoneKind::dma32;
  else if (gfp & kGfpHighmem)
    highest = (gfp & kGfpMovable) ? ZoneKind::other : ZoneKind::high_mem;
  // OPT_ZONE_DMA and its like: a kernel without such a zone takes Normal for it.
  if (highest < ZoneKind::normal && !has(highest)) highest = ZoneKind::normal;
  std::size_t ceiling = 0;
  for (std::size_t z = 0; z < zones_.size(); ++z)
    if (zones_[z].kind <= highest) ceiling = z;
  return ceiling;
}

}  // namespace cma
