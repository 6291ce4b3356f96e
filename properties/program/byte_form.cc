#include "properties/program/byte_form.h"

#include <algorithm>

#include "properties/program/machine_keys.h"

namespace cma {
namespace {

constexpr std::uint8_t kInFull = 0x80;
constexpr std::uint8_t kAuditPoints = 0x80;
constexpr std::uint8_t kMarksGiven = 0x80;
constexpr std::uint8_t kKindMask = 0x7f;
static_assert(kOpKinds <= kKindMask + 1, "kinds no longer fit beside the mark: give the header another byte");
// In the byte after a marked kind.
constexpr std::uint8_t kPerformerGiven = 0x01;
constexpr std::uint8_t kUntilGiven = 0x02;
constexpr std::uint8_t kScopeGiven = 0x04;
// Limits of the short form: three bits name a release; actors run on CPU 0 or 1.
constexpr std::size_t kShortReleases = 8;
constexpr std::size_t kShortActors = 3;
// The number of a shape: four bits beside the release, two more beside the actors, which are 0 in the bytes of the
// first sixteen.
constexpr unsigned kShapeLowBits = 4;
constexpr unsigned kShapeHighAt = 5;
static_assert(kShapes <= 64, "shapes no longer fit into the short form");

// --- reading and writing ---

class Writer {
 public:
  void byte(std::uint8_t value) { bytes.push_back(value); }
  void number(std::uint64_t value) {
    while (value >= 0x80) {
      byte(static_cast<std::uint8_t>(value | 0x80));
      value >>= 7;
    }
    byte(static_cast<std::uint8_t>(value));
  }
  void text(std::string_view text) {
    number(text.size());
    bytes.insert(bytes.end(), text.begin(), text.end());
  }
  std::vector<std::uint8_t> bytes;
};

// Reads zeros after the end.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool at_end() const { return at_ >= bytes_.size(); }
  std::uint8_t byte() { return at_end() ? std::uint8_t{0} : bytes_[at_++]; }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t next = byte();
      value |= static_cast<std::uint64_t>(next & 0x7f) << shift;
      if ((next & 0x80) == 0) break;
    }
    return value;
  }
  // Reads how many items follow, each of at least a byte: no more than bytes are left after the number.
  std::uint64_t count() {
    const std::uint64_t wanted = number();
    return std::min<std::uint64_t>(wanted, bytes_.size() - std::min(at_, bytes_.size()));
  }
  std::string text() {
    const auto size = static_cast<std::size_t>(count());
    std::string text(bytes_.begin() + static_cast<std::ptrdiff_t>(at_),
                     bytes_.begin() + static_cast<std::ptrdiff_t>(at_ + size));
    at_ += size;
    return text;
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

// --- fields ---

struct FieldWriter {
  Writer& out;
  void area(const AreaRef& area) { out.number(std::uint64_t{area.id} << 1 | (area.declared ? 1 : 0)); }
  void operand(const OpRef& operand, const OperandSpec&) { out.number(operand.id); }
  void place(const Place& place, const PlaceSpec&) {
    out.byte(static_cast<std::uint8_t>(place.kind));
    if (place.kind == Place::Kind::none) return;
    if (place.kind == Place::Kind::area) area(place.area);
    if (place.kind == Place::Kind::result) out.number(place.result.id);
    out.number(place.offset);
  }
  void number(const std::uint64_t& value, const NumberSpec& spec) { out.number(value - spec.fallback); }
  void flag(const bool& flag, std::string_view) { out.byte(flag ? 1 : 0); }
  template <class Enum>
  void choice(const Enum& value, const ChoiceSpec&) {
    out.byte(static_cast<std::uint8_t>(value));
  }
  void text(const std::string& text, const TextSpec&) { out.text(text); }
  void actor(const Performer& performer) { out.byte(performer.code); }
};

struct FieldReader {
  Reader& in;
  void area(AreaRef& area) {
    const std::uint64_t value = in.number();
    area = {(value & 1) != 0, static_cast<std::uint16_t>(value >> 1)};
  }
  void operand(OpRef& operand, const OperandSpec&) { operand.id = static_cast<OpId>(in.number()); }
  void place(Place& place, const PlaceSpec&) {
    place = {};
    place.kind = static_cast<Place::Kind>(in.byte() % 4);
    if (place.kind == Place::Kind::none) return;
    if (place.kind == Place::Kind::area) area(place.area);
    if (place.kind == Place::Kind::result) place.result.id = static_cast<OpId>(in.number());
    place.offset = in.number();
  }
  void number(std::uint64_t& value, const NumberSpec& spec) { value = in.number() + spec.fallback; }
  void flag(bool& flag, std::string_view) { flag = (in.byte() & 1) != 0; }
  template <class Enum>
  void choice(Enum& value, const ChoiceSpec& spec) {
    value = static_cast<Enum>(in.byte() % spec.words.size());
  }
  void text(std::string& text, const TextSpec&) { text = in.text(); }
  void actor(Performer& performer) { performer.code = in.byte(); }
};

void write_op(Writer& out, const Op& op) {
  auto head = static_cast<std::uint8_t>(op.body.index());
  std::uint8_t marks = 0;
  if (op.performer.code != 0) marks |= kPerformerGiven;
  if (op.until.wanted()) marks |= kUntilGiven;
  if (op.scope != ReclaimScope::none) marks |= kScopeGiven;
  if (marks != 0) head |= kMarksGiven;
  out.byte(head);
  if (marks != 0) out.byte(marks);
  out.number(op.id);
  if (op.performer.code != 0) out.byte(op.performer.code);
  if (op.until.wanted()) {
    out.byte(static_cast<std::uint8_t>(op.until.point));
    out.number(op.until.nth);
  }
  if (op.scope != ReclaimScope::none) out.byte(static_cast<std::uint8_t>(op.scope));
  FieldWriter writer{out};
  visit_fields(op.body, writer);
}

void read_op(Reader& in, Op& op) {
  const std::uint8_t head = in.byte();
  const std::size_t kind = (head & kKindMask) % kOpKinds;
  const std::uint8_t marks = (head & kMarksGiven) != 0 ? in.byte() : std::uint8_t{0};
  if (op.body.index() != kind) op.body = default_body(kind);
  op.id = static_cast<OpId>(in.number());
  op.performer.code = (marks & kPerformerGiven) != 0 ? in.byte() : std::uint8_t{0};
  op.until = {};
  if ((marks & kUntilGiven) != 0) {
    op.until.point = static_cast<Point>(in.byte() % kPoints);
    op.until.nth = static_cast<std::uint16_t>(in.number());
  }
  const std::uint8_t scope = (marks & kScopeGiven) != 0 ? in.byte() : std::uint8_t{0};
  op.scope = static_cast<ReclaimScope>(scope % std::size(kScopeWords));
  FieldReader reader{in};
  visit_fields(op.body, reader);
}

// --- the machine in full ---

void write_range(Writer& out, const PfnRange& range) {
  out.number(range.start);
  out.number(range.pages());
}

PfnRange read_range(Reader& in) {
  const Pfn start = in.number();
  const std::uint64_t pages = in.number();
  // Geometry::impossible refuses an end that overflows.
  return {start, start + pages};
}

// Returns the lowest version that has all keys in which a machine is not as machines are.
std::uint8_t version_for(const Geometry& machine) {
  std::uint8_t version = 1;
  for (const MachineKey& key : machine_keys())
    if (key.byte_version > version && key.get(machine) != key.get(Geometry{})) version = key.byte_version;
  return version;
}

// Writes the keys that came with the versions `first` to `last`.
void write_keys(Writer& out, const Geometry& machine, std::uint8_t first, std::uint8_t last) {
  for (const MachineKey& key : machine_keys()) {
    if (key.byte_version < first || key.byte_version > last) continue;
    const std::uint64_t value = key.get(machine);
    out.number(word_for_automatic(key.form).empty() ? value : value + 1);
  }
}

void read_keys(Reader& in, Geometry& machine, std::uint8_t first, std::uint8_t last) {
  for (const MachineKey& key : machine_keys()) {
    if (key.byte_version < first || key.byte_version > last) continue;
    const std::uint64_t value = in.number();
    if (word_for_automatic(key.form).empty())
      key.set(machine, value <= key.max ? value : value % (key.max + 1));
    else
      key.set(machine, value == 0 ? kAutomatic : (value - 1) % (key.max + 1));
  }
}

void write_machine(Writer& out, const Program& program, std::uint8_t version) {
  const Geometry& machine = program.machine;
  out.byte(static_cast<std::uint8_t>(index_of(machine.release)));
  write_keys(out, machine, 1, version);
  out.number(machine.zones.size());
  for (const ZoneSpec& zone : machine.zones) {
    out.text(zone.name);
    write_range(out, zone.range);
    out.number(zone.node);
  }
  for (const auto* ranges : {&machine.holes, &machine.reserved}) {
    out.number(ranges->size());
    for (const PfnRange& range : *ranges) write_range(out, range);
  }
  out.number(machine.areas.size());
  for (std::size_t i = 0; i < machine.areas.size(); ++i) {
    const AreaSpec& area = machine.areas[i];
    const bool fails = std::binary_search(program.failing_bitmaps.begin(), program.failing_bitmaps.end(), i);
    out.text(area.name);
    write_range(out, {area.base, area.base + area.pages});
    out.number(std::uint64_t{area.order_per_bit} << 1 | (fails ? 1 : 0));
  }
  std::vector<std::string_view> bugs;
  for (const BugInfo& bug : bug_catalogue())
    if (machine.bugs.active(bug.bug)) bugs.push_back(bug.name);
  out.number(bugs.size());
  for (std::string_view bug : bugs) out.text(bug);
}

Release modelled(std::uint8_t index) { return modelled_releases()[index % modelled_releases().size()]; }

void read_areas(Reader& in, Program& program) {
  for (std::uint64_t left = in.count(), i = 0; i < left; ++i) {
    AreaSpec area;
    area.name = in.text();
    const PfnRange range = read_range(in);
    area.base = range.start;
    area.pages = range.pages();
    const std::uint64_t order = in.number();
    area.order_per_bit = static_cast<unsigned>((order >> 1) % 64);
    if ((order & 1) != 0) program.failing_bitmaps.push_back(static_cast<std::uint16_t>(i));
    program.machine.areas.push_back(std::move(area));
  }
}

bool names_in_order(const Geometry& machine) {
  const auto named = [](const ZoneSpec& zone) { return is_name(zone.name); };
  return std::all_of(machine.zones.begin(), machine.zones.end(), named) &&
         std::all_of(machine.areas.begin(), machine.areas.end(),
                     [](const AreaSpec& area) { return is_name(area.name); });
}

// Gives widths that no machine has their usual values, so that bytes which know of none still name machines.
void fold_widths(Geometry& machine) {
  if (machine.page_size != 16384 && machine.page_size != 65536) machine.page_size = 4096;
  if (machine.phys_addr_bits != 32) machine.phys_addr_bits = 64;
  if (machine.long_bits != 32U && machine.long_bits != 64U) machine.long_bits = std::nullopt;
}

void read_machine(Reader& in, Program& program, const ByteLimits& limits, std::uint8_t version) {
  Geometry& machine = program.machine;
  machine = Geometry{};
  machine.release = modelled(in.byte());
  read_keys(in, machine, 1, version);
  fold_widths(machine);
  for (std::uint64_t left = in.count(); left > 0; --left) {
    ZoneSpec zone;
    zone.name = in.text();
    zone.range = read_range(in);
    zone.node = static_cast<unsigned>(in.number() % kMaxNodes);
    machine.zones.push_back(std::move(zone));
  }
  for (auto* ranges : {&machine.holes, &machine.reserved})
    for (std::uint64_t left = in.count(); left > 0; --left) ranges->push_back(read_range(in));
  read_areas(in, program);
  BugSet bugs;
  for (std::uint64_t left = in.count(); left > 0; --left)
    if (const auto bug = bug_from_name(in.text())) bugs.switch_on(*bug);
  if (machine.memory.pages() > limits.pages || !names_in_order(machine) || machine.impossible()) {
    machine = default_small_geometry(machine.release);
    program.failing_bitmaps.clear();
  }
  machine.bugs = bugs;
}

void write_names(Writer& out, const Program& program) {
  out.number(program.actors.size());
  for (const ActorSpec& actor : program.actors) {
    out.text(actor.name);
    out.byte(static_cast<std::uint8_t>(actor.cpu));
  }
  out.number(program.names.size());
  for (const auto& [id, name] : program.names) {
    out.number(id);
    out.text(name);
  }
}

void read_names(Reader& in, Program& program) {
  for (std::uint64_t left = in.count(); left > 0; --left) {
    ActorSpec actor;
    actor.name = in.text();
    actor.cpu = in.byte() % kMaxCpus;
    if (program.actors.size() < kMaxActors) program.actors.push_back(std::move(actor));
  }
  for (std::uint64_t left = in.count(); left > 0; --left) {
    const auto id = static_cast<OpId>(in.number());
    program.names[id] = in.text();
  }
}

// --- the short form ---

std::string short_actor_name(std::size_t index) { return std::string(1, static_cast<char>('A' + index)); }

// Returns a machine as it is but for the keys that came after the first version, which no shape has.
Geometry without_later_keys(Geometry machine) {
  for (const MachineKey& key : machine_keys())
    if (key.byte_version > 1) key.set(machine, key.get(Geometry{}));
  return machine;
}

// Returns the number of the shape that is this program's machine, later keys aside; kShapes if the program needs the
// full form.
std::size_t short_form(const Program& program) {
  if (!program.names.empty() || !program.failing_bitmaps.empty() || program.actors.size() > kShortActors)
    return kShapes;
  for (std::size_t i = 0; i < program.actors.size(); ++i)
    if (program.actors[i].name != short_actor_name(i) || program.actors[i].cpu > 1) return kShapes;
  if (index_of(program.machine.release) >= kShortReleases) return kShapes;
  const Geometry machine = without_later_keys(program.machine);
  std::size_t index = 0;
  while (index < kShapes && shape(index, machine.release) != machine) ++index;
  return index;
}

std::uint8_t actors_byte(const Program& program) {
  std::size_t value = program.actors.size();
  for (std::size_t i = 0; i < program.actors.size(); ++i)
    if (program.actors[i].cpu == 1) value |= std::size_t{4} << i;
  return static_cast<std::uint8_t>(value);
}

void read_actors(std::uint8_t byte, Program& program) {
  program.actors.resize(byte & 3);
  for (std::size_t i = 0; i < program.actors.size(); ++i) {
    program.actors[i].name = short_actor_name(i);
    program.actors[i].cpu = (byte >> (2 + i)) & 1;
  }
}

}  // namespace

