#include "properties/laws/audit_layout.h"

#include <algorithm>

namespace cma {
namespace {

void cut_stretches(Layout& layout, const Machine& machine) {
  const MemoryMap& map = machine.map;
  layout.stretches.clear();
  layout.first_of_chunk.clear();
  for (std::size_t chunk = 0; chunk < map.chunks(); ++chunk) {
    layout.first_of_chunk.push_back(static_cast<std::uint32_t>(layout.stretches.size()));
    const PfnRange range = map.chunk_range(chunk);
    for (std::size_t z = 0; z < machine.buddy.zones(); ++z) {
      const PfnRange zone = machine.buddy.zone(z).range;
      const Pfn begin = std::max(range.start, zone.start);
      const Pfn end = std::min(range.end, zone.end);
      if (begin >= end) continue;
      layout.stretches.push_back({map.frame(begin), map.frame(end - 1) + 1, static_cast<std::uint8_t>(z)});
    }
  }
  layout.first_of_chunk.push_back(static_cast<std::uint32_t>(layout.stretches.size()));
}

// Returns the range that an area was declared with. Areas of the geometry are declared first.
PfnRange declared_range(const Machine& machine, const Ledger& ledger, AreaId id) {
  const std::vector<AreaSpec>& specs = machine.geometry().areas;
  if (id < specs.size()) return {specs[id].base, specs[id].base + specs[id].pages};
  return ledger.declared()[id];
}

// Returns how many pageblocks of a declared area boot gives to the allocator as memory of the area. All of them if it
// could be activated, else none; but up to 5.11 zones were compared pageblock by pageblock, and those before the first
// that lies in another zone were given already. From 3.17 to 5.8 boot went no further after an area that failed.
std::uint64_t pageblocks_given(const Machine& machine, AreaId id, const PfnRange& range) {
  const MemoryMap& map = machine.map;
  const Area& area = machine.areas.area(id);
  const std::uint64_t step = map.pageblock_pages();
  if (area.active()) return range.pages() / step;
  const Release release = machine.release();
  if (release >= Release::v5_12 || area.fail_bitmap) return 0;
  if (release >= Release::v3_17 && release < Release::v5_9)
    for (AreaId earlier = 0; earlier < id; ++earlier)
      if (!machine.areas.area(earlier).active()) return 0;
  Pfn pfn = range.start;
  while (pfn < range.end && map.present(pfn) && map.page(pfn).zone == map.page(range.start).zone) ++pfn;
  return (pfn - range.start) / step;
}

// Records whether boot keeps these frames. Programs may declare areas outside memory: frames there are nothing's.
void mark_kept(Layout& layout, const MemoryMap& map, Pfn start, Pfn end, bool kept) {
  for (Pfn pfn = start; pfn < end; ++pfn)
    if (map.valid(pfn)) layout.kept[map.frame(pfn)] = kept ? 1 : 0;
}

// Marks the frames that boot keeps: all that were reserved, but for those of areas. Since 5.12 an area that could not
// be activated gives its frames to the allocator as ordinary memory; before, its frames stay reserved.
void learn_boot_memory(Layout& layout, const Machine& machine, const Ledger& ledger) {
  const MemoryMap& map = machine.map;
  layout.kept.assign(map.pages().size(), 0);
  layout.kept_in_zone.assign(machine.buddy.zones(), 0);
  layout.area_block.assign(map.pageblocks(), 0);
  // A device tree may reserve all that can be addressed.
  const PfnRange& memory = machine.memblock.memory();
  for (const PfnRange& range : machine.memblock.reserved())
    mark_kept(layout, map, std::max(range.start, memory.start), std::min(range.end, memory.end), true);
  for (AreaId id = 0; id < machine.areas.size(); ++id) {
    const PfnRange range = declared_range(machine, ledger, id);
    const std::uint64_t given = pageblocks_given(machine, id, range);
    const bool all = machine.release() >= Release::v5_12;
    const Pfn end = all ? range.end : range.start + given * map.pageblock_pages();
    mark_kept(layout, map, range.start, end, false);
    for (std::uint64_t block = 0; block < given; ++block)
      layout.area_block[(range.start >> map.pageblock_order()) - layout.first_block + block] = 1;
  }
  for (std::size_t frame = 0; frame < layout.kept.size(); ++frame)
    if (layout.kept[frame] != 0 && !map.pages()[frame].has(kPageHole)) ++layout.kept_in_zone[map.pages()[frame].zone];
}

}  // namespace

void lay_out(Layout& layout, const Machine& machine, const Ledger& ledger) {
  const MemoryMap& map = machine.map;
  cut_stretches(layout, machine);
  layout.word_base = align_order(map.range().start, map.chunk_order());
  layout.first_block = map.range().start >> map.pageblock_order();
  learn_boot_memory(layout, machine, ledger);
}

}  // namespace cma
