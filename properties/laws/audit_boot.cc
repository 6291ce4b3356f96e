// What boot keeps, and which pageblocks it gives to the allocator as memory of areas. Worked out once for a machine,
// from what was reserved and declared.

#include <algorithm>

#include "properties/laws/auditor.h"

namespace cma {

// Returns the range that an area was declared with. Areas of the geometry are declared first.
PfnRange Auditor::declared_range(AreaId id) const {
  const std::vector<AreaSpec>& specs = machine_->geometry().areas;
  if (id < specs.size()) return {specs[id].base, specs[id].base + specs[id].pages};
  return ledger_.declared()[id];
}

// Returns how many pageblocks of a declared area boot gives to the allocator as memory of the area. All of them if it
// could be activated, else none; but up to 5.11 zones were compared pageblock by pageblock, and those before the first
// that lies in another zone were given already. From 3.17 to 5.8 boot went no further after an area that failed.
std::uint64_t Auditor::pageblocks_given(AreaId id, const PfnRange& range) const {
  const MemoryMap& map = machine_->map;
  const Area& area = machine_->areas.area(id);
  const std::uint64_t step = map.pageblock_pages();
  if (area.active()) return range.pages() / step;
  const Release release = machine_->release();
  if (release >= Release::v5_12 || area.fail_bitmap) return 0;
  if (release >= Release::v3_17 && release < Release::v5_9)
    for (AreaId earlier = 0; earlier < id; ++earlier)
      if (!machine_->areas.area(earlier).active()) return 0;
  Pfn pfn = range.start;
  while (pfn < range.end && map.present(pfn) && map.page(pfn).zone == map.page(range.start).zone) ++pfn;
  return (pfn - range.start) / step;
}

// Records whether boot keeps these frames. Programs may declare areas outside memory: frames there are nothing's.
void Auditor::mark_kept(Pfn start, Pfn end, bool kept) {
  const MemoryMap& map = machine_->map;
  for (Pfn pfn = start; pfn < end; ++pfn)
    if (map.valid(pfn)) layout_.kept[map.frame(pfn)] = kept ? 1 : 0;
}

// Marks the frames that boot keeps: all that were reserved, but for those of areas. Since 5.12 an area that could not
// be activated gives its frames to the allocator as ordinary memory; before, its frames stay reserved.
void Auditor::learn_boot_memory() {
  const MemoryMap& map = machine_->map;
  layout_.kept.assign(map.pages().size(), 0);
  layout_.kept_in_zone.assign(machine_->buddy.zones(), 0);
  layout_.area_block.assign(map.pageblocks(), 0);
  for (const PfnRange& range : machine_->memblock.reserved()) mark_kept(range.start, range.end, true);
  for (AreaId id = 0; id < machine_->areas.size(); ++id) {
    const PfnRange range = declared_range(id);
    const std::uint64_t given = pageblocks_given(id, range);
    const bool all = machine_->release() >= Release::v5_12;
    const Pfn end = all ? range.end : range.start + given * map.pageblock_pages();
    mark_kept(range.start, end, false);
    for (std::uint64_t block = 0; block < given; ++block)
      layout_.area_block[(range.start >> map.pageblock_order()) - layout_.first_block + block] = 1;
  }
  for (std::size_t frame = 0; frame < layout_.kept.size(); ++frame)
    if (layout_.kept[frame] != 0 && !pages_[frame].has(kPageHole)) ++layout_.kept_in_zone[pages_[frame].zone];
}

}  // namespace cma
