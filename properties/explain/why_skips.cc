#include "properties/explain/why_skips.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "allocator/base/error.h"
#include "properties/explain/names.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// What the interpreter answers to an operation of boot that comes too late.
constexpr std::string_view kBootFinished = "boot has finished";

// Returns an operation in quotes.
std::string quoted(const World& world, Slot slot) {
  return fmt::format("\"{}\"", print_op(world.program(), world.program().ops[slot]));
}

// Returns where an actor is that is inside an operation: what it waits for, or the point at which it was stopped.
std::string whereabouts(const World& world, ActorId actor) {
  const ActorView view = world.machine().engine.look(actor);
  if (!view.waits_for.empty()) return fmt::format(", which waits for {}", view.waits_for);
  if (view.last_point == Point::kCount) return {};
  return fmt::format(", which is stopped at {}", info_of(view.last_point).name);
}

// Returns the last operation that the performer of this one began before it, and whether it resumed that since.
struct Begun {
  std::optional<Slot> op;
  bool resumed = false;
};
Begun begun_before(const World& world, Slot slot) {
  const std::vector<Op>& ops = world.program().ops;
  Begun begun;
  for (Slot before = slot; before-- > 0;) {
    if (ops[before].performer != ops[slot].performer) continue;
    const bool performed = world.result(before).state != Result::State::skipped;
    if (std::holds_alternative<Resume>(ops[before].body)) begun.resumed = begun.resumed || performed;
    if (info_of(ops[before]).performed != Performed::by_actor || !performed) continue;
    begun.op = before;
    break;
  }
  return begun;
}

// Returns why an actor that was to be resumed is not stopped. Requires: it is inside no operation.
std::string why_not_stopped(const World& world, Slot resume) {
  const Begun begun = begun_before(world, resume);
  if (!begun.op) return "it has begun no operation";
  const Stop& until = world.program().ops[*begun.op].until;
  std::string text = quoted(world, *begun.op) + " has ended";
  if (until.wanted() && !begun.resumed)
    text += fmt::format(" without coming to {}{}", info_of(until.point).name,
                        until.nth == 1 ? "" : fmt::format(" {} times", until.nth));
  return text;
}

// Returns which regions have memory that others have, or if `outside`, that does not exist.
std::string unsafe_regions(const World& world, Slot boot, bool outside) {
  struct Named {
    std::string name;
    ByteRange range;
  };
  const PfnRange& memory = world.machine().map.range();
  const unsigned shift = world.machine().geometry().page_shift();
  std::vector<Named> regions;
  std::string text;
  const auto add = [&](std::string fact) { text += (text.empty() ? "" : "; ") + std::move(fact); };
  for (Slot slot = 0; slot < boot; ++slot) {
    const auto* region = std::get_if<Region>(&world.program().ops[slot].body);
    if (region == nullptr || region->base == kNotGiven) continue;
    const ByteRange range{region->base, region->base + std::min(region->size, ~region->base)};
    const std::string name = name_or_text(world.program(), slot);
    for (const Named& other : regions) {
      const ByteRange common{std::max(range.start, other.range.start), std::min(range.end, other.range.end)};
      if (!outside && common.start < common.end)
        add(fmt::format("{} and {} both have {}", other.name, name, addresses_text(common)));
    }
    if (outside && (range.start < memory.start << shift || range.end > memory.end << shift))
      add(fmt::format("{}, {}, does not lie in memory, {}", name, addresses_text(range),
                      addresses_text({memory.start << shift, memory.end << shift})));
    regions.push_back({name, range});
  }
  return text;
}

// Reads the fields of an operation, and collects what is wrong with them.
class SkipReader : public IgnoreFields {
 public:
  SkipReader(const World& world, const GivenBack& given_back) : world_(world), given_back_(given_back) {}

