#include "properties/logs/memory_report.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace cma::logs {
namespace {

constexpr std::size_t kMostFailures = 5000;
constexpr std::size_t kMostZones = 32;
constexpr std::size_t kMostOrders = 16;
constexpr std::size_t kMostReserves = 8;
constexpr std::size_t kMostNodeRanges = 64;
// A report is printed at once; stack trace and header of a failure stand before it.
constexpr std::uint64_t kLongestReport = 400;
constexpr std::uint64_t kLinesAfterVmalloc = 3;
constexpr std::uint64_t kLongestStack = 64;
// From the last line about a zone to that of a driver: the end of the report, which counts pages of several sorts.
constexpr std::uint64_t kLinesToRequester = 16;
constexpr std::int64_t kTimeToRequester = 1'000'000;
// Of a task (TASK_COMM_LEN less one).
constexpr std::size_t kLongestName = 15;
// What no zone has: figures of damaged lines.
constexpr std::uint64_t kMostKb = std::uint64_t{1} << 44;

// Returns the last word of a text: its part after the last blank.
std::string last_word(std::string_view text) {
  while (text.ends_with(' ')) text.remove_suffix(1);
  const std::size_t blank = text.rfind(' ');
  return std::string(blank == std::string_view::npos ? text : text.substr(blank + 1));
}

// Returns the name of a zone that a text ends with: "DMA", "Node 0 Normal".
std::string zone_name(std::string_view before) {
  const std::string name = last_word(before);
  const std::size_t node = before.rfind("Node ");
  if (node == std::string_view::npos) return name;
  Match match;
  if (match_pattern("Node {node:u} ", before, node, match) != Fit::whole) return name;
  return "Node " + match.fields[0].text + " " + name;
}

// Returns the name of the task that a text ends with: what a logger has put before it is left out.
std::string task_name(std::string_view before) {
  while (before.ends_with(' ') || before.ends_with(':')) before.remove_suffix(1);
  std::string_view name = before;
  for (const std::string_view end : {"]", "> ", "kernel: ", "MESSAGE=", "\""}) {
    const std::size_t at = name.rfind(end);
    if (at != std::string_view::npos) name.remove_prefix(at + end.size());
  }
  name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
  return !name.empty() && name.size() <= kLongestName ? std::string(name) : last_word(before);
}

// Returns whether this is the name of a zone, perhaps with its node.
bool is_zone(const std::string& name) {
  constexpr std::string_view zones[] = {"DMA", "DMA32", "Normal", "HighMem", "Movable", "Device"};
  return std::ranges::find(zones, std::string_view(name).substr(name.rfind(' ') + 1)) != std::end(zones);
}

// Returns the figure of a key such as "free_cma:" in kB; nullopt if the text does not have it whole.
std::optional<std::uint64_t> figure(std::string_view text, std::string_view key) {
  const std::string pattern_head = " " + std::string(key) + ":";
  const std::size_t at = text.find(pattern_head);
  if (at == std::string_view::npos) return std::nullopt;
  Match match;
  if (match_pattern("{kb:u}kB", text, at + pattern_head.size(), match) == Fit::whole) return match.fields[0].number;
  // The reserve's unit is printed with a capital letter.
  if (match_pattern("{kb:u}KB", text, at + pattern_head.size(), match) == Fit::whole) return match.fields[0].number;
  return std::nullopt;
}

// Returns the nodes of a list such as "0-1,3"; what follows it does not count. Empty if the list is too long, or cannot
// be read.
std::vector<NodeRange> nodes_of(std::string_view list) {
  std::vector<NodeRange> nodes;
  Match match;
  std::size_t at = 0;
  while (match_pattern("{node:u}", list, at, match) == Fit::whole) {
    NodeRange range{match.fields[0].number, match.fields[0].number};
    at = match.end;
    if (list.substr(at).starts_with("-")) {
      if (match_pattern("-{node:u}", list, at, match) != Fit::whole) return {};
      range.last = match.fields[0].number;
      at = match.end;
    }
    if (range.last < range.first || nodes.size() == kMostNodeRanges) return {};
    nodes.push_back(range);
    if (!list.substr(at).starts_with(",")) break;
    ++at;
  }
  return nodes;
}

std::optional<std::uint64_t> sum_of(std::optional<std::uint64_t> one, std::optional<std::uint64_t> other) {
  if (!one || !other) return std::nullopt;
  return *one + *other;
}

// Returns the zone of this name, a new one if there is none; nullptr if there is no room.
ZoneReport* zone_of(PageFailure& failure, const std::string& name) {
  const auto found = std::ranges::find(failure.zones, name, &ZoneReport::name);
  if (found != failure.zones.end()) return &*found;
  if (failure.zones.size() == kMostZones) return nullptr;
  ZoneReport& zone = failure.zones.emplace_back();
  zone.name = name;
  return &zone;
}

// Reads " (UMEC)" from `at` on, which moves behind it.
void read_letters(std::string_view text, std::size_t& at, BlocksLine& blocks) {
  if (!text.substr(at).starts_with("(")) return;
  const std::size_t begin = ++at;
  while (at < text.size() && text[at] >= 'A' && text[at] <= 'Z') ++at;
  blocks.letters = text.substr(begin, at - begin);
  blocks.letters_cut = at >= text.size() || text[at] != ')';
  at = std::min(at + 1, text.size());
}

}  // namespace

