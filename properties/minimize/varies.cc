#include "properties/minimize/varies.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <set>

#include "properties/minimize/steps.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// Values of a number on either side that are tried one by one; further ones are found by doubling and bisection.
constexpr std::uint64_t kOneByOne = 512;
// Beyond this many operations only neighbours are exchanged.
constexpr std::size_t kAllPairs = 12;

// A number of an operation, while the operation lives.
struct NumberField {
  std::uint64_t value = 0;
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  std::string name;
  bool written = false;  // in the text
  bool hex = false;
};

// Collects the numbers of an operation, and sets the one at an index. `pages` are those of the machine: operations on
// far more would take the memory of the host.
class Numbers : public IgnoreFields {
 public:
  explicit Numbers(std::uint64_t pages) : most_pages_(2 * pages) {}
  Numbers(std::uint64_t pages, std::size_t index, std::uint64_t value)
      : most_pages_(2 * pages), index_(index), value_(value) {}

  std::vector<NumberField> found;

  void number(std::uint64_t& number, const NumberSpec& spec) {
    if (spec.scale == Scale::gfp || number < spec.min || number > spec.max) return;
    NumberField field{number,
                      spec.min,
                      std::min(spec.max, most_of(spec.scale, number)),
                      spec.name.empty() ? "number" : std::string(spec.name),
                      spec.required || number != spec.fallback,
                      spec.scale == Scale::pfn};
    add(number, std::move(field));
  }
  void place(Place& place, const PlaceSpec& spec) {
    if (place.kind == Place::Kind::none) return;
    const bool frame = place.kind == Place::Kind::pfn;
    add(place.offset, {place.offset, 0, most_of(Scale::pages, place.offset),
                       spec.name.empty() ? "place" : std::string(spec.name), true, frame || !spec.decimal});
  }
  void stop(Stop& stop) {
    if (!stop.wanted()) return;
    std::uint64_t nth = stop.nth;
    add(nth, {nth, 1, 0xffff, "until #", stop.nth != 1, false});
    stop.nth = static_cast<std::uint16_t>(nth);
  }

 private:
  std::uint64_t most_of(Scale scale, std::uint64_t value) const {
    const bool sized = scale == Scale::pages || scale == Scale::pfn;
    return std::max(value, sized ? most_pages_ : std::uint64_t{1} << 20);
  }
  void add(std::uint64_t& number, NumberField field) {
    if (found.size() == index_) number = value_;
    found.push_back(std::move(field));
  }

  std::uint64_t most_pages_;
  std::size_t index_ = ~std::size_t{0};
  std::uint64_t value_ = 0;
};

std::vector<NumberField> numbers_of(const Program& program, std::size_t op) {
  Numbers numbers(program.machine.memory.end);
  Op copy = program.ops[op];
  visit_fields(copy.body, numbers);
  numbers.stop(copy.until);
  return std::move(numbers.found);
}

Program with_number(const Program& program, std::size_t op, std::size_t index, std::uint64_t value) {
  Program changed = program;
  Numbers numbers(program.machine.memory.end, index, value);
  visit_fields(changed.ops[op].body, numbers);
  numbers.stop(changed.ops[op].until);
  changed.settle();
  return changed;
}

// Returns the numbers in a text, decimal and with 0x.
void add_numbers_in(std::string_view text, std::set<std::uint64_t>& numbers) {
  for (std::size_t i = 0; i < text.size();) {
    if (std::isdigit(static_cast<unsigned char>(text[i])) == 0) {
      ++i;
      continue;
    }
    const bool hex = text.substr(i).starts_with("0x");
    std::uint64_t value = 0;
    const char* begin = text.data() + i + (hex ? 2 : 0);
    const auto read = std::from_chars(begin, text.data() + text.size(), value, hex ? 16 : 10);
    if (read.ec == std::errc()) numbers.insert(value);
    i = std::max(i + 1, static_cast<std::size_t>(read.ptr - text.data()));
  }
}

