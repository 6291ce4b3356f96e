// Programs as text, and the table of operations.

#include <fmt/format.h>

#include <algorithm>

#include "properties/program/machine_keys.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// --- words ---

std::string number(std::uint64_t value, bool hexadecimal) {
  return hexadecimal ? fmt::format("{:#x}", value) : fmt::format("{}", value);
}

bool can_stand_bare(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '/' ||
           c == '-' || c == '.' || c == ',';
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), plain);
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (c == '\n')
      out += "\\n";
    else if (byte < 0x20 || byte >= 0x7f)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out + "\"";
}

std::string performer_name(const Program& program, Performer performer) {
  if (performer.is_actor()) return program.actors[performer.index()].name;
  return fmt::format("cpu{}", performer.code);
}

std::string operand_name(const Program& program, OpId id) {
  const Op* op = program.find(id);
  // An identifier that no operation has keeps its number: `?7`.
  return op != nullptr ? program.name_of(*op) : fmt::format("?{}", id);
}

std::string area_name(const Program& program, AreaRef area) {
  return area.declared ? operand_name(program, area.id) : program.machine.areas[area.id].name;
}

// Returns whether a result has the name: it hides the area of that name.
bool hidden_by_result(const Program& program, const std::string& name) {
  return std::any_of(program.ops.begin(), program.ops.end(),
                     [&](const Op& op) { return op.id != 0 && program.name_of(op) == name; });
}

// Returns whether an area of the machine has the name: it hides the result of that name where an area is named.
bool hidden_by_area(const Program& program, const std::string& name) {
  return std::ranges::find(program.machine.areas, name, &AreaSpec::name) != program.machine.areas.end();
}

std::string place_text(const Program& program, const Place& place, bool decimal) {
  switch (place.kind) {
    case Place::Kind::none: return {};
    case Place::Kind::pfn: return number(place.offset, !decimal);
    case Place::Kind::area: {
      std::string text = area_name(program, place.area);
      if (hidden_by_result(program, text)) text = "area:" + text;
      return place.offset == 0 ? text : fmt::format("{}+{:#x}", text, place.offset);
    }
    case Place::Kind::result: {
      const std::string text = operand_name(program, place.result.id);
      return place.offset == 0 ? text : fmt::format("{}+{}", text, place.offset);
    }
  }
  return {};
}

// --- operations ---

struct FieldPrinter {
  const Program& program;
  std::string line;

  void word(std::string_view name, std::string_view value) {
    line += ' ';
    if (!name.empty()) (line += name) += '=';
    line += value;
  }
  void area(const AreaRef& area) {
    const std::string name = area_name(program, area);
    word({}, area.declared && hidden_by_area(program, name) ? "result:" + name : name);
  }
  void operand(const OpRef& operand, const OperandSpec& spec) {
    if (spec.required || operand.id != 0) word(spec.name, operand_name(program, operand.id));
  }
  void place(const Place& place, const PlaceSpec& spec) {
    if (place.kind != Place::Kind::none) word(spec.name, place_text(program, place, spec.decimal));
  }
  void number(const std::uint64_t& value, const NumberSpec& spec) {
    if (!spec.required && value == spec.fallback) return;
    if (!spec.all.empty() && value == spec.max) return word(spec.name, spec.all);
    if (spec.scale == Scale::gfp) return word(spec.name, gfp_words(static_cast<Gfp>(value), program.machine.release));
    word(spec.name, cma::number(value, spec.scale == Scale::pfn || spec.scale == Scale::bytes));
  }
  void flag(const bool& flag, std::string_view name) {
    if (flag) word({}, name);
  }
  template <class Enum>
  void choice(const Enum& value, const ChoiceSpec& spec) {
    const auto index = static_cast<std::size_t>(value);
    if (spec.joined)
      (line += '.') += spec.words[index];
    else if (spec.required || index != 0)
      word(spec.name, spec.words[index]);
  }
  void text(const std::string& text, const TextSpec& spec) {
    word(spec.name, !spec.quoted && can_stand_bare(text) ? text : quoted(text));
  }
  void actor(const Performer& performer) { word({}, performer_name(program, performer)); }
};

