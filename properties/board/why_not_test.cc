#include "properties/board/why_not.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "properties/board/explain_testing.h"

namespace cma {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class WhyNotTest : public ExplainTest {};

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
  EXPECT_THAT(answers[0].remedies, ElementsAre("with size = 40 MiB: at [0x12800000, 0x15000000)",
                                               "with alloc-ranges left out: at [0x3be00000, 0x3fe00000)"));
}

TEST_F(WhyNotTest, ARegionThatIsGivenBackLaterIsNamedWhereItIsInTheWay) {
  const auto answers = explain([](BlobWriter& w) {
    area(w, "camera").cells("size", {0x4000000}).cells("alloc-ranges", {0x10000000, 0x4000000}).end();
    area(w, "odd").cells("reg", {0x12000000, 0x300000}).end();
  });
  ASSERT_THAT(answers, SizeIs(2));
  EXPECT_THAT(answers[0].evidence, Contains("  [0x12000000, 0x12300000): odd (given back later)"));
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
  EXPECT_THAT(answers[0].remedies, ElementsAre("with alloc-ranges left out: at [0x3ee00000, 0x3fe00000)"))
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
  EXPECT_EQ(
      answers[0].brief,
      "size 0x4c0000 is no multiple of 2 MiB; 0x400000 or 0x600000 is (need not be a power of two; the unit is 4 MiB "
      "up to 5.18)");
  EXPECT_THAT(answers[0].remedies, ElementsAre("with reg = 0x30000000 0x600000: at [0x30000000, 0x30600000)",
                                               "with reg = 0x30000000 0x400000: at [0x30000000, 0x30400000)",
                                               "with size = 6 MiB, and no reg: at [0x3f800000, 0x3fe00000)"));
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
  EXPECT_THAT(answers[0].remedies, ElementsAre("with cma=510M: at [0x200000, 0x20000000)"));
}

// Field report 2.
TEST_F(WhyNotTest, AnAreaAcrossTheEndOfMemoryFitsElsewhere) {
  settings.release = Release::v4_9;
  settings.config.architecture = Architecture::arm;
  settings.memory = {{0, 0x1c000000}};
  const auto answers = explain([](BlobWriter&) {}, "cma=256M@256M");
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_THAT(answers[0].remedies, ElementsAre("with cma=192M@0x10000000: at [0x10000000, 0x1c000000)",
                                               "with cma=256M: at [0xc000000, 0x1c000000)"));
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

TEST_F(WhyNotTest, ARemedyLosesNothingElse) {
  settings.release = Release::v6_12;
  settings.memory = {{0, 0x3f000000}};
  // The first takes all, and what it leaves out is not worth a remedy: without it, the first would be lost.
  const auto answers = explain([](BlobWriter& w) {
    area(w, "big").cells("size", {0x4000000}).cells("alloc-ranges", {0x10000000, 0x4000000}).end();
    area(w, "small").cells("size", {0x1000000}).cells("alloc-ranges", {0x10000000, 0x4000000}).end();
  });
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].what, "small");
  EXPECT_THAT(answers[0].remedies, ElementsAre("with alloc-ranges left out: at [0x3e000000, 0x3f000000)"));
}

TEST_F(WhyNotTest, AllOfMemoryIsNoRemedy) {
  const auto answers = explain([](BlobWriter&) {}, "cma=2G");
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_THAT(answers[0].remedies, ElementsAre("with cma=768M: at [0xfe00000, 0x3fe00000)"));
}

TEST_F(WhyNotTest, AreasWithoutASlotFitInALargerTable) {
  settings.areas = 1;
  settings.memory = {{0, 0x3f000000}};
  const auto two = [](BlobWriter& w) {
    for (const char* name : {"a", "b", "c", "d"}) area(w, name).cells("size", {0x400000}).end();
  };
  const auto answers = explain(two);
  ASSERT_THAT(answers, SizeIs(2));
  EXPECT_EQ(answers[0].brief, "all 2 slots for areas are taken (MAX_CMA_AREAS, by CONFIG_CMA_AREAS)");
  EXPECT_THAT(answers[0].remedies, ElementsAre(HasSubstr("with CONFIG_CMA_AREAS=3: at [")));
  settings.areas = 3;
  EXPECT_THAT(explain(two), IsEmpty());
  settings.release = Release::v6_12;
  EXPECT_THAT(explain(two), SizeIs(1)) << "since 6.9 there is none beyond them";
}

struct AttemptRow {
  const char* cmdline;
  const char* brief;
};

TEST_F(WhyNotTest, ARefusedDefaultAreaNamesTheRule) {
  for (const AttemptRow& row :
       {AttemptRow{
            "cma=64M@0x3e000000",
            "[0x3e000000, 0x42000000) ends after the end of memory, 0x40000000 (the kernel's line calls that the "
            "low/high memory boundary)"},
        {"cma=64M@0x20000000-0x10000000", "the range [0x20000000, 0x10000000) is empty"},
        {"cma=64M@0x20000000-0x22000000", "64 MiB from 0x20000000 on end after the limit, 0x22000000"},
        {"cma=64M@0x50000000-0x60000000", "there is no memory from 0x50000000 on"},
        {"cma=64M@0x20100000", "the base 0x20100000 is no multiple of 2 MiB"}}) {
    const auto answers = explain([](BlobWriter&) {}, row.cmdline);
    ASSERT_THAT(answers, SizeIs(1)) << row.cmdline;
    EXPECT_EQ(answers[0].brief, row.brief) << row.cmdline;
  }
}