// --- what varies ---

class Analysis {
 public:
  Analysis(const Program& program, const Finding& finding, const Predicate& find, std::uint64_t budget)
      : program_(program), wanted_(finding.signature()), law_(finding.law), find_(find), budget_(budget) {}

  Varies run() {
    bisect_releases();
    bisect_bugs();
    exchange();
    for (std::size_t op = 0; op < program_.ops.size(); ++op) {
      const std::vector<NumberField> numbers = numbers_of(program_, op);
      for (std::size_t i = 0; i < numbers.size(); ++i) vary(op, i, numbers[i]);
    }
    return std::move(varies_);
  }

 private:
  std::optional<Finding> find(const Program& candidate) {
    if (varies_.executions >= budget_) {
      varies_.complete = false;
      return std::nullopt;
    }
    ++varies_.executions;
    return find_(candidate);
  }
  bool same(const Program& candidate) {
    const std::optional<Finding> found = find(candidate);
    return found && found->signature() == wanted_;
  }

  // Returns how far a number can go from `value` towards `end`; clears `exact` if not each value was tried.
  template <class Shows>
  static std::uint64_t reach(std::uint64_t value, std::uint64_t end, bool& exact, Shows shows) {
    const bool up = end > value;
    const std::uint64_t room = up ? end - value : value - end;
    const auto at = [&](std::uint64_t distance) { return up ? value + distance : value - distance; };
    std::uint64_t good = 0;
    while (good < room && good < kOneByOne) {
      if (!shows(at(good + 1))) return at(good);
      ++good;
    }
    if (good == room) return end;
    exact = false;
    std::uint64_t bad = room + 1;
    for (std::uint64_t step = kOneByOne; good < room;) {
      const std::uint64_t next = good + std::min(step, room - good);
      if (!shows(at(next))) {
        bad = next;
        break;
      }
      good = next;
      step *= 2;
    }
    while (bad - good > 1) {
      const std::uint64_t middle = good + (bad - good) / 2;
      (shows(at(middle)) ? good : bad) = middle;
    }
    return at(good);
  }

  void vary(std::size_t op, std::size_t index, const NumberField& field) {
    const auto shows = [&](std::uint64_t value) { return same(with_number(program_, op, index, value)); };
    NumberRange range{op, field.name, field.value, 0, 0};
    range.hex = field.hex;
    range.least = field.value == field.least ? field.value : reach(field.value, field.least, range.exact, shows);
    range.most = field.value == field.most ? field.value : reach(field.value, field.most, range.exact, shows);
    range.open = range.most == field.most && range.most > field.value;
    if (range.least < range.most)
      varies_.numbers.push_back(std::move(range));
    else if (field.written)
      ++varies_.fixed_numbers;
  }

  void exchange() {
    const std::size_t ops = program_.ops.size();
    for (std::size_t i = 0; i < ops; ++i)
      for (std::size_t j = i + 1; j < (ops <= kAllPairs ? ops : std::min(i + 2, ops)); ++j) {
        if (program_.ops[i] == program_.ops[j]) continue;
        Program candidate = program_;
        std::swap(candidate.ops[i], candidate.ops[j]);
        candidate.settle();
        ++varies_.swaps_tried;
        if (same(candidate)) varies_.swaps.emplace_back(i, j);
      }
  }

  // Returns the program's machine on another release: a machine that the text calls small stays one, and bugs that are
  // all those of a release become those of the other.
  Geometry on(Release release) const {
    const Geometry& here = program_.machine;
    Geometry small = default_small_geometry(here.release);
    small.bugs = here.bugs;
    Geometry there = here == small ? default_small_geometry(release) : here;
    there.release = release;
    const bool shipped = here.bugs.any() && here.bugs == BugSet::as_shipped(here.release);
    there.bugs = shipped ? BugSet::as_shipped(release) : here.bugs;
    return there;
  }

