#include "allocator/boot/dma_areas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/boot_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DefaultAreaTest : public ::testing::TestWithParam<Release> {};

INSTANTIATE_TEST_SUITE_P(Releases, DefaultAreaTest,
                         ::testing::Values(Release::v3_6, Release::v4_9, Release::v4_19, Release::v5_10, Release::v5_15,
                                           Release::v6_1, Release::v6_6, Release::v6_12));

TEST_P(DefaultAreaTest, ASizeGoesAsHighAsItCan) {
  BootTrial trial(plain_board(GetParam(), 512));
  const Boot& boot = trial.run(nullptr, "console=ttyS0 cma=64M");
  EXPECT_THAT(trial.lines(), ElementsAre(reserved_line(GetParam(), 64, 448 * kMiB)));
  ASSERT_TRUE(boot.dma().default_area());
  EXPECT_EQ(trial.machine.areas.area(*boot.dma().default_area()).name, "reserved");
}

TEST_P(DefaultAreaTest, WithoutCmaTheConfigurationDecides) {
  BootTrial trial(plain_board(GetParam(), 512));
  trial.run(nullptr, "quiet");
  EXPECT_THAT(trial.lines(), ElementsAre(reserved_line(GetParam(), 16, 496 * kMiB)));
}

TEST_P(DefaultAreaTest, ASizeOfNothingIsNoAreaAndNoLine) {
  BootTrial trial(plain_board(GetParam(), 512));
  const Boot& boot = trial.run(nullptr, "cma=0");
  EXPECT_THAT(trial.lines(), IsEmpty());
  EXPECT_EQ(boot.dma().default_area(), std::nullopt);
}

TEST_P(DefaultAreaTest, TheArchitecturesLimitKeepsItBelow) {
  BootTrial trial(plain_board(GetParam(), 512));
  trial.run(nullptr, "cma=64M", 256 * kMiB);
  EXPECT_THAT(trial.lines(), ElementsAre(reserved_line(GetParam(), 64, 192 * kMiB)));
}

TEST_P(DefaultAreaTest, ABaseFixesIt) {
  BootTrial trial(plain_board(GetParam(), 512));
  trial.run(nullptr, "cma=64M@128M");
  const bool places = GetParam() >= Release::v3_16;
  EXPECT_THAT(trial.lines(), ElementsAre(reserved_line(GetParam(), 64, places ? 128 * kMiB : 448 * kMiB)));
}

TEST_P(DefaultAreaTest, AWindowIsSearchedFromItsEnd) {
  if (GetParam() < Release::v3_16) GTEST_SKIP() << "the command line has no places";
  BootTrial trial(plain_board(GetParam(), 512));
  trial.run(nullptr, "cma=64M@128M-256M");
  EXPECT_THAT(trial.lines(), ElementsAre(reserved_line(GetParam(), 64, 192 * kMiB)));
}

TEST_P(DefaultAreaTest, TheSmallerLimitCounts) {
  if (GetParam() < Release::v3_16) GTEST_SKIP() << "the command line has no places";
  BootTrial trial(plain_board(GetParam(), 512));
  trial.run(nullptr, "cma=64M@0-256M", 128 * kMiB);
  EXPECT_THAT(trial.lines(), ElementsAre(reserved_line(GetParam(), 64, 64 * kMiB)));
}

TEST_P(DefaultAreaTest, BootGoesOnWithoutAnAreaThatDoesNotFit) {
  BootTrial trial(plain_board(GetParam(), 512));
  const Boot& boot = trial.run(nullptr, "cma=1G");
  EXPECT_EQ(boot.dma().default_area(), std::nullopt);
  ASSERT_EQ(boot.dma().attempts().size(), 1U);
  if (GetParam() >= Release::v4_19) {
    EXPECT_THAT(trial.lines(), ElementsAre("cma: Size (0x0000000040000000) of region at 0x0000000000000000 exceeds "
                                           "limit (0x0000000020000000)",
                                           failed_line(GetParam(), 1024)));
    EXPECT_EQ(boot.dma().attempts()[0].error, -kEINVAL);
  } else {
    EXPECT_THAT(trial.lines(), ElementsAre(failed_line(GetParam(), 1024)));
    EXPECT_EQ(boot.dma().attempts()[0].error, -kENOMEM);
  }
}

