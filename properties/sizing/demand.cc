#include "properties/sizing/demand.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include "allocator/areas/area_files.h"
#include "allocator/areas/areas.h"
#include "properties/program/text_lexer.h"
#include "properties/program/text_line.h"

namespace cma::sizing {
namespace {

constexpr std::string_view kUsage = "COUNT [xN] [align A] [order_per_bit B]";
// Kernels shift a word by it.
constexpr std::uint64_t kMostAlign = 63;

// One line of requests.
struct Parsed {
  Request request;
  std::uint64_t times = 1;
  std::optional<unsigned> order_per_bit;
};

// Takes the number after a word such as `align`. Throws SyntaxError if there is none.
std::uint64_t number_after(const std::vector<Word>& words, std::size_t& at, std::uint64_t most) {
  const Word& name = words[at];
  if (at + 1 == words.size()) throw SyntaxError(name.column, fmt::format("expected a number after `{}`", name.value));
  ++at;
  return number_in(words[at], most, name.value);
}

Parsed parse_line(const std::vector<Word>& words) {
  Parsed parsed;
  parsed.request.pages = parse_number(words[0].value, words[0].column);
  bool times = false;
  bool align = false;
  for (std::size_t at = 1; at < words.size(); ++at) {
    const Word word = words[at];
    if (word.key.empty() && !times && word.value.size() > 1 && word.value[0] == 'x' &&
        std::isdigit(static_cast<unsigned char>(word.value[1])) != 0) {
      parsed.times = parse_number(word.value.substr(1), word.column);
      times = true;
    } else if (word.key.empty() && !align && word.value == "align") {
      parsed.request.align = static_cast<unsigned>(number_after(words, at, kMostAlign));
      align = true;
    } else if (word.key.empty() && !parsed.order_per_bit && word.value == "order_per_bit") {
      parsed.order_per_bit = static_cast<unsigned>(number_after(words, at, kMostAlign));
    } else {
      throw SyntaxError(word.column, fmt::format("unexpected `{}`", shown(word)));
    }
  }
  if (parsed.request.pages == 0) throw SyntaxError(1, "no kernel gives a buffer of no pages");
  if (parsed.times == 0) throw SyntaxError(1, "a request made x0 times is none");
  return parsed;
}

// Calls `use(number, line)` for each line.
template <class Use>
void each_line(std::string_view text, const Use& use) {
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    use(number, line);
  }
}

std::string too_many() { return fmt::format("more than {} requests", kMostRequests); }

// Collects the demands of a program.
class Collector {
 public:
  Collector(const Program& program, std::span<const int> lines) : program_(program), lines_(lines) {}

  // Returns why the operation cannot be taken in; empty if it was.
  std::string add(std::size_t index) {
    line_ = index < lines_.size() ? lines_[index] : 0;
    const Op& op = program_.ops[index];
    if (const auto* alloc = std::get_if<CmaAlloc>(&op.body))
      return request(alloc->area, Step::Kind::request, op.id,
                     {alloc->pages, static_cast<unsigned>(alloc->align), line_});
    if (const auto* alloc = std::get_if<DebugfsAlloc>(&op.body))
      return request(alloc->area, Step::Kind::debugfs_request, 0, {debugfs_count(alloc->pages), 0, line_});
    if (const auto* release = std::get_if<CmaRelease>(&op.body)) {
      const auto held = held_.find(release->buffer.id);
      if (held == held_.end()) return {};
      Demand& demand = demands_[held->second.first];
      demand.steps.push_back({Step::Kind::release, held->second.second, release->from, release->pages});
      demand.releases = true;
    } else if (const auto* freed = std::get_if<DebugfsFree>(&op.body)) {
      Demand& demand = demands_[key_of(freed->area)];
      demand.steps.push_back({Step::Kind::debugfs_release, 0, 0, debugfs_count(freed->pages)});
      demand.releases = true;
    } else if (!info_of(op).any_time && !info_of(op).boot) {
      ++others_;
    }
    return {};
  }
  int line() const { return line_; }

  // Returns the demands with requests.
  std::vector<Demand> take() {
    std::vector<Demand> demands;
    for (auto& [key, demand] : demands_) {
      if (demand.requests.empty()) continue;
      describe(key, demand);
      demand.others = others_;
      demands.push_back(std::move(demand));
    }
    return demands;
  }