  void bisect_releases() {
    for (const Release release : releases_by_age()) {
      Program candidate = program_;
      candidate.machine = on(release);
      if (candidate.machine.impossible()) {
        varies_.releases.emplace_back(release, OnRelease::impossible);
        continue;
      }
      const std::optional<Finding> found = find(candidate);
      const OnRelease shows = !found                          ? OnRelease::nothing
                              : found->signature() == wanted_ ? OnRelease::same
                              : found->law == law_            ? OnRelease::same_law
                                                              : OnRelease::other;
      varies_.releases.emplace_back(release, shows);
    }
  }

  void bisect_bugs() {
    for (const BugInfo& info : bug_catalogue()) {
      if (!program_.machine.bugs.active(info.bug)) continue;
      Program without = program_;
      Program alone = program_;
      without.machine.bugs = alone.machine.bugs = BugSet();
      alone.machine.bugs.switch_on(info.bug);
      for (const BugInfo& other : bug_catalogue())
        if (other.bug != info.bug && program_.machine.bugs.active(other.bug)) without.machine.bugs.switch_on(other.bug);
      varies_.bugs.emplace_back(info.bug, !same(without));
      if (!(alone.machine.bugs == program_.machine.bugs) && same(alone)) varies_.alone.push_back(info.bug);
    }
  }

  const Program& program_;
  std::string wanted_;
  Law law_;
  const Predicate& find_;
  std::uint64_t budget_;
  Varies varies_;
};

// --- text ---

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string releases_text(const Varies& varies) {
  std::vector<std::string> names[5];
  for (const auto& [release, shows] : varies.releases)
    names[static_cast<std::size_t>(shows)].push_back(name_of(release));
  constexpr std::string_view kWords[] = {"releases with the same finding", "the same law at another point",
                                         "another finding", "no finding", "no such machine"};
  std::string text;
  for (std::size_t i = 0; i < 5; ++i)
    if (!names[i].empty()) text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", kWords[i], joined(names[i]));
  return text;
}

// Returns where the finding appears and where it ends, of the releases on which its law is broken.
std::string span_text(const Varies& varies) {
  const auto shows = [](const auto& at) { return at.second == OnRelease::same || at.second == OnRelease::same_law; };
  const auto& all = varies.releases;
  const auto first = std::ranges::find_if(all, shows);
  if (first == all.end()) return {};
  auto last = first;
  bool gap = false;
  for (auto at = first; at != all.end(); ++at)
    if (shows(*at)) {
      gap |= at - last > 1;
      last = at;
    }
  std::string text =
      first == all.begin()
          ? fmt::format("it is there from {} on, the oldest that is modelled", name_of(first->first))
          : fmt::format("it appeared after {}, by {}", name_of((first - 1)->first), name_of(first->first));
  text += last + 1 == all.end()
              ? fmt::format(", and is still there in {}, the newest", name_of(last->first))
              : fmt::format(", and ended after {}, by {}", name_of(last->first), name_of((last + 1)->first));
  return text + (gap ? ", with gaps" : "");
}

std::string number_text(const NumberRange& range, std::uint64_t value) {
  return range.hex ? fmt::format("{:#x}", value) : std::to_string(value);
}

std::string op_text(const Program& program, std::size_t op) {
  return fmt::format("operation {} `{}`", op + 1, print_op(program, program.ops[op]));
}

std::string bugs_text(const Varies& varies) {
  std::string text;
  for (const auto& [bug, needed] : varies.bugs) {
    const BugInfo& info = info_of(bug);
    std::string shipped = "planted";
    if (info.present)
      shipped = fmt::format("shipped from {}{}", name_of(info.present->first),
                            info.present->last ? " to " + name_of(*info.present->last) : " on");
    text += fmt::format("  bug {} is {} ({})\n", info.name, needed ? "needed" : "not needed", shipped);
  }
  for (const Bug bug : varies.alone) text += fmt::format("  bug {} alone is enough\n", info_of(bug).name);
  return text;
}

}  // namespace

