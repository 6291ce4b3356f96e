#include "allocator/boot/movable_zones.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/boot_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;

std::vector<ZoneSpec> zones_of(const Geometry& geometry, std::string_view cmdline) {
  return zones_with_movable(geometry, movable_parameters(cmdline, geometry));
}

class MovableZonesTest : public ::testing::TestWithParam<Release> {
 protected:
  Geometry board = plain_board(GetParam(), 1024);
};

INSTANTIATE_TEST_SUITE_P(Releases, MovableZonesTest,
                         ::testing::Values(Release::v3_6, Release::v4_9, Release::v4_19, Release::v5_10, Release::v5_15,
                                           Release::v6_1, Release::v6_6, Release::v6_12));

TEST_P(MovableZonesTest, WithoutAWordZonesAreTheMachines) {
  for (const char* cmdline : {"", "kernelcore", "movablecore=0", "kernelcore=mirror", "kernelcore=2G"})
    EXPECT_THAT(zones_of(board, cmdline), ElementsAre(ZoneSpec{"Normal", {0, 0x40000}})) << cmdline;
}

TEST_P(MovableZonesTest, MovablecoreIsTheEndOfMemory) {
  EXPECT_THAT(zones_of(board, "quiet movablecore=256M"),
              ElementsAre(ZoneSpec{"Normal", {0, 0x30000}}, ZoneSpec{"Movable", {0x30000, 0x40000}}));
}

TEST_P(MovableZonesTest, TheBorderIsThatOfALargestBlock) {
  // 301 MiB are 0x12d00 pages.
  EXPECT_THAT(zones_of(board, "kernelcore=301M"),
              ElementsAre(ZoneSpec{"Normal", {0, 0x13000}}, ZoneSpec{"Movable", {0x13000, 0x40000}}));
}

TEST_P(MovableZonesTest, OfBothWordsTheOneThatLeavesTheKernelMoreCounts) {
  EXPECT_EQ(zones_of(board, "kernelcore=512M movablecore=768M").back().range.start, 0x20000U);
  EXPECT_EQ(zones_of(board, "kernelcore=128M movablecore=768M").back().range.start, 0x10000U);
}

TEST_P(MovableZonesTest, PercentagesCameWith4_17) {
  if (GetParam() < Release::v4_17) {
    EXPECT_EQ(zones_of(board, "kernelcore=25%").size(), 1U) << "25 bytes are no page";
    return;
  }
  EXPECT_EQ(zones_of(board, "kernelcore=25%").back().range, (PfnRange{0x10000, 0x40000}));
  EXPECT_EQ(zones_of(board, "movablecore=25%").back().range, (PfnRange{0x30000, 0x40000}));
}

// Words, and what they ask for.
struct CoreSizeCase {
  const char* cmdline;
  CoreSize kernelcore;
  CoreSize movablecore;
};

TEST_P(MovableZonesTest, APercentageIsANumberAndLeavesEarlierPages) {
  if (GetParam() < Release::v4_17) GTEST_SKIP() << "there are none";
  constexpr std::uint64_t kPages = 0x10000;
  constexpr CoreSizeCase kCases[] = {
      {"kernelcore=256M kernelcore=0%", {kPages, 0}, {}},
      {"kernelcore=256M kernelcore=25%", {kPages, 25}, {}},
      {"kernelcore=25% kernelcore=256M", {kPages, 0}, {}},
      {"kernelcore=0x19%", {0, 25}, {}},
      {"kernelcore=25K%", {6, 0}, {}},  // a size: what follows it is left
      {"kernelcore=256M kernelcore=%", {kPages, 0}, {}},
      {"movablecore=256M movablecore=mirror", {}, {}},
      {"kernelcore=256M kernelcore=mirror", {kPages, 0}, {}},
      {"kernelcore=256M kernelcore=1G,mirror", {kPages, 0}, {}},
      {"kernelcore=256M kernelcore=mirrors", {}, {}},
  };
  for (const auto& [cmdline, kernelcore, movablecore] : kCases) {
    const MovableParameters asked = movable_parameters(cmdline, board);
    EXPECT_EQ(asked.kernelcore.pages, kernelcore.pages) << cmdline;
    EXPECT_EQ(asked.kernelcore.percent, kernelcore.percent) << cmdline;
    EXPECT_EQ(asked.movablecore.pages, movablecore.pages) << cmdline;
    EXPECT_EQ(asked.movablecore.percent, movablecore.percent) << cmdline;
  }
}

