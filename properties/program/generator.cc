#include "properties/program/generator.h"

#include <algorithm>
#include <utility>

#include "properties/program/generated_parts.h"
#include "properties/program/shapes.h"

namespace cma {

void vary_machine(Random& random, Geometry& machine) {
  if (random.chance(50)) {
    const std::uint64_t page_size = random.chance(50) ? 16384 : 65536;
    // As many pages must stay free.
    if (machine.min_free_kbytes) *machine.min_free_kbytes *= page_size / machine.page_size;
    machine.page_size = page_size;
  }
  if (random.chance(40)) machine.long_bits = 32;
  if (random.chance(40)) machine.phys_addr_bits = 32;
  if (random.chance(40)) {
    // The border may lie inside an area. Zones of two nodes have one name.
    const PfnRange& memory = machine.memory;
    const std::uint64_t block = machine.pageblock_pages();
    const Pfn border = memory.start + random.between(1, memory.pages() / block - 1) * block;
    machine.zones = {{.name = "Normal", .range = {memory.start, border}},
                     {.name = "Normal", .range = {border, memory.end}, .node = 1}};
  }
  if (random.chance(50)) machine.retry_sweeps = random.between(1, 3);
}

namespace {

// Draws a shape or a large machine, and varies a few; from `apart` what came later, which the others do not depend on.
Geometry draw_machine(Random& random, Random& apart, const GeneratorOptions& options) {
  const Release release =
      options.release ? *options.release : modelled_releases()[random.below(modelled_releases().size())];
  const std::size_t odd = random.chance(50) ? random.below(kShapes) : 0;
  const std::size_t number = options.sequential ? kOneCpuShape : options.shapes ? odd : 0;
  Geometry machine = shape(number, release);
  constexpr std::uint64_t kOneLargeIn = 400;
  if (options.shapes && !options.sequential && apart.below(kOneLargeIn) == 0)
    machine = large_shape(apart.below(kLargeShapes), release);
  if (options.shapes && !options.sequential && apart.chance(4)) vary_machine(apart, machine);
  machine.transparent_hugepages = options.huge_pages;
  return machine;
}

// Adds actors, each on a CPU of its own choice, `most` at most.
void add_actors(Random& random, Program& program, std::size_t most) {
  const auto cpus = static_cast<std::uint64_t>(program.machine.cpus);
  const std::size_t actors = random.below(most + 1);
  for (std::size_t i = 0; i < actors; ++i)
    program.actors.push_back({std::string(1, static_cast<char>('A' + i)), static_cast<int>(random.below(cpus))});
}

// Draws how many operations the program has at least.
std::size_t draw_length(Random& random, Random& apart, const GeneratorOptions& options) {
  const std::size_t count = random.between(options.min_ops, std::max(options.min_ops, options.max_ops));
  constexpr std::uint64_t kOneIn = 500;
  return options.longest > options.max_ops && apart.below(kOneIn) == 0 ? options.longest : count;
}

// Makes some buffers of areas ones that the DMA layer finds an area for, and has it take some back.
void ask_for_device(Random& random, const Forecast& forecast, Op& op) {
  const auto* release = std::get_if<CmaRelease>(&op.body);
  if (release != nullptr && random.chance(40)) {
    op.body = DmaFree{release->buffer};
    return;
  }
  if (!std::holds_alternative<CmaAlloc>(op.body) || !random.chance(50)) return;
  OpBody body = DmaBuffer{};
  FieldGenerator values(random, forecast, kind_of<DmaBuffer>());
  visit_fields(body, values);
  auto& request = std::get<DmaBuffer>(body);
  request.size = random.chance(20) ? random.between(1, 4096) : random.between(1, 64) * 4096;
  if (random.chance(70)) request.gfp = kGfpKernel;
  op.body = std::move(body);
}

}  // namespace

namespace {

// Draws what only some programs have, each apart from all others, so that these do not depend on it.
GeneratorOptions draw_options(std::uint64_t seed, Random& apart, GeneratorOptions options) {
  constexpr std::uint64_t kReclaimApart = 0xc2b2ae3d27d4eb4f;
  constexpr std::uint64_t kFurtherApart = 0xbf58476d1ce4e5b9;
  if (!options.sequential && apart.chance(5)) options.huge_pages = true;
  if (apart.chance(10)) options.compaction = true;
  if (!options.sequential && apart.chance(10)) options.flags = true;
  if (!options.sequential && Random(seed ^ kFurtherApart).chance(3)) options.vmalloc = true;
  constexpr std::uint64_t kCountedApart = 0xa0761d6478bd642f;
  if (!options.sequential && Random(seed ^ kCountedApart).chance(3)) options.counted = true;
  if (!options.sequential && Random(seed ^ kReclaimApart).chance(10)) options.reclaim = true;
  return options;
}

// Returns after how many operations the pages of a meeting come; `count`: never.
std::size_t draw_meeting(std::uint64_t seed, std::size_t count, const GeneratorOptions& options) {
  constexpr std::uint64_t kMeetingApart = 0xff51afd7ed558ccd;
  constexpr unsigned kShare = 12;
  Random meeting(seed ^ kMeetingApart);
  const bool has = !options.sequential && count > kMeetingOps && meeting.chance(kShare);
  return has ? meeting.below(count - kMeetingOps) : count;
}

}  // namespace

Program generate(std::uint64_t seed, const GeneratorOptions& asked) {
  Random random(seed);
  Program program;
  constexpr std::uint64_t kApart = 0x9e3779b97f4a7c15;
  Random apart(seed ^ kApart);
  const GeneratorOptions options = draw_options(seed, apart, asked);
  // Drawn apart from all others, so that it changes nothing else.
  constexpr std::uint64_t kKillingApart = 0xd6e8feb86659fd93;
  Random killing(seed ^ kKillingApart);
  program.machine = draw_machine(random, apart, options);
  constexpr unsigned kKillingShare = 8;
  program.machine.oom_kills =
      options.shapes && !options.sequential && (options.killing || killing.chance(kKillingShare));
  if (!options.sequential) add_actors(random, program, options.actors);
  const KindWeights weights = swarm_weights(random, options);
  const std::size_t count = draw_length(random, apart, options);
  Draft draft(program);
  if (!options.sequential && random.chance(5)) generate_boot(random, draft);
  // Drawn last, so that it changes nothing else.
  constexpr std::uint64_t kBoardApart = 0x94d049bb133111eb;
  Random board(seed ^ kBoardApart);
  const bool boots = !options.sequential && options.kinds.test(kind_of<RunBoot>()) && board.chance(4);
  if (boots) generate_board(board, draft);
  if (program.machine.oom_kills && killing.chance(50) && may_run_short(program, count, options.kinds))
    generate_shortage(killing, draft);
  constexpr std::size_t kRoomForPins = 40;
  const bool pins = count >= kRoomForPins && options.kinds.test(kind_of<Pin>()) && apart.chance(2);
  std::size_t before_pins = pins ? count / 8 : count;
  std::size_t before_meeting = draw_meeting(seed, count, options);
  while (program.ops.size() < count) {
    if (program.ops.size() >= before_meeting) {
      if (program.ops.size() + kMeetingOps <= count) generate_meeting(random, draft, options.kinds);
      before_meeting = count;
    } else if (program.ops.size() >= before_pins) {
      generate_pins(random, draft);
      before_pins = count;
    } else {
      Op op = generate_op(random, draft.forecast(), weights, options);
      if (boots && options.kinds.test(kind_of<DmaBuffer>())) ask_for_device(board, draft.forecast(), op);
      draft.append(std::move(op));
    }
  }
  program.settle();
  return program;
}

}  // namespace cma
