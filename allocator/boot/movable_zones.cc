#include "allocator/boot/movable_zones.h"

#include <algorithm>
#include <array>

#include "allocator/areas/printed.h"
#include "allocator/base/assert.h"
#include "allocator/boot/parameters.h"

namespace cma {
namespace {

// The memory of one node, ascending, and where its zone Movable begins: 0 for nowhere.
struct NodeMemory {
  std::vector<PfnRange> ranges;
  Pfn movable = 0;
};

// Reads a size over that of an earlier word (cmdline_parse_core).
void read_core_size(std::string_view text, const Geometry& geometry, CoreSize& size) {
  const ParsedSize number = parse_integer(text);
  if (geometry.release >= Release::v4_17 && text.substr(number.length).starts_with('%')) {
    size.percent = as_long(geometry, number.bytes);
    return;
  }
  const std::uint64_t bytes = memparse(text, geometry.release).bytes;
  size = {as_long(geometry, bytes >> geometry.page_shift()), 0};
}

// Returns whether a list with commas has the word (parse_option_str).
bool has_option(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    if (list.substr(0, end) == word) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

// Spreads what the kernel keeps over the nodes (find_zone_movable_pfns_for_nodes).
class KernelCore {
 public:
  explicit KernelCore(const Geometry& geometry) : geometry_(geometry), zones_(geometry.effective_zones()) {
    for (const ZoneSpec& zone : zones_) add_memory(zone);
    // The highest zone is the last; lower ones are for the kernel alone.
    usable_start_ = zones_.back().range.start;
    for (const ZoneSpec& zone : zones_)
      if (zone.name == zones_.back().name) usable_start_ = std::min(usable_start_, zone.range.start);
  }

  // Returns the pages that the kernel keeps; 0 if it keeps all.
  std::uint64_t required(const MovableParameters& asked) const {
    std::uint64_t total = 0;
    for (const NodeMemory& node : nodes_)
      for (const PfnRange& range : node.ranges) total += range.pages();
    const auto pages_of = [&](const CoreSize& size) {
      if (size.percent == 0) return size.pages;
      return as_long(geometry_, as_long(geometry_, total * 100) * size.percent) / 10'000;
    };
    std::uint64_t kernel = pages_of(asked.kernelcore);
    if (const std::uint64_t movable = pages_of(asked.movablecore); movable != 0)
      kernel = std::max(kernel, total - std::min(total, align_up(movable, geometry_.largest_pages())));
    return kernel >= total ? 0 : kernel;
  }

  // Gives each node its share, those that have less memory what they have, until all is shared out.
  void spread(std::uint64_t required) {
    required_ = required;
    for (std::uint64_t nodes = usable_nodes(); nodes > 0 && required_ > nodes_left_; --nodes) {
      share_ = required_ / nodes;
      for (NodeMemory& node : nodes_) {
        if (required_ < share_) share_ = required_ / nodes;
        keep(node);
      }
      nodes_left_ = nodes - 1;
    }
  }

  // Returns the zones, cut where Movable begins.
  std::vector<ZoneSpec> zones() const;

 private:
  void add_memory(const ZoneSpec& zone);
  void keep(NodeMemory& node);
  std::uint64_t usable_nodes() const {
    return static_cast<std::uint64_t>(
        std::ranges::count_if(nodes_, [](const NodeMemory& node) { return !node.ranges.empty(); }));
  }

  const Geometry& geometry_;
  std::vector<ZoneSpec> zones_;
  std::array<NodeMemory, kMaxNodes> nodes_;
  Pfn usable_start_ = 0;
  std::uint64_t required_ = 0;    // what no node has been charged with yet
  std::uint64_t share_ = 0;       // of a node, in this pass
  std::uint64_t nodes_left_ = 0;  // for the next pass, which comes if there is more than a page for each
};

// Adds a zone's memory to its node: what lies between holes.
void KernelCore::add_memory(const ZoneSpec& zone) {
  std::vector<PfnRange> holes = geometry_.holes;
  std::ranges::sort(holes, {}, &PfnRange::start);
  std::vector<PfnRange>& ranges = nodes_[zone.node].ranges;
  Pfn start = zone.range.start;
  for (const PfnRange& hole : holes) {
    if (!hole.overlaps(zone.range)) continue;
    if (start < hole.start) ranges.push_back({start, hole.start});
    start = std::max(start, hole.end);
  }
  if (start < zone.range.end) ranges.push_back({start, zone.range.end});
}

// Charges a node with its share, and moves the start of its zone Movable up as far.
void KernelCore::keep(NodeMemory& node) {
  std::uint64_t left = share_;
  for (const PfnRange& range : node.ranges) {
    Pfn start = std::max(range.start, node.movable);
    if (start >= range.end) continue;
    if (start < usable_start_) {
      const std::uint64_t pages = std::min(range.end, usable_start_) - start;
      left -= std::min(pages, left);
      required_ -= std::min(pages, required_);
      if (range.end <= usable_start_) {
        node.movable = range.end;
        continue;
      }
      start = usable_start_;
    }
    const std::uint64_t pages = std::min(range.end - start, left);
    node.movable = start + pages;
    required_ -= std::min(pages, required_);
    left -= pages;
    if (left == 0) break;
  }
}

std::vector<ZoneSpec> KernelCore::zones() const {
  std::vector<ZoneSpec> zones;
  for (const ZoneSpec& zone : zones_) {
    const NodeMemory& node = nodes_[zone.node];
    const Pfn border = align_up(node.movable, geometry_.largest_pages());
    if (node.movable == 0 || border >= zone.range.end) {
      zones.push_back(zone);
      continue;
    }
    if (zone.range.start < border) {
      zones.push_back(zone);
      zones.back().range.end = border;
    }
    const PfnRange rest{std::max(zone.range.start, border), zone.range.end};
    const bool goes_on = !zones.empty() && zones.back().name == "Movable" && zones.back().node == zone.node;
    if (goes_on)
      zones.back().range.end = rest.end;
    else
      zones.push_back({.name = "Movable", .range = rest, .node = zone.node});
  }
  return zones;
}

}  // namespace

MovableParameters movable_parameters(std::string_view cmdline, const Geometry& geometry) {
  MovableParameters asked;
  for (const ParameterWord& word : words_of(cmdline)) {
    // What follows is for init, since 3.15.
    if (word.name == "--" && !word.value && geometry.release >= Release::v3_15) break;
    if (!word.value) continue;
    const bool mirror = geometry.release >= Release::v4_6 && has_option(*word.value, "mirror");
    if (word.name == "kernelcore" && !mirror) read_core_size(*word.value, geometry, asked.kernelcore);
    if (word.name == "movablecore") read_core_size(*word.value, geometry, asked.movablecore);
  }
  return asked;
}

std::vector<ZoneSpec> zones_with_movable(const Geometry& geometry, const MovableParameters& asked) {
  const std::vector<ZoneSpec> zones = geometry.effective_zones();
  CMA_ASSERT(std::ranges::find(zones, "Movable", &ZoneSpec::name) == zones.end());
  KernelCore core(geometry);
  const std::uint64_t required = core.required(asked);
  if (required == 0) return zones;
  core.spread(required);
  std::vector<ZoneSpec> cut = core.zones();
  CMA_ASSERT(cut.front().range.start == zones.front().range.start && cut.back().range.end == zones.back().range.end);
  return cut;
}

}  // namespace cma
