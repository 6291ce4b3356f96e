#include "properties/program/generator.h"

#include <algorithm>
#include <array>

#include "properties/program/shapes.h"
#include "properties/program/values.h"

namespace cma {
namespace {

// --- kinds ---

bool is_huge_kind(std::size_t kind) {
  return kind == kind_of<MmapHuge>() || kind == kind_of<SplitHuge>() || kind == kind_of<HugetlbGrow>() ||
         kind == kind_of<HugetlbPagesUsed>();
}

// Returns whether the swarm draws a weight for this kind.
bool may_generate(std::size_t kind, const GeneratorOptions& options) {
  const OpInfo& info = op_catalogue()[kind];
  const bool expectation = info.any_time;
  if (expectation || info.boot) return false;
  if (is_huge_kind(kind) && !options.huge_pages) return false;
  // Compaction has a weight apart: programs without it are the same whether it exists or not.
  if (kind == kind_of<Compact>()) return false;
  return options.kinds.test(kind);
}

// Draws a kind by weight.
std::size_t pick_kind(Random& random, const KindWeights& weights) {
  std::uint64_t total = 0;
  for (const std::uint8_t weight : weights) total += weight;
  if (total == 0) return kind_of<CmaAlloc>();
  std::uint64_t at = random.below(total);
  for (std::size_t kind = 0; kind < kOpKinds; ++kind) {
    if (at < weights[kind]) return kind;
    at -= weights[kind];
  }
  return kind_of<CmaAlloc>();
}

// --- operations and programs ---

// Draws the performer and the stop, and gives the result an identifier.
void generate_header(Random& random, FieldGenerator& values, const Program& program, Op& op) {
  const OpInfo& info = info_of(op);
  if (info.yields != Yields::nothing) op.id = program.unused_id();
  if (info.performed == Performed::without_actor) return;
  op.performer = values.any_performer();
  const bool alone = program.actors.empty();
  if (random.chance(alone ? 3 : 20)) op.until = random_stop(random);
}

// Adds operations of boot: reservations, and areas declared in various ways.
void generate_boot(Random& random, Program& program) {
  static constexpr std::array kKinds = {kind_of<Reserve>(), kind_of<Declare>(), kind_of<Declare>(),
                                        kind_of<InitReservedMem>(), kind_of<Activate>()};
  FieldGenerator values(random, program);
  for (std::uint64_t left = random.between(1, 5); left > 0; --left) {
    Op op;
    op.body = default_body(kKinds[random.below(kKinds.size())]);
    visit_fields(op.body, values);
    if (info_of(op).yields != Yields::nothing) op.id = program.unused_id();
    program.ops.push_back(std::move(op));
  }
}

// Raises the weights of operations on huge pages, processes and areas, so that huge pages come into the way of buffers:
// three in four operations are such.
void prefer_huge_pages(Random& random, const KindSet& kinds, KindWeights& weights) {
  static constexpr std::array kKinds = {kind_of<MmapHuge>(),
                                        kind_of<MmapHuge>(),
                                        kind_of<SplitHuge>(),
                                        kind_of<HugetlbGrow>(),
                                        kind_of<HugetlbPagesUsed>(),
                                        kind_of<CmaAlloc>(),
                                        kind_of<CmaAlloc>(),
                                        kind_of<CmaRelease>(),
                                        kind_of<Fork>(),
                                        kind_of<Spawn>(),
                                        kind_of<Pin>(),
                                        kind_of<MappingOp<MappingVerb::write>>(),
                                        kind_of<MappingOp<MappingVerb::munmap>>()};
  std::uint64_t others = 0;
  for (const std::uint8_t weight : weights) others += weight;
  const std::uint64_t each = std::min<std::uint64_t>(3 * others / kKinds.size(), 120);
  for (const std::size_t kind : kKinds) {
    const std::uint64_t more = random.between(each / 2, each);
    if (!kinds.test(kind)) continue;
    weights[kind] = static_cast<std::uint8_t>(std::min<std::uint64_t>(weights[kind] + more, 255));
  }
}

}  // namespace

KindWeights swarm_weights(Random& random, const GeneratorOptions& options) {
  KindWeights weights{};
  for (std::size_t kind = 0; kind < kOpKinds; ++kind)
    if (may_generate(kind, options) && random.chance(50))
      weights[kind] = static_cast<std::uint8_t>(random.between(1, 100));
  // Rare: where other callers take ranges, little is left for areas.
  std::uint8_t& ranges = weights[kind_of<AllocRange>()];
  ranges = static_cast<std::uint8_t>((ranges + 9) / 10);
  // A program that does not allocate from areas is worth little; one that never releases fills them soon.
  if (random.chance(90)) weights[kind_of<CmaAlloc>()] = static_cast<std::uint8_t>(random.between(20, 100));
  if (random.chance(70)) weights[kind_of<CmaRelease>()] = static_cast<std::uint8_t>(random.between(20, 100));
  if (options.compaction && options.kinds.test(kind_of<Compact>()))
    weights[kind_of<Compact>()] = static_cast<std::uint8_t>(random.between(3, 40));
  if (options.huge_pages) prefer_huge_pages(random, options.kinds, weights);
  return weights;
}

Op generate_op(Random& random, const Program& program, const KindWeights& weights, const GeneratorOptions& options) {
  constexpr int kTries = 8;
  Op op;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    FieldGenerator values(random, program);
    op = Op{};
    op.body = default_body(pick_kind(random, weights));
    visit_fields(op.body, values);
    if (values.operands_exist()) break;
  }
  FieldGenerator values(random, program);
  generate_header(random, values, program, op);
  if (options.sequential) {
    op.performer = {};
    op.until = {};
  }
  return op;
}

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
}

Program generate(std::uint64_t seed, const GeneratorOptions& asked) {
  Random random(seed);
  Program program;
  GeneratorOptions options = asked;
  // Drawn apart: programs without huge pages or compaction do not depend on these.
  constexpr std::uint64_t kApart = 0x9e3779b97f4a7c15;
  Random apart(seed ^ kApart);
  if (!options.sequential && apart.chance(5)) options.huge_pages = true;
  if (apart.chance(10)) options.compaction = true;
  const Release release =
      options.release ? *options.release : modelled_releases()[random.below(modelled_releases().size())];
  const std::size_t odd = random.chance(50) ? random.below(kShapes) : 0;
  const std::size_t number = options.sequential ? kOneCpuShape : options.shapes ? odd : 0;
  program.machine = shape(number, release);
  if (options.shapes && !options.sequential && apart.chance(4)) vary_machine(apart, program.machine);
  program.machine.transparent_hugepages = options.huge_pages;
  const std::size_t actors = options.sequential ? 0 : random.below(options.actors + 1);
  for (std::size_t i = 0; i < actors; ++i) {
    const auto cpus = static_cast<std::uint64_t>(program.machine.cpus);
    program.actors.push_back({std::string(1, static_cast<char>('A' + i)), static_cast<int>(random.below(cpus))});
  }
  const KindWeights weights = swarm_weights(random, options);
  const std::uint64_t count = random.between(options.min_ops, std::max(options.min_ops, options.max_ops));
  if (!options.sequential && random.chance(5)) generate_boot(random, program);
  while (program.ops.size() < count) program.ops.push_back(generate_op(random, program, weights, options));
  program.settle();
  return program;
}

}  // namespace cma
