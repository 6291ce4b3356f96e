#include "properties/program/generator.h"

#include <gtest/gtest.h>

#include <set>

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
  for (std::uint64_t seed = 0; seed < 4000; ++seed)
    for (const Op& op : generate(seed).ops) {
      kinds.insert(op.body.index());
      points.insert(op.until.point);
    }
  for (std::size_t kind = 0; kind < kOpKinds; ++kind)
    EXPECT_EQ(kinds.contains(kind), !op_catalogue()[kind].any_time) << op_catalogue()[kind].verb;
  EXPECT_EQ(points.size(), kPoints + 1U);
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

// The kinds are a closed list, so that new ones do not change the number.
TEST(Generator, ASeedMeansTheSameToEveryCompiler) {
  const GeneratorOptions options{
      .release = Release::v6_1, .kinds = kinds_below(kind_of<MmapHuge>()), .sequential = true};
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (std::uint64_t seed = 0; seed < 500; ++seed)
    for (const char c : print(generate(seed, options)))
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  EXPECT_EQ(hash, 0x9469dc5dc66b3ec5ULL);
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