bool may_use_node(const PageFailure& failure, const ZoneReport& zone) {
  Match match;
  if (failure.nodes.empty() || match_pattern("Node {node:u} ", zone.name, 0, match) != Fit::whole) return true;
  const std::uint64_t node = match.fields[0].number;
  return std::ranges::any_of(failure.nodes,
                             [&](const NodeRange& range) { return range.first <= node && node <= range.last; });
}

MinFree min_free_of(const PageFailure& report) {
  MinFree free;
  std::uint64_t managed = 0;
  for (const ZoneReport& zone : report.zones) {
    if (!zone.has_state || !zone.is_low()) continue;
    if (!zone.managed || *zone.managed > kMostKb || zone.min > kMostKb) return {};
    managed += *zone.managed;
    free.min += zone.min - std::min(zone.min, zone.boost.value_or(0));
    free.lines.push_back(zone.line);
  }
  free.usual = static_cast<std::uint64_t>(std::sqrt(static_cast<double>(managed) * 16));
  return free;
}

PageFailure& PageFailureFinder::begin(const Fact& fact, PageFailure::Kind kind) {
  if (failures_.size() == kMostFailures) {
    failures_.pop_back();
    ++left_out_;
  }
  PageFailure& failure = failures_.emplace_back();
  failure.kind = kind;
  failure.line = failure.last_line = fact.line;
  failure.origin = fact.origin;
  return failure;
}

// Returns the failure whose report has this line.
PageFailure& PageFailureFinder::report(const Fact& fact) {
  if (failures_.empty() || fact.line - failures_.back().last_line > kLongestReport)
    return begin(fact, PageFailure::Kind::report_only);
  return failures_.back();
}

void PageFailureFinder::add(const Fact& fact) {
  struct Handler {
    Says says;
    void (PageFailureFinder::*add)(const Fact&);
  };
  static constexpr Handler handlers[] = {
      {Says::page_failure, &PageFailureFinder::add_failure},
      {Says::out_of_memory, &PageFailureFinder::add_failure},
      {Says::vmalloc_failure, &PageFailureFinder::add_vmalloc},
      {Says::zone_state, &PageFailureFinder::add_zone},
      {Says::page_stalled, &PageFailureFinder::add_failure},
      {Says::vmemmap_failure, &PageFailureFinder::add_failure},
      {Says::report_asked, &PageFailureFinder::add_asked},
      {Says::task_killed, &PageFailureFinder::add_killed},
      {Says::cgroup_usage, &PageFailureFinder::add_limit},
      {Says::nodes_allowed, &PageFailureFinder::add_nodes},
      {Says::zone_reserve, &PageFailureFinder::add_reserve},
      {Says::zone_blocks, &PageFailureFinder::add_blocks},
      {Says::high_pages, &PageFailureFinder::add_high},
      {Says::cgroup_limit, &PageFailureFinder::add_cgroup},
      {Says::driver_failed, &PageFailureFinder::add_driver},
      {Says::dma_layer_asked, &PageFailureFinder::add_dma_layer},
  };
  for (const Handler& handler : handlers)
    if (handler.says == fact.says()) (this->*handler.add)(fact);
}

