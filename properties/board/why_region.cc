#include <fmt/format.h>

#include <algorithm>

#include "allocator/base/error.h"
#include "properties/board/explainer.h"
#include "properties/board/words.h"

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

// Returns how the length of a property is wrong; empty if it is right or there is no such property.
std::string wrong_length(const TreeNode& node, const char* property, unsigned cells, const char* cells_property) {
  const std::string* value = node.find(property);
  if (value == nullptr || value->size() == cells * std::size_t{4}) return "";
  return fmt::format("`{}` has {}, and {} are {} ({})", property, count_in_words(value->size(), "byte"),
                     count_in_words(cells, "cell"), cells * 4, cells_property);
}

}  // namespace

// --- the tree, and nodes that are passed over ---

void Explainer::explain_tree() {
  const std::string why = why_not_read(run_);
  if (why.empty()) return;
  const std::string nodes = count_in_words(available_nodes(run_).size(), "node");
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

// Returns which property of a node the kernel could not read, in its order (__reserved_mem_alloc_size).
std::string Explainer::bad_property(const TreeNode& node) const {
  const BootTree& tree = run_.board().tree;
  if (!node.has("size")) return "its `reg` has size 0, and it has no `size`";
  if (std::string why = wrong_length(node, "size", tree.size_cells, "#size-cells"); !why.empty()) return why;
  if (std::string why = wrong_length(node, "alignment", tree.address_cells, "#address-cells"); !why.empty()) return why;
  const std::string* ranges = node.find("alloc-ranges");
  return fmt::format("`alloc-ranges` has {}: each range has {} of address and {} of size",
                     count_in_words(ranges == nullptr ? 0 : ranges->size(), "byte"),
                     count_in_words(tree.address_cells, "cell"), count_in_words(tree.size_cells, "cell"));
}

// Returns why a region is not the area that its node asks for.
std::string Explainer::area_rule(const ReservedRegion& region, const TreeNode& node) const {
  if (run_.board().geometry.release < Release::v3_18)
    return "nodes become areas since 3.18: before, it is reserved only";
  if (region.area_error == -kEBUSY)
    return "the command line has cma=, which since 5.8 takes precedence over the tree's default area";
  if (!node.has("reusable")) {
    const bool arm = run_.board().config.architecture == Architecture::arm && !node.has("no-map");
    return fmt::format("it has `linux,cma-default`, but no `reusable`: that makes it a pool of coherent memory{}",
                       arm ? ", which on arm must have `no-map`" : ", not an area");
  }
  if (node.has("no-map"))
    return "`reusable` and `no-map` contradict each other: memory that is not mapped cannot be lent";
  if (region.area_error == -kENOSPC) return no_slots();
  if (region.size == 0) return "its size is 0";
  return fmt::format("{} is not in whole units of {} (it need be no power of two)",
                     range_in_words(range_from(region.base, region.size)), size_in_words(unit_of(run_.machine())));
}

// Returns the rule that refused the region.
std::string Explainer::region_rule(const ReservedRegion& region, const TreeNode& node) const {
  if (!region.saved && region.error == 0)
    return fmt::format("the kernel's table has {} places for regions (MAX_RESERVED_REGIONS): it is reserved only",
                       run_.boot().reserved_memory()->most_regions());
  if (region.error == -kENOMEM && region.searched.empty()) return "its `alloc-ranges` is empty";
  if (region.error == -kENOMEM)
    return fmt::format("no place for {} aligned to {}", size_in_words(region.wanted), size_in_words(region.alignment));
  if (!region.fixed && region.searched.empty()) return bad_property(node);
  if (asks_for_area(node)) return area_rule(region, node);
  if (stays_mapped(run_, region))
    return "a part of it is reserved already, so it stays mapped: since 5.12 the kernel refuses to unmap that";
  return "on arm a pool of coherent memory must have `no-map`: nothing is made of it";
}

void Explainer::explain_region(const ReservedRegion& region) {
  const TreeNode& node = run_.board().tree.regions[region.node];
  answers_.push_back({node.name, region_rule(region, node), {}, {}});
  for (const ByteRange& searched : region.error == -kENOMEM ? region.searched : std::vector<ByteRange>())
    add_places(searched, region.free_before, region.alignment);
  const bool passed_over = run_.board().geometry.release >= Release::v5_8 && run_.boot().parameters().size.has_value();
  if (region.area_error != -kEBUSY && node.has("linux,cma-default") && passed_over)
    answers_.back().evidence.emplace_back("even with a place, cma= on the command line passes it over (since 5.8)");
  add_region_remedies(region, node);
  if (region.error == -kENOMEM && answers_.back().remedies.empty())
    answers_.back().evidence.emplace_back("no change that was tried makes it fit without a loss elsewhere");
}

void Explainer::add_region_remedies(const ReservedRegion& region, const TreeNode& node) {
  const std::size_t index = region.node;
  const auto try_property = [&](const std::string& text, const char* property, std::optional<std::string> value) {
    try_change(
        text, subject_of(node), [&](Board& b) { set_property(b.tree.regions[index], property, value); },
        place_of_node(node.name));
  };
  if (region.error == -kENOMEM) return add_room_remedies(region, node);
  const bool pool = node.compatible_with("shared-dma-pool");
  if (region.area_error == -kEBUSY)
    try_change(
        "without cma= on the command line", subject_of(node),
        [](Board& b) { b.cmdline = with_word(b.cmdline, "cma", std::nullopt); }, place_of_node(node.name));
  if (asks_for_area(node) && node.has("no-map")) try_property("without `no-map`", "no-map", std::nullopt);
  if (asks_for_area(node) && !node.has("reusable")) try_property("with `reusable`", "reusable", "");
  if (pool && !asks_for_area(node) && !node.has("no-map")) try_property("with `no-map`", "no-map", "");
  if (region.area_error == -kENOSPC) add_slot_remedy(subject_of(node), place_of_node(node.name));
  if (region.area_error != -kEINVAL || !node.has("reusable") || region.size == 0) return;
  if (region.fixed) return add_unit_remedies(region);
  const std::uint64_t size = align_up(region.size, unit_of(run_.machine()));
  try_property(fmt::format("with size = {}", size_in_words(size)), "size",
               cells_of(size, run_.board().tree.size_cells));
}

// Tries a smaller size, no limits, and another order.
void Explainer::add_room_remedies(const ReservedRegion& region, const TreeNode& node) {
  const std::size_t index = region.node;
  const std::string subject = subject_of(node);
  const auto try_property = [&](const std::string& text, const char* property, std::optional<std::string> value) {
    return try_change(
        text, subject, [&](Board& b) { set_property(b.tree.regions[index], property, value); },
        place_of_node(node.name));
  };
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
    if (try_property(fmt::format("with size = {}", size_in_words(size)), "size", value)) break;
  }
  if (node.has("alloc-ranges")) try_property("with alloc-ranges left out", "alloc-ranges", std::nullopt);
  if (region.alignment > unit) try_property("with alignment left out", "alignment", std::nullopt);
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