TEST_P(DefaultAreaTest, WithoutASlotThereIsNone) {
  Geometry g = plain_board(GetParam(), 512);
  g.max_areas = 1;
  BootTrial trial(g);
  DeclareRequest first;
  first.size = 16 * kMiB;
  ASSERT_EQ(trial.machine.areas.boot().declare_contiguous(first), 0);
  const Boot& boot = trial.run(nullptr, "cma=64M");
  EXPECT_EQ(boot.dma().default_area(), std::nullopt);
  ASSERT_EQ(boot.dma().attempts().size(), 1U);
  EXPECT_EQ(boot.dma().attempts()[0].error, -kENOSPC);
  EXPECT_EQ(trial.lines().back(), "cma: Not enough slots for CMA reserved regions!");
}

TEST_P(DefaultAreaTest, AFixedOneOverAReservationIsRefused) {
  if (GetParam() < Release::v3_16) GTEST_SKIP() << "the command line has no places";
  Geometry g = plain_board(GetParam(), 512);
  g.reserved = {{0x9000, 0x9001}};
  BootTrial trial(g);
  const Boot& boot = trial.run(nullptr, "cma=64M@128M");
  EXPECT_EQ(boot.dma().attempts()[0].error, -kEBUSY);
  EXPECT_THAT(trial.lines(), ElementsAre(failed_line(GetParam(), 64)));
}

TEST_P(DefaultAreaTest, AFixedOneMustBeginAtAWholeUnitSince4_19) {
  if (GetParam() < Release::v3_16) GTEST_SKIP() << "the command line has no places";
  BootTrial trial(plain_board(GetParam(), 512));
  trial.run(nullptr, "cma=64M@129M");
  if (GetParam() < Release::v4_19) {
    EXPECT_THAT(trial.lines(), ElementsAre(reserved_line(GetParam(), 64, 132 * kMiB)));
    return;
  }
  const std::string unit = GetParam() >= Release::v5_19 ? "0x0000000000200000" : "0x0000000000400000";
  EXPECT_THAT(trial.lines(), ElementsAre("cma: Region at 0x0000000008100000 must be aligned to " + unit + " bytes",
                                         failed_line(GetParam(), 64)));
}

TEST_P(DefaultAreaTest, ASizeThatIsNoMultipleIsRoundedUp) {
  BootTrial trial(plain_board(GetParam(), 512));
  trial.run(nullptr, "cma=5000K");
  const std::uint64_t size = GetParam() >= Release::v5_19 ? 6 : 8;
  EXPECT_THAT(trial.lines(), ElementsAre(reserved_line(GetParam(), size, (512 - size) * kMiB)));
}

TEST_P(DefaultAreaTest, ADebugKernelPrintsTheCalls) {
  Geometry g = plain_board(GetParam(), 512);
  g.cma_debug = true;
  BootTrial trial(g);
  trial.run(nullptr, "cma=64M", 0x10000000);
  if (GetParam() >= Release::v6_9) {
    EXPECT_EQ(trial.lines().size(), 1U) << "they need dynamic debug";
    return;
  }
  EXPECT_EQ(trial.lines()[0], "cma: dma_contiguous_reserve(limit 10000000)");
  EXPECT_EQ(trial.lines()[1], "cma: dma_contiguous_reserve: reserving 64 MiB for global area");
}

// Field report 2: 448 MiB, all of it low memory. [256 MiB, 512 MiB) begins below its end and ends above.
TEST(FieldReport2, AnAreaAcrossTheEndOfLowMemoryIsRefused) {
  Geometry g = plain_board(Release::v4_9, 448);
  g.phys_addr_bits = 32;
  BootTrial trial(g);
  trial.run(nullptr, "dwc_otg.lpm_enable=0 cma=256M@256M console=tty1");
  EXPECT_THAT(trial.lines(), ElementsAre("cma: Region at 0x10000000 defined on low/high memory boundary (0x1c000000)",
                                         "cma: Failed to reserve 256 MiB"));
  for (const char* fits : {"cma=256M", "cma=192M@256M"}) {
    BootTrial other(g);
    EXPECT_TRUE(other.run(nullptr, fits).dma().default_area()) << fits;
  }
}

