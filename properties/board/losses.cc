#include "properties/board/losses.h"

#include <fmt/format.h>

#include <algorithm>

#include "properties/board/dangers.h"
#include "properties/board/words.h"
#include "properties/explain/names.h"
#include "properties/explain/region_rule.h"

namespace cma {
namespace {

bool kernel_stops(const BoardRun& run) { return !run.boot().parameters().null_pointer.empty(); }

// Returns how a width of /reserved-memory differs from the root's; empty if it does not.
std::string width_differs(const TreeNode& node, std::string_view property, unsigned cells) {
  const std::string* value = node.find(property);
  if (value == nullptr) return fmt::format("it has no {}, and the root's is {}", property, cells);
  if (value->size() < 4) return fmt::format("its {} is no number", property);
  const std::uint64_t own = number_at(*value, 0, 1);
  return own == cells ? "" : fmt::format("its {} is {}, and the root's is {}", property, own, cells);
}

// Returns why the kernel passes a node over; empty if the node asks for nothing.
std::string why_ignored(const BoardRun& run, const TreeNode& node) {
  const BootTree& tree = run.board().tree;
  const Release release = run.board().geometry.release;
  const std::string* reg = node.find("reg");
  const bool asks = reg != nullptr || node.has("size");
  if (node.depth > 1)
    return asks && release >= Release::v5_18
               ? "since 5.18 only children of /reserved-memory are read, not nodes below them"
               : "";
  if (reg == nullptr && !node.has("size")) return "it has neither `reg` nor `size`: the kernel passes it over";
  if (reg == nullptr)
    return fmt::format("the kernel has room for {} regions to be placed", run.boot().reserved_memory()->most_regions());
  const std::size_t tuple = (tree.address_cells + tree.size_cells) * std::size_t{4};
  if (reg->size() % tuple != 0)
    return fmt::format("its `reg` has {}: each range has {} of address and {} of size, {} bytes",
                       plural(reg->size(), "byte"), plural(tree.address_cells, "cell"), plural(tree.size_cells, "cell"),
                       tuple);
  if (reg->empty()) return "its `reg` is empty";
  return "its `reg` has size 0";
}

// Returns where an area leaves its zone or has no memory; empty if it does not.
std::string leaves_zone(const Machine& machine, const PfnRange& range) {
  for (const PfnRange& hole : machine.geometry().holes)
    if (hole.overlaps(range))
      return fmt::format("there is no memory in {}, and an area must have no hole",
                         addresses_text(common_part(bytes_of(machine, hole), bytes_of(machine, range))));
  const std::vector<ZoneSpec> zones = machine.geometry().effective_zones();
  const auto first =
      std::ranges::find_if(zones, [&](const ZoneSpec& zone) { return zone.range.contains(range.start); });
  if (first == zones.end() || range.end <= first->range.end) return "";
  const auto second =
      std::ranges::find_if(zones, [&](const ZoneSpec& zone) { return zone.range.contains(first->range.end); });
  const std::string other = second == zones.end() ? "no zone"
                            : second->node == first->node
                                ? "zone " + second->name
                                : fmt::format("zone {} of node {}", second->name, second->node);
  return fmt::format("from {:#x} on it lies in {}, before in zone {}: an area must lie in one zone",
                     bytes_of(machine, first->range).end, other, first->name);
}

}  // namespace

std::vector<std::size_t> available_nodes(const BoardRun& run) {
  std::vector<std::size_t> nodes;
  const std::vector<TreeNode>& regions = run.board().tree.regions;
  for (std::size_t i = 0; i < regions.size(); ++i)
    if (regions[i].available()) nodes.push_back(i);
  return nodes;
}

std::string why_not_read(const BoardRun& run) {
  const BootTree& tree = run.board().tree;
  if (kernel_stops(run) || !tree.reserved_memory || available_nodes(run).empty()) return "";
  if (run.board().geometry.release < Release::v3_15) return "kernels read it since 3.15";
  // In the order of __reserved_mem_check_root.
  if (std::string why = width_differs(*tree.reserved_memory, "#size-cells", tree.size_cells); !why.empty()) return why;
  if (std::string why = width_differs(*tree.reserved_memory, "#address-cells", tree.address_cells); !why.empty())
    return why;
  return tree.reserved_memory->has("ranges") ? "" : "it has no `ranges`";
}

std::vector<IgnoredNode> ignored_nodes(const BoardRun& run) {
  std::vector<IgnoredNode> ignored;
  if (kernel_stops(run) || !run.board().tree.reserved_memory || !why_not_read(run).empty()) return ignored;
  for (const std::size_t node : available_nodes(run)) {
    if (std::ranges::find(regions_of(run), node, &ReservedRegion::node) != regions_of(run).end()) continue;
    if (std::string why = why_ignored(run, run.board().tree.regions[node]); !why.empty())
      ignored.push_back({node, std::move(why)});
  }
  return ignored;
}

std::string why_failed(const BoardRun& run, const ReservedRegion& region) {
  const Board& board = run.board();
  return region_rule({run.machine(), board.tree, board.config, *run.boot().reserved_memory()}, region);
}

bool failed(const BoardRun& run, const ReservedRegion& region) { return !why_failed(run, region).empty(); }

std::vector<InactiveArea> inactive_areas(const BoardRun& run) {
  std::vector<InactiveArea> inactive;
  if (!run.not_activated().empty()) return inactive;
  const Areas& areas = run.machine().areas;
  std::string before;
  for (AreaId id = 0; id < areas.size(); ++id) {
    if (areas.area(id).active()) continue;
    std::string why = leaves_zone(run.machine(), run.declared()[id]);
    // From 3.17 to 5.8 the first failure ends the initcall.
    if (!areas.area(id).activation_tried)
      why = fmt::format("{} could not be activated, and up to 5.8 that ends the activation of all after it", before);
    if (before.empty()) before = areas.area(id).name;
    inactive.push_back({id, std::move(why)});
  }
  return inactive;
}

std::string name_of_area(const BoardRun& run, AreaId area) {
  for (const ReservedRegion& region : regions_of(run))
    if (region.area == area) return "node " + run.board().tree.regions[region.node].name;
  return "area " + run.machine().areas.area(area).name;
}

std::vector<std::string> lost(const BoardRun& run) {
  std::vector<std::string> names;
  const std::vector<TreeNode>& nodes = run.board().tree.regions;
  if (!why_not_read(run).empty()) {
    names.emplace_back("/reserved-memory");
    for (const std::size_t node : available_nodes(run)) names.push_back("node " + nodes[node].name);
  }
  for (const IgnoredNode& ignored : ignored_nodes(run)) names.push_back("node " + nodes[ignored.node].name);
  for (const ReservedRegion& region : regions_of(run))
    if (failed(run, region)) names.push_back("node " + nodes[region.node].name);
  for (const AreaAttempt& attempt : run.attempts())
    if (attempt.error != 0) names.push_back("area " + attempt.request.name);
  for (const InactiveArea& inactive : inactive_areas(run)) names.push_back(name_of_area(run, inactive.area));
  for (const Danger& danger : dangers(run)) {
    names.push_back("danger " + danger.name);
    // Each place, so that a danger that grows counts as a loss.
    for (const std::string& place : danger.evidence) names.push_back(fmt::format("danger {}: {}", danger.name, place));
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace cma
