#include "properties/board/why_not.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "properties/board/blob_testing.h"
#include "properties/board/boot_report.h"
#include "properties/board/tree_blob.h"

namespace cma {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class WhyNotTest : public ::testing::Test {
 protected:
  // Boots a board of 1 GiB with these regions.
  std::vector<WhyNot> explain(const std::function<void(BlobWriter&)>& regions, const std::string& bootargs = "cma=0") {
    BlobWriter writer = board_writer(bootargs);
    regions(writer);
    auto tree = read_boot_tree(writer.end().finish());
    EXPECT_TRUE(tree);
    auto made = make_board(std::move(*tree), settings);
    EXPECT_TRUE(made) << made.error();
    board = std::move(*made);
    const BoardRun run(board);
    const std::vector<WhyNot> answers = explain_boot(run);
    report = boot_report(run, answers);
    return answers;
  }
  static BlobWriter& area(BlobWriter& writer, const std::string& name) {
    return writer.begin(name).text("compatible", "shared-dma-pool").property("reusable");
  }

  BoardSettings settings;
  Board board;
  std::string report;
};

TEST_F(WhyNotTest, NothingIsExplainedIfAllIsThere) {
  EXPECT_THAT(explain([](BlobWriter& w) { area(w, "camera").cells("size", {0x4000000}).end(); }), IsEmpty());
  EXPECT_THAT(report, HasSubstr("area camera, of a node, placed by the kernel"));
  EXPECT_THAT(report, Not(HasSubstr("why not")));
}

TEST_F(WhyNotTest, ARegionThatFindsNoPlaceNamesWhatIsInTheWay) {
  const auto answers = explain([](BlobWriter& w) {
    area(w, "camera").cells("size", {0x4000000}).cells("alloc-ranges", {0x10000000, 0x5000000}).end();
    w.begin("firmware@12000000").cells("reg", {0x12000000, 0x800000}).end();
  });
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].what, "camera");
  EXPECT_EQ(answers[0].brief, "no place for 64 MiB aligned to 2 MiB");
  EXPECT_THAT(answers[0].evidence, ElementsAre("searched [0x10000000, 0x15000000)",
                                               "  [0x12800000, 0x15000000) is free: 40 MiB of it after alignment",
                                               "  [0x10000000, 0x12000000) is free: 32 MiB of it after alignment",
                                               "  [0x12000000, 0x12800000): firmware@12000000"));
  EXPECT_THAT(answers[0].remedies, ElementsAre("size = 40 MiB: at [0x12800000, 0x15000000)",
                                               "alloc-ranges left out: at [0x3be00000, 0x3fe00000)"));
}

TEST_F(WhyNotTest, ARegionThatAnotherLeavesNoRoomNamesIt) {
  const auto answers = explain([](BlobWriter& w) {
    // Up to 6.11 the first of equal nodes is placed last.
    area(w, "small").cells("size", {0x1000000}).cells("alloc-ranges", {0x10000000, 0x4000000}).end();
    area(w, "large").cells("size", {0x4000000}).cells("alloc-ranges", {0x10000000, 0x4000000}).end();
  });
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].what, "small");
  EXPECT_THAT(answers[0].evidence, Contains("  [0x10000000, 0x14000000): area large"));
  EXPECT_THAT(answers[0].remedies, ElementsAre("alloc-ranges left out: at [0x3ee00000, 0x3fe00000)"))
      << "in another order the large one would be lost";
}

TEST_F(WhyNotTest, RegionsThatFitInAnotherOrderAreToldSo) {
  // Only one place is aligned to 32 MiB, and the first of equal nodes is placed last.
  const auto answers = explain([](BlobWriter& w) {
    area(w, "aligned")
        .cells("size", {0x1000000})
        .cells("alignment", {0x2000000})
        .cells("alloc-ranges", {0x11000000, 0x2000000})
        .end();
    area(w, "any").cells("size", {0x1000000}).cells("alloc-ranges", {0x11000000, 0x2000000}).end();
  });
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].what, "aligned");
  EXPECT_THAT(answers[0].remedies, Contains("after node any: at [0x12000000, 0x13000000)"));
}