 private:
  // An area: whether it is declared by an operation, and its index or that operation's identifier.
  using Key = std::pair<bool, std::uint16_t>;
  static Key key_of(AreaRef area) { return {area.declared, area.id}; }

  std::string request(AreaRef area, Step::Kind kind, OpId id, const Request& asked) {
    if (asked.pages == 0) return "no kernel gives a buffer of no pages";
    if (++requests_ > kMostRequests) return too_many();
    Demand& demand = demands_[key_of(area)];
    demand.steps.push_back({kind, demand.requests.size()});
    if (id != 0) held_[id] = {key_of(area), demand.requests.size()};
    demand.requests.push_back(asked);
    return {};
  }

  // Fills in name, base and bits of the area. What was declared without a fixed place is put where memory is free.
  void describe(Key key, Demand& demand) const {
    if (!key.first) {
      const AreaSpec& area = program_.machine.areas[key.second];
      demand.area = area.name;
      demand.base = area.base;
      demand.order_per_bit = area.order_per_bit;
      return;
    }
    const Op* op = program_.find(key.second);
    if (op == nullptr) return;
    demand.area = program_.name_of(*op);
    // Up to 3.16 the kernel's functions have no such argument: a bit is a page.
    const bool has_bits = program_.machine.release >= Release::v3_17;
    if (const auto* declare = std::get_if<Declare>(&op->body)) {
      if (declare->fixed && declare->base != 0) demand.base = declare->base >> program_.machine.page_shift();
      demand.order_per_bit = has_bits ? static_cast<unsigned>(declare->order_per_bit) : 0;
    } else if (const auto* init = std::get_if<InitReservedMem>(&op->body)) {
      demand.base = init->base >> program_.machine.page_shift();
      demand.order_per_bit = has_bits ? static_cast<unsigned>(init->order_per_bit) : 0;
    }
  }

  const Program& program_;
  std::span<const int> lines_;
  std::map<Key, Demand> demands_;
  std::map<OpId, std::pair<Key, std::size_t>> held_;
  std::size_t requests_ = 0;
  std::size_t others_ = 0;
  int line_ = 0;
};

}  // namespace

bool looks_like_requests(std::string_view text) {
  bool digit = false;
  bool found = false;
  each_line(text, [&](int, std::string_view line) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (found || line.empty() || line.front() == '#') return;
    found = true;
    digit = std::isdigit(static_cast<unsigned char>(line.front())) != 0;
  });
  return digit;
}

std::expected<Demand, BadDemand> read_requests(std::string_view text) {
  Demand demand;
  std::optional<BadDemand> bad;
  each_line(text, [&](int number, std::string_view line) {
    if (bad) return;
    try {
      const std::vector<Word> words = split_words(line);
      if (words.empty()) return;
      Parsed parsed = parse_line(words);
      parsed.request.line = number;
      if (parsed.order_per_bit && demand.bits_line != 0 && *parsed.order_per_bit != demand.order_per_bit)
        throw SyntaxError(1, fmt::format("an area has one order_per_bit, and line {} has {}", demand.bits_line,
                                         demand.order_per_bit));
      if (parsed.order_per_bit) {
        demand.order_per_bit = *parsed.order_per_bit;
        if (demand.bits_line == 0) demand.bits_line = number;
      }
      if (parsed.times > kMostRequests - demand.requests.size()) throw SyntaxError(1, too_many());
      demand.requests.insert(demand.requests.end(), parsed.times, parsed.request);
    } catch (const SyntaxError& error) {
      bad = BadDemand{number, fmt::format("{}; a line reads {}", error.what(), kUsage)};
    }
  });
  if (bad) return std::unexpected(*bad);
  if (demand.requests.empty()) return std::unexpected(BadDemand{0, "there is no request"});
  return demand;
}

std::expected<std::vector<Demand>, BadDemand> demands_of(const Program& program, std::span<const int> lines) {
  Collector collector(program, lines);
  for (std::size_t i = 0; i < program.ops.size(); ++i) {
    const std::string why = collector.add(i);
    if (!why.empty()) return std::unexpected(BadDemand{collector.line(), why});
  }
  std::vector<Demand> demands = collector.take();
  if (demands.empty()) return std::unexpected(BadDemand{0, "the program asks no area for pages (cma_alloc)"});
  return demands;
}

}  // namespace cma::sizing
