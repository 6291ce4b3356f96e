#include "properties/program/generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "properties/program/interpreter.h"
#include "properties/program/shapes.h"
#include "properties/program/text.h"
#include "properties/program/values.h"

namespace cma {
namespace {

KindSet kinds_below(std::size_t end) {
  KindSet kinds;
  for (std::size_t kind = 0; kind < end; ++kind) kinds.set(kind);
  return kinds;
}

TEST(Random, GivesTheSameNumbersOnEveryMachine) {
  // The first numbers of splitmix64 from seed 0, as published.
  Random random(0);
  EXPECT_EQ(random.next(), 0xe220a8397b1dcdafULL);
  EXPECT_EQ(random.next(), 0x6e789e6aa1b965f4ULL);
  EXPECT_EQ(random.next(), 0x06c45d188009454fULL);
}

TEST(Generator, ASeedIsAProgram) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Program program = generate(seed);
    EXPECT_EQ(generate(seed), program);
    Program settled = program;
    settled.settle();
    EXPECT_EQ(settled, program);
    EXPECT_FALSE(program.machine.impossible());
  }
}

TEST(Generator, ReachesEveryKindButExpectations) {
  std::set<std::size_t> kinds;
  std::set<Point> points;
  for (std::uint64_t seed = 8000; seed < 40'000; ++seed)
    for (const Op& op : generate(seed).ops) {
      kinds.insert(op.body.index());
      points.insert(op.until.point);
    }
  for (std::size_t kind = 0; kind < kOpKinds; ++kind)
    EXPECT_EQ(kinds.contains(kind), !op_catalogue()[kind].any_time) << op_catalogue()[kind].verb;
  EXPECT_EQ(points.size(), kPoints + 1U);
}

TEST(Generator, SomeProgramsHaveFlagsAndScopes) {
  std::set<std::uint64_t> flags;
  std::set<ReclaimScope> scopes;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    const Program program = generate(seed);
    for (const Op& op : program.ops) {
      if (const auto* request = std::get_if<AllocGfp>(&op.body)) {
        flags.insert(request->gfp);
        EXPECT_EQ(settled_gfp(static_cast<Gfp>(request->gfp), program.machine.release), request->gfp);
      }
      scopes.insert(op.scope);
      EXPECT_GE(program.machine.release, first_with(op.scope));
    }
  }
  EXPECT_GT(flags.size(), 20U);
  EXPECT_EQ(scopes.size(), std::size(kScopeWords));
}

// Each page on a chosen frame costs a contiguous allocation: such operations stay small, most of the time.
TEST(Generator, WantsFewPagesOnChosenFrames) {
  std::uint64_t chosen = 0;
  std::uint64_t many = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed)
    for (const Op& op : generate(seed).ops)
      if (const auto* pages = std::get_if<OwnedPages<PageKind::anonymous>>(&op.body);
          pages != nullptr && pages->at.kind != Place::Kind::none) {
        ++chosen;
        many += pages->pages > 3 ? 1 : 0;
      }
  EXPECT_GT(chosen, 300U);
  EXPECT_GT(many, 0U);
  EXPECT_LT(many, chosen / 4);
}

TEST(Generator, KeepsToItsOptions) {
  const GeneratorOptions options{.min_ops = 5,
                                 .max_ops = 7,
                                 .release = Release::v4_19,
                                 .shapes = false,
                                 .kinds = kinds_below(20),
                                 .sequential = true};
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const Program program = generate(seed, options);
    EXPECT_GE(program.ops.size(), 5U);
    EXPECT_LE(program.ops.size(), 7U);
    EXPECT_EQ(program.machine.release, Release::v4_19);
    EXPECT_EQ(program.machine.cpus, 1);
    EXPECT_TRUE(program.actors.empty());
    for (const Op& op : program.ops) {
      EXPECT_LT(op.body.index(), 20U) << print_op(program, op);
      EXPECT_EQ(op.performer, Performer{});
      EXPECT_FALSE(op.until.wanted());
    }
  }
}

// --- what is drawn seldom: not never, and not so often that campaigns become slow ---

constexpr std::uint64_t kSeeds = 12'000;

template <class Holds>
double share_of_programs(Holds holds, const GeneratorOptions& options = {}) {
  std::uint64_t found = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) found += holds(generate(seed, options)) ? 1U : 0U;
  return static_cast<double>(found) / static_cast<double>(kSeeds);
}

template <class Holds>
double share_of_machines(Holds holds) {
  return share_of_programs([&](const Program& program) { return holds(program.machine); }, {.max_ops = 1});
}

void expect_between(double least, double share, double most) {
  EXPECT_GT(share, least);
  EXPECT_LT(share, most);
}

TEST(RareMachines, MemoryAndZonesEndInsidePageblocks) {
  expect_between(
      0.05, share_of_machines([](const Geometry& g) { return !is_aligned(g.memory.end, g.pageblock_pages()); }), 0.12);
  expect_between(0.05, share_of_machines([](const Geometry& g) {
                   return g.zones.size() > 1 && !is_aligned(g.zones[1].range.start, g.pageblock_pages());
                 }),
                 0.12);
}

TEST(RareMachines, KillProcesses) {
  expect_between(0.06, share_of_machines([](const Geometry& g) { return g.oom_kills; }), 0.1);
}

