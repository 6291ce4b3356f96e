#include "properties/minimize/simplify.h"

#include <algorithm>
#include <bit>
#include <map>
#include <ranges>
#include <utility>

namespace cma {
namespace {

// Applies the `attempt`th simplification that the `field`th field offers.
class FieldSimplifier {
 public:
  FieldSimplifier(std::size_t field, std::size_t attempt) : field_(field), attempt_(attempt) {}

  bool found() const { return found_; }
  bool changed() const { return changed_; }

  void area(AreaRef& area) {
    if (target() && !area.declared) offer(area.id, 0, area.id != 0);
  }
  void operand(OpRef& operand, const OperandSpec& spec) {
    if (target() && !spec.required) offer(operand.id, 0, operand.id != 0);
  }
  void place(Place& place, const PlaceSpec& spec) {
    if (!target()) return;
    if (!spec.required) offer(place, Place{}, place != Place{});
    offer_smaller(place.offset, 0);
  }
  void number(std::uint64_t& number, const NumberSpec& spec) {
    if (!target()) return;
    if (spec.scale == Scale::gfp) return offer_fewer_flags(number);
    if (!spec.required) {
      offer(number, spec.fallback, number != spec.fallback);
      if (number == spec.fallback) return;
    }
    // A request for one page is easier to read than one for none.
    if (spec.scale == Scale::pages && number > 1 && spec.min <= 1) offer(number, 1, true);
    offer_smaller(number, spec.min);
  }
  void flag(bool& flag, std::string_view) {
    if (target()) offer(flag, false, flag);
  }
  template <class Enum>
  void choice(Enum& choice, const ChoiceSpec&) {
    if (target()) offer(choice, Enum{}, choice != Enum{});
  }
  void text(std::string&, const TextSpec&) { target(); }
  void actor(Performer& actor) {
    if (target()) offer(actor, Performer{}, actor != Performer{});
  }

 private:
  bool target() {
    const bool here = field_-- == 0;
    found_ |= here;
    return here;
  }

  template <class T, class Value>
  void offer(T& field, const Value& value, bool simpler) {
    if (!simpler || changed_ || attempt_-- != 0) return;
    field = static_cast<T>(value);
    changed_ = true;
  }

  // Offers plain flags in place of more, and leaving out each flag.
  void offer_fewer_flags(std::uint64_t& flags) {
    offer(flags, kGfpKernel, std::popcount(flags) > std::popcount(std::uint64_t{kGfpKernel}));
    for (std::uint64_t bit = 1; bit <= flags; bit <<= 1) offer(flags, flags & ~bit, (flags & bit) != 0);
  }

  // Offers numbers closer to `least`: itself, half way, rounder, one less.
  void offer_smaller(std::uint64_t& number, std::uint64_t least) {
    if (number <= least) return;
    offer(number, least, true);
    if (number - least > 2) offer(number, least + (number - least) / 2, true);
    if (number > 16) offer(number, number & (number - 1), (number & (number - 1)) > least);
    offer(number, number - 1, number - 1 > least);
  }

