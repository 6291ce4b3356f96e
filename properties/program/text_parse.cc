// Programs from text: lines into words, words into fields. The first pass reads what stands before the operations and
// every result's name, the second the operations, so that an operand may name what comes later (and is then skipped).

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "properties/program/machine_keys.h"
#include "properties/program/text.h"
#include "properties/program/text_lexer.h"

namespace cma {
namespace {

// --- words ---

std::uint64_t parse_number(std::string_view text, int column) {
  const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  const std::string_view digits = hexadecimal ? text.substr(2) : text;
  const std::uint64_t base = hexadecimal ? 16 : 10;
  std::uint64_t value = 0;
  if (digits.empty()) throw SyntaxError(column, fmt::format("expected a number, not `{}`", text));
  for (const char c : digits) {
    std::uint64_t digit = 16;
    if (c >= '0' && c <= '9') digit = static_cast<std::uint64_t>(c - '0');
    if (c >= 'a' && c <= 'f') digit = static_cast<std::uint64_t>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') digit = static_cast<std::uint64_t>(c - 'A') + 10;
    if (digit >= base) throw SyntaxError(column, fmt::format("expected a number, not `{}`", text));
    if (value > (kAnyNumber - digit) / base)
      throw SyntaxError(column, fmt::format("expected a number that fits into 64 bits, not `{}`", text));
    value = value * base + digit;
  }
  return value;
}

bool looks_like_number(std::string_view text) { return !text.empty() && text.front() >= '0' && text.front() <= '9'; }

std::string release_words() {
  std::string words;
  for (const Release release : modelled_releases())
    words += fmt::format("{}{}", words.empty() ? "" : "|", name_of(release));
  return words;
}

std::string shown(const Word& word) {
  const std::string value = word.quoted ? "\"" + word.value + "\"" : word.value;
  return word.key.empty() ? value : word.key + "=" + value;
}

// The words of one line, taken one by one or by name.
class Line {
 public:
  Line(int number, std::string_view text) : number_(number), words_(split_words(text)) {
    end_column_ = static_cast<int>(text.find_last_not_of(" \t\r") + 1) + 1;
    if (!words_.empty()) what_ = words_.front().value;
  }
  int number() const { return number_; }
  bool empty() const { return words_.empty(); }
  std::vector<Word>& words() { return words_; }
  // The line is about this: complaints about what is missing or too much name it.
  void is_about(std::string what, std::string usage) {
    what_ = std::move(what);
    usage_ = std::move(usage);
  }

  // The next word that has no key; nullptr at the end of the line.
  Word* next() {
    for (Word& word : words_) {
      if (word.used || !word.key.empty()) continue;
      word.used = true;
      return &word;
    }
    return nullptr;
  }
  Word& expect_next(std::string_view what) {
    Word* word = next();
    if (word == nullptr) throw SyntaxError(end_column(), fmt::format("expected {}{}", what, in_usage()));
    return *word;
  }
  std::string expect_name(std::string_view what) {
    const Word& word = expect_next(what);
    if (word.quoted || !is_name(word.value))
      throw SyntaxError(word.column, fmt::format("expected {}, not `{}`", what, shown(word)));
    return word.value;
  }
  // The value of `key=`; nullptr if it is not there. Twice is an error.
  Word* keyed(std::string_view key) {
    Word* found = nullptr;
    for (Word& word : words_) {
      if (word.key != key) continue;
      if (found != nullptr) throw SyntaxError(word.column, fmt::format("`{}=` is given twice", key));
      found = &word;
    }
    if (found != nullptr) found->used = true;
    return found;
  }
  Word& expect_keyed(std::string_view key) {
    Word* word = keyed(key);
    if (word == nullptr) throw SyntaxError(end_column(), fmt::format("expected `{}=`{}", key, in_usage()));
    return *word;
  }
  bool flag(std::string_view name) {
    for (Word& word : words_) {
      if (word.used || word.quoted || !word.key.empty() || word.value != name) continue;
      word.used = true;
      return true;
    }
    return false;
  }
  // Complains about the first word that nobody wanted.
  void finish() const {
    for (const Word& word : words_)
      if (!word.used)
        throw SyntaxError(word.column, fmt::format("`{}` does not belong here{}", shown(word), in_usage()));
  }
  std::string in_usage() const { return usage_.empty() ? "" : fmt::format(" in `{}`", usage_); }
  int end_column() const { return end_column_; }

