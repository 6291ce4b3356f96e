// Programs from text: lines into words, words into fields. A first pass reads the lines before the operations and the
// name of every result, a second the operations, so that an operand may name a later result (and is skipped then).

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>

#include "properties/program/machine_keys.h"
#include "properties/program/text.h"
#include "properties/program/text_fields.h"

namespace cma {
namespace {

// Returns the releases that a machine may have, oldest first.
std::string release_words() {
  std::string words;
  for (const Release release : releases_by_age())
    words += fmt::format("{}{}", words.empty() ? "" : "|", name_of(release));
  return words;
}

class Parser {
 public:
  Program parse(std::string_view text);
  int line() const { return line_; }

 private:
  // A part of the machine that a line added. When all lines are read, it is checked for being possible.
  struct Part {
    enum class Kind : std::uint8_t { zone, hole, reserved, area } kind;
    int line;
    std::size_t index;
  };
  // A line that begins with `word` and is read by `read`.
  struct Head {
    std::string_view word;
    void (Parser::*read)(Line&);
  };
  // An operation's line whose name and verb are read.
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
  void read_zone(Line& line);
  void read_hole(Line& line) { read_range(line, Part::Kind::hole, program_.machine.holes); }
  void read_reserved(Line& line) { read_range(line, Part::Kind::reserved, program_.machine.reserved); }
  void read_range(Line& line, Part::Kind kind, std::vector<PfnRange>& ranges);
  void read_area(Line& line);
  void read_bug(Line& line);
  void read_actor(Line& line);
  int cpu_in(const Word& word) const;
  void check_possible();
  void add_part(Geometry& so_far, const Part& part) const;
  static const std::array<Head, 7> kHeads;

