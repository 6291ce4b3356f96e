#include "properties/board/why_not.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <tuple>

#include "allocator/base/error.h"

namespace cma {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
// How many ranges of a kind an explanation lists.
constexpr std::size_t kListedRanges = 6;

std::uint64_t unit_of(const BoardRun& run) {
  const Geometry& g = run.machine().geometry();
  return g.isolation_unit() << g.page_shift();
}

ByteRange bytes_of(const BoardRun& run, const PfnRange& range) {
  const unsigned shift = run.machine().geometry().page_shift();
  return {range.start << shift, range.end << shift};
}

// Returns the bytes that count of a free range, from an aligned address on. Boot gives nothing away from the first page
// of all.
std::uint64_t usable(const ByteRange& free, std::uint64_t alignment) {
  const std::uint64_t first = align_up(std::max(free.start, std::uint64_t{1}), alignment);
  return first >= free.start && first < free.end ? free.end - first : 0;
}

// Returns the parts of the ranges that lie in this one.
std::vector<ByteRange> parts_in(const std::vector<ByteRange>& ranges, const ByteRange& within) {
  std::vector<ByteRange> parts;
  for (const ByteRange& range : ranges) {
    const ByteRange part{std::max(range.start, within.start), std::min(range.end, within.end)};
    if (part.start < part.end) parts.push_back(part);
  }
  return parts;
}

// Sets a property of a node, or takes it away.
void set_property(TreeNode& node, std::string_view name, const std::optional<std::string>& value) {
  std::erase_if(node.properties, [&](const TreeProperty& property) { return property.name == name; });
  if (value) node.properties.push_back({std::string(name), *value});
}

// Returns a size as a command line has it.
std::string size_word(std::uint64_t bytes) {
  if (bytes % kMiB == 0) return fmt::format("{}M", bytes / kMiB);
  return bytes % 1024 == 0 ? fmt::format("{}K", bytes / 1024) : fmt::format("{}", bytes);
}

// Returns the command line with this word in place of those of its name.
std::string with_word(std::string_view cmdline, std::string_view name, const std::string& value) {
  std::string text;
  for (const ParameterWord& word : words_of(cmdline)) {
    if (word.name == name) continue;
    const bool quoted = word.value && word.value->find(' ') != std::string::npos;
    text += word.name;
    if (word.value) text += fmt::format("={0}{1}{0}", quoted ? "\"" : "", *word.value);
    text += ' ';
  }
  return text + fmt::format("{}={}", name, value);
}

// Returns whether a region did not become what its node says.
bool failed(const BoardRun& run, const ReservedRegion& region) {
  const TreeNode& node = run.board().tree.regions[region.node];
  const bool to_be_area = node.has("reusable") && node.compatible_with("shared-dma-pool");
  return !region.saved || (region.error != 0 && region.error != -kENOENT) || (to_be_area && !region.area);
}

// Returns how much of what was asked for does not exist.
std::size_t failures(const BoardRun& run) {
  std::size_t count = run.not_activated().empty() ? 0 : 1;
  if (const auto& memory = run.boot().reserved_memory())
    for (const ReservedRegion& region : memory->regions()) count += failed(run, region) ? 1 : 0;
  for (const AreaAttempt& attempt : run.attempts()) count += attempt.error != 0 ? 1 : 0;
  return count;
}

class Explainer {
 public:
  explicit Explainer(const BoardRun& run) : run_(run) {}

  std::vector<WhyNot> explain() {
    if (const auto& memory = run_.boot().reserved_memory())
      for (const ReservedRegion& region : memory->regions()) explain_region(region, memory->most_regions());
    for (const AreaAttempt& attempt : run_.attempts())
      if (attempt.error != 0) explain_attempt(attempt);
    return std::move(answers_);
  }

 private:
  using Change = std::function<void(Board&)>;
  using Place = std::function<std::optional<ByteRange>(const BoardRun&)>;

  // Boots again with the change, and adds it as a remedy if what is explained then exists, and nothing else is lost for
  // it. Returns whether that is so.
  bool try_change(const std::string& text, const Change& change, const Place& place) {
    Board changed = run_.board();
    change(changed);
    const BoardRun again(changed);
    const std::optional<ByteRange> found = failures(again) < failures(run_) ? place(again) : std::nullopt;
    if (found) answers_.back().remedies.push_back(fmt::format("{}: at {}", text, range_in_words(*found)));
    return found.has_value();
  }