void PageFailureFinder::add_vmalloc(const Fact& fact) {
  PageFailure& failure = begin(fact, PageFailure::Kind::vmalloc);
  failure.bytes = fact.number("bytes");
  // Since 5.13 the line has the task, before that the one after it.
  if (fact.field("what") != nullptr) failure.task = task_name(fact.before);
  failure.lacked_pages = fact.field("done") != nullptr || fact.text("what").find("allocate pages") != std::string::npos;
}

void PageFailureFinder::add_cgroup(const Fact& fact) {
  if (failures_.empty() || failures_.back().kind != PageFailure::Kind::out_of_memory) return;
  if (fact.line - failures_.back().last_line <= kLongestReport) failures_.back().of_cgroup = true;
}

// Takes in that a driver did not get a buffer right after a report: the DMA layer asks for a block where areas fail.
void PageFailureFinder::add_driver(const Fact& fact) {
  if (failures_.empty() || fact.number("bytes") == 0) return;
  PageFailure& failure = failures_.back();
  if (failure.kind != PageFailure::Kind::report_only || failure.asked || failure.driver_line != 0) return;
  if (!failure.has_report() || fact.line - failure.last_line > kLinesToRequester) return;
  const auto time = time_between(failure.origin, fact.origin);
  if (time && *time > kTimeToRequester) return;
  failure.driver_bytes = fact.number("bytes");
  failure.driver_line = fact.line;
}

// Takes in that the DMA layer is in the stack of a request, which stands before its report.
void PageFailureFinder::add_dma_layer(const Fact& fact) {
  if (failures_.empty() || failures_.back().kind != PageFailure::Kind::failure) return;
  // What is left on the stack from earlier calls has a question mark.
  if (fact.before.find("? ") != std::string::npos) return;
  PageFailure& failure = failures_.back();
  if (failure.dma_line == 0 && failure.zones.empty() && fact.line > failure.line &&
      fact.line - failure.line <= kLongestStack)
    failure.dma_line = fact.line;
}

void PageFailureFinder::add_nodes(const Fact& fact) {
  if (failures_.empty() || fact.line - failures_.back().last_line > kLongestReport) return;
  PageFailure& failure = failures_.back();
  if (!failure.nodes.empty()) return;
  failure.nodes = nodes_of(fact.text("nodes"));
  failure.nodes_line = fact.line;
}

void PageFailureFinder::add_asked(const Fact& fact) { begin(fact, PageFailure::Kind::report_only).asked = true; }

// Takes in which task was killed, for the report before it.
void PageFailureFinder::add_killed(const Fact& fact) {
  if (failures_.empty() || failures_.back().kind != PageFailure::Kind::out_of_memory) return;
  PageFailure& failure = failures_.back();
  if (!failure.killed.empty() || fact.line - failure.last_line > kLongestReport) return;
  failure.killed = fact.text("task");
  failure.killed_line = fact.line;
}

void PageFailureFinder::add_limit(const Fact& fact) {
  if (failures_.empty() || fact.line - failures_.back().last_line > kLongestReport) return;
  failures_.back().limit_kb = fact.number("limit");
  failures_.back().limit_line = fact.line;
}

void PageFailureFinder::add_high(const Fact& fact) {
  const std::string count = last_word(fact.before);
  if (failures_.empty() || count == "0") return;
  failures_.back().has_high_memory = true;
  Match match;
  if (match_pattern("{pages:u}", count, 0, match) == Fit::whole) failures_.back().high_pages = match.fields[0].number;
}

void PageFailureFinder::add_failure(const Fact& fact) {
  const std::string task = task_name(fact.before);
  const bool of_vmalloc = !failures_.empty() && failures_.back().kind == PageFailure::Kind::vmalloc &&
                          fact.says() == Says::page_failure && failures_.back().task.empty() &&
                          fact.line - failures_.back().line <= kLinesAfterVmalloc;
  auto kind = PageFailure::Kind::failure;
  if (fact.says() == Says::out_of_memory) kind = PageFailure::Kind::out_of_memory;
  if (fact.says() == Says::page_stalled) kind = PageFailure::Kind::stalled;
  if (fact.says() == Says::vmemmap_failure) kind = PageFailure::Kind::vmemmap;
  PageFailure& failure = of_vmalloc ? failures_.back() : begin(fact, kind);
  failure.task = task;
  failure.order = static_cast<unsigned>(std::min<std::uint64_t>(fact.number("order"), kMostOrders));
  failure.mode = read_mode(fact.text("mode"));
  failure.waited_ms = fact.number("ms");
  constexpr std::string_view kNodes = "mems_allowed=";
  const std::string rest = fact.text("mode");
  if (const std::size_t at = rest.find(kNodes); at != std::string::npos) {
    failure.nodes = nodes_of(std::string_view(rest).substr(at + kNodes.size()));
    failure.nodes_line = fact.line;
  }
  failure.last_line = fact.line;
}

