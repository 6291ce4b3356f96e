#include "properties/judge/fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "properties/program/text.h"

namespace cma::judge {
namespace {

constexpr KernelConfig kConfig{Release::v6_1, 9};

Program program_of(const std::string& text) {
  auto program = parse(text);
  if (!program) throw std::runtime_error(program.error().text());
  return *program;
}

std::string on_real_machine(const std::string& ops) {
  return "machine release=6.1 pages=0x10000 pageblock_order=9\narea a base=0x4000 pages=0x1000\n" + ops;
}

// Returns the fitted program's text, or the operation and the reason why there is none.
std::string fitted(const std::string& text, const KernelConfig& config = kConfig) {
  const auto result = fit(program_of(text), config);
  if (!result) return std::to_string(result.error().op) + ": " + result.error().reason;
  return print(result->program);
}

TEST(Fit, KeepsWhatAKernelCanHave) {
  const auto result = fit(program_of(on_real_machine("b = cma_alloc a pages=3\ncma_release b\n")), kConfig);
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->transposed);
  EXPECT_EQ(result->program.machine.areas[0].base, 0x4000U);
  EXPECT_EQ(result->program.ops.size(), 2U);
}

TEST(Fit, GivesReleaseOrderAndFaultsOfTheKernel) {
  const auto result = fit(program_of("machine release=4.19 pages=0x10000 pageblock_order=9 cpus=2\n"
                                     "area a base=0x4000 pages=0x1000\nactor A cpu=1\nA: b = cma_alloc a pages=3\n"),
                          {Release::v6_12, 10});
  ASSERT_TRUE(result);
  const Geometry& machine = result->program.machine;
  EXPECT_EQ(machine.release, Release::v6_12);
  EXPECT_EQ(machine.pageblock_order, 10U);
  EXPECT_EQ(machine.cpus, 1);
  EXPECT_FALSE(machine.rate_limits);
  EXPECT_EQ(machine.bugs, BugSet::as_shipped(Release::v6_12));
  EXPECT_TRUE(result->program.actors.empty()) << "the actor does not matter on one CPU";
}

TEST(Fit, ReplacesAMachineThatAKernelCannotHave) {
  const auto result = fit(program_of("machine small release=6.1\nk = get_page 770\n"), kConfig);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->transposed);
  EXPECT_TRUE(can_have(result->program.machine, kConfig));
  EXPECT_EQ(result->program.machine.areas[1].order_per_bit, 1U);
  const auto& got = std::get<GetPage>(result->program.ops[0].body);
  EXPECT_EQ(got.page, Place::of_area({false, 1}, 2)) << "a frame of an area stays that page of it";
}

TEST(Fit, LeavesExpectationsOut) {
  EXPECT_THAT(fitted(on_real_machine("b = cma_alloc a pages=3\nexpect b.ok\n")),
              ::testing::Not(::testing::HasSubstr("expect")));
}

TEST(Fit, ReportsWhatCannotBePerformed) {
  EXPECT_EQ(fitted(on_real_machine("b = cma_alloc a pages=3\nbh_invalidate\n")), "1: operation bh_invalidate");
  EXPECT_EQ(fitted(on_real_machine("b = cma_alloc a pages=3 until=cma_bitmap_marked\n")),
            "0: stops inside an operation (until=)");
  EXPECT_EQ(fitted(on_real_machine("get_page 0x300\n")), "0: a page outside the areas is named by its number");
  EXPECT_EQ(fitted(on_real_machine("get_page a+0x1000\n")), "0: a page outside the areas is named by its offset");
  EXPECT_EQ(fitted(on_real_machine("b = cma_alloc a pages=1 align=64\n")),
            "0: an alignment that the kernel's shift cannot express");
  EXPECT_EQ(fitted("machine release=6.1 pages=0x10000 pageblock_order=9 cpus=2\narea a base=0x4000 pages=0x1000\n"
                   "cpu0: drain\ncpu1: drain\n"),
            "1: several CPUs");
  EXPECT_EQ(fitted("machine release=6.1 pages=0x10000 pageblock_order=9\ndrain\n"), "0: a machine without areas");
  EXPECT_EQ(fitted("machine release=6.1 pages=0x10000 pageblock_order=9\ndeclare a size=0x400\n"),
            "0: a machine without areas");
}

TEST(Fit, RefusesMoreProcessesThanTheDriverKeepsReady) {
  std::string ops;
  for (int i = 0; i < 60; ++i) ops += "spawn\n";
  EXPECT_EQ(fitted(on_real_machine(ops)), "48: more processes, mappings or forks than the driver can keep ready");
  EXPECT_EQ(fitted(on_real_machine("p = spawn\nmmap_anon p pages=1281\n")),
            "1: more processes, mappings or forks than the driver can keep ready");
  EXPECT_EQ(fitted(on_real_machine("p = spawn\nmmap_huge p\n")), "1: operation mmap_huge");
}

TEST(Fit, RefusesFilesThatTheDriverHasNoRoomFor) {
  EXPECT_EQ(fitted(on_real_machine("f = file ordered\nread f from=500 pages=13\n")),
            "1: a file of more pages than the driver has");
  std::string ops = "f = file ordered\n";
  for (int i = 0; i < 9; ++i) ops += "read f pages=500\n";
  EXPECT_EQ(fitted(on_real_machine(ops)), "9: more pages of files than the driver has buffers for");
}

TEST(Fit, LetsTimePassAfterReclaim) {
  const std::string once = fitted(on_real_machine("reclaim\nkswapd\nsleep us=5\ndrain\n"));
  EXPECT_THAT(once, ::testing::HasSubstr("reclaim\nsleep us=10000000\nkswapd\nsleep us=5\ndrain\n"));
  EXPECT_EQ(fitted(once), once) << "once is enough";
}

TEST(Fit, TakesOutWhatSharesALargestBlockWithAnArea) {
  Geometry machine;
  machine.pageblock_order = 9;
  machine.memory = {0, 0x10000};
  machine.areas = {{"a", 0x4200, 0x600, 0}, {"b", 0x6000, 0x200, 0}};
  EXPECT_THAT(edges_of(machine), ::testing::ElementsAre(PfnRange{0x4000, 0x4200}, PfnRange{0x6200, 0x6400}));
  machine.areas = {{"a", 0x4200, 0x200, 0}, {"b", 0x4000, 0x200, 0}, {"c", 0x8000, 0x400, 0}};
  EXPECT_THAT(edges_of(machine), ::testing::IsEmpty()) << "areas side by side, and one of whole largest blocks";
}

}  // namespace
}  // namespace cma::judge
