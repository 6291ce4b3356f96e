#include "properties/judge/random_programs.h"

#include <algorithm>
#include <array>

#include "properties/judge/fit.h"
#include "properties/judge/translate.h"

namespace cma::judge {
namespace {

// An allocation above this order leaves room for little else.
constexpr std::uint64_t kSmallOrders = 5;
// Small mappings put a few pages in the way of a buffer. The rarer large ones span several batches of an unmapping, or
// more than one page table.
constexpr std::uint64_t kSmallMapping = 24;
constexpr std::uint64_t kLargeMapping = 640;
// The pages of a file that programs read, a few at a time or some batches of reclaim.
constexpr std::uint64_t kFilePages = 256;
constexpr std::uint64_t kFewRead = 24;
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
    if (spec.max == kMaxFilePages) {
      const std::uint64_t most = spec.min == 0 || random_.chance(30) ? kFilePages : kFewRead;
      if (value > most) value = spec.min + value % most;
    }
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

// Memory and areas of a machine that is put together at random. The kernel's image and its page descriptors lie below
// kFirstFrame; half of the memory stays outside the areas.
constexpr std::array<std::uint64_t, 3> kMemories = {0x8000, 0x10000, 0x20000};
constexpr Pfn kFirstFrame = 0x2000;
constexpr std::size_t kMostAreas = 7;
constexpr std::uint64_t kLargeArea = 0x6000;  // 96 MiB

// Returns areas of whole units: up to seven, side by side or a few pageblocks apart, within a largest block or
// across several, with bits up to a pageblock; now and then a large one, or one a pageblock before the end of memory.
Geometry random_machine(Random& random, const KernelConfig& config) {
  Geometry machine;
  machine.release = config.release;
  machine.pageblock_order = config.pageblock_order;
  machine.memory = {0, kMemories[random.below(kMemories.size())]};
  // In this the areas of a kernel are aligned: a pageblock, before 5.19 a largest block.
  const std::uint64_t block = machine.isolation_unit();
  const bool large = machine.memory.pages() > 2 * kLargeArea && random.chance(30);
  const std::uint64_t areas = random.between(1, random.chance(30) ? kMostAreas : 3);
  const bool at_the_end = random.chance(15);
  Pfn base = kFirstFrame + block * random.below(16);
  for (std::uint64_t i = 0; i < areas; ++i) {
    std::uint64_t pages = block * random.between(1, random.chance(50) ? 2 : 8);
    if (large && i == 0) pages = kLargeArea + block * random.below(8);
    if (base + pages > machine.memory.end / 2 + kFirstFrame) break;
    const auto order_per_bit = static_cast<unsigned>(random.chance(50) ? 0 : random.below(config.pageblock_order + 1));
    machine.areas.push_back({std::string(1, static_cast<char>('a' + i)), base, pages, order_per_bit});
    base += pages + (random.chance(60) ? 0 : block * random.between(1, 3));
  }
  // The very last pageblocks hold memory of the kernel's own.
  if (at_the_end && !machine.areas.empty())
    machine.areas.back().base = machine.memory.end - machine.areas.back().pages - block * random.between(1, 2);
  return machine;
}

// Returns such a machine that the kernel can be given; the one chosen if none is found soon.
Geometry other_machine(Random& random, const Geometry& chosen, KernelJudge& judge) {
  for (int tries = 0; tries < 8; ++tries) {
    const Geometry machine = random_machine(random, judge.config());
    if (can_have(machine, judge.config()) && judge.boots_with(machine)) return machine;
  }
  return chosen;
}

// Releases a part from the middle of a buffer, in whole bits, instead of its end or all of it.
void release_a_middle_part(Random& random, const Program& program, CmaRelease& release) {
  const Op* made = program.find(release.buffer.id);
  const auto* alloc = made == nullptr ? nullptr : std::get_if<CmaAlloc>(&made->body);
  if (alloc == nullptr) return;
  const std::uint64_t bit = order_pages(program.machine.areas[alloc->area.id].order_per_bit);
  const std::uint64_t bits = alloc->pages / bit;
  if (bits < 3) return;
  const std::uint64_t from = random.between(1, bits - 2);
  release.from = from * bit;
  release.pages = random.between(1, bits - 1 - from) * bit;
}

// Makes of an operation one that the driver can perform: files lie on no disk, and callers of reclaim choose nothing
// but the order.
void make_performable(Op& op) {
  if (auto* file = std::get_if<OpenFile>(&op.body); file != nullptr && file->method == MethodWord::block_device)
    file->method = MethodWord::ordered;
  if (auto* reclaim = std::get_if<DirectReclaim>(&op.body)) *reclaim = DirectReclaim{.order = reclaim->order};
  if (auto* kswapd = std::get_if<RunKswapd>(&op.body)) *kswapd = RunKswapd{};
  if (op.scope == ReclaimScope::victim) op.scope = ReclaimScope::none;
}

// The machines put together at random that programs for mutators have most often.
constexpr std::uint64_t kFavourites = 24;

constexpr std::uint64_t kPins = 30;
// The least operations of a program that begins with so many pins.
constexpr std::size_t kOpsForPins = 3 * kPins;

// Begins a program with as many pages in an area as are pinned then, one by one.
void pin_many_pages(Random& random, Program& program) {
  const std::uint64_t area = random.below(program.machine.areas.size());
  const std::uint64_t room = program.machine.areas[area].pages - kPins;
  const Place at = Place::of_area({false, static_cast<std::uint16_t>(area)}, random.below(std::min(room, kHotPages)));
  Op pages{.id = program.unused_id()};
  if (random.chance(50))
    pages.body = OwnedPages<PageKind::anonymous>{.at = at, .pages = kPins};
  else
    pages.body = OwnedPages<PageKind::shmem>{.at = at, .pages = kPins};
  const OpId first = pages.id;
  program.ops.push_back(std::move(pages));
  for (std::uint64_t i = 0; i < kPins; ++i) {
    Op pin{.id = program.unused_id()};
    pin.body = Pin{.page = Place::of_result({first}, i)};
    program.ops.push_back(std::move(pin));
  }
}

constexpr std::uint64_t kMostReadAtOnce = 96;
// The least operations of a program that begins with cached pages.
constexpr std::size_t kOpsForCaches = 40;

// Begins a program with cached pages of files, some of them dirty, so that reclaim has something to do.
void fill_caches(Random& random, Program& program) {
  for (std::uint64_t files = random.between(1, 2); files > 0; --files) {
    Op file{.id = program.unused_id()};
    const OpRef opened{file.id};
    const bool slow = random.chance(20);
    file.body = OpenFile{.method = random.chance(70) ? MethodWord::ordered : MethodWord::journalled, .slow = slow};
    program.ops.push_back(std::move(file));
    for (std::uint64_t reads = random.between(1, 3); reads > 0; --reads) {
      Op read{.id = program.unused_id()};
      const OpRef pages{read.id};
      ReadFile part{.file = opened};
      part.from = random.below(kFilePages);
      part.pages = random.between(1, kMostReadAtOnce);
      part.readahead = slow || random.chance(40);
      read.body = part;
      program.ops.push_back(std::move(read));
      if (!random.chance(30)) continue;
      if (slow) program.ops.push_back({.body = IoDone{.times = kAnyNumber}});
      program.ops.push_back({.body = BufferOp<BufferVerb::dirty>{.pages = pages}});
    }
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
  const bool reclaim = apart.chance(40);
  const bool flags = apart.chance(30);
  // Drawn apart too, so that the other half of the seeds keep their programs.
  constexpr std::uint64_t kShapes = 0x165667b19e3779f9;
  Random shapes(seed ^ kShapes);
  const bool other = shapes.chance(50);
  if (other) program.machine = other_machine(shapes, program.machine, judge);
  if (other && ops >= kOpsForPins && shapes.chance(15)) pin_many_pages(shapes, program);
  if (reclaim && ops >= kOpsForCaches) fill_caches(apart, program);
  const GeneratorOptions options{
      .kinds = performed_kinds(), .sequential = true, .compaction = compaction, .reclaim = reclaim, .flags = flags};
  const KindWeights weights = swarm_weights(random, options);
  Gatherer gatherer(random, program.machine, random.chance(60));
  // Some operations remain each round, as an allocation is always possible.
  for (int round = 0; round < 8 && program.ops.size() < ops; ++round) {
    while (program.ops.size() < ops) {
      Op op = generate_op(random, program, weights, options);
      visit_fields(op.body, gatherer);
      make_performable(op);
      if (auto* range = std::get_if<AllocRange>(&op.body)) gatherer.into_an_area(range->at);
      auto* release = std::get_if<CmaRelease>(&op.body);
      if (other && release != nullptr && shapes.chance(30)) release_a_middle_part(shapes, program, *release);
      program.ops.push_back(std::move(op));
    }
    program.settle();
    program = judge.judgeable_part(std::move(program));
  }
  return program;
}

Geometry plain_judged_machine(const KernelConfig& config) {
  Random same(1);
  return choose_machine(same, config);
}

Geometry any_judged_machine(Random& random, const KernelConfig& config) {
  if (random.chance(50)) return choose_machine(random, config);
  // A kernel boots for each new machine, which takes as long as thirty programs.
  Random favourite(random.below(kFavourites));
  Random& chosen = random.chance(90) ? favourite : random;
  for (int tries = 0; tries < 8; ++tries)
    if (Geometry machine = random_machine(chosen, config); can_have(machine, config)) return machine;
  return choose_machine(random, config);
}

GeneratorOptions generated_for_kernel() {
  GeneratorOptions options;
  options.kinds = performed_kinds();
  options.sequential = true;
  return options;
}

Program generate_for_kernel(std::uint64_t seed, std::size_t ops, const KernelConfig& config) {
  Random random(seed);
  Program program;
  program.machine = any_judged_machine(random, config);
  if (ops >= kOpsForPins && random.chance(8)) pin_many_pages(random, program);
  GeneratorOptions options = generated_for_kernel();
  options.compaction = random.chance(25);
  options.reclaim = random.chance(40);
  options.flags = random.chance(30);
  if (options.reclaim && ops >= kOpsForCaches) fill_caches(random, program);
  const KindWeights weights = swarm_weights(random, options);
  Gatherer gatherer(random, program.machine, random.chance(60));
  const std::size_t wanted = random.between(1, ops);
  while (program.ops.size() < wanted) {
    Op op = generate_op(random, program, weights, options);
    visit_fields(op.body, gatherer);
    make_performable(op);
    if (auto* range = std::get_if<AllocRange>(&op.body)) gatherer.into_an_area(range->at);
    auto* release = std::get_if<CmaRelease>(&op.body);
    if (release != nullptr && random.chance(15)) release_a_middle_part(random, program, *release);
    program.ops.push_back(std::move(op));
  }
  program.settle();
  return program;
}

namespace {

// Moves places and areas into those that the machine has, each to the same place whenever it is asked.
class Confiner : public IgnoreFields {
 public:
  explicit Confiner(const Geometry& machine) : machine_(machine) {}

  void place(Place& place, const PlaceSpec&) {
    if (place.kind == Place::Kind::pfn) {
      const auto area = static_cast<std::uint16_t>(place.offset % machine_.areas.size());
      place = Place::of_area({false, area}, place.offset);
    }
    if (place.kind != Place::Kind::area) return;
    area(place.area);
    place.offset %= machine_.areas[place.area.id].pages;
  }
  void area(AreaRef& area) { area = {false, static_cast<std::uint16_t>(area.id % machine_.areas.size())}; }
  void number(std::uint64_t& value, const NumberSpec& spec) {
    if (spec.max == kMaxMappedPages && value > kLargeMapping) value = 1 + value % kLargeMapping;
    if (spec.max == kMaxFilePages && value > kFilePages) value = spec.min + value % kFilePages;
  }

 private:
  const Geometry& machine_;
};

}  // namespace

void confine_for_kernel(Program& program, const KernelConfig& config) {
  if (!can_have(program.machine, config)) {
    Program machine_only;
    machine_only.machine = program.machine;
    const auto fitted = fit(machine_only, config);
    program.machine = fitted ? fitted->program.machine : Geometry();
    if (!fitted || program.machine.areas.empty()) program.machine = plain_judged_machine(config);
  }
  Confiner confiner(program.machine);
  const KindSet& kinds = performed_kinds();
  std::erase_if(program.ops, [&](const Op& op) { return !kinds.test(op.body.index()); });
  for (Op& op : program.ops) {
    op.performer = {};
    op.until = {};
    make_performable(op);
    visit_fields(op.body, confiner);
  }
  program.actors.clear();
  program.failing_bitmaps.clear();
  program.settle();
}

}  // namespace cma::judge