  std::size_t field_;
  std::size_t attempt_;
  bool found_ = false;
  bool changed_ = false;
};

// Returns the next resume by the performer of the operation at `index`; ops.size() if there is none.
std::size_t resume_of(const Program& program, std::size_t index) {
  for (std::size_t i = index + 1; i < program.ops.size(); ++i)
    if (std::holds_alternative<Resume>(program.ops[i].body) && program.ops[i].performer == program.ops[index].performer)
      return i;
  return program.ops.size();
}

// Removes the stop of the operation at `index`, and with `with_resume` the resume that ends it.
bool stop_nowhere(Program& program, std::size_t index, bool with_resume) {
  if (!program.ops[index].until.wanted()) return false;
  if (with_resume) {
    const std::size_t resume = resume_of(program, index);
    if (resume == program.ops.size()) return false;
    program.ops.erase(program.ops.begin() + static_cast<std::ptrdiff_t>(resume));
  }
  program.ops[index].until = {};
  return true;
}

bool leave_scope(Program& program, std::size_t index) {
  return std::exchange(program.ops[index].scope, ReclaimScope::none) != ReclaimScope::none;
}

bool stop_earlier(Program& program, std::size_t index, std::uint16_t nth) {
  Stop& stop = program.ops[index].until;
  if (!stop.wanted() || nth >= stop.nth || nth == 0) return false;
  stop.nth = nth;
  return true;
}

// Gives this operation to CPU 0, or everything that its performer does.
bool plain_performer(Program& program, std::size_t index, bool everything) {
  const Performer from = program.ops[index].performer;
  if (from == Performer{}) return false;
  if (!everything) {
    program.ops[index].performer = {};
    return true;
  }
  for (Op& op : program.ops)
    if (op.performer == from) op.performer = {};
  return true;
}

// --- the machine ---

struct ActorVisitor : IgnoreFields {
  std::vector<Performer*> found;
  void actor(Performer& actor) { found.push_back(&actor); }
};

std::vector<Performer*> performers_of(Program& program) {
  ActorVisitor visitor;
  for (Op& op : program.ops) {
    visitor.found.push_back(&op.performer);
    visit_fields(op.body, visitor);
  }
  return visitor.found;
}

struct AreaVisitor : IgnoreFields {
  std::vector<AreaRef*> found;
  void area(AreaRef& area) { note(area); }
  void place(Place& place, const PlaceSpec&) {
    if (place.kind == Place::Kind::area) note(place.area);
  }
  void note(AreaRef& area) {
    if (!area.declared) found.push_back(&area);
  }
};

// Returns the places where operations name areas of the machine.
std::vector<AreaRef*> area_refs_of(Program& program) {
  AreaVisitor visitor;
  for (Op& op : program.ops) visit_fields(op.body, visitor);
  return visitor.found;
}

Geometry plain_geometry(const Geometry& machine) {
  Geometry plain = default_small_geometry(machine.release);
  plain.bugs = machine.bugs;
  return plain;
}

bool plain_machine(Program& program) {
  const Geometry plain = plain_geometry(program.machine);
  if (program.machine == plain || program.machine.areas.size() < plain.areas.size()) return false;
  program.machine = plain;
  std::erase_if(program.failing_bitmaps, [&](std::uint16_t area) { return area >= plain.areas.size(); });
  return true;
}

// Removes the area, unless an operation names it or the program has its bitmap fail. Keeps an area before the last one
// of the plain machine: those after it would move up, and that could go round in circles.
bool drop_area(Program& program, std::size_t area) {
  if (program.machine.areas.size() > area + 1 && area < plain_geometry(program.machine).areas.size()) return false;
  const std::vector<AreaRef*> refs = area_refs_of(program);
  if (std::ranges::any_of(refs, [&](const AreaRef* ref) { return ref->id == area; })) return false;
  if (std::ranges::find(program.failing_bitmaps, area) != program.failing_bitmaps.end()) return false;
  program.machine.areas.erase(program.machine.areas.begin() + static_cast<std::ptrdiff_t>(area));
  for (AreaRef* ref : refs)
    if (ref->id > area) --ref->id;
  for (std::uint16_t& failing : program.failing_bitmaps)
    if (failing > area) --failing;
  return true;
}

// Gives the machine as many CPUs as the plain one has.
bool plain_cpus(Program& program) {
  Geometry& machine = program.machine;
  const int cpus = plain_geometry(machine).cpus;
  if (machine.cpus == cpus) return false;
  machine.cpus = cpus;
  for (Performer* performer : performers_of(program))
    if (!performer->is_actor() && performer->code >= machine.cpus) performer->code = 0;
  for (ActorSpec& actor : program.actors)
    if (actor.cpu >= machine.cpus) actor.cpu = 0;
  return true;
}

bool one_node(Program& program) {
  if (!program.machine.several_nodes()) return false;
  for (ZoneSpec& zone : program.machine.zones) zone.node = 0;
  return true;
}

bool halve_memory(Program& program) {
  Geometry& machine = program.machine;
  const std::uint64_t pages = align_down(machine.memory.pages() / 2, machine.largest_pages());
  if (pages < plain_geometry(machine).memory.pages()) return false;
  machine.memory.end = machine.memory.start + pages;
  const auto outside = [&](const PfnRange& range) { return range.end > machine.memory.end; };
  std::erase_if(machine.holes, outside);
  std::erase_if(machine.reserved, outside);
  return true;
}

bool halve_area(Program& program, std::size_t index) {
  AreaSpec& area = program.machine.areas[index];
  const std::uint64_t pages = align_down(area.pages / 2, program.machine.isolation_unit());
  if (pages == 0) return false;
  area.pages = pages;
  return true;
}

// Sets a member to the value that the plain machine has.
template <class T>
Change plain_member(T Geometry::* member) {
  return [member](Program& program) {
    const Geometry plain = plain_geometry(program.machine);
    if (program.machine.*member == plain.*member) return false;
    program.machine.*member = plain.*member;
    return true;
  };
}

// Moves a member one towards the value that the plain machine has.
template <class T>
Change approach_member(T Geometry::* member) {
  return [member](Program& program) {
    const T plain = plain_geometry(program.machine).*member;
    T& value = program.machine.*member;
    if (value == plain) return false;
    value < plain ? ++value : --value;
    return true;
  };
}

// Adds changes that remove one of the ranges, or the second half of one.
void add_range_changes(std::vector<PfnRange> Geometry::* member, const Geometry& machine,
                       std::vector<Change>& changes) {
  for (std::size_t i = (machine.*member).size(); i-- > 0;) {
    changes.emplace_back([member, i](Program& program) {
      std::vector<PfnRange>& ranges = program.machine.*member;
      ranges.erase(ranges.begin() + static_cast<std::ptrdiff_t>(i));
      return true;
    });
    changes.emplace_back([member, i](Program& program) {
      PfnRange& range = (program.machine.*member)[i];
      if (range.pages() < 2) return false;
      range.end = range.start + range.pages() / 2;
      return true;
    });
  }
}

// Returns the change, refused if it makes the machine impossible.
Change possible(Change change) {
  return [change = std::move(change)](Program& program) { return change(program) && !program.machine.impossible(); };
}

void add_area_changes(const Geometry& machine, std::vector<Change>& changes) {
  const Geometry plain = plain_geometry(machine);
  for (std::size_t i = machine.areas.size(); i-- > 0;) {
    // An area that is the plain machine's takes no words in the text.
    if (i < plain.areas.size() && machine.areas[i] == plain.areas[i]) continue;
    if (i < plain.areas.size())
      changes.emplace_back([i](Program& program) {
        program.machine.areas[i] = plain_geometry(program.machine).areas[i];
        return true;
      });
    changes.emplace_back([i](Program& program) { return drop_area(program, i); });
    changes.emplace_back([i](Program& program) { return halve_area(program, i); });
    changes.emplace_back([i](Program& program) {
      unsigned& order = program.machine.areas[i].order_per_bit;
      return order != 0 && order-- != 0;
    });
  }
}

bool audit_after_operations(Program& program) {
  if (program.audit == decltype(program.audit){}) return false;
  program.audit = {};
  return true;
}

}  // namespace

Simplified simplify_field(OpBody& body, std::size_t field, std::size_t attempt) {
  FieldSimplifier visitor(field, attempt);
  visit_fields(body, visitor);
  if (!visitor.found()) return Simplified::no_such_field;
  return visitor.changed() ? Simplified::changed : Simplified::no_more_attempts;
}

std::vector<Change> stop_changes(std::size_t index) {
  std::vector<Change> changes;
  changes.emplace_back([index](Program& program) { return stop_nowhere(program, index, true); });
  changes.emplace_back([index](Program& program) { return stop_nowhere(program, index, false); });
  changes.emplace_back([index](Program& program) { return stop_earlier(program, index, 1); });
  changes.emplace_back([index](Program& program) {
    return stop_earlier(program, index, static_cast<std::uint16_t>(program.ops[index].until.nth / 2));
  });
  changes.emplace_back([index](Program& program) {
    return stop_earlier(program, index, static_cast<std::uint16_t>(program.ops[index].until.nth - 1));
  });
  changes.emplace_back([index](Program& program) { return leave_scope(program, index); });
  changes.emplace_back([index](Program& program) { return plain_performer(program, index, true); });
  changes.emplace_back([index](Program& program) { return plain_performer(program, index, false); });
  return changes;
}

std::vector<Change> machine_changes(const Program& program) {
  std::vector<Change> changes;
  changes.emplace_back(audit_after_operations);
  changes.emplace_back([](Program& candidate) {
    if (candidate.failing_bitmaps.empty()) return false;
    candidate.failing_bitmaps.clear();
    return true;
  });
  // Nothing is plainer than the default small machine, not even one with less in it: that takes more words.
  if (program.machine == plain_geometry(program.machine)) return changes;
  changes.emplace_back(plain_machine);
  changes.push_back(plain_member(&Geometry::areas));
  changes.push_back(plain_member(&Geometry::zones));
  changes.push_back(plain_member(&Geometry::holes));
  changes.push_back(plain_member(&Geometry::reserved));
  changes.push_back(plain_member(&Geometry::memory));
  changes.push_back(plain_member(&Geometry::pageblock_order));
  changes.push_back(plain_member(&Geometry::largest_order));
  changes.push_back(plain_member(&Geometry::pcp_batch));
  changes.push_back(plain_member(&Geometry::pcp_high));
  changes.push_back(plain_member(&Geometry::min_free_kbytes));
  changes.push_back(plain_member(&Geometry::extra_free_kbytes));
  changes.push_back(plain_member(&Geometry::watermark_scale_factor));
  changes.push_back(plain_member(&Geometry::watermark_boost_factor));
  changes.push_back(plain_member(&Geometry::watermark_boost));
  changes.push_back(plain_member(&Geometry::lowmem_reserve_ratio));
  changes.push_back(plain_member(&Geometry::transparent_hugepages));
  changes.push_back(plain_member(&Geometry::cma_debug));
  changes.push_back(plain_member(&Geometry::rate_limits));
  changes.push_back(plain_member(&Geometry::oom_kills));
  changes.push_back(plain_member(&Geometry::cma_before_highatomic));
  changes.push_back(plain_member(&Geometry::max_areas));
  changes.push_back(plain_member(&Geometry::page_size));
  changes.push_back(plain_member(&Geometry::phys_addr_bits));
  changes.push_back(plain_member(&Geometry::long_bits));
  changes.emplace_back(one_node);
  changes.emplace_back(plain_cpus);
  add_range_changes(&Geometry::holes, program.machine, changes);
  add_range_changes(&Geometry::reserved, program.machine, changes);
  add_area_changes(program.machine, changes);
  changes.emplace_back(halve_memory);
  changes.push_back(approach_member(&Geometry::pageblock_order));
  changes.push_back(approach_member(&Geometry::largest_order));
  for (Change& change : changes) change = possible(std::move(change));
  return changes;
}

std::vector<Change> changes_within_law(const Program& program) {
  std::vector<Change> changes = {[](Program& candidate) {
    if (candidate.names.empty()) return false;
    candidate.names.clear();
    return true;
  }};
  const std::vector<Release> releases = releases_by_age();
  for (const Release release : releases | std::views::reverse) {
    if (release <= program.machine.release) break;
    changes.push_back([release](Program& candidate) {
      candidate.machine.release = release;
      return !candidate.machine.impossible();
    });
  }
  for (std::size_t i = 0; i < program.ops.size(); ++i)
    if (const auto* write = std::get_if<DebugfsAlloc>(&program.ops[i].body))
      changes.push_back([i, body = CmaAlloc{.area = write->area, .pages = write->pages}](Program& candidate) {
        candidate.ops[i].id = candidate.unused_id();
        candidate.ops[i].body = body;
        return true;
      });
  return changes;
}

bool tidy_up(Program& program) {
  const Program before = program;
  // Actors that perform nothing.
  for (std::size_t actor = program.actors.size(); actor-- > 0;) {
    const std::vector<Performer*> performers = performers_of(program);
    const auto code = Performer::actor(actor).code;
    if (std::ranges::any_of(performers, [&](const Performer* performer) { return performer->code == code; })) continue;
    program.actors.erase(program.actors.begin() + static_cast<std::ptrdiff_t>(actor));
    for (Performer* performer : performers)
      if (performer->code > code) --performer->code;
  }
  // Results in the order of the program, then operands whose operation is gone.
  std::map<OpId, OpId> renumbered;
  const auto number = [&](OpId id) {
    if (id != 0) renumbered.try_emplace(id, static_cast<OpId>(renumbered.size() + 1));
  };
  for (const Op& op : program.ops) number(op.id);
  for (const Op& op : program.ops) for_each_operand(op.body, number);
  for (Op& op : program.ops) {
    if (op.id != 0) op.id = renumbered[op.id];
    for_each_operand(op.body, [&](OpId& id) {
      if (id != 0) id = renumbered[id];
    });
  }
  std::map<OpId, std::string> names;
  for (auto& [id, name] : program.names)
    if (const auto found = renumbered.find(id); found != renumbered.end()) names.emplace(found->second, name);
  program.names = std::move(names);
  return program != before;
}

}  // namespace cma