void PageFailureFinder::add_zone(const Fact& fact) {
  const std::string name = zone_name(fact.before);
  if (!is_zone(name)) return;
  PageFailure* failure = &report(fact);
  // The same zone once more, or after its blocks, which come last: the head of the next report is missing.
  const auto again = std::ranges::find(failure->zones, name, &ZoneReport::name);
  if (again != failure->zones.end() && (again->has_state || !again->blocks.empty()))
    failure = &begin(fact, PageFailure::Kind::report_only);
  ZoneReport* zone = zone_of(*failure, name);
  if (zone == nullptr) return;
  failure->last_line = fact.line;
  const std::string rest = fact.text("rest");
  zone->has_state = true;
  zone->line = fact.line;
  zone->free = fact.number("free");
  if (fact.field("boost") != nullptr) zone->boost = fact.number("boost");
  zone->min = fact.number("min");
  zone->low = fact.number("low");
  zone->high = fact.number("high");
  zone->present = figure(rest, "present");
  zone->managed = figure(rest, "managed");
  zone->anonymous = sum_of(figure(rest, "active_anon"), figure(rest, "inactive_anon"));
  zone->of_files = sum_of(figure(rest, "active_file"), figure(rest, "inactive_file"));
  zone->of_areas = figure(rest, "free_cma");
  zone->highatomic = figure(rest, "reserved_highatomic");
  zone->free_highatomic = figure(rest, "free_highatomic");
  if (name.ends_with("HighMem")) failure->has_high_memory = true;
}

void PageFailureFinder::add_reserve(const Fact& fact) {
  PageFailure& failure = report(fact);
  // It belongs to the zone whose line came last.
  ZoneReport* zone = nullptr;
  for (ZoneReport& other : failure.zones)
    if (other.has_state && (zone == nullptr || other.line > zone->line)) zone = &other;
  if (zone == nullptr || !zone->reserve.empty()) return;
  failure.last_line = fact.line;
  zone->reserve_line = fact.line;
  const std::string text = fact.text("pages");
  Match match;
  std::size_t at = 0;
  while (zone->reserve.size() < kMostReserves && match_pattern("{pages:u}", text, at, match) == Fit::whole) {
    zone->reserve.push_back(match.fields[0].number);
    at = match.end;
  }
}

void PageFailureFinder::add_blocks(const Fact& fact) {
  const std::size_t colon = fact.before.rfind(':');
  if (colon == std::string::npos) return;
  Match match;
  if (match_pattern("{count:u}", fact.before, colon + 1, match) != Fit::whole) return;
  const std::string name = zone_name(std::string_view(fact.before).substr(0, colon));
  if (!is_zone(name)) return;
  PageFailure& failure = report(fact);
  ZoneReport* zone = zone_of(failure, name);
  if (zone == nullptr || !zone->blocks.empty()) return;
  std::uint64_t kb = 4;
  if (fact.form->pattern.starts_with("*16")) kb = 16;
  if (fact.form->pattern.starts_with("*64")) kb = 64;
  failure.page_kb = kb;
  failure.last_line = fact.line;
  zone->blocks_line = fact.line;
  const std::string text = fact.text("rest");
  BlocksLine blocks{match.fields[0].number, {}, false};
  std::size_t at = 0;
  while (true) {
    read_letters(text, at, blocks);
    zone->blocks.push_back(blocks);
    kb *= 2;
    blocks = {};
    if (zone->blocks.size() == kMostOrders || match_pattern("{count:u}*{kb:u}kB", text, at, match) != Fit::whole) break;
    if (match.fields[1].number != kb) break;
    blocks.count = match.fields[0].number;
    at = match.end;
    while (at < text.size() && text[at] == ' ') ++at;
  }
  const std::size_t sum = text.find("= ", at);
  if (sum != std::string::npos && match_pattern("= {kb:u}kB", text, sum, match) == Fit::whole)
    zone->blocks_sum = match.fields[0].number;
}

}  // namespace cma::logs