  void explain_region(const ReservedRegion& region, std::size_t most);
  std::string region_rule(const ReservedRegion& region, const TreeNode& node, std::size_t most) const;
  void add_region_remedies(const ReservedRegion& region, const TreeNode& node);
  void add_unit_remedies(const ReservedRegion& region, const TreeNode& node);
  void add_order_remedy(const TreeNode& node, const Place& place);
  void explain_attempt(const AreaAttempt& attempt);
  std::string attempt_rule(const AreaAttempt& attempt) const;
  void add_attempt_remedies(const AreaAttempt& attempt, const ByteRange& window);
  std::uint64_t add_places(const ByteRange& searched, const std::vector<ByteRange>& free, std::uint64_t alignment);

  const BoardRun& run_;
  std::vector<WhyNot> answers_;
};

// Adds what was free in a range that was searched, and what has the rest. Returns the most that is free in a row from
// an aligned address on.
std::uint64_t Explainer::add_places(const ByteRange& searched, const std::vector<ByteRange>& free,
                                    std::uint64_t alignment) {
  WhyNot& answer = answers_.back();
  const std::vector<ByteRange> in_memory = parts_in({bytes_of(run_, run_.machine().memblock.memory())}, searched);
  const ByteRange within = in_memory.empty() ? ByteRange{} : in_memory.front();
  answer.evidence.push_back(
      fmt::format("searched {}{}", range_in_words(searched), within.size() == 0 ? ": there is no memory" : ""));
  std::vector<ByteRange> rooms = parts_in(free, within);
  std::vector<ByteRange> taken;
  std::uint64_t next = within.start;
  for (const ByteRange& room : rooms) {
    if (next < room.start) taken.push_back({next, room.start});
    next = room.end;
  }
  if (next < within.end) taken.push_back({next, within.end});
  std::ranges::sort(rooms, [&](const ByteRange& a, const ByteRange& b) {
    const std::uint64_t counts_a = usable(a, alignment);
    const std::uint64_t counts_b = usable(b, alignment);
    return std::tie(counts_b, a.start) < std::tie(counts_a, b.start);
  });
  for (std::size_t i = 0; i < std::min(rooms.size(), kListedRanges); ++i)
    answer.evidence.push_back(fmt::format("  {} is free: {} of it after alignment", range_in_words(rooms[i]),
                                          size_in_words(usable(rooms[i], alignment))));
  for (std::size_t i = 0; i < std::min(taken.size(), kListedRanges); ++i)
    answer.evidence.push_back(fmt::format("  {}: {}", range_in_words(taken[i]), holders_of(run_, taken[i])));
  return rooms.empty() ? 0 : usable(rooms.front(), alignment);
}

// --- regions ---

// Returns the rule that refused the region; empty if none did.
std::string Explainer::region_rule(const ReservedRegion& region, const TreeNode& node, std::size_t most) const {
  if (!region.saved && region.error == 0)
    return fmt::format("the kernel's table has {} places for regions (MAX_RESERVED_REGIONS): it is reserved only",
                       most);
  if (region.error == -kENOMEM)
    return fmt::format("no place for {} aligned to {}", size_in_words(region.wanted), size_in_words(region.alignment));
  const bool pool = node.compatible_with("shared-dma-pool");
  if (pool && node.has("reusable") && node.has("no-map"))
    return "`reusable` and `no-map` contradict each other: memory that is not mapped cannot be lent";
  if (region.area_error == -kEBUSY)
    return "the command line has cma=, which since 5.8 takes precedence over the tree's default area";
  if (region.area_error == -kENOSPC)
    return fmt::format("all {} slots for areas are taken (MAX_CMA_AREAS)", run_.machine().geometry().max_areas);
  if (region.area_error != 0 && node.has("reusable")) {
    if (region.size == 0) return "its size is 0";
    return fmt::format("{} is not in whole units of {} (it need be no power of two)",
                       range_in_words({region.base, region.base + region.size}), size_in_words(unit_of(run_)));
  }
  if (region.error == -kEINVAL && pool && !node.has("reusable"))
    return "on arm a pool of coherent memory must have `no-map`";
  if (region.error == -kEINVAL) return "`size`, `alignment` or `alloc-ranges` has a wrong length";
  return "";
}

void Explainer::explain_region(const ReservedRegion& region, std::size_t most) {
  const TreeNode& node = run_.board().tree.regions[region.node];
  const std::string rule = region_rule(region, node, most);
  if (rule.empty()) return;
  answers_.push_back({node.name, rule, {}, {}});
  for (const ByteRange& searched : region.error == -kENOMEM ? region.searched : std::vector<ByteRange>())
    add_places(searched, region.free_before, region.alignment);
  add_region_remedies(region, node);
}

// Returns where the region of this name is, if it has become what it is to be.
std::optional<ByteRange> place_of_region(const BoardRun& run, const std::string& name) {
  for (const ReservedRegion& region : run.boot().reserved_memory()->regions())
    if (run.board().tree.regions[region.node].name == name && !failed(run, region))
      return ByteRange{region.base, region.base + region.size};
  return std::nullopt;
}

void Explainer::add_region_remedies(const ReservedRegion& region, const TreeNode& node) {
  const std::string name = node.name;
  const std::size_t index = region.node;
  const Place place = [name](const BoardRun& run) { return place_of_region(run, name); };
  const unsigned size_cells = run_.board().tree.size_cells;
  if (region.error != -kENOMEM) {
    if (region.area_error == -kEINVAL && region.fixed) add_unit_remedies(region, node);
    return;
  }
  std::uint64_t most = 0;
  for (const ByteRange& searched : region.searched)
    for (const ByteRange& room : parts_in(region.free_before, searched))
      most = std::max(most, align_down(usable(room, region.alignment), unit_of(run_)));
  if (most != 0)
    try_change(
        fmt::format("size = {}", size_in_words(most)),
        [&](Board& b) { set_property(b.tree.regions[index], "size", cells_of(most, size_cells)); }, place);
  if (node.has("alloc-ranges"))
    try_change(
        "alloc-ranges left out", [&](Board& b) { set_property(b.tree.regions[index], "alloc-ranges", std::nullopt); },
        place);
  if (region.alignment > unit_of(run_))
    try_change(
        "alignment left out", [&](Board& b) { set_property(b.tree.regions[index], "alignment", std::nullopt); }, place);
  add_order_remedy(node, place);
}

// Tries the node at other places among its siblings, the first ones first.
void Explainer::add_order_remedy(const TreeNode& node, const Place& place) {
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
    if (try_change(text, move_node, place)) return;
  }
}