TEST(Generator, RunsShortOfMemoryWhereProcessesAreKilled) {
  constexpr std::uint64_t kPrograms = 300;
  std::uint64_t killing = 0;
  Interpreter interpreter;
  for (std::uint64_t seed = 0; seed < kPrograms; ++seed) {
    interpreter.run(generate(seed, {.min_ops = 20, .flags = true, .killing = true}));
    killing += interpreter.machine().oom_killer.kills() > 0 ? 1 : 0;
  }
  EXPECT_GT(killing, kPrograms / 20);
}

TEST(RareMachines, HaveAreasInOneLargestBlockAndSevenAreas) {
  expect_between(0.003, share_of_machines([](const Geometry& g) {
                   return g.areas.size() > 1 && g.areas[1].base == g.areas[0].base + g.areas[0].pages &&
                          !is_aligned(g.areas[1].base, g.largest_pages());
                 }),
                 0.012);
  expect_between(0.01, share_of_machines([](const Geometry& g) { return g.areas.size() == 7; }), 0.03);
}

TEST(RareMachines, HaveBitsOfAPageblockAndMore) {
  const auto larger = [](unsigned more) {
    return [more](const Geometry& g) {
      return std::any_of(g.areas.begin(), g.areas.end(),
                         [&](const AreaSpec& area) { return area.order_per_bit >= g.pageblock_order + more; });
    };
  };
  expect_between(0.02, share_of_machines(larger(0)), 0.05);
  expect_between(0.005, share_of_machines(larger(1)), 0.02);
}

TEST(RareMachines, AreLarge) {
  expect_between(0.001, share_of_machines([](const Geometry& g) {
                   return !g.areas.empty() && g.areas[0].pages >= 0x6000 && g.areas[0].order_per_bit == 0;
                 }),
                 0.004);
  for (const Release release : modelled_releases())
    for (std::size_t index = 0; index < kLargeShapes; ++index) {
      const Geometry shape = large_shape(index, release);
      EXPECT_EQ(shape.areas[0].pages << shape.page_shift(), 96U << 20);
    }
}

TEST(RarePrograms, AreAsLongAsWasAskedFor) {
  GeneratorOptions options;
  options.longest = kLongestProgram;
  const auto longest = [](const Program& program) { return program.ops.size() == kLongestProgram; };
  expect_between(0.001, share_of_programs(longest, options), 0.004);
  EXPECT_EQ(share_of_programs(longest), 0) << "unless it was not";
}

TEST(RarePrograms, PinThirtyPagesOneAfterTheOther) {
  const GeneratorOptions options{.min_ops = 40, .max_ops = 48};
  const auto thirty = [](const Program& program) {
    const auto pins = std::count_if(program.ops.begin(), program.ops.end(),
                                    [](const Op& op) { return std::holds_alternative<Pin>(op.body); });
    return pins >= 30;
  };
  expect_between(0.01, share_of_programs(thirty, options), 0.03);
}

TEST(RareOperations, AlignToSixtyThreeAndReleaseMiddleParts) {
  double allocations = 0;
  double aligned = 0;
  double releases = 0;
  double middle = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Program program = generate(seed);
    std::map<OpId, std::uint64_t> asked;
    for (const Op& op : program.ops) {
      if (const auto* request = std::get_if<CmaAlloc>(&op.body)) {
        asked[op.id] = request->pages;
        ++allocations;
        aligned += request->align > 8 && request->align <= 63 ? 1 : 0;
      }
      if (const auto* release = std::get_if<CmaRelease>(&op.body)) {
        ++releases;
        const std::uint64_t pages = asked[release->buffer.id];
        middle += release->from > 0 && release->pages > 0 && release->from + release->pages < pages ? 1 : 0;
      }
    }
  }
  expect_between(0.006, aligned / allocations, 0.03);
  expect_between(0.1, middle / releases, 0.3);
}

// The kinds are a closed list, so that new ones do not change the number.
TEST(Generator, ASeedMeansTheSameToEveryCompiler) {
  const GeneratorOptions options{
      .release = Release::v6_1, .kinds = kinds_below(kind_of<MmapHuge>()), .sequential = true};
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (std::uint64_t seed = 0; seed < 500; ++seed)
    for (const char c : print(generate(seed, options)))
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  EXPECT_EQ(hash, 0x3463789f044e253fULL);
}

TEST(Generator, ChangedArgumentsStayPrograms) {
  Random random(1);
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Program program = generate(seed);
    for (int i = 0; i < 10; ++i) change_argument(random, program, random.below(program.ops.size()));
    program.settle();
    EXPECT_EQ(*parse(print(program)), program) << print(program);
  }
}

TEST(Generator, SomeMachinesHaveWhatNoShapeHas) {
  std::set<std::uint64_t> page_sizes;
  std::set<unsigned> longs;
  std::set<unsigned> addresses;
  std::set<bool> nodes;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const Geometry machine = generate(seed).machine;
    page_sizes.insert(machine.page_size);
    longs.insert(machine.bits_per_long());
    addresses.insert(machine.phys_addr_bits);
    nodes.insert(machine.several_nodes());
  }
  EXPECT_EQ(page_sizes, (std::set<std::uint64_t>{4096, 16384, 65536}));
  EXPECT_EQ(longs, (std::set<unsigned>{32, 64}));
  EXPECT_EQ(addresses, (std::set<unsigned>{32, 64}));
  EXPECT_EQ(nodes, (std::set<bool>{false, true}));
}

}  // namespace
}  // namespace cma
