#include "properties/board/numa_nodes.h"

#include <algorithm>
#include <vector>

namespace cma {
namespace {

struct NodeStart {
  Pfn pfn = 0;
  unsigned node = 0;
};

// Returns where memory of each node begins, ascending.
std::vector<NodeStart> node_starts(const Geometry& geometry, const BootTree& tree) {
  std::vector<NodeStart> starts;
  const std::size_t tuple = (tree.address_cells + tree.size_cells) * std::size_t{4};
  for (const TreeNode& memory : tree.memory) {
    const std::string* reg = memory.find("reg");
    const std::string* id = memory.find("numa-node-id");
    if (reg == nullptr || id == nullptr || id->size() != 4) continue;
    for (std::size_t byte = 0; byte + tuple <= reg->size(); byte += tuple)
      starts.push_back({number_at(*reg, byte, tree.address_cells) >> geometry.page_shift(),
                        static_cast<unsigned>(number_at(*id, 0, 1))});
  }
  std::ranges::sort(starts, {}, &NodeStart::pfn);
  return starts;
}

// Returns the zones, each cut where the node changes.
std::vector<ZoneSpec> cut_zones(const std::vector<ZoneSpec>& zones, const std::vector<NodeStart>& starts) {
  std::vector<ZoneSpec> cut;
  for (ZoneSpec zone : zones) {
    zone.node = starts.front().node;
    for (const NodeStart& start : starts) {
      if (start.pfn > zone.range.start && start.pfn < zone.range.end && start.node != zone.node) {
        cut.push_back({zone.name, {zone.range.start, start.pfn}, zone.node});
        zone.range.start = start.pfn;
      }
      if (start.pfn <= zone.range.start) zone.node = start.node;
    }
    cut.push_back(zone);
  }
  return cut;
}

}  // namespace

std::string read_numa_nodes(Geometry& geometry, const BootTree& tree) {
  const auto has_node = [](const TreeNode& memory) { return memory.has("numa-node-id"); };
  const auto named = std::ranges::count_if(tree.memory, has_node);
  if (named == 0) return "";
  if (named != std::ssize(tree.memory)) return "numa-node-id is not read, as not all memory has it: all is of node 0";
  const std::vector<NodeStart> starts = node_starts(geometry, tree);
  if (starts.empty()) return "";
  Geometry cut = geometry;
  cut.zones = cut_zones(geometry.zones, starts);
  if (const std::optional<std::string> why = cut.impossible())
    return "numa-node-id is not read (" + *why + "): all memory is of node 0";
  geometry.zones = std::move(cut.zones);
  return "";
}

}  // namespace cma