// Tries the fixed place in whole units.
void Explainer::add_unit_remedies(const ReservedRegion& region, const TreeNode& node) {
  const BootTree& tree = run_.board().tree;
  const std::size_t index = region.node;
  const std::string name = node.name;
  const Place place = [name](const BoardRun& run) { return place_of_region(run, name); };
  const auto fixed_at = [&](std::uint64_t base, std::uint64_t size) {
    if (size == 0) return;
    const std::string reg = cells_of(base, tree.address_cells) + cells_of(size, tree.size_cells);
    try_change(
        fmt::format("reg = {:#x} {:#x}", base, size),
        [&](Board& b) { set_property(b.tree.regions[index], "reg", reg); }, place);
  };
  const std::uint64_t unit = unit_of(run_);
  const std::uint64_t end = region.base + region.size;
  fixed_at(align_down(region.base, unit), align_up(end, unit) - align_down(region.base, unit));
  const std::uint64_t inner = align_up(region.base, unit);
  if (inner < align_down(end, unit)) fixed_at(inner, align_down(end, unit) - inner);
  const std::uint64_t size = align_up(region.size, unit);
  try_change(
      fmt::format("size = {}, and no reg", size_in_words(size)),
      [&](Board& b) {
        set_property(b.tree.regions[index], "reg", std::nullopt);
        set_property(b.tree.regions[index], "size", cells_of(size, tree.size_cells));
      },
      place);
}

// --- areas of the DMA layer ---

