#include <fmt/format.h>

#include <algorithm>

#include "allocator/base/error.h"
#include "properties/board/explainer.h"
#include "properties/board/words.h"
#include "properties/explain/names.h"
#include "properties/explain/region_rule.h"

namespace cma {
namespace {

std::string subject_of(const TreeNode& node) { return "node " + node.name; }

// Returns which widths and properties /reserved-memory must get.
std::string root_changes(const BootTree& tree) {
  std::string text;
  const auto add = [&](const std::string& change) { text += (text.empty() ? "" : ", ") + change; };
  const auto add_cells = [&](const char* property, unsigned cells) {
    const std::string* value = tree.reserved_memory->find(property);
    if (value == nullptr || *value != cells_of(cells, 1)) add(fmt::format("{} = <{}>", property, cells));
  };
  add_cells("#address-cells", tree.address_cells);
  add_cells("#size-cells", tree.size_cells);
  if (!tree.reserved_memory->has("ranges")) add("`ranges`");
  return text;
}

}  // namespace

// --- the tree, and nodes that are passed over ---

void Explainer::explain_tree() {
  const std::string why = why_not_read(run_);
  if (why.empty()) return;
  const std::string nodes = plural(available_nodes(run_).size(), "node");
  answers_.push_back({"/reserved-memory", fmt::format("{}: the kernel ignores its {}", why, nodes), {}, {}});
  const std::string changes = root_changes(run_.board().tree);
  if (changes.empty()) return;
  try_change(
      "with " + changes, "/reserved-memory",
      [](Board& b) {
        TreeNode& root = *b.tree.reserved_memory;
        set_property(root, "#address-cells", cells_of(b.tree.address_cells, 1));
        set_property(root, "#size-cells", cells_of(b.tree.size_cells, 1));
        set_property(root, "ranges", "");
      },
      nullptr);
}

void Explainer::explain_ignored(const IgnoredNode& ignored) {
  answers_.push_back({run_.board().tree.regions[ignored.node].name, ignored.why, {}, {}});
}

// --- regions ---

void Explainer::explain_region(const ReservedRegion& region) {
  const TreeNode& node = run_.board().tree.regions[region.node];
  answers_.push_back({node.name, why_failed(run_, region), {}, {}});
  for (const ByteRange& searched : region.error == -kENOMEM ? region.searched : std::vector<ByteRange>())
    add_places(searched, region.free_before, region.alignment);
  const bool passed_over = run_.board().geometry.release >= Release::v5_6 && run_.boot().parameters().size.has_value();
  if (region.area_error != -kEBUSY && node.has("linux,cma-default") && passed_over)
    answers_.back().evidence.emplace_back("even with a place, cma= on the command line passes it over (since 5.6)");
  add_region_remedies(region, node);
  if (region.error == -kENOMEM && answers_.back().remedies.empty())
    answers_.back().evidence.emplace_back("no change that was tried makes it fit without a loss elsewhere");
}

// Tries the node with a property of this value, or without it.
bool Explainer::try_node_property(std::size_t index, const std::string& text, const char* property,
                                  const std::optional<std::string>& value) {
  const std::string& name = run_.board().tree.regions[index].name;
  return try_change(
      text, "node " + name, [&](Board& b) { set_property(b.tree.regions[index], property, value); },
      place_of_node(name));
}

void Explainer::add_region_remedies(const ReservedRegion& region, const TreeNode& node) {
  if (region.error == -kENOMEM) return add_room_remedies(region, node);
  const bool pool = node.compatible_with("shared-dma-pool");
  if (region.area_error == -kEBUSY)
    try_change(
        "without cma= on the command line", subject_of(node),
        [](Board& b) { b.cmdline = with_word(b.cmdline, "cma", std::nullopt); }, place_of_node(node.name));
  if (node.asks_for_area() && node.has("no-map"))
    try_node_property(region.node, "without `no-map`", "no-map", std::nullopt);
  if (node.asks_for_area() && !node.has("reusable")) try_node_property(region.node, "with `reusable`", "reusable", "");
  if (pool && !node.asks_for_area() && !node.has("no-map"))
    try_node_property(region.node, "with `no-map`", "no-map", "");
  if (region.area_error == -kENOSPC) add_slot_remedy(subject_of(node), place_of_node(node.name));
  if (region.area_error != -kEINVAL || !node.has("reusable") || region.size == 0) return;
  if (region.fixed) return add_unit_remedies(region);
  const std::uint64_t size = align_up(region.size, unit_of(run_.machine()));
  try_node_property(region.node, fmt::format("with size = {}", size_text(size)), "size",
                    cells_of(size, run_.board().tree.size_cells));
}

// Tries a smaller size, no limits, and another order.
void Explainer::add_room_remedies(const ReservedRegion& region, const TreeNode& node) {
  const std::uint64_t unit = unit_of(run_.machine());
  std::uint64_t most = 0;
  for (const ByteRange& searched : region.searched)
    most = std::max(most, most_free(searched, region.free_before, region.alignment));
  // What fits may leave no room for others, which come later.
  for (const std::uint64_t quarters : {4, 3, 2, 1}) {
    const std::uint64_t size = align_down(most / 4 * quarters, unit);
    const unsigned cells = run_.board().tree.size_cells;
    if (size == 0 || size >= region.wanted || !fits_cells(size, cells)) continue;
    const std::string value = cells_of(size, cells);
    if (try_node_property(region.node, fmt::format("with size = {}", size_text(size)), "size", value)) break;
  }
  if (node.has("alloc-ranges"))
    try_node_property(region.node, "with alloc-ranges left out", "alloc-ranges", std::nullopt);
  if (region.alignment > unit) try_node_property(region.node, "with alignment left out", "alignment", std::nullopt);
  add_order_remedy(node);
}

// Tries the node at other places among its siblings, the first ones first.
void Explainer::add_order_remedy(const TreeNode& node) {
  const std::vector<TreeNode>& regions = run_.board().tree.regions;
  const auto from = std::ranges::find(regions, node.name, &TreeNode::name) - regions.begin();
  constexpr std::ptrdiff_t kTries = 8;
  for (std::ptrdiff_t to = 0; to < std::min<std::ptrdiff_t>(std::ssize(regions), kTries); ++to) {
    if (to == from) continue;
    const std::string text =
        to == 0 ? "as the first node" : fmt::format("after node {}", regions[to - (to < from)].name);
    const auto move_node = [&](Board& b) {
      TreeNode moved = b.tree.regions[from];
      b.tree.regions.erase(b.tree.regions.begin() + from);
      b.tree.regions.insert(b.tree.regions.begin() + to, std::move(moved));
    };
    if (try_change(text, subject_of(node), move_node, place_of_node(node.name))) return;
  }
}

}  // namespace cma
