#include "properties/board/holders.h"

#include <algorithm>

#include "allocator/base/error.h"
#include "properties/board/words.h"

namespace cma {
namespace {

// Returns the ranges of a node's `reg` after the first, which are reserved and nothing more.
std::vector<ByteRange> further_ranges(const BoardRun& run, const TreeNode& node) {
  const BootTree& tree = run.board().tree;
  const std::uint64_t mask = run.board().geometry.phys_mask();
  const std::size_t tuple = (tree.address_cells + tree.size_cells) * std::size_t{4};
  const std::string* reg = node.find("reg");
  std::vector<ByteRange> ranges;
  if (reg == nullptr || reg->size() % tuple != 0) return ranges;
  for (std::size_t byte = tuple; byte < reg->size(); byte += tuple) {
    const std::uint64_t base = number_at(*reg, byte, tree.address_cells) & mask;
    const std::uint64_t size = number_at(*reg, byte + 4 * tree.address_cells, tree.size_cells) & mask;
    if (size != 0) ranges.push_back(range_from(base, size));
  }
  return ranges;
}

void add_region(const BoardRun& run, const ReservedRegion& region, std::vector<Holder>& all) {
  const TreeNode& node = run.board().tree.regions[region.node];
  const Holder::Kind reserved = node.has("no-map") ? Holder::Kind::unmapped : Holder::Kind::region;
  const bool pool = region.error == 0 && region.saved && node.compatible_with("shared-dma-pool");
  const bool has_first = !region.area && region.size != 0 && (region.error == 0 || region.error == -kENOENT);
  if (has_first)
    all.push_back({.kind = pool ? Holder::Kind::pool : reserved,
                   .range = range_from(region.base, region.size),
                   .name = node.name,
                   .node = region.node});
  for (const ByteRange& range : further_ranges(run, node))
    all.push_back({.kind = reserved, .range = range, .name = node.name, .node = region.node, .further = true});
}

}  // namespace

const std::vector<ReservedRegion>& regions_of(const BoardRun& run) {
  static const std::vector<ReservedRegion> kNone;
  const auto& memory = run.boot().reserved_memory();
  return memory ? memory->regions() : kNone;
}

bool has_place(const ReservedRegion& region) {
  return region.fixed || (!region.searched.empty() && region.error != -kENOMEM);
}

bool was_given_back(const ReservedRegion& region) {
  return has_place(region) && region.error != 0 && region.error != -kENOENT;
}

std::vector<Holder> holders(const BoardRun& run) {
  const Machine& machine = run.machine();
  std::vector<Holder> all;
  for (AreaId id = 0; id < run.declared().size(); ++id) {
    Holder area{.kind = Holder::Kind::area, .range = bytes_of(machine, run.declared()[id]), .area = id};
    area.name = machine.areas.area(id).name;
    for (const ReservedRegion& region : regions_of(run))
      if (region.area == id) area.node = region.node;
    all.push_back(std::move(area));
  }
  for (const ReservedRegion& region : regions_of(run)) add_region(run, region, all);
  for (const auto& [base, size] : run.board().tree.header_reservations)
    if (size != 0)
      all.push_back({.kind = Holder::Kind::header, .range = range_from(base, size), .name = "/memreserve/"});
  for (const PfnRange& kept : run.board().geometry.reserved)
    all.push_back({.kind = Holder::Kind::boot, .range = bytes_of(machine, kept), .name = "boot"});
  return all;
}

std::string holders_of(const BoardRun& run, const ByteRange& range) {
  std::string names;
  const auto add = [&](const ByteRange& other, const std::string& name) {
    if (other.overlaps(range)) names += (names.empty() ? "" : ", ") + name;
  };
  for (const Holder& holder : holders(run))
    add(holder.range, (holder.kind == Holder::Kind::area ? "area " : "") + holder.name);
  for (const ReservedRegion& region : regions_of(run))
    if (was_given_back(region))
      add(range_from(region.base, region.size), run.board().tree.regions[region.node].name + " (given back later)");
  for (const PfnRange& hole : run.machine().geometry().holes) add(bytes_of(run.machine(), hole), "no memory");
  return names.empty() ? "reserved" : names;
}

}  // namespace cma