TEST_F(WhyNotTest, ARegionOfBrokenUnitsFitsInWholeOnes) {
  const auto answers = explain([](BlobWriter& w) { area(w, "image_buf0").cells("reg", {0x30000000, 0x4c0000}).end(); });
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].brief, "[0x30000000, 0x304c0000) is not in whole units of 2 MiB (it need be no power of two)");
  EXPECT_THAT(answers[0].remedies, ElementsAre("reg = 0x30000000 0x600000: at [0x30000000, 0x30600000)",
                                               "reg = 0x30000000 0x400000: at [0x30000000, 0x30400000)",
                                               "size = 6 MiB, and no reg: at [0x3f800000, 0x3fe00000)"));
  EXPECT_THAT(report, HasSubstr("Reserved memory: incorrect alignment of CMA region"));
}

TEST_F(WhyNotTest, ADefaultNodeIsPassedOverForTheCommandLine) {
  const auto answers = explain(
      [](BlobWriter& w) { area(w, "linux,cma").property("linux,cma-default").cells("size", {0x4000000}).end(); },
      "cma=32M");
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_THAT(answers[0].brief, HasSubstr("the command line has cma="));
  settings.release = Release::v4_19;
  EXPECT_THAT(
      explain(
          [](BlobWriter& w) { area(w, "linux,cma").property("linux,cma-default").cells("size", {0x4000000}).end(); },
          "cma=32M"),
      IsEmpty());
  EXPECT_THAT(report, HasSubstr("cma= was ignored: linux,cma is the default area already"));
}

TEST_F(WhyNotTest, ADefaultAreaThatIsTooLargeFitsWithLess) {
  settings.reserved = {{0x20000000, 0x20100000}};
  const auto answers = explain([](BlobWriter&) {}, "quiet cma=600M");
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].what, "default area");
  EXPECT_EQ(answers[0].brief, "no place for 600 MiB");
  EXPECT_THAT(answers[0].evidence, Contains("  [0x20000000, 0x20100000): boot"));
  EXPECT_THAT(answers[0].remedies, ElementsAre("cma=510M: at [0x200000, 0x20000000)"));
}

// Field report 2.
TEST_F(WhyNotTest, AnAreaAcrossTheEndOfMemoryFitsElsewhere) {
  settings.release = Release::v4_9;
  settings.config.architecture = Architecture::arm;
  settings.memory = {{0, 0x1c000000}};
  const auto answers = explain([](BlobWriter&) {}, "cma=256M@256M");
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_THAT(answers[0].remedies,
              ElementsAre("cma=192M@0x10000000: at [0x10000000, 0x1c000000)", "cma=256M: at [0xc000000, 0x1c000000)"));
  EXPECT_THAT(report, HasSubstr("cma: Region at 0x10000000 defined on low/high memory boundary (0x1c000000)"));
}

TEST_F(WhyNotTest, TheReportDrawsMemory) {
  explain([](BlobWriter& w) { area(w, "camera").cells("reg", {0x10000000, 0x10000000}).end(); });
  EXPECT_THAT(report, HasSubstr("memory, a character for 2 MiB: A area, r reserved, . free, - none"));
  EXPECT_THAT(report, HasSubstr("  0x0010000000 AAAAAAAA"));
  EXPECT_THAT(report, HasSubstr("  [0x10000000, 0x20000000)     256 MiB  area camera, fixed by its node\n"));
}

TEST_F(WhyNotTest, ACommandLineThatStopsTheKernelIsNoted) {
  settings.release = Release::v4_9;
  explain([](BlobWriter&) {}, "cma");
  EXPECT_THAT(report, HasSubstr("`cma` has no value: this kernel follows a null pointer, and does not boot"));
}

}  // namespace
}  // namespace cma
