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

Zones::Zones(const Core& core) : map_(core.map), bugs_(core.bugs), several_nodes_(core.geometry.several_nodes()) {
  for (const ZoneSpec& spec : core.geometry.effective_zones()) {
    Zone zone;
    zone.range = spec.range;
    zone.kind = zone_kind_from_name(spec.name);
    zone.node = spec.node;
    for (Pfn pfn = spec.range.start; pfn < spec.range.end; ++pfn) zone.present += core.map.present(pfn) ? 1 : 0;
    zones_.push_back(zone);
    names_.push_back(spec.name);
    nodes_ = std::max(nodes_, spec.node + 1);
  }
}

std::string Zones::title(std::size_t index) const {
  if (!several_nodes_) return names_[index];
  return names_[index] + " of node " + std::to_string(zones_[index].node);
}

bool Zones::has(ZoneKind kind) const {
  return std::ranges::any_of(zones_, [kind](const Zone& zone) { return zone.kind == kind; });
}

ZoneKind Zones::gfp_zone(Gfp gfp) const {
  ZoneKind highest = ZoneKind::normal;
  if (gfp & kGfpDma)
    highest = ZoneKind::dma;
  else if (gfp & kGfpDma32)
    highest = ZoneKind::dma32;
  else if (gfp & kGfpHighmem)
    highest = (gfp & kGfpMovable) ? ZoneKind::other : ZoneKind::high_mem;
  // OPT_ZONE_DMA and its like: a kernel without such a zone takes Normal for it.
  return highest < ZoneKind::normal && !has(highest) ? ZoneKind::normal : highest;
}

std::size_t Zones::ceiling(Gfp gfp, unsigned node) const {
  const ZoneKind highest = gfp_zone(gfp);
  std::size_t ceiling = several_nodes_ ? kNone : 0;
  for (std::size_t z = 0; z < zones_.size(); ++z)
    if (zones_[z].kind <= highest && (zones_[z].node == node || !several_nodes_)) ceiling = z;
  return ceiling;
}

ZoneList Zones::zonelist(Gfp gfp, unsigned node) const {
  ZoneList list;
  const auto add = [&](unsigned from) {
    const std::size_t ceiling = this->ceiling(gfp, from);
    if (ceiling == kNone) return;
    for (std::size_t z = ceiling + 1; z-- > 0;)
      if (zones_[z].node == from || !several_nodes_)
        list.entries[list.size++] = {static_cast<std::uint8_t>(z), static_cast<std::uint8_t>(ceiling)};
  };
  if (!several_nodes_) {
    add(0);
    return list;
  }
  if ((gfp & kGfpThisnode) != 0 && !bugs_.fires(Bug::thisnode_ignored)) {
    add(node);
    return list;
  }
  for (unsigned from = node; from < nodes_; ++from) add(from);
  for (unsigned from = 0; from < node; ++from) add(from);
  return list;
}

}  // namespace cma
