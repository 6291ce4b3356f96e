#include "allocator/boot/boot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/boot_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;

// A Pi 4 with 4 GiB and a 32-bit kernel: low memory ends at 768 MiB, and its last 20 MiB are boot's.
Geometry pi4(Release release) {
  Geometry g = plain_board(release, 4032);
  g.long_bits = 32;
  g.zones = {{"DMA", {0, 0x30000}}, {"HighMem", {0x30000, 0xfc000}}};
  g.reserved = {{0x2ec00, 0x30000}};
  return g;
}

BootTree pi4_tree() {
  return tree_of({node(
      "linux,cma", area_of_size(0x10000000, {{"linux,cma-default", ""}, {"alloc-ranges", cells({0, 0x30000000})}}))});
}

TEST(FieldReport19, TheNodeLiesInTheFirst768MiB) {
  BootTrial trial(pi4(Release::v5_6));
  trial.config.architecture = Architecture::arm;
  const BootTree tree = pi4_tree();
  trial.run(&tree, "console=tty1", 0x2fffffff);
  EXPECT_THAT(trial.lines(),
              ElementsAre("Reserved memory: created CMA memory pool at 0x000000001ec00000, size 256 MiB",
                          "OF: reserved mem: initialized node linux,cma, compatible id shared-dma-pool"));
}

TEST(FieldReport19, CmaOnTheCommandLinePassesItOver) {
  BootTrial trial(pi4(Release::v5_6));
  trial.config.architecture = Architecture::arm;
  const BootTree tree = pi4_tree();
  trial.run(&tree, "console=tty1 cma=320M", 0x2fffffff);
  EXPECT_THAT(trial.lines(), ElementsAre("Reserved memory: bypass linux,cma node, using cmdline CMA params instead",
                                         "OF: reserved mem: node linux,cma compatible matching fail",
                                         "cma: Reserved 320 MiB at 0x000000001ac00000"));
}

// Field report 16: a node of 192 MiB that ends in high memory.
TEST(FieldReport16, AFixedNodeAcrossTheBorderOfHighMemoryIsNotActivated) {
  Geometry g = pi4(Release::v4_19);
  g.memory = {0, 0x40000};
  g.zones = {{"DMA", {0, 0x30000}}, {"HighMem", {0x30000, 0x40000}}};
  g.reserved.clear();
  BootTrial trial(g);
  trial.config.architecture = Architecture::arm;
  const BootTree tree = tree_of({node("linux,cma", area_at(0x28000000, 0xc000000, {{"linux,cma-default", ""}}))});
  trial.run(&tree, "");
  trial.machine.finish_boot();
  EXPECT_EQ(trial.lines().back(), "cma: CMA area linux,cma could not be activated");
  EXPECT_FALSE(trial.machine.areas.area(0).active());
}

// Field report 9: of three regions, the one of whole units becomes an area; the default area lies below the third.
TEST(FieldReport9, RegionsNeedWholeUnitsAndNoPowerOfTwo) {
  for (const Release release : {Release::v4_19, Release::v5_10, Release::v6_1}) {
    BootTrial trial(plain_board(release, 1792));
    const BootTree tree =
        tree_of({node("image_buf0@30000000", area_at(0x30000000, 0x4c0000)),
                 node("image_buf1@31400000", area_at(0x31400000, 0x25c00000)),
                 node("fb@6fc00000", area_at(0x6fc00000, 0x100000, {{"alignment", cells({0x1000})}}))});
    trial.run(&tree, "cma=256M");
    std::vector<std::string> expected;
    const auto refused = [&](const std::string& name) {
      expected.push_back("Reserved memory: incorrect alignment of CMA region");
      if (release >= Release::v5_3) expected.push_back("OF: reserved mem: node " + name + " compatible matching fail");
    };
    refused("image_buf0@30000000");
    expected.push_back("Reserved memory: created CMA memory pool at 0x0000000031400000, size 604 MiB");
    expected.push_back("OF: reserved mem: initialized node image_buf1@31400000, compatible id shared-dma-pool");
    refused("fb@6fc00000");
    // Since 5.3 the refused region's memory is free again, and the default area reaches to the end.
    expected.push_back(reserved_line(release, 256, release >= Release::v5_3 ? 0x60000000 : 0x5fc00000));
    EXPECT_EQ(trial.lines(), expected) << release;
  }
}

// The boot of a camera's board with a default area of 16 MiB (vendor's 4.9): it lies at the end of a memory that ends
// at 0x90000000, and is active afterwards.
TEST(FieldCase5, ADefaultAreaOf16MiBEndsWhereMemoryEnds) {
  Geometry g = plain_board(Release::v4_9, 256);
  g.memory = {0x80000, 0x90000};
  BootTrial trial(g);
  const BootTree tree = tree_of({});
  const Boot& boot = trial.run(&tree, "console=ttyS0");
  EXPECT_THAT(trial.lines(), ElementsAre("cma: Reserved 16 MiB at 0x000000008f000000"));
  trial.machine.finish_boot();
  const Area& area = trial.machine.areas.area(*boot.dma().default_area());
  EXPECT_TRUE(area.active());
  EXPECT_EQ(area.base, 0x8f000U);
  EXPECT_EQ(area.pages, 0x1000U);
  EXPECT_EQ(trial.machine.map.pageblock_type(0x8f000), Migratetype::cma);
  EXPECT_EQ(16 * kMiB, area.pages << 12);
}

}  // namespace
}  // namespace cma
