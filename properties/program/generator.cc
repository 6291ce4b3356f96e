#include "properties/program/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "properties/program/shapes.h"
#include "properties/program/values.h"

namespace cma {
namespace {

// --- kinds ---

bool is_huge_kind(std::size_t kind) {
  return kind == kind_of<MmapHuge>() || kind == kind_of<SplitHuge>() || kind == kind_of<HugetlbGrow>() ||
         kind == kind_of<HugetlbPagesUsed>();
}

using Weights = std::array<std::uint8_t, kOpKinds>;

// Returns whether the swarm draws a weight for this kind.
bool may_generate(std::size_t kind, const GeneratorOptions& options) {
  const OpInfo& info = op_catalogue()[kind];
  const bool expectation = info.any_time;
  if (expectation || info.boot) return false;
  if (is_huge_kind(kind) && !options.huge_pages) return false;
  // Compaction has a weight apart: programs without it are the same whether it exists or not.
  if (kind == kind_of<Compact>()) return false;
  // So has reclaim.
  if (kind == kind_of<DirectReclaim>() || kind == kind_of<RunKswapd>()) return false;
  // Made of other requests.
  if (kind == kind_of<AllocGfp>()) return false;
  if (kind == kind_of<Vmalloc>()) return false;
  // Belong to programs that boot a board.
  if (kind == kind_of<DmaBuffer>() || kind == kind_of<DmaFree>()) return false;
  return options.kinds.test(kind);
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

// Adds a tree with a node for an area before boot, and names for areas after it, to some programs that boot a board.
void add_tree_and_names(Random& random, Program& program) {
  if (random.chance(25)) {
    const std::uint64_t size = program.machine.isolation_unit() << program.machine.page_shift();
    Op tree;
    tree.body =
        DeviceTree{fmt::format("/ {{ #address-cells = <2>; #size-cells = <2>; reserved-memory {{ #address-cells = <2>; "
                               "#size-cells = <2>; ranges; "
                               "pool {{ compatible = \"shared-dma-pool\"; reusable; size = <0 {:#x}>; }}; }}; }};",
                               size)};
    program.ops.insert(program.ops.end() - 1, std::move(tree));
  }
  FieldGenerator values(random, program);
  for (std::uint64_t left = random.below(3); left > 0; --left) {
    Op op;
    op.body = default_body(kind_of<BootArea>());
    visit_fields(op.body, values);
    op.id = program.unused_id();
    program.ops.push_back(std::move(op));
  }
}

// Adds regions of a device tree, and boot.
void generate_board(Random& random, Program& program) {
  FieldGenerator values(random, program);
  for (std::uint64_t left = random.below(5) + 1; left > 0; --left) {
    Op op;
    op.body = default_body(left == 1 ? kind_of<RunBoot>() : kind_of<Region>());
    visit_fields(op.body, values);
    // Most regions are to be areas of a size that boards have, and configurations have room for theirs.
    if (auto* region = std::get_if<Region>(&op.body)) {
      region->size %= std::uint64_t{1} << 40;
      region->shared_dma_pool = random.chance(85);
      region->reusable = random.chance(85);
      region->no_map = random.chance(10);
      region->alignment = random.chance(80) ? 0 : region->alignment;
    }
    if (auto* boot = std::get_if<RunBoot>(&op.body)) boot->size_mbytes = random.below(4);
    op.id = program.unused_id();
    program.ops.push_back(std::move(op));
  }
  add_tree_and_names(random, program);
}

// Raises the weights of operations on huge pages, processes and areas, so that huge pages come into the way of buffers:
// three in four operations are such.
void prefer_huge_pages(Random& random, const KindSet& kinds, Weights& weights) {
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

// Returns the pages that a buffer was asked with; 0 if its operation is not among the program's.
std::uint64_t pages_asked(const Program& program, OpRef buffer) {
  for (const Op& op : program.ops)
    if (const auto* request = std::get_if<CmaAlloc>(&op.body); request != nullptr && op.id == buffer.id)
      return request->pages;
  return 0;
}

// Makes a release one of a middle part, so that the buffer keeps pages before it and after it.
void release_middle(Random& random, const Program& program, CmaRelease& release) {
  const std::uint64_t pages = pages_asked(program, release.buffer);
  constexpr std::uint64_t kMost = 1 << 16;
  if (pages < 3 || pages > kMost) return;
  release.from = random.between(1, pages - 2);
  release.pages = random.between(1, pages - 1 - release.from);
  // Bits of more than a page are released whole.
  if (random.chance(50)) return;
  constexpr std::uint64_t kPerBit = 4;
  release.from = align_down(release.from, kPerBit);
  release.pages = align_up(release.pages, kPerBit);
}

// Adds pins of 30 pages, each wherever the generator likes.
void generate_pins(Random& random, Program& program) {
  constexpr int kPins = 30;
  for (int i = 0; i < kPins; ++i) {
    Op op;
    op.body = default_body(kind_of<Pin>());
    FieldGenerator values(random, program);
    visit_fields(op.body, values);
    op.id = program.unused_id();
    program.ops.push_back(std::move(op));
  }
}

// Adds processes of different sizes, and pages of others that leave little beside them. A task takes these that is
// about to free memory: no process is killed for it.
void generate_shortage(Random& random, Program& program) {
  const auto add = [&](OpBody body) {
    program.ops.push_back({.id = program.unused_id(), .performer = {}, .until = {}, .body = std::move(body)});
    return OpRef{program.ops.back().id};
  };
  for (std::uint64_t left = random.between(1, 3); left > 0; --left) {
    const OpRef process = add(Spawn{});
    add(MmapAnon{.process = process, .pages = random.between(1, 60), .at = {}});
  }
  OwnedPages<PageKind::unmovable> kernel;
  const std::uint64_t all = program.machine.memory.pages();
  kernel.pages = random.between(all / 2, all);
  add(kernel);
  program.ops.back().scope = ReclaimScope::noreclaim;
  // Without the memory of areas, processes find none either.
  if (random.chance(50)) return;
  OwnedPages<PageKind::anonymous> areas;
  areas.pages = all;
  add(areas);
  program.ops.back().scope = ReclaimScope::noreclaim;
}

// Returns whether a program of `count` operations has room for those of a shortage, which are of these kinds. One on a
// large machine takes too long.
bool may_run_short(const Program& program, std::size_t count, const KindSet& kinds) {
  constexpr std::size_t kOps = 8;
  constexpr std::uint64_t kMostPages = 4096;
  return program.ops.size() + 2 * kOps <= count && program.machine.memory.pages() <= kMostPages &&
         kinds.test(kind_of<Spawn>()) && kinds.test(kind_of<MmapAnon>()) &&
         kinds.test(kind_of<OwnedPages<PageKind::unmovable>>()) &&
         kinds.test(kind_of<OwnedPages<PageKind::anonymous>>());
}

// Draws how many operations the program has at least.
std::size_t draw_length(Random& random, Random& apart, const GeneratorOptions& options) {
  const std::size_t count = random.between(options.min_ops, std::max(options.min_ops, options.max_ops));
  constexpr std::uint64_t kOneIn = 500;
  return options.longest > options.max_ops && apart.below(kOneIn) == 0 ? options.longest : count;
}

// Gives a request for pages flags of the kernel's choice, has zones looked at, or puts the operation into a scope.
void add_flags(Random& random, const Program& program, Op& op) {
  const auto* request = std::get_if<AllocPages>(&op.body);
  if (request != nullptr && random.chance(60)) {
    AllocGfp flags = with_flags(*request);
    FieldGenerator values(random, program);
    if (random.chance(80)) flags.gfp = values.gfp_flags();
    op.body = flags;
  }
  if (auto* file = std::get_if<Cat>(&op.body); file != nullptr && random.chance(50)) file->path = "zoneinfo";
  const bool in_scope = info_of(op).performed == Performed::by_actor && random.chance(6);
  if (in_scope) op.scope = random_scope(random);
}

// Makes some requests for pages vmalloc's, of a few pages or of none.
void ask_for_range(Random& random, Op& op) {
  std::uint64_t gfp = 0;
  if (const auto* request = std::get_if<AllocPages>(&op.body))
    gfp = with_flags(*request).gfp;
  else if (const auto* flags = std::get_if<AllocGfp>(&op.body))
    gfp = flags->gfp;
  else
    return;
  if (!random.chance(50)) return;
  constexpr std::uint64_t kMostBytes = 40 * 4096;
  op.body = Vmalloc{.bytes = random.chance(5) ? 0 : random.between(1, kMostBytes), .gfp = gfp};
}

// Makes some buffers of areas ones that the DMA layer finds an area for, and has it take some back.
void ask_for_device(Random& random, const Program& program, Op& op) {
  const auto* release = std::get_if<CmaRelease>(&op.body);
  if (release != nullptr && random.chance(40)) {
    op.body = DmaFree{release->buffer};
    return;
  }
  if (!std::holds_alternative<CmaAlloc>(op.body) || !random.chance(50)) return;
  OpBody body = DmaBuffer{};
  FieldGenerator values(random, program);
  visit_fields(body, values);
  auto& request = std::get<DmaBuffer>(body);
  request.size = random.chance(20) ? random.between(1, 4096) : random.between(1, 64) * 4096;
  if (random.chance(70)) request.gfp = kGfpKernel;
  op.body = std::move(body);
}

}  // namespace

KindWeights::KindWeights(const std::array<std::uint8_t, kOpKinds>& weights) {
  static_assert(kOpKinds * 255 <= std::numeric_limits<std::uint16_t>::max());
  std::uint16_t sum = 0;
  for (std::size_t kind = 0; kind < kOpKinds; ++kind)
    sums_[kind] = sum = static_cast<std::uint16_t>(sum + weights[kind]);
}

std::size_t KindWeights::draw(Random& random) const {
  if (sums_.back() == 0) return kind_of<CmaAlloc>();
  return static_cast<std::size_t>(std::ranges::upper_bound(sums_, random.below(sums_.back())) - sums_.begin());
}

KindWeights swarm_weights(Random& random, const GeneratorOptions& options) {
  Weights weights{};
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
  for (const std::size_t kind : {kind_of<DirectReclaim>(), kind_of<RunKswapd>()})
    if (options.reclaim && options.kinds.test(kind)) weights[kind] = static_cast<std::uint8_t>(random.between(3, 40));
  if (options.huge_pages) prefer_huge_pages(random, options.kinds, weights);
  return KindWeights(weights);
}

Op generate_op(Random& random, const Program& program, const KindWeights& weights, const GeneratorOptions& options) {
  constexpr int kTries = 8;
  Op op;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    FieldGenerator values(random, program);
    op = Op{};
    op.body = default_body(weights.draw(random));
    visit_fields(op.body, values);
    if (values.operands_exist()) break;
  }
  if (auto* release = std::get_if<CmaRelease>(&op.body); release != nullptr && random.chance(25))
    release_middle(random, program, *release);
  FieldGenerator values(random, program);
  generate_header(random, values, program, op);
  if (options.sequential) {
    op.performer = {};
    op.until = {};
  }
  if (options.flags && options.kinds.test(kind_of<AllocGfp>())) add_flags(random, program, op);
  if (options.vmalloc && options.kinds.test(kind_of<Vmalloc>())) ask_for_range(random, op);
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

}  // namespace

Program generate(std::uint64_t seed, const GeneratorOptions& asked) {
  Random random(seed);
  Program program;
  GeneratorOptions options = asked;
  // Drawn apart: programs without huge pages or compaction do not depend on these.
  constexpr std::uint64_t kApart = 0x9e3779b97f4a7c15;
  constexpr std::uint64_t kReclaimApart = 0xc2b2ae3d27d4eb4f;
  Random apart(seed ^ kApart);
  if (!options.sequential && apart.chance(5)) options.huge_pages = true;
  if (apart.chance(10)) options.compaction = true;
  if (!options.sequential && apart.chance(10)) options.flags = true;
  // Drawn apart from those: other programs do not depend on it.
  constexpr std::uint64_t kFurtherApart = 0xbf58476d1ce4e5b9;
  if (!options.sequential && Random(seed ^ kFurtherApart).chance(3)) options.vmalloc = true;
  // Drawn last, so that it changes nothing else.
  if (!options.sequential && Random(seed ^ kReclaimApart).chance(10)) options.reclaim = true;
  // Drawn apart from all others, so that it changes nothing else.
  constexpr std::uint64_t kKillingApart = 0xd6e8feb86659fd93;
  Random killing(seed ^ kKillingApart);
  program.machine = draw_machine(random, apart, options);
  constexpr unsigned kKillingShare = 8;
  program.machine.oom_kills =
      options.shapes && !options.sequential && (options.killing || killing.chance(kKillingShare));
  const std::size_t actors = options.sequential ? 0 : random.below(options.actors + 1);
  for (std::size_t i = 0; i < actors; ++i) {
    const auto cpus = static_cast<std::uint64_t>(program.machine.cpus);
    program.actors.push_back({std::string(1, static_cast<char>('A' + i)), static_cast<int>(random.below(cpus))});
  }
  const KindWeights weights = swarm_weights(random, options);
  const std::size_t count = draw_length(random, apart, options);
  if (!options.sequential && random.chance(5)) generate_boot(random, program);
  // Drawn last, so that it changes nothing else.
  constexpr std::uint64_t kBoardApart = 0x94d049bb133111eb;
  Random board(seed ^ kBoardApart);
  const bool boots = !options.sequential && options.kinds.test(kind_of<RunBoot>()) && board.chance(4);
  if (boots) generate_board(board, program);
  if (program.machine.oom_kills && killing.chance(50) && may_run_short(program, count, options.kinds))
    generate_shortage(killing, program);
  constexpr std::size_t kRoomForPins = 40;
  const bool pins = count >= kRoomForPins && options.kinds.test(kind_of<Pin>()) && apart.chance(2);
  while (pins && program.ops.size() < count / 8) program.ops.push_back(generate_op(random, program, weights, options));
  if (pins) generate_pins(random, program);
  while (program.ops.size() < count) program.ops.push_back(generate_op(random, program, weights, options));
  for (Op& op : program.ops)
    if (boots && options.kinds.test(kind_of<DmaBuffer>())) ask_for_device(board, program, op);
  program.settle();
  return program;
}

}  // namespace cma