 private:
  int number_;
  int end_column_ = 1;
  std::vector<Word> words_;
  std::string what_;
  std::string usage_;
};

std::uint64_t number_in(const Word& word, std::uint64_t max, std::string_view name) {
  const std::uint64_t value = parse_number(word.value, word.value_column);
  if (value > max) throw SyntaxError(word.value_column, fmt::format("{} must be at most {}", name, max));
  return value;
}

// Names of results: identifier and kind of whoever has one.
struct Names {
  std::map<std::string, OpId, std::less<>> results;
  std::map<std::string, std::uint16_t, std::less<>> areas;
  std::set<OpId> dangling;  // `?7`
};

// --- fields ---

class FieldReader {
 public:
  FieldReader(const Program& program, Names& names, Line& line) : program_(program), names_(names), line_(line) {}

  void area(AreaRef& area) {
    const Word& word = line_.expect_next("an area");
    if (const auto found = names_.areas.find(word.value); found != names_.areas.end()) {
      area = {false, found->second};
      return;
    }
    area = {true, result(word, word.value, "an area")};
  }
  void operand(OpRef& operand, const OperandSpec& spec) {
    const Word* word = required(spec.name, spec.required, "a result");
    if (word != nullptr) operand.id = result(*word, word->value, "a result");
  }
  void place(Place& place, const PlaceSpec& spec) {
    const Word* word = required(spec.name, spec.required, "a page");
    if (word != nullptr) place = read_place(*word);
  }
  void number(std::uint64_t& value, const NumberSpec& spec) {
    const Word* word = required(spec.name, spec.required, "a number");
    if (word == nullptr) {
      value = spec.fallback;
      return;
    }
    if (!spec.all.empty() && word->value == spec.all) {
      value = spec.max;
      return;
    }
    value = parse_number(word->value, word->value_column);
    const bool inside = value >= spec.min && (spec.all.empty() ? value <= spec.max : value < spec.max);
    if (inside || (!spec.required && value == spec.fallback)) return;
    const std::uint64_t last = spec.all.empty() ? spec.max : spec.max - 1;
    const std::string or_all = spec.all.empty() ? "" : fmt::format(", or `{}`", spec.all);
    throw SyntaxError(word->value_column, fmt::format("expected {} to {}{}", spec.min, last, or_all));
  }
  void flag(bool& flag, std::string_view name) { flag = line_.flag(name); }
  template <class Enum>
  void choice(Enum& value, const ChoiceSpec& spec) {
    if (spec.name.empty() && !spec.required) {
      for (std::size_t i = 0; i < spec.words.size(); ++i)
        if (line_.flag(spec.words[i])) value = static_cast<Enum>(i);
      return;
    }
    const Word* word = required(spec.name == "." ? std::string_view{} : spec.name, spec.required, "a word");
    if (word == nullptr) return;
    const std::string_view text = std::string_view(word->value).substr(spec.name == "." ? 1 : 0);
    for (std::size_t i = 0; i < spec.words.size(); ++i) {
      if (text != spec.words[i]) continue;
      value = static_cast<Enum>(i);
      return;
    }
    throw SyntaxError(word->value_column, fmt::format("expected {}, not `{}`", fmt::join(spec.words, "|"), text));
  }
  void text(std::string& text, const TextSpec& spec) {
    const Word& word = *required(spec.name, true, spec.quoted ? "a text in quotes" : "a word");
    if (spec.quoted && !word.quoted)
      throw SyntaxError(word.value_column, fmt::format("expected a text in quotes, not `{}`", word.value));
    const bool fits =
        spec.words.empty() || std::find(spec.words.begin(), spec.words.end(), word.value) != spec.words.end();
    if (!fits)
      throw SyntaxError(word.value_column,
                        fmt::format("expected {}, not `{}`", fmt::join(spec.words, "|"), word.value));
    text = word.value;
  }
  void actor(Performer& performer) {
    const Word& word = line_.expect_next("an actor");
    performer = find_actor(program_, word.value, word.column);
  }