Varies what_varies(const Program& program, const Finding& finding, const Predicate& find, std::uint64_t executions) {
  return Analysis(program, finding, find, executions).run();
}

std::string varies_text(const Program& program, const Varies& varies) {
  std::string text = "what does not matter:\n";
  for (const NumberRange& range : varies.numbers)
    text += fmt::format("  {} of {}: {} to {}{}{}\n", range.field, op_text(program, range.op),
                        number_text(range, range.least), number_text(range, range.most),
                        range.open ? ", the largest that was tried" : "",
                        range.exact ? "" : " (not each value between was tried)");
  if (varies.fixed_numbers > 0)
    text += fmt::format("  {} number{} may not vary\n", varies.fixed_numbers, varies.fixed_numbers == 1 ? "" : "s");
  for (const auto& [a, b] : varies.swaps)
    text += fmt::format("  {} and {} may change places\n", op_text(program, a), op_text(program, b));
  if (varies.swaps.empty() && varies.swaps_tried > 0) text += "  no two operations may change places\n";
  text += fmt::format("  {}\n", releases_text(varies));
  if (const std::string span = span_text(varies); !span.empty()) text += fmt::format("  {}\n", span);
  text += bugs_text(varies);
  if (!varies.complete) text += fmt::format("  (incomplete: {} executions were not enough)\n", varies.executions);
  return text;
}

// --- the smallest ---

namespace {

// Returns a smaller program with the same signature, or nullopt after all were tried.
std::optional<std::pair<Program, Finding>> smaller_than(Smallest& at, const Predicate& find) {
  const std::string wanted = at.finding.signature();
  const auto shows = [&](const Program& candidate) {
    std::optional<Finding> found = find(candidate);
    if (found && found->signature() != wanted) found.reset();
    return found;
  };
  const std::size_t ops = at.program.ops.size();
  for (std::uint64_t subset = 0; subset + 1 < std::uint64_t{1} << ops; ++subset) {
    std::vector<bool> keep(ops);
    for (std::size_t op = 0; op < ops; ++op) keep[op] = (subset >> op & 1) != 0;
    Program candidate = at.program;
    keep_only(candidate, keep);
    candidate.settle();
    ++at.subsequences;
    if (auto found = shows(candidate)) return std::pair(std::move(candidate), std::move(*found));
  }
  std::set<std::uint64_t> values;
  add_numbers_in(at.finding.message, values);
  for (std::size_t op = 0; op < ops; ++op)
    for (const NumberField& field : numbers_of(at.program, op)) values.insert(field.value);
  for (std::size_t op = 0; op < ops; ++op) {
    const std::vector<NumberField> numbers = numbers_of(at.program, op);
    for (std::size_t i = 0; i < numbers.size(); ++i)
      for (const std::uint64_t value : values) {
        if (value < numbers[i].least || value >= numbers[i].value) continue;
        Program candidate = with_number(at.program, op, i, value);
        ++at.replacements;
        if (auto found = shows(candidate)) return std::pair(std::move(candidate), std::move(*found));
      }
  }
  return std::nullopt;
}

}  // namespace

Smallest prove_smallest(const Program& program, const Finding& finding, const Predicate& find) {
  Smallest smallest;
  smallest.program = program;
  smallest.finding = finding;
  if (program.ops.size() > kProvedOps) return smallest;
  smallest.tried = true;
  // Each turn has fewer operations or a smaller number, so this ends.
  while (auto smaller = smaller_than(smallest, find)) {
    smallest.program = std::move(smaller->first);
    smallest.finding = std::move(smaller->second);
    smallest.subsequences = smallest.replacements = 0;
  }
  return smallest;
}

std::string smallest_text(const Smallest& smallest) {
  if (!smallest.tried)
    return fmt::format("it has more than {} operations, so not all that is smaller was tried", kProvedOps);
  return fmt::format(
      "it can be cut no further: {} sub-sequences and {} smaller numbers were tried, none shows the same",
      smallest.subsequences, smallest.replacements);
}

}  // namespace cma