// --- the size that the configuration selects ---

struct Selection {
  BootConfig::SizeSelection selection;
  std::uint64_t mbytes;
  std::uint64_t percentage;
  std::uint64_t expected;  // MiB, of 400
};

TEST(ConfiguredSize, IsAmountPercentageOrTheLesserOrGreaterOfBoth) {
  using enum BootConfig::SizeSelection;
  constexpr Selection kSelections[] = {
      {mbytes, 24, 50, 24}, {percentage, 24, 50, 200}, {min, 24, 50, 24}, {max, 24, 50, 200},     {min, 24, 5, 20},
      {max, 24, 5, 24},     {mbytes, 0, 50, 0},        {min, 0, 50, 0},   {percentage, 24, 0, 0}, {max, 0, 0, 0},
  };
  for (const Selection& s : kSelections) {
    BootTrial trial(plain_board(Release::v6_1, 400));
    trial.config.selection = s.selection;
    trial.config.size_mbytes = s.mbytes;
    trial.config.size_percentage = s.percentage;
    EXPECT_EQ(trial.run(nullptr, "").dma().configured_size(), s.expected * kMiB)
        << s.mbytes << " MiB, " << s.percentage << " %";
  }
}

// 80 per cent of 0x180000 pages are 0x133333 pages, and their size has 33 bits.
TEST(ConfiguredSize, APercentageWrapsInALongOf32Bits) {
  for (const unsigned bits : {64U, 32U}) {
    Geometry g = plain_board(Release::v6_1, 6144);
    g.long_bits = bits;
    BootTrial trial(g);
    trial.config.selection = BootConfig::SizeSelection::percentage;
    trial.config.size_percentage = 80;
    const Boot& boot = trial.run(nullptr, "cma=0");
    EXPECT_EQ(boot.dma().configured_size(), bits == 64 ? 0x133333000U : 0x33333000U);
  }
}

TEST(ConfiguredSize, MemoryTakenOutIsNotCounted) {
  for (const Release release : {Release::v5_10, Release::v6_1}) {
    BootTrial trial(plain_board(release, 400));
    trial.config.selection = BootConfig::SizeSelection::percentage;
    trial.config.size_percentage = 50;
    const BootTree tree =
        tree_of({node("firmware@0", {{"reg", cells({0x1000000, 0x6400000})}, {"no-map", ""}})});  // 100 MiB
    const Boot& boot = trial.run(&tree, "cma=0");
    EXPECT_EQ(boot.dma().configured_size(), (release >= Release::v5_12 ? 200 : 150) * kMiB)
        << "since 5.12 it is memory that is not mapped";
  }
}

// --- areas of nodes ---

Geometry two_nodes(Release release) {
  Geometry g = plain_board(release, 512);
  g.zones = {{"Normal", {0, 0x10000}, 0}, {"Normal", {0x10000, 0x20000}, 1}};
  return g;
}

TEST(NodeAreas, CmaPernumaGivesEachNodeAnAreaOnArm64) {
  for (const Release release : {Release::v5_10, Release::v6_1}) {
    BootTrial trial(two_nodes(release));
    trial.config.node_areas = true;
    const Boot& boot = trial.run(nullptr, "cma=0 cma_pernuma=16M");
    EXPECT_THAT(trial.lines(),
                ElementsAre(reserved_line(release, 16, 240 * kMiB), reserved_line(release, 16, 496 * kMiB)));
    EXPECT_EQ(trial.area("pernuma0"), (ByteRange{240 * kMiB, 256 * kMiB}));
    EXPECT_EQ(trial.area("pernuma1"), (ByteRange{496 * kMiB, 512 * kMiB}));
    EXPECT_TRUE(boot.dma().pernuma_area(1));
    EXPECT_FALSE(boot.dma().default_area());
  }
}