  static Performer find_actor(const Program& program, std::string_view name, int column) {
    for (std::size_t i = 0; i < program.actors.size(); ++i)
      if (program.actors[i].name == name) return Performer::actor(i);
    if (is_actor_word(name) && name[3] - '0' < program.machine.cpus) return Performer::on_cpu(name[3] - '0');
    throw SyntaxError(column, fmt::format("expected an actor: nobody is named `{}`", name));
  }

 private:
  const Word* required(std::string_view key, bool required, std::string_view what) {
    if (key.empty()) return required ? &line_.expect_next(what) : line_.next();
    return required ? &line_.expect_keyed(key) : line_.keyed(key);
  }

  // The identifier behind a name, or behind `?7`.
  OpId result(const Word& word, std::string_view name, std::string_view what) {
    if (name.starts_with('?')) {
      const std::uint64_t id = parse_number(name.substr(1), word.value_column + 1);
      if (id > 0xffff) throw SyntaxError(word.value_column, "expected an identifier below 65536");
      return static_cast<OpId>(id);
    }
    if (const auto found = names_.results.find(name); found != names_.results.end() && !word.quoted)
      return found->second;
    throw SyntaxError(word.value_column, fmt::format("expected {}: nothing is named `{}`", what, name));
  }

  Place read_place(const Word& word) {
    std::string_view text = word.value;
    if (word.quoted) throw SyntaxError(word.value_column, "expected a page, not a text");
    const std::size_t plus = text.find('+');
    const std::string_view offset_text = plus == std::string_view::npos ? std::string_view{} : text.substr(plus + 1);
    const int offset_column = word.value_column + static_cast<int>(plus) + 1;
    const std::uint64_t offset = plus == std::string_view::npos ? 0 : parse_number(offset_text, offset_column);
    const std::string_view head = text.substr(0, plus);
    if (looks_like_number(head)) {
      const std::uint64_t pfn = parse_number(head, word.value_column);
      if (offset > kAnyNumber - pfn) throw SyntaxError(offset_column, "expected a frame number that fits into 64 bits");
      return Place::of_pfn(pfn + offset);
    }
    const bool area_meant = head.starts_with("area:");
    const std::string_view name = area_meant ? head.substr(5) : head;
    const auto area = names_.areas.find(name);
    if (area != names_.areas.end() && (area_meant || !names_.results.contains(name)))
      return Place::of_area({false, area->second}, offset);
    if (area_meant) throw SyntaxError(word.value_column, fmt::format("expected an area: nothing is named `{}`", name));
    return Place::of_result(OpRef{result(word, head, "a page")}, offset);
  }

  const Program& program_;
  Names& names_;
  Line& line_;
};

// --- the parser ---

class Parser {
 public:
  Program parse(std::string_view text);
  int line() const { return line_; }

 private:
  // A line of the machine, and what it added: checked for being possible once all are read.
  struct Part {
    enum class Kind : std::uint8_t { zone, hole, reserved, area } kind;
    int line;
    std::size_t index;
  };
  // An operation's line, split at its beginning.
  struct OpLine {
    Line line;
    Op op;
    std::string name;
    int name_column = 1;
  };