  OpLine begin_op(Line line);
  std::size_t kind_of_line(Line& line) const;
  std::size_t kind_of_expectation(Line& line, const Word& verb) const;
  void read_name(OpLine& op);
  void find_dangling();
  void number_results();
  void check_zone(const std::string& name, Line& line) const;
  void read_fields(OpLine& op);
  void read_header(OpLine& op);
  void read_scope(OpLine& op, const Word& word) const;

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
    throw SyntaxError(version.column, fmt::format("expected version {}: no other can be read", kTextVersion));
  line.finish();
  lines_.erase(lines_.begin());
}

const std::array<Parser::Head, 7> Parser::kHeads = {{
    {"machine", &Parser::read_machine},
    {"zone", &Parser::read_zone},
    {"hole", &Parser::read_hole},
    {"reserved", &Parser::read_reserved},
    {"area", &Parser::read_area},
    {"bug", &Parser::read_bug},
    {"actor", &Parser::read_actor},
}};

// Reads a line of the machine; false if it is an operation.
bool Parser::read_head(Line& line) {
  const Word& first = line.words().front();
  if (first.quoted || !first.key.empty()) return false;
  const std::string word = first.value;
  const auto head = std::find_if(kHeads.begin(), kHeads.end(), [&](const Head& known) { return known.word == word; });
  // `bug = pin ...` names a result.
  const bool names_result = line.words().size() > 1 && line.words()[1].value == "=" && line.words()[1].key.empty();
  if (head == kHeads.end() || names_result) return false;
  if (!ops_.empty()) throw SyntaxError(first.column, fmt::format("expected `{}` lines before the operations", word));
  if (word != "machine" && !machine_read_) throw SyntaxError(first.column, "expected a `machine` line first");
  line.next();
  (this->*head->read)(line);
  line.finish();
  return true;
}

// Returns the number of a `ratios` key: `256,256,32,0`.
std::uint64_t ratios_in(const Word& word, std::string_view name) {
  const std::string_view text = word.value;
  std::uint64_t packed = 0;
  std::size_t count = 0;
  for (std::size_t at = 0; at <= text.size(); ++count) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const int column = word.value_column + static_cast<int>(at);
    const std::uint64_t ratio = parse_number(text.substr(at, end - at), column);
    if (ratio > 0xffff) throw SyntaxError(column, fmt::format("{} must be at most 65535", name));
    packed = packed << 16 | ratio;
    at = end + 1;
  }
  if (count != 4 || packed == kAutomatic)
    throw SyntaxError(word.value_column, "expected four numbers with commas, for DMA,DMA32,Normal,HighMem, or auto");
  return packed;
}

// Returns the value of a word of the machine line.
std::uint64_t key_value(const MachineKey& key, const Word& word) {
  if (key.form == MachineKey::Form::on_off) {
    if (word.value == "on" || word.value == "off") return word.value == "on" ? 1 : 0;
    throw SyntaxError(word.value_column, fmt::format("expected on|off, not `{}`", word.value));
  }
  const std::string_view automatic = word_for_automatic(key.form);
  if (!automatic.empty() && word.value == automatic) return kAutomatic;
  if (key.form == MachineKey::Form::ratios) return ratios_in(word, key.name);
  return number_in(word, key.max, key.name);
}

// Throws at the first word left of a machine line that is a `key=` no machine has, or a key without its value.
void check_machine_words(Line& line) {
  std::vector<std::string_view> keys = {"release", "bugs", "audit"};
  for (const MachineKey& key : machine_keys()) keys.push_back(key.name);
  for (const Word& word : line.words()) {
    if (word.used) continue;
    if (!word.key.empty())
      throw SyntaxError(word.column, fmt::format("a machine has no `{}=`{}", word.key, suggestion(word.key, keys)));
    if (std::find(keys.begin(), keys.end(), word.value) != keys.end())
      throw SyntaxError(word.column, fmt::format("expected a value: `{}=`, then the value without blanks", word.value));
  }
}

void Parser::read_machine(Line& line) {
  if (machine_read_) throw SyntaxError(line.words().front().column, "expected one `machine` line, not two");
  machine_read_ = true;
  machine_line_ = line.number();
  const bool small = line.flag("small");
  line.set_usage("machine [small] release=R [KEY=VALUE ...] [bugs=repaired|as-shipped] [audit=ops|points]");
  const Word& release = line.expect_keyed("release");
  const std::optional<Release> found = release_from_name(release.value);
  if (!found) {
    const bool version = release.value.find_first_not_of("0123456789.") == std::string::npos && !release.value.empty();
    const std::string nearest = version ? fmt::format(": `cmacheck releases {}` names the nearest", release.value) : "";
    throw SyntaxError(release.value_column,
                      fmt::format("expected {}, not `{}`{}", release_words(), release.value, nearest));
  }
  program_.machine.release = *found;
  for (const bool sets_others : {true, false}) {
    for (const MachineKey& key : machine_keys()) {
      const Word* word = key.sets_others == sets_others ? line.keyed(key.name) : nullptr;
      if (word != nullptr) key.set(program_.machine, key_value(key, *word));
    }
    if (sets_others) program_.machine = base_machine(*found, small, program_.machine.page_size);
  }
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
  check_machine_words(line);
  for (std::size_t i = 0; i < program_.machine.areas.size(); ++i)
    names_.areas[program_.machine.areas[i].name] = static_cast<std::uint16_t>(i);
}

// The sum cannot overflow: the limits are far below 2^63.
PfnRange read_base_and_pages(Line& line) {
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 40;
  const std::uint64_t base = number_in(line.expect_keyed("base"), kLimit, "base");
  const std::uint64_t pages = number_in(line.expect_keyed("pages"), kLimit, "pages");
  return {base, base + pages};
}

void Parser::read_zone(Line& line) {
  line.set_usage("zone NAME base=N pages=N [node=N]");
  std::vector<ZoneSpec>& zones = program_.machine.zones;
  ZoneSpec read;
  read.name = line.expect_name("the zone's name");
  read.range = read_base_and_pages(line);
  if (const Word* node = line.keyed("node")) read.node = static_cast<unsigned>(number_in(*node, kMaxNodes - 1, "node"));
  for (const ZoneSpec& zone : zones)
    if (zone.name == read.name && zone.node == read.node)
      throw SyntaxError(
          line.words()[1].column,
          fmt::format("node {} has a zone `{}` already: give one of them another `node=`", read.node, read.name));
  zones.push_back(std::move(read));
  parts_.push_back({Part::Kind::zone, line.number(), zones.size() - 1});
}

void Parser::read_range(Line& line, Part::Kind kind, std::vector<PfnRange>& ranges) {
  line.set_usage(line.words().front().value + " base=N pages=N");
  ranges.push_back(read_base_and_pages(line));
  parts_.push_back({kind, line.number(), ranges.size() - 1});
}

void Parser::read_area(Line& line) {
  line.set_usage("area NAME base=N pages=N [order_per_bit=N] [fail=bitmap]");
  const std::string name = line.expect_name("the area's name");
  if (names_.areas.contains(name))
    throw SyntaxError(line.words()[1].column, fmt::format("there is an area `{}` already", name));
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
  line.set_usage("bug NAME");
  const Word& word = line.expect_next("the bug's name");
  const std::optional<Bug> bug = bug_from_name(word.value);
  if (!bug) {
    std::vector<std::string_view> known;
    for (const BugInfo& info : bug_catalogue()) known.push_back(info.name);
    throw SyntaxError(word.column,
                      fmt::format("expected a bug: none is named `{}`{}", word.value, suggestion(word.value, known)));
  }
  program_.machine.bugs.switch_on(*bug);
}

int Parser::cpu_in(const Word& word) const {
  const std::uint64_t number = parse_number(word.value, word.value_column);
  if (number >= static_cast<std::uint64_t>(program_.machine.cpus))
    throw SyntaxError(word.value_column, fmt::format("expected a CPU below {}", program_.machine.cpus));
  return static_cast<int>(number);
}

void Parser::read_actor(Line& line) {
  line.set_usage("actor NAME [cpu=N]");
  const Word& word = line.words()[std::min<std::size_t>(1, line.words().size() - 1)];
  ActorSpec actor;
  actor.name = line.expect_name("the actor's name");
  if (is_actor_word(actor.name)) throw SyntaxError(word.column, fmt::format("`{}` is the CPU's own actor", actor.name));
  for (const ActorSpec& other : program_.actors)
    if (other.name == actor.name)
      throw SyntaxError(word.column, fmt::format("there is an actor `{}` already", actor.name));
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

// Throws if the machine is impossible. Adds part by part, so that the error names the line that breaks a rule.
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
  // Areas last: what is possible for them depends on the other lines.
  for (const bool areas : {false, true})
    for (const Part& part : parts_) {
      if ((part.kind == Part::Kind::area) != areas) continue;
      add_part(so_far, part);
      line_ = part.line;
      if (const auto why = so_far.impossible()) throw SyntaxError(1, "this machine is impossible: " + *why);
    }
}

// --- operations ---

// Returns the kind; kOpKinds if there is none.
std::size_t kind_from_verb(std::string_view verb) {
  for (std::size_t kind = 0; kind < kOpKinds; ++kind)
    if (op_catalogue()[kind].verb == verb) return kind;
  return kOpKinds;
}

// Splits "b.pfn" into "b" and ".pfn": a word for each field.
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

// Throws if a state stands apart from its result, as in `expect b failed`.
void refuse_apart(Line& line, const Word& result) {
  for (const Word& word : line.words())
    if (&word != &result && !word.used && !word.quoted && among(kStateWords, word.value))
      throw SyntaxError(word.column, fmt::format("expected `{}.{}`, one word", result.value, word.value));
}

std::size_t Parser::kind_of_expectation(Line& line, const Word& verb) const {
  const Word* next = line.peek();
  if (next == nullptr)
    throw SyntaxError(verb.column + 6,
                      "expected log, trace, cat, page, zone, finding, a counter or a result after `expect`");
  const std::size_t kind = next->quoted ? kOpKinds : kind_from_verb("expect " + next->value);
  if (kind != kOpKinds) {
    line.next();
    if (kind == cma::kind_of<ExpectZone>()) split_member(line);
    return kind;
  }
  if (among(kCounterWords, next->value)) return cma::kind_of<ExpectCounter>();
  const std::size_t dot = next->value.find('.');
  if (dot == std::string::npos) {
    refuse_apart(line, *next);
    return cma::kind_of<ExpectError>();
  }
  const std::string member = next->value.substr(dot + 1);
  const int column = next->column + static_cast<int>(dot) + 1;
  split_member(line);
  if (among(kStateWords, member)) return cma::kind_of<ExpectState>();
  if (among(kFigureWords, member)) return cma::kind_of<ExpectFigure>();
  throw SyntaxError(column, fmt::format("expected {}|{}, not `{}`", fmt::join(kStateWords, "|"),
                                        fmt::join(kFigureWords, "|"), member));
}

// Throws for what is no operation, with what the author may have meant.
[[noreturn]] void refuse_verb(const Program& program, const Word& verb, const Word* next) {
  if (verb.value.starts_with("//") || verb.value.starts_with(';'))
    throw SyntaxError(verb.column,
                      fmt::format("expected an operation: a comment begins with `#`, not `{}`", verb.value));
  const auto is_actor = [&](const ActorSpec& actor) { return actor.name == verb.value; };
  const bool actor = is_actor_word(verb.value) || std::any_of(program.actors.begin(), program.actors.end(), is_actor);
  if (!verb.quoted && (actor || (next != nullptr && next->value == ":")))
    throw SyntaxError(verb.column, fmt::format("expected an operation: an actor is written `{}:`", verb.value));
  const bool named = next != nullptr && (next->value.ends_with('=') || kind_from_verb(next->value) != kOpKinds);
  if (!verb.quoted && named && is_name(verb.value))
    throw SyntaxError(next->column, fmt::format("expected `=` after the name `{}`, not `{}`", verb.value, next->value));
  std::vector<std::string_view> known;
  for (const OpInfo& info : op_catalogue()) known.push_back(info.verb);
  // `cma_alloc(a, 16)`
  const std::string_view word = std::string_view(verb.value).substr(0, verb.value.find('('));
  // `alloc` is rather a part of `cma_alloc` than a slip of `vmalloc`.
  const auto has_part = [&](std::string_view known_verb) { return known_verb.ends_with(fmt::format("_{}", word)); };
  if (std::ranges::any_of(known, has_part)) std::erase_if(known, std::not_fn(has_part));
  throw SyntaxError(verb.column,
                    fmt::format("expected an operation: `{}` is none{}", shown(verb), suggestion(word, known)));
}

std::size_t Parser::kind_of_line(Line& line) const {
  const Word& verb = line.expect_next("an operation");
  if (!verb.quoted && verb.value == "expect") return kind_of_expectation(line, verb);
  const std::size_t kind = verb.quoted ? kOpKinds : kind_from_verb(verb.value);
  if (kind == kOpKinds) refuse_verb(program_, verb, line.peek());
  // `gfp=` makes another kind of it.
  const bool flags = std::ranges::any_of(line.words(), [](const Word& word) { return word.key == "gfp"; });
  return kind == cma::kind_of<AllocPages>() && flags ? cma::kind_of<AllocGfp>() : kind;
}

// Reads the name of an operation that names itself, and remembers the name of any.
void Parser::read_name(OpLine& op) {
  const OpInfo& info = info_of(op.op);
  const Word* own = info.names_itself ? op.line.peek() : nullptr;
  if (own != nullptr && !own->quoted && !is_own_flag(own->value)) {
    if (!op.name.empty())
      throw SyntaxError(op.name_column, fmt::format("`{0}` is given two names, `{1}` and `{2}`: leave out `{1} =`",
                                                    info.verb, op.name, own->value));
    op.name = own->value;
    op.name_column = own->column;
    op.line.next();
  }
  if (op.name.empty()) return;
  if (!is_name(op.name)) throw SyntaxError(op.name_column, fmt::format("expected a name, not `{}`", op.name));
  if (is_reserved_word(op.name, info))
    throw SyntaxError(op.name_column, fmt::format("`{}` cannot be a name: it is a word of operations", op.name));
  if (names_.results.contains(op.name))
    throw SyntaxError(op.name_column, fmt::format("`{}` names another result already: choose another name", op.name));
  if (info.yields == Yields::area && names_.areas.contains(op.name))
    throw SyntaxError(op.name_column, fmt::format("there is an area `{}` already", op.name));
  names_.results[op.name] = 0;
}

// Reads `[ACTOR:] [NAME =] VERB`.
Parser::OpLine Parser::begin_op(Line line) {
  OpLine op{std::move(line), {}, {}, 1};
  std::vector<Word>& words = op.line.words();
  const Word& first = words.front();
  if (!first.quoted && first.key.empty() && first.value.size() > 1 && first.value.ends_with(':')) {
    op.line.next();
    op.op.performer =
        find_actor(program_, std::string_view(first.value).substr(0, first.value.size() - 1), first.column);
  }
  const std::size_t at = words.front().used ? 1 : 0;
  if (words.size() > at && !words[at].key.empty())
    throw SyntaxError(words[at].column,
                      fmt::format("expected an operation; after a name, blanks around the `=`: `{} = {}`",
                                  words[at].key, words[at].value));
  if (words.size() > at + 1 && words[at + 1].key.empty() && words[at + 1].value == "=" && !words[at].quoted) {
    op.name = words[at].value;
    op.name_column = words[at].column;
    op.line.next();
    op.line.next();
  }
  const std::size_t kind = kind_of_line(op.line);
  op.op.body = default_body(kind);
  op.line.set_usage(op_usage(kind));
  read_name(op);
  return op;
}

// Collects the identifiers of `?7` and the like: no operation may get them.
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

// Gives each name a number. settle() replaces them by the final ones.
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

// Returns the point of that name. Throws if there is none.
Point point_in(std::string_view name, int column) {
  if (const std::optional<Point> point = point_from_name(name)) return *point;
  std::vector<std::string_view> known;
  for (unsigned i = 0; i < kPoints; ++i) known.push_back(info_of(static_cast<Point>(i)).name);
  throw SyntaxError(column, fmt::format("expected a point: none is named `{}`{}", name, suggestion(name, known)));
}

// Reads `scope=`.
void Parser::read_scope(OpLine& op, const Word& word) const {
  const auto known = std::find(std::begin(kScopeWords) + 1, std::end(kScopeWords), word.value);
  if (known == std::end(kScopeWords))
    throw SyntaxError(word.value_column,
                      fmt::format("expected {}, not `{}`",
                                  fmt::join(std::begin(kScopeWords) + 1, std::end(kScopeWords), "|"), word.value));
  const auto scope = static_cast<ReclaimScope>(known - std::begin(kScopeWords));
  if (info_of(op.op).performed != Performed::by_actor)
    throw SyntaxError(word.column, fmt::format("`{}` begins nothing that a scope binds: leave out `{}`",
                                               info_of(op.op).verb, shown(word)));
  if (program_.machine.release < first_with(scope))
    throw SyntaxError(word.column,
                      fmt::format("release {} has no memalloc_{}_save: it came with {}",
                                  name_of(program_.machine.release), word.value, name_of(first_with(scope))));
  op.op.scope = scope;
}

// Reads `cpu=`, `scope=` and `until=`.
void Parser::read_header(OpLine& op) {
  const OpInfo& info = info_of(op.op);
  const Word* cpu = op.line.keyed("cpu");
  const Word* until = op.line.keyed("until");
  if (const Word* scope = op.line.keyed("scope")) read_scope(op, *scope);
  const bool prefixed = op.line.words().front().value.ends_with(':') && op.line.words().front().used;
  if (info.performed == Performed::without_actor && (prefixed || cpu != nullptr || until != nullptr)) {
    const Word& word = prefixed ? op.line.words().front() : cpu != nullptr ? *cpu : *until;
    throw SyntaxError(word.column, fmt::format("`{}` is performed by no actor and passes no point: leave out `{}`",
                                               info.verb, shown(word)));
  }
  if (cpu != nullptr) {
    if (prefixed) throw SyntaxError(cpu->column, "expected an actor or `cpu=`, not both");
    op.op.performer = Performer::on_cpu(cpu_in(*cpu));
  }
  if (until == nullptr) return;
  const std::string_view text = until->value;
  const std::size_t hash = text.find('#');
  op.op.until.point = point_in(text.substr(0, hash), until->value_column);
  if (hash == std::string_view::npos) return;
  const int column = until->value_column + static_cast<int>(hash) + 1;
  const std::uint64_t nth = parse_number(text.substr(hash + 1), column);
  if (nth == 0 || nth > 0xffff) throw SyntaxError(column, "expected 1 to 65535");
  op.op.until.nth = static_cast<std::uint16_t>(nth);
}

// Throws unless the machine has a zone of that name.
void Parser::check_zone(const std::string& name, Line& line) const {
  std::vector<std::string> known;
  for (const ZoneSpec& zone : program_.machine.effective_zones()) known.push_back(zone.name);
  if (std::find(known.begin(), known.end(), name) != known.end()) return;
  const auto word = std::find_if(line.words().begin(), line.words().end(),
                                 [&](const Word& each) { return each.value == name && each.key.empty(); });
  throw SyntaxError(word == line.words().end() ? 1 : word->column,
                    fmt::format("expected a zone: none is named `{}`, only {}", name, fmt::join(known, ", ")));
}

void Parser::read_fields(OpLine& op) {
  read_header(op);
  FieldReader reader(program_, names_, op.line);
  visit_fields(op.op.body, reader);
  if (const auto* expectation = std::get_if<ExpectZone>(&op.op.body)) check_zone(expectation->zone, op.line);
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