TEST(NodeAreas, OtherArchitecturesAskForThemSince6_6) {
  for (const Release release : {Release::v6_1, Release::v6_12}) {
    BootTrial trial(two_nodes(release));
    trial.config.node_areas = true;
    trial.config.architecture = Architecture::riscv;
    trial.run(nullptr, "cma=0 cma_pernuma=16M");
    EXPECT_EQ(trial.machine.areas.size(), release >= Release::v6_6 ? 2U : 0U);
  }
}

TEST(NodeAreas, NumaCmaGivesNodesAreasOfTheirOwnAndLinesNameTheNode) {
  BootTrial trial(two_nodes(Release::v6_12));
  trial.config.node_areas = true;
  const Boot& boot = trial.run(nullptr, "numa_cma=1:32M cma_pernuma=16M cma=8M");
  EXPECT_THAT(trial.lines(), ElementsAre("cma: Reserved 16 MiB at 0x000000000f000000 on node 0",
                                         "cma: Reserved 16 MiB at 0x000000001f000000 on node 1",
                                         "cma: Reserved 32 MiB at 0x000000001d000000 on node 1",
                                         "cma: Reserved 8 MiB at 0x000000001c800000 on node -1"));
  EXPECT_TRUE(boot.dma().numa_area(1));
  EXPECT_FALSE(boot.dma().numa_area(0));
}

TEST(NodeAreas, AFailureIsReportedTwiceAndTheNextNodeIsAsked) {
  for (const Release release : {Release::v6_1, Release::v6_12}) {
    Geometry g = two_nodes(release);
    g.reserved = {{0, 0xff00}};
    BootTrial trial(g);
    trial.config.node_areas = true;
    trial.run(nullptr, "cma=0 cma_pernuma=16M");
    const bool numa = release >= Release::v6_6;
    EXPECT_THAT(trial.lines(),
                ElementsAre(std::string("cma: Failed to reserve 16 MiB") + (numa ? " on node 0" : ""),
                            std::string("cma: ") + (numa ? "dma_numa_cma_reserve" : "dma_pernuma_cma_reserve") +
                                ": reservation failed: err -12, node 0",
                            std::string("cma: Reserved 16 MiB at 0x000000001f000000") + (numa ? " on node 1" : "")));
  }
}

TEST(NodeAreas, WithoutASlotTheLineNamesTheError) {
  for (const Release release : {Release::v5_10, Release::v5_15, Release::v6_1, Release::v6_6, Release::v6_12}) {
    Geometry g = two_nodes(release);
    g.max_areas = 1;
    BootTrial trial(g);
    trial.config.node_areas = true;
    trial.run(nullptr, "cma=0 cma_pernuma=16M");
    const bool numa = release >= Release::v6_6;
    ASSERT_EQ(trial.lines().size(), 3U);
    EXPECT_EQ(trial.lines()[1], "cma: Not enough slots for CMA reserved regions!");
    EXPECT_EQ(trial.lines()[2], std::string("cma: ") + (numa ? "dma_numa_cma_reserve" : "dma_pernuma_cma_reserve") +
                                    ": reservation failed: err -28, node 1");
  }
}

TEST(NodeAreas, ANodeWithoutMemoryIsInvalidSince6_6) {
  BootTrial trial(two_nodes(Release::v6_12));
  trial.config.node_areas = true;
  trial.config.possible_nodes = 3;
  trial.run(nullptr, "cma=0 numa_cma=2:16M,3:16M");
  EXPECT_THAT(trial.lines(), ElementsAre("cma: invalid node 2 specified"));
}

// --- a command line that stops the kernel ---

TEST(CommandLineWithoutAValue, StopsTheKernelUpTo4_18) {
  BootTrial trial(plain_board(Release::v4_9, 512));
  const Boot& boot = trial.run(nullptr, "cma");
  EXPECT_EQ(boot.parameters().null_pointer, "cma");
  EXPECT_THAT(trial.lines(), IsEmpty());
  EXPECT_EQ(trial.machine.areas.size(), 0U);
}

}  // namespace
}  // namespace cma