  void split_lines(std::string_view text);
  void read_version();
  bool read_head(Line& line);
  void read_machine(Line& line);
  void read_range(Line& line, Part::Kind kind);
  void read_area(Line& line);
  void read_bug(Line& line);
  void read_actor(Line& line);
  int cpu_in(const Word& word) const;
  void check_possible();
  void add_part(Geometry& so_far, const Part& part) const;

  OpLine begin_op(Line line);
  std::size_t kind_of_line(Line& line);
  std::size_t kind_of_expectation(Line& line, const Word& verb);
  void read_name(OpLine& op);
  void find_dangling();
  void number_results();
  void read_fields(OpLine& op);
  void read_header(OpLine& op);

  Program program_;
  std::vector<Line> lines_;
  std::vector<OpLine> ops_;
  std::vector<Part> parts_;
  Names names_;
  bool machine_read_ = false;
  int machine_line_ = 1;
  int line_ = 1;
};

void Parser::split_lines(std::string_view text) {
  int number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    line_ = ++number;
    Line line(number, text.substr(at, end - at));
    if (!line.empty()) lines_.push_back(std::move(line));
    at = end + 1;
  }
}

void Parser::read_version() {
  if (lines_.empty() || lines_.front().words().front().value != "cmacheck") return;
  Line& line = lines_.front();
  line_ = line.number();
  line.next();
  const Word& version = line.expect_next("the version of the text form");
  if (parse_number(version.value, version.column) != kTextVersion)
    throw SyntaxError(version.column, fmt::format("expected version {}: this reads no other", kTextVersion));
  line.finish();
  lines_.erase(lines_.begin());
}

// Lines before the operations. False: it is none of them.
bool Parser::read_head(Line& line) {
  const Word& first = line.words().front();
  if (first.quoted || !first.key.empty()) return false;
  const std::string word = first.value;
  const bool known = word == "machine" || word == "zone" || word == "hole" || word == "reserved" || word == "area" ||
                     word == "bug" || word == "actor";
  // `bug = pin ...` names a result.
  if (!known || (line.words().size() > 1 && line.words()[1].value == "=" && line.words()[1].key.empty())) return false;
  if (!ops_.empty()) throw SyntaxError(first.column, fmt::format("expected `{}` lines before the operations", word));
  if (word != "machine" && !machine_read_) throw SyntaxError(first.column, "expected a `machine` line first");
  line.next();
  if (word == "machine") read_machine(line);
  if (word == "zone") read_range(line, Part::Kind::zone);
  if (word == "hole") read_range(line, Part::Kind::hole);
  if (word == "reserved") read_range(line, Part::Kind::reserved);
  if (word == "area") read_area(line);
  if (word == "bug") read_bug(line);
  if (word == "actor") read_actor(line);
  line.finish();
  return true;
}

std::uint64_t key_value(const MachineKey& key, const Word& word) {
  if (key.form == MachineKey::Form::on_off) {
    if (word.value == "on" || word.value == "off") return word.value == "on" ? 1 : 0;
    throw SyntaxError(word.value_column, fmt::format("expected on|off, not `{}`", word.value));
  }
  const std::string_view automatic = word_for_automatic(key.form);
  if (!automatic.empty() && word.value == automatic) return kAutomatic;
  return number_in(word, key.max, key.name);
}

void Parser::read_machine(Line& line) {
  if (machine_read_) throw SyntaxError(line.words().front().column, "expected one `machine` line, not two");
  machine_read_ = true;
  machine_line_ = line.number();
  const bool small = line.flag("small");
  line.is_about("machine", "machine [small] release=R [KEY=VALUE ...] [bugs=repaired|as-shipped] [audit=ops|points]");
  const Word& release = line.expect_keyed("release");
  const std::optional<Release> found = release_from_name(release.value);
  if (!found)
    throw SyntaxError(release.value_column, fmt::format("expected {}, not `{}`", release_words(), release.value));
  program_.machine = base_machine(*found, small);
  for (const MachineKey& key : machine_keys())
    if (const Word* word = line.keyed(key.name)) key.set(program_.machine, key_value(key, *word));
  if (const Word* bugs = line.keyed("bugs")) {
    if (bugs->value == "as-shipped")
      program_.machine.bugs = BugSet::as_shipped(*found);
    else if (bugs->value != "repaired")
      throw SyntaxError(bugs->value_column, fmt::format("expected repaired|as-shipped, not `{}`", bugs->value));
  }
  if (const Word* audit = line.keyed("audit")) {
    if (audit->value != "ops" && audit->value != "points")
      throw SyntaxError(audit->value_column, fmt::format("expected ops|points, not `{}`", audit->value));
    program_.audit = audit->value == "points" ? Audit::points : Audit::ops;
  }
  for (std::size_t i = 0; i < program_.machine.areas.size(); ++i)
    names_.areas[program_.machine.areas[i].name] = static_cast<std::uint16_t>(i);
}

// Adding cannot wrap round: the limits are far below 2^63.
PfnRange read_base_and_pages(Line& line) {
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 40;
  const std::uint64_t base = number_in(line.expect_keyed("base"), kLimit, "base");
  const std::uint64_t pages = number_in(line.expect_keyed("pages"), kLimit, "pages");
  return {base, base + pages};
}

void Parser::read_range(Line& line, Part::Kind kind) {
  Geometry& machine = program_.machine;
  if (kind == Part::Kind::zone) {
    line.is_about("zone", "zone NAME base=N pages=N");
    std::string name = line.expect_name("the zone's name");
    for (const ZoneSpec& zone : machine.zones)
      if (zone.name == name) throw SyntaxError(line.words()[1].column, fmt::format("zone `{}` is there already", name));
    machine.zones.push_back({std::move(name), read_base_and_pages(line)});
    parts_.push_back({kind, line.number(), machine.zones.size() - 1});
    return;
  }
  line.is_about("range", line.words().front().value + " base=N pages=N");
  std::vector<PfnRange>& ranges = kind == Part::Kind::hole ? machine.holes : machine.reserved;
  ranges.push_back(read_base_and_pages(line));
  parts_.push_back({kind, line.number(), ranges.size() - 1});
}

void Parser::read_area(Line& line) {
  line.is_about("area", "area NAME base=N pages=N [order_per_bit=N] [fail=bitmap]");
  const std::string name = line.expect_name("the area's name");
  if (names_.areas.contains(name))
    throw SyntaxError(line.words()[1].column, fmt::format("area `{}` is there already", name));
  AreaSpec area;
  area.name = name;
  const PfnRange range = read_base_and_pages(line);
  area.base = range.start;
  area.pages = range.pages();
  if (const Word* order = line.keyed("order_per_bit"))
    area.order_per_bit = static_cast<unsigned>(number_in(*order, 63, "order_per_bit"));
  std::vector<AreaSpec>& areas = program_.machine.areas;
  const auto index = static_cast<std::uint16_t>(areas.size());
  if (areas.size() >= 0xffff) throw SyntaxError(1, "expected fewer areas");
  if (const Word* fail = line.keyed("fail")) {
    if (fail->value != "bitmap")
      throw SyntaxError(fail->value_column, fmt::format("expected bitmap, not `{}`", fail->value));
    program_.failing_bitmaps.push_back(index);
  }
  names_.areas[name] = index;
  areas.push_back(std::move(area));
  parts_.push_back({Part::Kind::area, line.number(), index});
}

void Parser::read_bug(Line& line) {
  line.is_about("bug", "bug NAME");
  const Word& word = line.expect_next("the bug's name");
  const std::optional<Bug> bug = bug_from_name(word.value);
  if (!bug) throw SyntaxError(word.column, fmt::format("expected a bug: none is named `{}`", word.value));
  program_.machine.bugs.switch_on(*bug);
}

int Parser::cpu_in(const Word& word) const {
  const std::uint64_t number = parse_number(word.value, word.value_column);
  if (number >= static_cast<std::uint64_t>(program_.machine.cpus))
    throw SyntaxError(word.value_column, fmt::format("expected a CPU below {}", program_.machine.cpus));
  return static_cast<int>(number);
}

void Parser::read_actor(Line& line) {
  line.is_about("actor", "actor NAME [cpu=N]");
  const Word& word = line.words()[std::min<std::size_t>(1, line.words().size() - 1)];
  ActorSpec actor;
  actor.name = line.expect_name("the actor's name");
  if (is_actor_word(actor.name)) throw SyntaxError(word.column, fmt::format("`{}` is the CPU's own actor", actor.name));
  for (const ActorSpec& other : program_.actors)
    if (other.name == actor.name)
      throw SyntaxError(word.column, fmt::format("actor `{}` is there already", actor.name));
  if (program_.actors.size() >= kMaxActors)
    throw SyntaxError(word.column, fmt::format("expected at most {} actors", kMaxActors));
  if (const Word* cpu = line.keyed("cpu")) actor.cpu = cpu_in(*cpu);
  program_.actors.push_back(std::move(actor));
}

// --- is the machine possible? ---

void Parser::add_part(Geometry& so_far, const Part& part) const {
  const Geometry& machine = program_.machine;
  switch (part.kind) {
    case Part::Kind::zone: so_far.zones.push_back(machine.zones[part.index]); break;
    case Part::Kind::hole: so_far.holes.push_back(machine.holes[part.index]); break;
    case Part::Kind::reserved: so_far.reserved.push_back(machine.reserved[part.index]); break;
    case Part::Kind::area: so_far.areas.push_back(machine.areas[part.index]); break;
  }
}

// Asks for the rule part by part, so that the complaint names the line that breaks it.
void Parser::check_possible() {
  if (!program_.machine.impossible()) return;
  Geometry so_far = program_.machine;
  so_far.zones.clear();
  so_far.holes.clear();
  so_far.reserved.clear();
  std::size_t own = 0;
  for (const Part& part : parts_) own += part.kind == Part::Kind::area ? 0U : 1U;
  so_far.areas.resize(so_far.areas.size() - (parts_.size() - own));
  line_ = machine_line_;
  if (const auto why = so_far.impossible()) throw SyntaxError(1, "this machine is impossible: " + *why);
  // Areas last: they are judged by what the other lines say.
  for (const bool areas : {false, true})
    for (const Part& part : parts_) {
      if ((part.kind == Part::Kind::area) != areas) continue;
      add_part(so_far, part);
      line_ = part.line;
      if (const auto why = so_far.impossible()) throw SyntaxError(1, "this machine is impossible: " + *why);
    }
}

// --- operations ---

std::size_t kind_from_verb(std::string_view verb) {
  for (std::size_t kind = 0; kind < kOpKinds; ++kind)
    if (op_catalogue()[kind].verb == verb) return kind;
  return kOpKinds;
}

// "b.pfn" becomes "b" and ".pfn", so that fields find one word each.
void split_member(Line& line) {
  std::vector<Word>& words = line.words();
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i].used || words[i].quoted || !words[i].key.empty()) continue;
    const std::size_t dot = words[i].value.find('.');
    if (dot == std::string::npos) return;
    Word member = words[i];
    member.value = words[i].value.substr(dot);
    member.column += static_cast<int>(dot);
    member.value_column = member.column;
    words[i].value.resize(dot);
    words.insert(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, std::move(member));
    return;
  }
}