  void area(const AreaRef& area) {
    if (area.declared) add(state_of(OpRef{area.id}, Yields::area));
  }
  void operand(const OpRef& operand, const OperandSpec& spec) {
    if (operand.id == 0) return;
    add(state_of(operand, spec.wanted));
    const Result* found = world_.find(operand);
    const Processes& processes = world_.machine().processes;
    if (found == nullptr || found->yields != Yields::mapping) return;
    if (!processes.has_mapping(found->process, found->mapping)) return;
    mapping_ = name_or_text(world_.program(), world_.slot_of(*found));
    mapped_ = processes.pages_of(found->process, found->mapping);
  }
  void place(const Place& place, const PlaceSpec&);
  void number(const std::uint64_t& number, const NumberSpec& spec) {
    if (spec.name == "from") from_ = number;
    if (spec.name == "pages") pages_ = number;
  }

  // Returns all facts. Requires: each field was shown.
  std::vector<std::string> facts() {
    const bool beyond = mapped_ != 0 && (from_ >= mapped_ || pages_ > mapped_ - from_);
    if (beyond) add(fmt::format("{} has {}, 0 to {}", mapping_, plural(mapped_, "page"), mapped_ - 1));
    return facts_;
  }

 private:
  void add(std::string fact) {
    if (!fact.empty() && std::ranges::find(facts_, fact) == facts_.end()) facts_.push_back(std::move(fact));
  }
  std::string state_of(OpRef operand, Yields wanted) const;
  std::string state_of(const Result& result, Slot slot, Yields wanted) const;
  std::string gone(Slot slot) const;
  std::string page_of(OpRef operand, std::uint64_t index) const;

  const World& world_;
  const GivenBack& given_back_;
  std::vector<std::string> facts_;
  std::string mapping_;
  std::uint64_t mapped_ = 0;  // pages of that mapping
  std::uint64_t from_ = 0;
  std::uint64_t pages_ = 1;
};

// Returns when a result was given back.
std::string SkipReader::gone(Slot slot) const {
  const std::string name = name_or_text(world_.program(), slot);
  const auto given = given_back_.find(slot);
  return given == given_back_.end() ? name + " is gone"
                                    : fmt::format("{} is gone since {}", name, quoted(world_, given->second));
}

// Returns what is wrong with an operand; empty if nothing is.
std::string SkipReader::state_of(OpRef operand, Yields wanted) const {
  const std::vector<Op>& ops = world_.program().ops;
  const auto op = std::ranges::find(ops, operand.id, &Op::id);
  if (op == ops.end()) return {};
  const auto slot = static_cast<Slot>(op - ops.begin());
  return state_of(world_.result(slot), slot, wanted);
}

std::string SkipReader::state_of(const Result& result, Slot slot, Yields wanted) const {
  const std::string name = name_or_text(world_.program(), slot);
  switch (result.state) {
    case Result::State::not_performed: return name + " comes later in the program";
    case Result::State::inside:
      return fmt::format("{} is still inside {}{}", name, quoted(world_, slot),
                         whereabouts(world_, world_.actor(world_.program().ops[slot].performer)));
    case Result::State::skipped: return fmt::format("{} was skipped", name);
    case Result::State::failed:
      if (result.yields != Yields::pages || result.pages == 0)
        return fmt::format("{} failed, {}", name, errno_name(result.error));
      break;
    case Result::State::done: break;
  }
  const bool region = std::holds_alternative<Region>(world_.program().ops[slot].body);
  if (region && wanted == Yields::area && result.yields != Yields::area)
    return world_.boot == nullptr ? fmt::format("{} is no area: {}", name, why_not_read(world_, slot))
                                  : name + " asks for no area";
  if (result.gone) return gone(slot);
  const Processes& processes = world_.machine().processes;
  const bool of_process = result.yields == Yields::process || result.yields == Yields::mapping;
  if (of_process && !processes.alive(result.process)) return gone(slot);
  if (wanted != Yields::nothing && result.yields != wanted && result.yields != Yields::nothing)
    return fmt::format("{} is of the kind {}, and {} is needed", name, noun_of(result.yields), noun_of(wanted));
  return {};
}