TEST_P(MovableZonesTest, MirrorIsAWordSince4_6) {
  const std::uint64_t pages = movable_parameters("kernelcore=256M kernelcore=mirror", board).kernelcore.pages;
  EXPECT_EQ(pages, GetParam() >= Release::v4_6 ? 0x10000U : 0U) << "before, it is a number without digits";
}

TEST_P(MovableZonesTest, WordsAfterTwoDashesAreForInitSince3_15) {
  const std::uint64_t pages = movable_parameters("quiet -- kernelcore=256M", board).kernelcore.pages;
  EXPECT_EQ(pages, GetParam() >= Release::v3_15 ? 0U : 0x10000U);
}

// The first node's lower zone is more than its share, so both share what is left.
TEST_P(MovableZonesTest, WhatALowerZoneTakesBeyondAShareIsNotKeptTwice) {
  board.zones = {{"DMA", {0, 0x18000}, 0}, {"Normal", {0x18000, 0x20000}, 0}, {"Normal", {0x20000, 0x40000}, 1}};
  EXPECT_THAT(zones_of(board, "kernelcore=512M"),
              ElementsAre(ZoneSpec{"DMA", {0, 0x18000}, 0}, ZoneSpec{"Normal", {0x18000, 0x1c000}, 0},
                          ZoneSpec{"Movable", {0x1c000, 0x20000}, 0}, ZoneSpec{"Normal", {0x20000, 0x24000}, 1},
                          ZoneSpec{"Movable", {0x24000, 0x40000}, 1}));
}

TEST_P(MovableZonesTest, LowerZonesAreTheKernels) {
  board.zones = {{"DMA", {0, 0x20000}}, {"Normal", {0x20000, 0x40000}}};
  EXPECT_THAT(zones_of(board, "movablecore=768M"),
              ElementsAre(ZoneSpec{"DMA", {0, 0x20000}}, ZoneSpec{"Movable", {0x20000, 0x40000}}))
      << "nothing is left of Normal";
  EXPECT_THAT(zones_of(board, "kernelcore=640M"),
              ElementsAre(ZoneSpec{"DMA", {0, 0x20000}}, ZoneSpec{"Normal", {0x20000, 0x28000}},
                          ZoneSpec{"Movable", {0x28000, 0x40000}}));
}

TEST_P(MovableZonesTest, NodesShareWhatTheKernelKeeps) {
  board.zones = {{"Normal", {0, 0x20000}, 0}, {"Normal", {0x20000, 0x40000}, 1}};
  EXPECT_THAT(zones_of(board, "kernelcore=256M"),
              ElementsAre(ZoneSpec{"Normal", {0, 0x8000}, 0}, ZoneSpec{"Movable", {0x8000, 0x20000}, 0},
                          ZoneSpec{"Normal", {0x20000, 0x28000}, 1}, ZoneSpec{"Movable", {0x28000, 0x40000}, 1}));
}

TEST_P(MovableZonesTest, WhatASmallNodeLacksTheOthersKeep) {
  board.zones = {{"Normal", {0, 0x4000}, 0}, {"Normal", {0x4000, 0x40000}, 1}};
  EXPECT_THAT(zones_of(board, "kernelcore=512M"),
              ElementsAre(ZoneSpec{"Normal", {0, 0x4000}, 0}, ZoneSpec{"Normal", {0x4000, 0x20000}, 1},
                          ZoneSpec{"Movable", {0x20000, 0x40000}, 1}));
}

TEST_P(MovableZonesTest, HolesAreNoMemory) {
  board.holes = {{0x8000, 0x10000}};
  EXPECT_EQ(zones_of(board, "kernelcore=256M").back().range, (PfnRange{0x18000, 0x40000}));
}

TEST_P(MovableZonesTest, AnAreaAcrossTheBorderIsNotActivatedAndOneBehindItIs) {
  board.zones = zones_of(board, "movablecore=512M");
  BootTrial across(board);
  across.config.size_mbytes = 0;
  const bool places = GetParam() >= Release::v3_16;
  const Boot& boot = across.run(nullptr, places ? "cma=64M@480M" : "cma=640M");
  ASSERT_TRUE(boot.dma().default_area());
  across.machine.finish_boot();
  EXPECT_FALSE(across.machine.areas.area(0).active());
  BootTrial behind(board);
  behind.run(nullptr, "cma=64M");
  behind.machine.finish_boot();
  EXPECT_TRUE(behind.machine.areas.area(0).active());
  EXPECT_EQ(behind.area("reserved").start, 960 * kMiB);
}

}  // namespace
}  // namespace cma
