#include "properties/arbitrary/arbitrary_testing.h"

#include <algorithm>
#include <ostream>

#include "properties/minimize/steps.h"
#include "properties/program/shapes.h"
#include "properties/program/text.h"
#include "properties/program/values.h"

namespace cma {
namespace {

// The programs one step smaller than a program, in the order of cheap_steps().
class Smaller {
 public:
  explicit Smaller(const Program& program) : program_(program), steps_(cheap_steps(program)) {}
  rc::Maybe<Program> operator()() {
    while (next_ < steps_.size()) {
      Program smaller = program_;
      if (!steps_[next_++](smaller)) continue;
      smaller.settle();
      if (smaller != program_ && !smaller.machine.impossible()) return smaller;
    }
    return rc::Nothing;
  }

 private:
  Program program_;
  std::vector<Change> steps_;
  std::size_t next_ = 0;
};

rc::Shrinkable<Program> shrinkable(Program program) {
  return rc::shrinkable::shrinkRecur(std::move(program),
                                     [](const Program& current) { return rc::Seq<Program>(Smaller(current)); });
}

// Returns the fields of an operation made smaller, one at a time.
rc::Seq<Op> smaller_arguments(const Op& op) {
  Program alone;
  alone.ops.push_back(op);
  std::vector<Op> smaller;
  for (const Change& step : argument_steps(alone, 0)) {
    Program copy = alone;
    if (step(copy)) smaller.push_back(copy.ops.front());
  }
  return rc::seq::fromContainer(std::move(smaller));
}

// Makes the bitmap of an area fail in one program of ten.
void add_failing_bitmap(Random& random, Program& program) {
  if (program.machine.areas.empty() || !random.chance(10)) return;
  program.failing_bitmaps.push_back(static_cast<std::uint16_t>(random.below(program.machine.areas.size())));
}

// Leaves little memory before the first area, and sets the watermarks between nothing and that; in half of the machines
// so high that only urgent requests get much.
Geometry scarce_memory(Random& random, Geometry machine) {
  Pfn first = machine.memory.end;
  for (const AreaSpec& area : machine.areas) first = std::min(first, area.base);
  const std::uint64_t before = first - machine.memory.start;
  const std::uint64_t kept = std::min(before, 16 + random.below(1 + random.below(before + 1)));
  if (kept < before) machine.reserved = {{machine.memory.start, first - kept}};
  const std::uint64_t must_stay = random.below(kept + 1);
  machine.min_free_kbytes = (random.chance(50) ? must_stay : kept - must_stay / 4) * (machine.page_size >> 10);
  return machine;
}

void make_scarce(Random& random, Program& program) {
  const Geometry machine = scarce_memory(random, program.machine);
  if (!machine.impossible()) program.machine = machine;
  for (Op& op : program.ops) {
    auto* request = std::get_if<AllocPages>(&op.body);
    if (request == nullptr || random.chance(50)) continue;
    request->type = random.chance(70) ? TypeWord::unmovable : TypeWord::reclaimable;
    request->atomic = random.chance(50);
    request->order = std::min<std::uint64_t>(request->order, random.below(8));
  }
}

// Returns the options of one program, of at least a third of the operations that the size permits.
GeneratorOptions draw_options(Random& random, const Programs& programs, int size, bool& faults) {
  GeneratorOptions options = programs.options;
  constexpr std::size_t kFewest = 6;
  options.max_ops = std::max(options.min_ops, kFewest + static_cast<std::size_t>(size) / 2);
  options.min_ops = std::max(options.min_ops, options.max_ops / 3);
  faults = programs.faults && random.chance(50);
  if (!faults) options.kinds &= ~fault_kinds();
  if (!programs.interleaved || random.chance(50)) options.actors = 0;
  return options;
}

// Makes one actor perform all operations, each from its beginning to its end.
void let_one_actor_perform(Program& program) {
  program.actors.clear();
  for (Op& op : program.ops) {
    op.performer = {};
    op.until = {};
  }
}

}  // namespace

Story::Story(Program& program) : program_(program) {
  const auto after_boot = std::ranges::find_if(program.ops, [](const Op& op) { return !info_of(op).boot; });
  next_ = static_cast<std::size_t>(after_boot - program.ops.begin());
}

OpRef Story::add(OpBody body, Performer performer, Stop until) {
  const OpId id = program_.unused_id();
  Op op{.id = id, .performer = performer, .until = until, .body = std::move(body)};
  program_.ops.insert(program_.ops.begin() + static_cast<std::ptrdiff_t>(next_++), std::move(op));
  return {id};
}

Performer Story::another_actor() {
  program_.actors.push_back({.name = "another", .cpu = 0});
  return Performer::actor(program_.actors.size() - 1);
}

rc::Gen<Program> any_program(const Programs& programs) {
  return rc::Gen<Program>([programs](const rc::Random& source, int size) {
    rc::Random copy = source;
    Random random(copy.next());
    bool faults = false;
    const GeneratorOptions options = draw_options(random, programs, size, faults);
    Program program = generate(random.next(), options);
    if (options.actors == 0) let_one_actor_perform(program);
    if (faults) add_failing_bitmap(random, program);
    if (programs.scarce) make_scarce(random, program);
    if (!programs.killing) program.machine.oom_kills = false;
    if (programs.prepare != nullptr) programs.prepare(random, program);
    program.settle();
    return shrinkable(std::move(program));
  });
}

rc::Gen<Geometry> any_machine(std::optional<Release> release) {
  return rc::gen::map(rc::gen::pair(rc::gen::inRange<std::size_t>(0, kShapes),
                                    rc::gen::inRange<std::size_t>(0, modelled_releases().size())),
                      [release](const std::pair<std::size_t, std::size_t>& drawn) {
                        return shape(drawn.first, release ? *release : modelled_releases()[drawn.second]);
                      });
}

rc::Gen<Stop> any_stop() {
  return rc::gen::construct<Stop>(rc::gen::map(rc::gen::inRange<std::size_t>(0, kPoints),
                                               [](std::size_t point) { return static_cast<Point>(point); }),
                                  rc::gen::map(rc::gen::inRange<std::uint16_t>(0, 4), [](std::uint16_t more) {
                                    return static_cast<std::uint16_t>(1 + more);
                                  }));
}

rc::Gen<Op> any_op(const Program& program) {
  return rc::Gen<Op>([&program](const rc::Random& source, int) {
    rc::Random copy = source;
    Random random(copy.next());
    const GeneratorOptions options;
    return rc::shrinkable::shrinkRecur(generate_op(random, program, swarm_weights(random, options), options),
                                       [](const Op& op) { return smaller_arguments(op); });
  });
}

const KindSet& fault_kinds() {
  static const KindSet kKinds = KindSet().set(kind_of<Refuse>()).set(kind_of<Signal>());
  return kKinds;
}

bool has_faults(const Program& program) {
  return !program.failing_bitmaps.empty() ||
         std::ranges::any_of(program.ops, [](const Op& op) { return fault_kinds().test(op.body.index()); });
}

bool is_interleaved(const Program& program) {
  return std::ranges::any_of(
      program.ops, [&](const Op& op) { return op.until.wanted() || op.performer != program.ops.front().performer; });
}

void classify(const Program& program) {
  RC_TAG(name_of(program.machine.release));
  RC_CLASSIFY(has_faults(program), "faults");
  RC_CLASSIFY(is_interleaved(program), "interleaved");
  constexpr std::size_t kLong = 20;
  RC_CLASSIFY(program.ops.size() >= kLong, "20 operations or more");
}

void showValue(const Program& program, std::ostream& out) { out << '\n' << print(program); }

}  // namespace cma
