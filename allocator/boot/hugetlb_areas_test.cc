#include "allocator/boot/hugetlb_areas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/boot_testing.h"

namespace cma {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kGiB = 1024 * kMiB;

// Returns a board of 4 GiB, the halves of which are nodes.
Geometry board_of_two_nodes(Release release) {
  Geometry g = plain_board(release, 4096);
  g.zones = {{"DMA", {0, 0x80000}, 0}, {"Normal", {0x80000, 0x100000}, 1}};
  return g;
}

class HugetlbAreasTest : public ::testing::TestWithParam<Release> {
 protected:
  const HugetlbAreas& boot(const Geometry& g, std::string_view cmdline,
                           Architecture architecture = Architecture::arm64) {
    trial = std::make_unique<BootTrial>(g);
    trial->config.architecture = architecture;
    trial->config.size_mbytes = 0;
    return trial->run(nullptr, cmdline).hugetlb();
  }
  bool since(Release release) const { return GetParam() >= release; }
  // Returns the end of a line that names the node.
  std::string on_node(unsigned node) const { return since(Release::v6_6) ? " on node " + std::to_string(node) : ""; }

  std::unique_ptr<BootTrial> trial;
};

INSTANTIATE_TEST_SUITE_P(Releases, HugetlbAreasTest,
                         ::testing::Values(Release::v4_19, Release::v5_10, Release::v5_15, Release::v6_1, Release::v6_6,
                                           Release::v6_12));

TEST_P(HugetlbAreasTest, ASizeIsSharedByTheNodesSince5_7) {
  const HugetlbAreas& areas = boot(board_of_two_nodes(GetParam()), "hugetlb_cma=1500M");
  if (!since(Release::v5_7)) {
    EXPECT_THAT(trial->lines(), IsEmpty());
    return;
  }
  EXPECT_THAT(trial->lines(), ElementsAre("hugetlb_cma: reserve 1500 MiB, up to 1024 MiB per node",
                                          "cma: Reserved 1024 MiB at 0x0000000040000000" + on_node(0),
                                          "hugetlb_cma: reserved 1024 MiB on node 0",
                                          "cma: Reserved 1024 MiB at 0x00000000c0000000" + on_node(1),
                                          "hugetlb_cma: reserved 1024 MiB on node 1"));
  EXPECT_EQ(trial->area("hugetlb1").start, 3 * kGiB);
  EXPECT_EQ(trial->machine.areas.area(*areas.area(0)).order_per_bit, since(Release::v6_1) ? 9U : 0U);
}

TEST_P(HugetlbAreasTest, SizesOfNodesCameWith5_16) {
  if (!since(Release::v5_7)) GTEST_SKIP() << "there are no such areas";
  boot(board_of_two_nodes(GetParam()), "hugetlb_cma=1:1G,3:2G,0:4M");
  if (!since(Release::v5_16)) {
    EXPECT_THAT(trial->lines(), ElementsAre("hugetlb_cma: cma area should be at least 1024 MiB")) << "it reads 1 byte";
    return;
  }
  EXPECT_THAT(trial->lines(), ElementsAre("hugetlb_cma: cma area of node 0 should be at least 1024 MiB",
                                          "hugetlb_cma: invalid node 3 specified",
                                          "cma: Reserved 1024 MiB at 0x00000000c0000000" + on_node(1),
                                          "hugetlb_cma: reserved 1024 MiB on node 1"));
}

TEST_P(HugetlbAreasTest, LessThanAPageIsRefused) {
  if (!since(Release::v5_7)) GTEST_SKIP() << "there are no such areas";
  boot(plain_board(GetParam(), 4096), "hugetlb_cma=512M");
  EXPECT_THAT(trial->lines(), ElementsAre("hugetlb_cma: cma area should be at least 1024 MiB"));
  boot(plain_board(GetParam(), 4096), "hugetlb_cma=0");
  EXPECT_THAT(trial->lines(), IsEmpty());
}

TEST_P(HugetlbAreasTest, WithoutAPlaceTheNextNodeIsTried) {
  if (!since(Release::v5_7)) GTEST_SKIP() << "there are no such areas";
  Geometry g = board_of_two_nodes(GetParam());
  g.zones = {{"DMA", {0, 0x30000}, 0}, {"Normal", {0x30000, 0x100000}, 1}};
  const HugetlbAreas& areas = boot(g, "hugetlb_cma=2G");
  EXPECT_THAT(trial->lines(), Contains("hugetlb_cma: reservation failed: err -12, node 0"));
  EXPECT_THAT(trial->lines(), Contains("hugetlb_cma: reserved 1024 MiB on node 1"));
  EXPECT_FALSE(areas.area(0));
  EXPECT_EQ(areas.attempts().size(), 2U);
}

TEST_P(HugetlbAreasTest, WithoutASlotTheLineNamesTheError) {
  if (!since(Release::v5_7)) GTEST_SKIP() << "there are no such areas";
  Geometry g = board_of_two_nodes(GetParam());
  g.max_areas = 1;
  boot(g, "hugetlb_cma=2G");
  ASSERT_EQ(trial->lines().size(), 5U);
  EXPECT_EQ(trial->lines()[3], "cma: Not enough slots for CMA reserved regions!");
  EXPECT_EQ(trial->lines()[4], "hugetlb_cma: reservation failed: err -28, node 1");
}

TEST_P(HugetlbAreasTest, ANodeThatNoKernelHasEndsTheListWithoutALine) {
  if (!since(Release::v5_16)) GTEST_SKIP() << "there are no sizes of nodes";
  const HugetlbAreas& areas = boot(board_of_two_nodes(GetParam()), "hugetlb_cma=1:1G,16:1G,0:1G");
  EXPECT_TRUE(areas.area(1));
  EXPECT_FALSE(areas.area(0));
  EXPECT_EQ(trial->lines().size(), 2U);
}

TEST_P(HugetlbAreasTest, WithoutAnyNodeThatCanHaveOneThereIsNone) {
  if (!since(Release::v5_16)) GTEST_SKIP() << "there are no sizes of nodes";
  boot(board_of_two_nodes(GetParam()), "hugetlb_cma=2:1G,3:1G");
  EXPECT_THAT(trial->lines(),
              ElementsAre("hugetlb_cma: invalid node 2 specified", "hugetlb_cma: invalid node 3 specified"));
}

TEST_P(HugetlbAreasTest, ArmHasNone) {
  boot(plain_board(GetParam(), 2048), "hugetlb_cma=1G", Architecture::arm);
  if (since(Release::v5_7)) {
    EXPECT_THAT(trial->lines(), ElementsAre("hugetlb_cma: the option isn't supported by current arch"));
  } else {
    EXPECT_THAT(trial->lines(), IsEmpty());
  }
}

TEST_P(HugetlbAreasTest, RiscvDeclaresTheDefaultAreaFirst) {
  if (!since(Release::v5_7)) GTEST_SKIP() << "there are no such areas";
  boot(plain_board(GetParam(), 4096), "hugetlb_cma=1G cma=16M", Architecture::riscv);
  ASSERT_EQ(trial->lines().size(), 4U);
  EXPECT_THAT(trial->lines()[0], HasSubstr("cma: Reserved 16 MiB"));
  EXPECT_THAT(trial->lines()[1], HasSubstr("hugetlb_cma: reserve 1024 MiB"));
}

TEST_P(HugetlbAreasTest, AWordWithoutAValueStopsTheKernel) {
  trial = std::make_unique<BootTrial>(plain_board(GetParam(), 64));
  EXPECT_EQ(trial->run(nullptr, "hugetlb_cma").parameters().null_pointer, since(Release::v5_7) ? "hugetlb_cma" : "");
}

}  // namespace
}  // namespace cma