std::string op_line(const Program& program, const Op& op) {
  const OpInfo& info = info_of(op);
  FieldPrinter printer{program, {}};
  if (op.performer.is_actor()) printer.line = performer_name(program, op.performer) + ": ";
  const std::string name = program.name_of(op);
  if (!name.empty() && !info.names_itself) printer.line += name + " = ";
  printer.line += info.verb;
  if (!name.empty() && info.names_itself) printer.line += " " + name;
  visit_fields(op.body, printer);
  if (!op.performer.is_actor() && op.performer.code != 0) printer.line += fmt::format(" cpu={}", op.performer.code);
  if (op.scope != ReclaimScope::none)
    printer.line += fmt::format(" scope={}", kScopeWords[static_cast<std::size_t>(op.scope)]);
  if (op.until.wanted()) {
    printer.line += fmt::format(" until={}", info_of(op.until.point).name);
    if (op.until.nth != 1) printer.line += fmt::format("#{}", op.until.nth);
  }
  return printer.line;
}

// --- the machine ---

// Returns the numbers of a `ratios` key, the last one in the lowest 16 bits.
std::string ratios_text(std::uint64_t value) {
  return fmt::format("{},{},{},{}", value >> 48 & 0xffff, value >> 32 & 0xffff, value >> 16 & 0xffff, value & 0xffff);
}

std::string key_value(const MachineKey& key, std::uint64_t value) {
  switch (key.form) {
    case MachineKey::Form::ratios:
      return value == kAutomatic ? std::string(word_for_automatic(key.form)) : ratios_text(value);
    case MachineKey::Form::on_off: return value != 0 ? "on" : "off";
    case MachineKey::Form::automatic:
    case MachineKey::Form::endless:
      return value == kAutomatic ? std::string(word_for_automatic(key.form)) : number(value, false);
    case MachineKey::Form::hexadecimal: return number(value, true);
    case MachineKey::Form::decimal: return number(value, false);
  }
  return {};
}

// Returns whether `machine small` has the memory and the first areas of this program.
bool is_small(const Program& program) {
  const Geometry small = base_machine(program.machine.release, true, program.machine.page_size);
  const std::vector<AreaSpec>& areas = program.machine.areas;
  if (program.machine.memory != small.memory || areas.size() < small.areas.size()) return false;
  if (!program.failing_bitmaps.empty() && program.failing_bitmaps.front() < small.areas.size()) return false;
  return std::equal(small.areas.begin(), small.areas.end(), areas.begin());
}

// Returns whether the machine has all bugs that its release shipped with.
bool shipped_with(const Geometry& machine) {
  const BugSet shipped = BugSet::as_shipped(machine.release);
  for (const BugInfo& info : bug_catalogue())
    if (shipped.active(info.bug) && !machine.bugs.active(info.bug)) return false;
  return shipped.any();
}

std::string machine_line(const Program& program, bool small) {
  const Geometry plain = base_machine(program.machine.release, small, Geometry{}.page_size);
  const Geometry base = base_machine(program.machine.release, small, program.machine.page_size);
  std::string line = fmt::format("machine {}release={}", small ? "small " : "", name_of(program.machine.release));
  for (const MachineKey& key : machine_keys()) {
    const std::uint64_t value = key.get(program.machine);
    if (value != key.get(key.sets_others ? plain : base))
      line += fmt::format(" {}={}", key.name, key_value(key, value));
  }
  if (shipped_with(program.machine)) line += " bugs=as-shipped";
  if (program.audit == Audit::points) line += " audit=points";
  return line;
}

