#include "properties/program/program.h"

#include <algorithm>
#include <bitset>
#include <charconv>
#include <set>

namespace cma {
namespace {

constexpr std::size_t kIdentifiers = std::size_t{1} << 16;

// A set of identifiers. Fuzzers' programs have small ones, and need such a set for microseconds.
class IdSet {
 public:
  bool operator[](OpId id) const { return id < kLow ? low_[id] : high_.contains(id); }
  void set(OpId id) {
    if (id < kLow)
      low_.set(id);
    else
      high_.insert(id);
  }

 private:
  static constexpr std::size_t kLow = 256;
  std::bitset<kLow> low_;
  std::set<OpId> high_;
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string default_name(char letter, OpId id) { return letter + std::to_string(id); }

// Brings the fields of one operation into their ranges.
struct FieldSettler {
  const Program& program;

  void area(AreaRef& area) const {
    const std::size_t areas = program.machine.areas.size();
    if (area.declared || area.id < areas) return;
    if (areas == 0)
      area = {true, 0};
    else
      area.id = static_cast<std::uint16_t>(area.id % areas);
  }
  void operand(OpRef&, const OperandSpec&) const {}
  void place(Place& place, const PlaceSpec& spec) const {
    if (place.kind == Place::Kind::none && spec.required) place = Place::of_pfn(0);
    // An area that an operation declared is named as its result.
    if (place.kind == Place::Kind::area && place.area.declared)
      place = Place::of_result(OpRef{place.area.id}, place.offset);
    if (place.kind == Place::Kind::area) {
      area(place.area);
      if (place.area.declared) place = Place::of_pfn(place.offset);
    }
    // Parts that the kind does not use have their defaults, so that programs with equal text are equal.
    if (place.kind != Place::Kind::area) place.area = {};
    if (place.kind != Place::Kind::result) place.result = {};
    if (place.kind == Place::Kind::none) place.offset = 0;
  }
  void number(std::uint64_t& value, const NumberSpec& spec) const {
    value = fold(value, spec);
    if (spec.scale == Scale::gfp) value = settled_gfp(static_cast<Gfp>(value), program.machine.release);
  }
  void flag(bool&, std::string_view) const {}
  template <class Enum>
  void choice(Enum& value, const ChoiceSpec& spec) const {
    value = static_cast<Enum>(static_cast<std::size_t>(value) % spec.words.size());
  }
  void text(std::string& text, const TextSpec& spec) const {
    const bool fits = spec.words.empty() || std::find(spec.words.begin(), spec.words.end(), text) != spec.words.end();
    if (!fits) text = spec.words.front();
  }
  void actor(Performer& performer) const { settle_performer(program, performer); }