std::vector<std::uint8_t> encode(const Program& program) {
  Writer out;
  const std::size_t index = short_form(program);
  const std::uint8_t audit = program.audit == Audit::points ? kAuditPoints : std::uint8_t{0};
  const std::uint8_t version = version_for(program.machine);
  out.byte(version);
  if (index < kShapes) {
    const std::size_t low = index & ((std::size_t{1} << kShapeLowBits) - 1);
    const std::size_t high = index >> kShapeLowBits;
    out.byte(static_cast<std::uint8_t>(index_of(program.machine.release) | low << 3));
    out.byte(static_cast<std::uint8_t>(actors_byte(program) | high << kShapeHighAt | audit));
    write_keys(out, program.machine, 2, version);
  } else {
    out.byte(kInFull);
    out.byte(audit);
    write_machine(out, program, version);
    write_names(out, program);
  }
  for (const Op& op : program.ops) write_op(out, op);
  return std::move(out.bytes);
}

void decode_into(Program& program, std::span<const std::uint8_t> bytes, const ByteLimits& limits) {
  Reader in(bytes);
  std::uint8_t version = in.byte();
  if (version == 0 || version > kByteVersion) version = 1;
  const std::uint8_t machine = in.byte();
  const std::uint8_t actors = in.byte();
  program.audit = (actors & kAuditPoints) != 0 ? Audit::points : Audit::ops;
  program.failing_bitmaps.clear();
  program.names.clear();
  if ((machine & kInFull) != 0) {
    program.actors.clear();
    read_machine(in, program, limits, version);
    read_names(in, program);
  } else {
    const std::size_t high = (actors >> kShapeHighAt) & 3;
    const Geometry& wanted = shape((machine >> 3) | high << kShapeLowBits, modelled(machine & 7));
    if (program.machine != wanted) program.machine = wanted;
    read_keys(in, program.machine, 2, version);
    read_actors(actors, program);
  }
  std::size_t count = 0;
  while (!in.at_end() && count < limits.ops) {
    if (count == program.ops.size()) program.ops.emplace_back();
    read_op(in, program.ops[count]);
    ++count;
  }
  program.ops.resize(count);
  program.settle();
}

Program decode(std::span<const std::uint8_t> bytes, const ByteLimits& limits) {
  Program program;
  decode_into(program, bytes, limits);
  return program;
}

}  // namespace cma