// Returns why a result has no page of this number now; empty if it has.
std::string SkipReader::page_of(OpRef operand, std::uint64_t index) const {
  const Result* found = world_.find(operand);
  if (found == nullptr || world_.resolve(Place::of_result(operand, index))) return {};
  const std::string name = name_or_text(world_.program(), world_.slot_of(*found));
  if (found->yields == Yields::process) return name + " is a process: a page needs one of its mappings";
  if (index >= found->pages && found->yields == Yields::pages)
    return fmt::format("{} has {}, 0 to {}", name, plural(found->pages, "page"), found->pages - 1);
  return fmt::format("page {} of {} is not there", index, name);
}

void SkipReader::place(const Place& place, const PlaceSpec&) {
  if (place.kind == Place::Kind::none) return;
  if (place.kind == Place::Kind::result) {
    const std::string state = state_of(place.result, Yields::nothing);
    const Result* found = world_.find(place.result);
    const bool usable = found != nullptr && state.empty() && !found->gone;
    return add(usable ? page_of(place.result, place.offset) : state);
  }
  Pfn pfn = place.offset;
  if (place.kind == Place::Kind::area) {
    const std::optional<AreaId> area = world_.area(place.area);
    if (!area) {
      add("there is no such area");
      if (place.area.declared) add(state_of(OpRef{place.area.id}, Yields::area));
      return;
    }
    pfn += world_.machine().areas.area(*area).base;
  }
  if (!world_.machine().map.present(pfn)) add(no_such_page(world_.machine(), pfn));
}

}  // namespace

std::string no_such_page(const Machine& machine, Pfn pfn) {
  const PfnRange& memory = machine.map.range();
  if (pfn >= memory.end) return fmt::format("page {:#x} does not exist: memory ends at {:#x}", pfn, memory.end);
  if (pfn < memory.start) return fmt::format("page {:#x} does not exist: memory begins at {:#x}", pfn, memory.start);
  for (const PfnRange& hole : machine.geometry().holes)
    if (hole.contains(pfn))
      return fmt::format("page {:#x} does not exist: it is in the hole [{:#x}, {:#x})", pfn, hole.start, hole.end);
  return fmt::format("page {:#x} does not exist: it is in no zone", pfn);
}

std::string why_not_read(const World& world, Slot region) {
  const std::vector<Op>& ops = world.program().ops;
  for (Slot slot = region + 1; slot < ops.size(); ++slot) {
    if (!std::holds_alternative<RunBoot>(ops[slot].body)) continue;
    const bool skipped = world.result(slot).state == Result::State::skipped;
    return fmt::format("{}, the boot that would read it, {}", name_or_text(world.program(), slot),
                       skipped ? "was skipped" : "comes later");
  }
  return "no `boot` follows, which would read it";
}

void explain_skip(const World& world, const SkipHistory& history, Answer& answer) {
  answer.ending = Ending::skipped;
  answer.brief = world.result(answer.op).skipped_as;
  const Op& op = world.program().ops[answer.op];
  const ActorId actor = world.actor(op.performer);
  const std::optional<Slot> inside =
      info_of(op).performed == Performed::by_actor && actor != kNoActor ? operation_of(world, actor) : std::nullopt;
  if (inside && *inside != answer.op) {
    answer.brief = fmt::format("its actor is still inside {}{}", quoted(world, *inside), whereabouts(world, actor));
    return;
  }
  SkipReader reader(world, history.given_back);
  visit_fields(op.body, reader);
  std::string facts;
  if (std::holds_alternative<Resume>(op.body) && actor != kNoActor && !operation_of(world, actor))
    facts = why_not_stopped(world, answer.op);
  else if (std::holds_alternative<RunBoot>(op.body) && !world.machine().booted())
    facts = unsafe_regions(world, answer.op, answer.brief.contains("outside memory"));
  else if (history.booted_in && answer.brief == kBootFinished)
    facts = quoted(world, *history.booted_in) + " finished it";
  for (const std::string& fact : reader.facts()) facts += (facts.empty() ? "" : "; ") + fact;
  if (facts.empty()) return;
  // What is known of the operand says more than that it is not there.
  const bool general = answer.brief.starts_with("what it names") || answer.brief.starts_with("the place it names");
  answer.brief = general ? facts : fmt::format("{}: {}", answer.brief, facts);
}

}  // namespace cma