// Returns the rule that refused the declaration.
std::string Explainer::attempt_rule(const AreaAttempt& attempt) const {
  const DeclareRequest& request = attempt.request;
  const std::string size = size_in_words(request.size);
  if (attempt.error == -kENOSPC)
    return fmt::format("all {} slots for areas are taken (MAX_CMA_AREAS)", run_.machine().geometry().max_areas);
  if (attempt.error == -kEBUSY) return fmt::format("{} at {:#x}: a part of it is reserved already", size, request.base);
  if (attempt.error == -kENOMEM) return fmt::format("no place for {}", size);
  if (request.fixed && !is_aligned(request.base, unit_of(run_)))
    return fmt::format("the base {:#x} is no multiple of {}", request.base, size_in_words(unit_of(run_)));
  return fmt::format("{} from {:#x} on end after the limit, or lie in low and in high memory", size, request.base);
}

void Explainer::explain_attempt(const AreaAttempt& attempt) {
  const DeclareRequest& request = attempt.request;
  answers_.push_back({request.name == "reserved" ? "default area" : request.name, attempt_rule(attempt), {}, {}});
  const ByteRange memory = bytes_of(run_, run_.machine().memblock.memory());
  ByteRange window{request.base, request.limit == 0 ? memory.end : request.limit};
  if (request.fixed) window = {request.base, request.base + request.size};
  add_places(window, attempt.free_before, unit_of(run_));
  if (request.name == "reserved") add_attempt_remedies(attempt, window);
}

std::optional<ByteRange> place_of_default(const BoardRun& run) {
  const std::optional<AreaId> id = run.boot().dma().default_area();
  return id ? std::optional(bytes_of(run, run.declared()[*id])) : std::nullopt;
}

void Explainer::add_attempt_remedies(const AreaAttempt& attempt, const ByteRange& window) {
  const DeclareRequest& request = attempt.request;
  const std::string& cmdline = run_.board().cmdline;
  const auto with_cma = [&](const std::string& value) {
    try_change("cma=" + value, [&](Board& b) { b.cmdline = with_word(cmdline, "cma", value); }, place_of_default);
  };
  const std::uint64_t unit = unit_of(run_);
  std::uint64_t most = 0;
  for (const ByteRange& room : parts_in(attempt.free_before, window)) {
    const bool at_base = !request.fixed || room.start <= window.start;
    if (at_base) most = std::max(most, align_down(usable(room, unit), unit));
  }
  std::string window_word;
  if (request.fixed) window_word = fmt::format("@{:#x}", request.base);
  if (!request.fixed && request.base != 0) window_word = fmt::format("@{:#x}-{:#x}", request.base, request.limit);
  if (most != 0 && most < request.size) with_cma(size_word(most) + window_word);
  if (window_word.empty()) return;
  with_cma(size_word(request.size));
  if (request.fixed && !is_aligned(request.base, unit)) {
    with_cma(size_word(request.size) + fmt::format("@{:#x}", align_down(request.base, unit)));
    with_cma(size_word(request.size) + fmt::format("@{:#x}", align_up(request.base, unit)));
  }
}

}  // namespace

std::string size_in_words(std::uint64_t bytes) {
  if (bytes % kMiB == 0) return fmt::format("{} MiB", bytes / kMiB);
  return bytes % 1024 == 0 ? fmt::format("{} KiB", bytes / 1024) : fmt::format("{} bytes", bytes);
}

std::string range_in_words(const ByteRange& range) { return fmt::format("[{:#x}, {:#x})", range.start, range.end); }

std::string holders_of(const BoardRun& run, const ByteRange& range) {
  std::string names;
  const auto add = [&](const ByteRange& other, const std::string& name) {
    if (other.overlaps(range)) names += (names.empty() ? "" : ", ") + name;
  };
  const Machine& machine = run.machine();
  for (AreaId id = 0; id < machine.areas.size(); ++id)
    add(bytes_of(run, run.declared()[id]), "area " + machine.areas.area(id).name);
  if (const auto& memory = run.boot().reserved_memory())
    for (const ReservedRegion& region : memory->regions())
      if (!region.area) add({region.base, region.base + region.size}, run.board().tree.regions[region.node].name);
  for (const auto& [base, size] : run.board().tree.header_reservations)
    add({base, base + std::min(size, ~base)}, "/memreserve/");
  for (const PfnRange& kept : machine.geometry().reserved) add(bytes_of(run, kept), "boot");
  for (const PfnRange& hole : machine.geometry().holes) add(bytes_of(run, hole), "no memory");
  return names.empty() ? "reserved" : names;
}

std::vector<WhyNot> explain_boot(const BoardRun& run) { return Explainer(run).explain(); }

}  // namespace cma