TEST_F(WhyNotTest, ARemedyAlignsADefaultAreaWithinMemory) {
  const auto remedies = [&](const std::string& cmdline) {
    const auto answers = explain([](BlobWriter&) {}, cmdline);
    return answers.size() == 1 ? answers[0].remedies : std::vector<std::string>{"another answer"};
  };
  const std::string placed = "with cma=64M: at [0x3be00000, 0x3fe00000)";
  EXPECT_THAT(remedies("cma=64M@0xfffffffffff00000"), ElementsAre(placed)) << "rounded up it is 0";
  EXPECT_THAT(remedies("cma=64M@0x20100000"),
              ElementsAre(placed, "with cma=64M@0x20000000: at [0x20000000, 0x24000000)",
                          "with cma=64M@0x20200000: at [0x20200000, 0x24200000)"));
}

TEST_F(WhyNotTest, NoRemedyTakesMoreThanThreeQuartersOfMemory) {
  const auto answers = explain([](BlobWriter& w) { area(w, "huge").cells("reg", {0x4000000, 0x31080000}).end(); });
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_THAT(answers[0].remedies, IsEmpty());
}

TEST_F(WhyNotTest, AnAreaOfANodeWithoutAPlaceNamesTheNode) {
  BlobWriter writer;
  writer.cells("#address-cells", {1}).cells("#size-cells", {1});
  for (const std::uint32_t node : {0U, 1U}) {
    const std::uint32_t base = node * 0x20000000;
    writer.begin(node == 0 ? "memory@0" : "memory@20000000").text("device_type", "memory");
    writer.cells("reg", {base, 0x20000000}).cells("numa-node-id", {node}).end();
  }
  writer.begin("chosen").text("bootargs", "cma=0 numa_cma=1:600M").end();
  settings.release = Release::v6_12;
  settings.config.node_areas = true;
  const auto answers = explain_blob(writer.finish());
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].what, "numa1");
  EXPECT_EQ(answers[0].brief, "no place for 600 MiB on node 1");
}

TEST_F(WhyNotTest, NotesShowNoControlCharacters) {
  settings.config.architecture = Architecture::arm;
  explain([](BlobWriter&) {}, "cma=0 mem=512M\x1b[2J");
  EXPECT_THAT(report, HasSubstr("command line: cma=0 mem=512M?[2J\n"));
  EXPECT_THAT(report, HasSubstr("  mem=512M?[2J: memory is what the command line says"));
}

TEST_F(WhyNotTest, AnEmptyRangeIsCalledSo) {
  const auto answers = explain([](BlobWriter&) {}, "cma=64M@0x20000000-0x10000000");
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_THAT(answers[0].evidence, ElementsAre("searched [0x20000000, 0x10000000): an empty range"));
}

TEST_F(WhyNotTest, ADefaultAreaAcrossTheHighMemoryBorderNamesTheBorder) {
  settings.config.architecture = Architecture::arm;
  const auto answers = explain([](BlobWriter&) {}, "cma=64M@0x2e000000");
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].brief, "[0x2e000000, 0x32000000) would lie in low and in high memory, which meet at 0x30000000");
}

TEST_F(WhyNotTest, AnAreaOfANodeAcrossTheBorderIsNotActivatedAndFitsBesideIt) {
  settings.config.architecture = Architecture::arm;
  const auto answers = explain([](BlobWriter& w) { area(w, "camera").cells("reg", {0x2f000000, 0x2000000}).end(); });
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].what, "camera");
  EXPECT_THAT(answers[0].brief, HasSubstr("from 0x30000000 on it lies in zone HighMem, before in zone Normal"));
  EXPECT_THAT(answers[0].remedies, ElementsAre("with reg = 0x2e000000 0x2000000: at [0x2e000000, 0x30000000)",
                                               "with reg = 0x30000000 0x2000000: at [0x30000000, 0x32000000)",
                                               "with size = 32 MiB, and no reg: at [0x3dc00000, 0x3fc00000)"));
}

TEST_F(WhyNotTest, TheFirstAreaThatCannotBeActivatedEndsItOnOldKernels) {
  settings.config.architecture = Architecture::arm;
  settings.release = Release::v4_19;
  const auto answers = explain([](BlobWriter& w) {
    area(w, "camera").cells("reg", {0x2f000000, 0x2000000}).end();
    area(w, "video").cells("reg", {0x32000000, 0x2000000}).end();
  });
  ASSERT_THAT(answers, SizeIs(2));
  EXPECT_THAT(answers[1].brief, HasSubstr("camera could not be activated, and up to 5.8 that ends the activation"));
}

TEST_F(WhyNotTest, ASizeWithoutASuffixIsNoted) {
  explain([](BlobWriter&) {}, "cma=64");
  EXPECT_THAT(report, HasSubstr("cma= is 64 bytes, rounded up to 2 MiB: with M after the number it is MiB"));
  explain([](BlobWriter&) {}, "cma=64M");
  EXPECT_THAT(report, Not(HasSubstr("rounded up")));
}

TEST_F(WhyNotTest, AllRangesOfANodeAreInTheTable) {
  explain([](BlobWriter& w) { area(w, "a").cells("reg", {0x10000000, 0x2000000, 0x20000000, 0x1000000}).end(); });
  EXPECT_THAT(report, HasSubstr("[0x20000000, 0x21000000)      16 MiB  a, reserved: a further range of its reg"));
}

}  // namespace
}  // namespace cma
