#include "properties/judge/random_programs.h"

#include <algorithm>
#include <array>

#include "properties/judge/translate.h"
#include "properties/program/generator.h"

namespace cma::judge {
namespace {

// An allocation above this order leaves room for little else.
constexpr std::uint64_t kSmallOrders = 5;
// Small mappings put a few pages in the way of a buffer. The rarer large ones span several batches of an unmapping, or
// more than one page table.
constexpr std::uint64_t kSmallMapping = 24;
constexpr std::uint64_t kLargeMapping = 640;
// Where the first buffers of an area lie.
constexpr std::uint64_t kHotPages = 256;

struct MachineChoice {
  std::uint64_t memory;
  std::vector<AreaSpec> areas;
};

// Two areas; bits of one to four pages; areas side by side; an area whose base is the odd half of a largest block; most
// of the free memory in the area, so that pages that may be anywhere come to lie there.
const std::vector<MachineChoice>& machines() {
  static const std::vector<MachineChoice> kMachines = {
      {0x10000, {{"a", 0x4000, 0x1000, 0}, {"b", 0x5000, 0x1000, 2}}},
      {0x8000, {{"a", 0x2000, 0x400, 0}}},
      {0x8000, {{"a", 0x4000, 0x800, 1}}},
      {0x20000, {{"a", 0x10000, 0x1000, 0}}},
      {0x10000, {{"a", 0x8000, 0x400, 0}, {"b", 0x8400, 0x400, 1}, {"c", 0x8800, 0x400, 2}}},
      {0x10000, {{"a", 0x4200, 0x600, 0}, {"b", 0x6000, 0x200, 0}}},
      {0x8000, {{"a", 0x2000, 0x5000, 0}}},
  };
  return kMachines;
}

// Moves what the generator wrote for any machine to where it has an effect on this one.
class Gatherer : public IgnoreFields {
 public:
  Gatherer(Random& random, const Geometry& machine, bool hot) : random_(random), machine_(machine), hot_(hot) {}

  void place(Place& place, const PlaceSpec&) {
    if (place.kind == Place::Kind::pfn)
      place = Place::of_area({false, static_cast<std::uint16_t>(random_.below(machine_.areas.size()))}, place.offset);
    if (place.kind != Place::Kind::area) return;
    const std::uint64_t pages = machine_.areas[place.area.id].pages;
    place.offset %= hot_ && random_.chance(80) ? kHotPages : pages;
  }
  // Moves a range into an area, as ranges outside are not judged.
  void into_an_area(Place& place) {
    if (place.kind == Place::Kind::area) return;
    const auto area = static_cast<std::uint16_t>(random_.below(machine_.areas.size()));
    place = Place::of_area({false, area}, random_.below(machine_.areas[area].pages));
  }
  void area(AreaRef& area) { area = {false, static_cast<std::uint16_t>(area.id % machine_.areas.size())}; }
  void number(std::uint64_t& value, const NumberSpec& spec) {
    if (spec.name == "order" && value > kSmallOrders && random_.chance(80)) value %= kSmallOrders;
    if (spec.max == kMaxMappedPages && value > kSmallMapping)
      value = 1 + value % (random_.chance(80) ? kSmallMapping : kLargeMapping);
  }

 private:
  Random& random_;
  const Geometry& machine_;
  bool hot_;
};

Geometry choose_machine(Random& random, const KernelConfig& config) {
  for (;;) {
    const MachineChoice& choice = machines()[random.below(machines().size())];
    Geometry machine;
    machine.release = config.release;
    machine.pageblock_order = config.pageblock_order;
    machine.memory = {0, choice.memory};
    machine.areas = choice.areas;
    if (can_have(machine, config)) return machine;
  }
}

}  // namespace

Program random_program(std::uint64_t seed, std::size_t ops, KernelJudge& judge) {
  Random random(seed);
  Program program;
  program.machine = choose_machine(random, judge.config());
  // Drawn from a generator of its own, so that programs without compaction do not depend on it.
  constexpr std::uint64_t kApart = 0xc2b2ae3d27d4eb4f;
  Random apart(seed ^ kApart);
  const bool compaction = apart.chance(25);
  const GeneratorOptions options{.kinds = performed_kinds(), .sequential = true, .compaction = compaction};
  const KindWeights weights = swarm_weights(random, options);
  Gatherer gatherer(random, program.machine, random.chance(60));
  // Some operations remain each round, as an allocation is always possible.
  for (int round = 0; round < 8 && program.ops.size() < ops; ++round) {
    while (program.ops.size() < ops) {
      Op op = generate_op(random, program, weights, options);
      visit_fields(op.body, gatherer);
      if (auto* range = std::get_if<AllocRange>(&op.body)) gatherer.into_an_area(range->at);
      program.ops.push_back(std::move(op));
    }
    program.settle();
    program = judge.judgeable_part(std::move(program));
  }
  return program;
}

}  // namespace cma::judge