std::string machine_lines(const Program& program) {
  const Geometry& machine = program.machine;
  const bool small = is_small(program);
  std::string text = machine_line(program, small) + "\n";
  const auto range = [](const PfnRange& r) { return fmt::format("base={:#x} pages={:#x}", r.start, r.pages()); };
  for (const ZoneSpec& zone : machine.zones)
    text += fmt::format("zone {} {}{}\n", zone.name, range(zone.range),
                        zone.node == 0 ? "" : fmt::format(" node={}", zone.node));
  for (const PfnRange& hole : machine.holes) text += fmt::format("hole {}\n", range(hole));
  for (const PfnRange& reserved : machine.reserved) text += fmt::format("reserved {}\n", range(reserved));
  const std::size_t known = small ? base_machine(machine.release, true, machine.page_size).areas.size() : 0;
  for (std::size_t i = known; i < machine.areas.size(); ++i) {
    const AreaSpec& area = machine.areas[i];
    const bool fails = std::binary_search(program.failing_bitmaps.begin(), program.failing_bitmaps.end(), i);
    text += fmt::format("area {} base={:#x} pages={:#x} order_per_bit={}{}\n", area.name, area.base, area.pages,
                        area.order_per_bit, fails ? " fail=bitmap" : "");
  }
  const BugSet shipped = shipped_with(machine) ? BugSet::as_shipped(machine.release) : BugSet();
  for (const BugInfo& bug : bug_catalogue())
    if (machine.bugs.active(bug.bug) && !shipped.active(bug.bug)) text += fmt::format("bug {}\n", bug.name);
  for (const ActorSpec& actor : program.actors) text += fmt::format("actor {} cpu={}\n", actor.name, actor.cpu);
  return text;
}

// --- the reference ---

std::string upper(std::string_view word) {
  std::string text(word);
  for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return text;
}

// Collects how the fields of an operation read.
struct FieldDescriber {
  std::string line;
  void word(std::string_view name, bool required, std::string_view what) {
    const std::string inner = name.empty() ? std::string(what) : fmt::format("{}={}", name, what);
    line += required ? " " + inner : " [" + inner + "]";
  }
  void area(const AreaRef&) { word({}, true, "AREA"); }
  void operand(const OpRef&, const OperandSpec& spec) { word(spec.name, spec.required, upper(noun_of(spec.wanted))); }
  void place(const Place&, const PlaceSpec& spec) { word(spec.name, spec.required, "PLACE"); }
  void number(const std::uint64_t&, const NumberSpec& spec) {
    if (spec.scale == Scale::gfp) return word(spec.name, spec.required, "FLAGS");
    word(spec.name, spec.required, spec.all.empty() ? "N" : fmt::format("N|{}", spec.all));
  }
  void flag(const bool&, std::string_view name) { word({}, false, name); }
  template <class Enum>
  void choice(const Enum&, const ChoiceSpec& spec) {
    if (spec.joined)
      line += fmt::format(".{}", fmt::join(spec.words, "|"));
    else
      word(spec.name, spec.required, fmt::format("{}", fmt::join(spec.words, "|")));
  }
  void text(const std::string&, const TextSpec& spec) { word(spec.name, true, spec.quoted ? "\"TEXT\"" : "WORD"); }
  void actor(const Performer&) { word({}, true, "ACTOR"); }
};

}  // namespace

std::string op_usage(std::size_t kind) {
  FieldDescriber describer;
  const OpInfo& info = op_catalogue()[kind];
  describer.line = info.verb;
  if (info.names_itself) describer.line += " [NAME]";
  const OpBody body = default_body(kind);
  visit_fields(body, describer);
  return describer.line;
}

std::string op_reference() {
  std::string text = "| operation | does |\n| --- | --- |\n";
  for (std::size_t kind = 0; kind < kOpKinds; ++kind) {
    std::string usage = op_usage(kind);
    for (std::size_t at = usage.find('|'); at != std::string::npos; at = usage.find('|', at + 2))
      usage.insert(at, 1, '\\');
    text += fmt::format("| `{}` | {} |\n", usage, op_catalogue()[kind].help);
  }
  return text;
}

std::string print_op(const Program& program, const Op& op) { return op_line(program, op); }

std::string print_place(const Program& program, const Place& place) { return place_text(program, place, false); }

std::string print(const Program& program) {
  std::string text = fmt::format("cmacheck {}\n{}", kTextVersion, machine_lines(program));
  if (!program.ops.empty()) text += '\n';
  for (const Op& op : program.ops) text += op_line(program, op) + "\n";
  return text;
}

}  // namespace cma