  static void settle_performer(const Program& program, Performer& performer) {
    const bool exists =
        performer.is_actor() ? performer.index() < program.actors.size() : performer.code < program.machine.cpus;
    if (exists) return;
    if (performer.is_actor() && !program.actors.empty())
      performer = Performer::actor(performer.index() % program.actors.size());
    else
      performer = Performer::on_cpu(performer.code % std::max(program.machine.cpus, 1));
  }
};

void settle_header(const Program& program, Op& op) {
  const OpInfo& info = info_of(op);
  if (info.performed == Performed::without_actor) {
    op.performer = {};
    op.until = {};
  }
  if (info.performed != Performed::by_actor || program.machine.release < first_with(op.scope))
    op.scope = ReclaimScope::none;
  FieldSettler::settle_performer(program, op.performer);
  if (!op.until.wanted())
    op.until = {};
  else if (op.until.nth == 0)
    op.until.nth = 1;
}

// Names a zone of the machine in an expectation that names none.
void settle_zone(const Program& program, Op& op) {
  auto* expectation = std::get_if<ExpectZone>(&op.body);
  if (expectation == nullptr) return;
  const std::vector<ZoneSpec> zones = program.machine.effective_zones();
  const bool known =
      std::any_of(zones.begin(), zones.end(), [&](const ZoneSpec& zone) { return zone.name == expectation->zone; });
  if (!known) expectation->zone = zones.front().name;
}

bool actor_name_taken(const Program& program, std::size_t before, std::string_view name) {
  return std::any_of(program.actors.begin(), program.actors.begin() + static_cast<std::ptrdiff_t>(before),
                     [name](const ActorSpec& other) { return other.name == name; });
}

void settle_actors(Program& program) {
  if (program.actors.size() > kMaxActors) program.actors.resize(kMaxActors);
  for (std::size_t i = 0; i < program.actors.size(); ++i) {
    ActorSpec& actor = program.actors[i];
    actor.cpu = std::clamp(actor.cpu, 0, std::max(program.machine.cpus, 1) - 1);
    for (char c = 'A'; !is_name(actor.name) || is_actor_word(actor.name) || actor_name_taken(program, i, actor.name);
         ++c)
      actor.name = std::string(1, c);
  }
}

// --- identifiers and names ---

// Gives each result one name and one identifier, such that the printed program gives the same ones when it is read: a
// name like b7, on an operation of that letter, asks for identifier 7, and the first to ask gets it. Results with other
// names get the smallest identifiers that are left, in order.
class Identifiers {
 public:
  explicit Identifiers(Program& program) : program_(program), new_ids_(program.ops.size(), 0) {}
  void settle() {
    find_names();
    claim_numbers();
    number_the_rest();
    rename_operands();
  }

 private:
  void find_names();
  void claim_numbers();
  void number_the_rest();
  void rename_operands();
  bool acceptable(const Op& op, const std::string& name) const;

  Program& program_;
  std::vector<std::string> names_;  // as shown; empty: nameless, or to be given a new default name
  std::vector<bool> fresh_;
  std::vector<OpId> new_ids_;
  std::set<std::string> taken_;
  IdSet used_;
};

bool Identifiers::acceptable(const Op& op, const std::string& name) const {
  if (!is_name(name) || is_reserved_word(name, info_of(op)) || taken_.contains(name)) return false;
  if (info_of(op).yields != Yields::area) return true;
  return std::none_of(program_.machine.areas.begin(), program_.machine.areas.end(),
                      [&](const AreaSpec& area) { return area.name == name; });
}

// Finds the names that are kept: of the first operation with each identifier, if it may have that name.
void Identifiers::find_names() {
  IdSet seen;
  for (const Op& op : program_.ops) {
    std::string name;
    if (op.id != 0 && !seen[op.id]) name = program_.name_of(op);
    const bool keeps = !name.empty() && acceptable(op, name);
    fresh_.push_back(op.id != 0 && !keeps);
    names_.push_back(keeps ? name : std::string());
    if (keeps) taken_.insert(name);
    seen.set(op.id);
  }
  // An identifier that operands name and no operation has must stay free.
  for (const Op& op : program_.ops)
    for_each_operand(op.body, [&](OpId id) {
      if (id != 0 && !seen[id]) used_.set(id);
    });
}

void Identifiers::claim_numbers() {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const auto number = default_id(names_[i], info_of(program_.ops[i]).letter);
    if (!number || used_[*number]) continue;
    used_.set(*number);
    new_ids_[i] = *number;
  }
}

void Identifiers::number_the_rest() {
  const auto give = [&](std::size_t i, bool shown) {
    OpId id = 1;
    while (used_[id] || (shown && !acceptable(program_.ops[i], default_name(info_of(program_.ops[i]).letter, id))))
      ++id;
    used_.set(id);
    new_ids_[i] = id;
  };
  for (std::size_t i = 0; i < names_.size(); ++i)
    if (fresh_[i]) give(i, true);
  for (std::size_t i = 0; i < names_.size(); ++i)
    if (new_ids_[i] == 0 && !names_[i].empty()) give(i, false);
}

void Identifiers::rename_operands() {
  std::map<OpId, OpId> renamed;
  program_.names.clear();
  for (std::size_t i = 0; i < program_.ops.size(); ++i) {
    Op& op = program_.ops[i];
    if (op.id != 0) renamed.emplace(op.id, new_ids_[i]);
    op.id = new_ids_[i];
    if (!names_[i].empty() && names_[i] != default_name(info_of(op).letter, op.id))
      program_.names.emplace(op.id, names_[i]);
  }
  for (Op& op : program_.ops)
    for_each_operand(op.body, [&](OpId& id) {
      if (const auto found = renamed.find(id); found != renamed.end()) id = found->second;
    });
}

// Returns whether there is nothing to do, as for most programs of fuzzers.
bool identifiers_settled(const Program& program) {
  if (!program.names.empty()) return false;
  IdSet seen;
  for (const Op& op : program.ops) {
    if (op.id == 0) continue;
    // The name of an area must differ from those of the machine's: Identifiers checks that.
    if (seen[op.id] || info_of(op).yields == Yields::area) return false;
    seen.set(op.id);
  }
  return true;
}

}  // namespace

std::uint64_t fold(std::uint64_t value, const NumberSpec& spec) {
  if (value >= spec.min && value <= spec.max) return value;
  // The value of a field that is left out may lie outside its range.
  if (!spec.required && value == spec.fallback) return value;
  const std::uint64_t values = spec.max - spec.min + 1;
  return values == 0 ? value : spec.min + value % values;
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > kMaxNameLength || !is_letter(text.front())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == ',' || c == '-'; });
}