template <std::size_t Size>
bool among(const std::string_view (&words)[Size], std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

std::size_t Parser::kind_of_expectation(Line& line, const Word& verb) {
  const auto next = std::find_if(line.words().begin(), line.words().end(),
                                 [](const Word& word) { return !word.used && word.key.empty(); });
  if (next == line.words().end())
    throw SyntaxError(verb.column + 6, "expected log, trace, cat, page, finding, a counter or a result after `expect`");
  const std::size_t kind = next->quoted ? kOpKinds : kind_from_verb("expect " + next->value);
  if (kind != kOpKinds) {
    next->used = true;
    return kind;
  }
  if (among(kCounterWords, next->value)) return cma::kind_of<ExpectCounter>();
  const std::size_t dot = next->value.find('.');
  if (dot == std::string::npos) return cma::kind_of<ExpectError>();
  const std::string member = next->value.substr(dot + 1);
  const int column = next->column + static_cast<int>(dot) + 1;
  split_member(line);
  if (among(kStateWords, member)) return cma::kind_of<ExpectState>();
  if (among(kFigureWords, member)) return cma::kind_of<ExpectFigure>();
  throw SyntaxError(column, fmt::format("expected {}|{}, not `{}`", fmt::join(kStateWords, "|"),
                                        fmt::join(kFigureWords, "|"), member));
}

std::size_t Parser::kind_of_line(Line& line) {
  const Word& verb = line.expect_next("an operation");
  if (!verb.quoted && verb.value == "expect") return kind_of_expectation(line, verb);
  const std::size_t kind = verb.quoted ? kOpKinds : kind_from_verb(verb.value);
  if (kind == kOpKinds) throw SyntaxError(verb.column, fmt::format("expected an operation: `{}` is none", shown(verb)));
  return kind;
}

void Parser::read_name(OpLine& op) {
  const OpInfo& info = info_of(op.op);
  if (info.names_itself && op.name.empty()) {
    const auto next = std::find_if(op.line.words().begin(), op.line.words().end(), [](const Word& word) {
      return !word.used && word.key.empty() && !word.quoted && word.value != "fixed";
    });
    if (next != op.line.words().end()) {
      next->used = true;
      op.name = next->value;
      op.name_column = next->column;
    }
  }
  if (op.name.empty()) return;
  if (!is_name(op.name)) throw SyntaxError(op.name_column, fmt::format("expected a name, not `{}`", op.name));
  if (is_reserved_word(op.name))
    throw SyntaxError(op.name_column, fmt::format("`{}` has a meaning of its own after `expect`", op.name));
  if (names_.results.contains(op.name))
    throw SyntaxError(op.name_column, fmt::format("`{}` names another result already", op.name));
  if (info.yields == Yields::area && names_.areas.contains(op.name))
    throw SyntaxError(op.name_column, fmt::format("area `{}` is there already", op.name));
  names_.results[op.name] = 0;
}

// `[ACTOR:] [NAME =] VERB`
Parser::OpLine Parser::begin_op(Line line) {
  OpLine op{std::move(line), {}, {}, 1};
  std::vector<Word>& words = op.line.words();
  const Word& first = words.front();
  if (!first.quoted && first.key.empty() && first.value.size() > 1 && first.value.ends_with(':')) {
    op.line.next();
    op.op.performer = FieldReader::find_actor(program_, std::string_view(first.value).substr(0, first.value.size() - 1),
                                              first.column);
  }
  const std::size_t at = words.front().used ? 1 : 0;
  if (words.size() > at && !words[at].key.empty())
    throw SyntaxError(words[at].column, "expected an operation, or a name followed by ` = `");
  if (words.size() > at + 1 && words[at + 1].key.empty() && words[at + 1].value == "=" && !words[at].quoted) {
    op.name = words[at].value;
    op.name_column = words[at].column;
    op.line.next();
    op.line.next();
  }
  const std::size_t kind = kind_of_line(op.line);
  op.op.body = default_body(kind);
  op.line.is_about(std::string(op_catalogue()[kind].verb), op_usage(kind));
  read_name(op);
  return op;
}

// `?7` names an identifier that no operation may get.
void Parser::find_dangling() {
  for (OpLine& op : ops_)
    for (const Word& word : op.line.words()) {
      if (word.quoted || !word.value.starts_with('?')) continue;
      line_ = op.line.number();
      const std::string_view digits = std::string_view(word.value).substr(1, word.value.find('+') - 1);
      const std::uint64_t id = parse_number(digits, word.value_column + 1);
      if (id <= 0xffff) names_.dangling.insert(static_cast<OpId>(id));
    }
}

// Numbers for the time being: settle() gives the final ones, by the same rule for all programs.
void Parser::number_results() {
  OpId next = 1;
  for (OpLine& op : ops_) {
    if (op.name.empty()) continue;
    while (names_.dangling.contains(next)) ++next;
    op.op.id = next;
    names_.results[op.name] = next;
    program_.names[next] = op.name;
    ++next;
  }
}

void Parser::read_header(OpLine& op) {
  const OpInfo& info = info_of(op.op);
  const Word* cpu = op.line.keyed("cpu");
  const Word* until = op.line.keyed("until");
  const bool prefixed = op.line.words().front().value.ends_with(':') && op.line.words().front().used;
  if (info.performed == Performed::by_nobody && (prefixed || cpu != nullptr || until != nullptr)) {
    const Word& word = prefixed ? op.line.words().front() : cpu != nullptr ? *cpu : *until;
    throw SyntaxError(word.column, fmt::format("`{}` is performed by nobody: it has no actor and no point", info.verb));
  }
  if (cpu != nullptr) {
    if (prefixed) throw SyntaxError(cpu->column, "expected an actor or `cpu=`, not both");
    op.op.performer = Performer::on_cpu(cpu_in(*cpu));
  }
  if (until == nullptr) return;
  const std::string_view text = until->value;
  const std::size_t hash = text.find('#');
  const std::optional<Point> point = point_from_name(text.substr(0, hash));
  if (!point)
    throw SyntaxError(until->value_column, fmt::format("expected a point: none is named `{}`", text.substr(0, hash)));
  op.op.until.point = *point;
  if (hash == std::string_view::npos) return;
  const int column = until->value_column + static_cast<int>(hash) + 1;
  const std::uint64_t nth = parse_number(text.substr(hash + 1), column);
  if (nth == 0 || nth > 0xffff) throw SyntaxError(column, "expected 1 to 65535");
  op.op.until.nth = static_cast<std::uint16_t>(nth);
}

void Parser::read_fields(OpLine& op) {
  read_header(op);
  FieldReader reader(program_, names_, op.line);
  visit_fields(op.op.body, reader);
  op.line.finish();
}

Program Parser::parse(std::string_view text) {
  split_lines(text);
  read_version();
  for (Line& line : lines_) {
    line_ = line.number();
    if (read_head(line)) continue;
    if (!machine_read_) throw SyntaxError(line.words().front().column, "expected a `machine` line first");
    if (ops_.size() >= kMaxOps) throw SyntaxError(1, fmt::format("expected at most {} operations", kMaxOps));
    ops_.push_back(begin_op(std::move(line)));
  }
  if (!machine_read_) throw SyntaxError(1, "expected a `machine` line");
  check_possible();
  find_dangling();
  number_results();
  for (OpLine& op : ops_) {
    line_ = op.line.number();
    read_fields(op);
    program_.ops.push_back(std::move(op.op));
  }
  program_.settle();
  return std::move(program_);
}

}  // namespace

std::string TextError::text() const { return fmt::format("{}:{}:{}: {}", file, line, column, message); }

std::expected<Program, TextError> parse(std::string_view text, std::string_view file) {
  Parser parser;
  try {
    return parser.parse(text);
  } catch (const SyntaxError& error) {
    return std::unexpected(TextError{std::string(file), parser.line(), error.column(), error.what()});
  }
}

}  // namespace cma
