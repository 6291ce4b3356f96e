// Boot on a board, as programs see it: regions, command line and configuration become areas with names.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "properties/program/interpreter.h"
#include "properties/program/program_testing.h"
#include "properties/program/world.h"

namespace cma {
namespace {

using ::testing::HasSubstr;

class BoardPrograms : public testing::TestWithParam<Release> {
 protected:
  // Runs a program on 256 MiB of the release, and fails unless it ends without a finding.
  void run(std::string_view ops) {
    const std::string text =
        fmt::format("machine release={} pages=0x10000 pageblock_order=9 debug=off\n{}", name_of(GetParam()), ops);
    const RunResult result = interpreter_.run(parsed(text));
    EXPECT_FALSE(result.finding) << result.finding->message;
  }
  // Returns why the operation with this index was skipped.
  std::string skipped_as(Slot slot) const { return interpreter_.world().result(slot).skipped_as; }
  bool since(Release release) const { return GetParam() >= release; }

  Interpreter interpreter_;
};

INSTANTIATE_TEST_SUITE_P(Releases, BoardPrograms, testing::ValuesIn(modelled_releases()));

constexpr std::string_view kNode = "region node size=0x1000000 shared-dma-pool reusable linux,cma-default\n";

TEST_P(BoardPrograms, TheConfigurationsAreaIsTheResultOfBoot) {
  run("boot main cmdline=\"\" size_mbytes=8\nexpect main.pfn == 0xf800\nb = cma_alloc main pages=2\nexpect b.pfn == "
      "0xf800\n");
}

TEST_P(BoardPrograms, ARegionNamesItsArea) {
  // Up to 3.17 nodes are no areas.
  run(fmt::format("{}boot main cmdline=\"\" size_mbytes=0\n{}", kNode,
                  since(Release::v3_18) ? "expect node.pfn == 0xf000\nexpect main.pfn == node\nb = cma_alloc node "
                                          "pages=300 align=8\nexpect b.pfn == 0xf000\n"
                                        : "b = cma_alloc node pages=1\nexpect b.skipped\n"));
}

TEST_P(BoardPrograms, TheCommandLineComesBeforeANodeSince5_8) {
  run(fmt::format("{}boot main cmdline=\"cma=32M\"\n{}", kNode,
                  since(Release::v5_8)
                      ? "expect node == -EBUSY\nexpect main.pfn == 0xe000\nexpect log \"bypass node node\"\n"
                  : since(Release::v3_18) ? "expect main.pfn == node\nexpect log \"bypass\" never\n"
                                          : "expect main.pfn == 0xe000\n"));
}

TEST_P(BoardPrograms, WhatHasNoPlaceFails) {
  if (!since(Release::v3_18)) GTEST_SKIP() << "nodes are no areas";
  run("region node size=0x20000000 shared-dma-pool reusable\nregion odd base=0x1100000 size=0x180000 shared-dma-pool "
      "reusable\nboot main cmdline=\"cma=512M\"\nexpect node == -ENOMEM\nexpect odd == -EINVAL\nexpect main.failed\n"
      "expect log \"failed to allocate memory for node 'node'\"\nexpect log \"incorrect alignment of CMA region\"\n");
}

TEST_P(BoardPrograms, ABootThatNoKernelSurvivesIsSkipped) {
  if (!since(Release::v3_18)) return;
  // Both become areas, as no kernel compares them.
  run("region one base=0x1000000 size=0x800000 shared-dma-pool reusable\nregion two base=0x1400000 size=0x800000 "
      "shared-dma-pool reusable\nboot cmdline=\"\"\n");
  EXPECT_THAT(skipped_as(2), HasSubstr("the same memory"));
  EXPECT_EQ(interpreter_.machine().areas.size(), 0U) << "nothing is left of it";
}

TEST_P(BoardPrograms, AWordWithoutAValueStopsOldKernels) {
  run("boot cmdline=\"cma\" size_mbytes=0\n");
  EXPECT_THAT(skipped_as(0), HasSubstr(since(Release::v4_19) ? "" : "null pointer"));
}

TEST_P(BoardPrograms, ThereIsOneBoot) {
  run("boot main cmdline=\"cma=8M\"\nboot again cmdline=\"cma=8M\"\nregion late size=0x400000\nexpect again.skipped\n"
      "expect late.skipped\nexpect main.ok\n");
}

TEST_P(BoardPrograms, OneProgramLeavesNothingToTheNext) {
  run("boot main cmdline=\"cma=8M\"\n");
  run("boot main cmdline=\"cma=16M\"\nexpect main.pfn == 0xf000\n");
}

// One cell is as wide as the numbers of the tree are.
constexpr std::string_view kTree =
    "device_tree \"/ { #address-cells = <1>; #size-cells = <1>; reserved-memory { #address-cells = <1>; #size-cells = "
    "<1>; ranges; linux,cma { compatible = \\\"shared-dma-pool\\\"; reusable; size = <0x1000000>; }; }; };\"\n";

TEST_P(BoardPrograms, AreasOfATreeGetNames) {
  if (!since(Release::v3_18)) GTEST_SKIP() << "nodes are no areas";
  run(
      fmt::format("{}boot cmdline=\"cma=8M\"\nboot_area own area=linux,cma\nexpect own.pfn == 0xf000\n"
                  "b = cma_alloc own pages=3\nexpect b.pfn == 0xf000\n",
                  kTree));
}

TEST_P(BoardPrograms, AnAreaOfATreeThatHasNoPlaceFails) {
  if (!since(Release::v3_18)) GTEST_SKIP() << "nodes are no areas";
  run("device_tree \"/ { reserved-memory { #address-cells = <1>; #size-cells = <1>; ranges; cam { compatible = "
      "\\\"shared-dma-pool\\\"; reusable; size = <0x40000000>; }; odd { compatible = \\\"shared-dma-pool\\\"; "
      "reusable; reg = <0x1100000 0x180000>; }; plain { size = <0x40000000>; }; }; };\"\n"
      "boot cmdline=\"cma=0\"\nboot_area own area=cam\nboot_area odd area=odd\nboot_area plain area=plain\n"
      "expect own == -ENOMEM\nexpect odd == -EINVAL\nexpect plain.skipped\n");
  EXPECT_THAT(skipped_as(4), HasSubstr("not asked for")) << "it asks for no area";
}

TEST_P(BoardPrograms, RegionsComeAfterTheNodesOfATree) {
  if (!since(Release::v6_12)) GTEST_SKIP() << "a sort decides the order";
  run(
      fmt::format("region second size=0x1000000 shared-dma-pool reusable\n{}boot cmdline=\"cma=0\"\n"
                  "boot_area first area=linux,cma\nexpect first.pfn == 0xf000\nexpect second.pfn == 0xe000\n",
                  kTree));
}

TEST_P(BoardPrograms, ATreeThatCannotBeReadIsSkipped) {
  run("device_tree \"/ {\"\nboot main cmdline=\"cma=8M\"\nexpect main.ok\n");
  EXPECT_THAT(skipped_as(0), HasSubstr("no device tree"));
  run("boot main cmdline=\"cma=8M\"\ndevice_tree \"/ { };\"\n");
  EXPECT_THAT(skipped_as(1), HasSubstr("read the tree already"));
}

TEST_P(BoardPrograms, AnAreaThatBootDidNotDeclareHasNoName) {
  run("boot_area early area=reserved\nboot main cmdline=\"cma=512M\"\nboot_area late area=reserved\n"
      "boot_area none area=pernuma0\nexpect late.failed\n");
  EXPECT_THAT(skipped_as(0), HasSubstr("not reserved its areas yet"));
  EXPECT_THAT(skipped_as(3), HasSubstr("not asked for"));
}

TEST(BoardMachines, AreasOfNodesGetNames) {
  const RunResult result = Interpreter().run(
      parsed("machine release=6.12 pages=0x10000 pageblock_order=9 debug=off\nzone Normal base=0 pages=0x8000\nzone "
             "Normal base=0x8000 pages=0x8000 node=1\nboot cmdline=\"numa_cma=1:8M cma_pernuma=4M\" node_areas "
             "size_mbytes=0\nboot_area low area=pernuma0\nboot_area high area=numa1\nexpect low.pfn == 0x7c00\n"
             "b = cma_alloc high pages=7\nexpect b.pfn == high\nexpect skipped == 0\n"));
  EXPECT_FALSE(result.finding) << result.finding->message;
}

TEST(BoardMachines, AreasOfNodesAreDeclared) {
  const RunResult result = Interpreter().run(parsed(
      "machine release=6.12 pages=0x10000 pageblock_order=9 debug=off\nzone Normal base=0 pages=0x8000\nzone "
      "Normal base=0x8000 pages=0x8000 node=1\nboot cmdline=\"numa_cma=1:8M cma_pernuma=4M cma=16M\" "
      "node_areas possible_nodes=2\nexpect log next \"cma: Reserved 4 MiB at 0x0000000007c00000 on node 0\"\n"
      "expect log next \"on node 1\"\nexpect log next \"cma: Reserved 8 MiB\"\nexpect log next \"on node -1\"\n"));
  EXPECT_FALSE(result.finding) << result.finding->message;
}

}  // namespace
}  // namespace cma