bool is_own_flag(std::string_view text) {
  for (std::string_view word : {"fixed", "shared-dma-pool", "reusable", "no-map", "linux,cma-default", "node_areas"})
    if (text == word) return true;
  return false;
}

bool is_reserved_word(std::string_view text, const OpInfo& info) {
  // `declare NAME fixed`: a flag stands where the name does.
  if (info.names_itself && is_own_flag(text)) return true;

  for (std::string_view word : kCounterWords)
    if (text == word) return true;
  for (std::string_view word : {"log", "trace", "cat", "page", "finding", "zone"})
    if (text == word) return true;
  return false;
}

bool is_actor_word(std::string_view text) {
  return text.size() == 4 && text.starts_with("cpu") && text[3] >= '0' && text[3] < '0' + kMaxCpus;
}

std::optional<OpId> default_id(std::string_view name, char letter) {
  if (name.size() < 2 || name.front() != letter || name[1] == '0') return std::nullopt;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number >= kIdentifiers) return std::nullopt;
  return static_cast<OpId>(number);
}

std::string Program::name_of(const Op& op) const {
  if (op.id == 0) return {};
  const auto given = names.find(op.id);
  return given != names.end() ? given->second : default_name(info_of(op).letter, op.id);
}

const Op* Program::find(OpId id) const {
  if (id == 0) return nullptr;
  const auto found = std::find_if(ops.begin(), ops.end(), [id](const Op& op) { return op.id == id; });
  return found == ops.end() ? nullptr : &*found;
}

OpId Program::unused_id() const {
  IdSet used;
  for (const Op& op : ops) {
    used.set(op.id);
    for_each_operand(op.body, [&](OpId id) { used.set(id); });
  }
  OpId id = 1;
  while (used[id]) ++id;
  return id;
}

void Program::settle() {
  if (ops.size() > kMaxOps) ops.resize(kMaxOps);
  std::erase_if(failing_bitmaps, [&](std::uint16_t area) { return area >= machine.areas.size(); });
  std::sort(failing_bitmaps.begin(), failing_bitmaps.end());
  failing_bitmaps.erase(std::unique(failing_bitmaps.begin(), failing_bitmaps.end()), failing_bitmaps.end());
  settle_actors(*this);
  FieldSettler fields{*this};
  for (Op& op : ops) {
    settle_header(*this, op);
    visit_fields(op.body, fields);
    settle_zone(*this, op);
  }
  if (!identifiers_settled(*this)) Identifiers(*this).settle();
}

}  // namespace cma
