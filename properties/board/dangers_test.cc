// Memory that two have: whatever the other is, the answer names it and where, and it is a finding.

#include "properties/board/dangers.h"

#include <gmock/gmock.h>

#include "properties/board/explain_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DangersTest : public ExplainTest {
 protected:
  static void camera(BlobWriter& w) { area(w, "camera").cells("reg", {0x10000000, 0x2000000}).end(); }
};

TEST_F(DangersTest, AnAreaOverTheKernelIsOne) {
  settings.reserved = {{0x10200000, 0x11a00000}};
  const auto answers = explain(camera);
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_TRUE(answers[0].unsafe);
  EXPECT_EQ(answers[0].what, "camera");
  EXPECT_THAT(answers[0].brief, HasSubstr("the kernel hands all of its memory to the page allocator"));
  EXPECT_THAT(answers[0].evidence, ElementsAre("[0x10200000, 0x11a00000): the kernel's own (--reserved)"));
  EXPECT_THAT(answers[0].remedies, ElementsAre("with reg = 0x11a00000 0x2000000: at [0x11a00000, 0x13a00000)",
                                               "with size = 32 MiB, and no reg: at [0x3de00000, 0x3fe00000)"));
  EXPECT_THAT(report, HasSubstr("\nnot safe:\n  camera: "));
  EXPECT_THAT(report, HasSubstr("    would be safe with reg = 0x11a00000"));
}

TEST_F(DangersTest, ARegionOverTheKernelIsOne) {
  settings.reserved = {{0x10200000, 0x11a00000}};
  const auto answers =
      explain([](BlobWriter& w) { w.begin("dsp@10000000").cells("reg", {0x10000000, 0x300000}).end(); });
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_THAT(answers[0].brief, HasSubstr("lies over what the kernel has itself"));
  EXPECT_THAT(answers[0].evidence, ElementsAre("[0x10200000, 0x10300000): the kernel's own (--reserved)"));
}

TEST_F(DangersTest, AnAreaOverFirmwareIsOneOnEachRelease) {
  // The header of these boards keeps a page at 0x3ff00000.
  for (const Release release : modelled_releases()) {
    if (release < Release::v3_18) continue;
    settings.release = release;
    const auto answers = explain([](BlobWriter& w) { area(w, "high").cells("reg", {0x3f000000, 0x1000000}).end(); });
    ASSERT_THAT(answers, SizeIs(1)) << release;
    EXPECT_THAT(answers[0].evidence, ElementsAre("[0x3ff00000, 0x3ff01000): /memreserve/, kept for firmware"));
  }
}

TEST_F(DangersTest, ARegionThatTheHeaderNamesTooIsNone) {
  EXPECT_THAT(explain([](BlobWriter& w) { w.begin("fw@3ff00000").cells("reg", {0x3ff00000, 0x1000}).end(); }),
              IsEmpty());
}

// Two banks with a hole between them: no kernel looks whether a fixed region is memory.
TEST_F(DangersTest, ARemedyIsInMemoryAndInNoHole) {
  const auto pool_at = [](std::uint32_t base) {
    return [base](BlobWriter& w) {
      w.begin("pool").text("compatible", "shared-dma-pool").property("no-map").cells("reg", {base, 0x100000}).end();
    };
  };
  settings.memory = {{0x40000000, 0x50000000}, {0x60000000, 0x70000000}};
  for (const std::uint32_t base : {0x4ff00000U, 0x6ff00000U}) {
    settings.reserved = {{base, base + 0x1000}};
    const auto answers = explain(pool_at(base));
    ASSERT_THAT(answers, SizeIs(2)) << base << ": it stays mapped, too";
    EXPECT_TRUE(answers[1].unsafe) << base;
    EXPECT_THAT(answers[1].remedies, ElementsAre(HasSubstr("with size = 1 MiB, and no reg: at ["))) << base;
  }
  settings.reserved = {{0x6f000000, 0x6f100000}};
  const auto answers = explain([](BlobWriter& w) { area(w, "camera").cells("reg", {0x6f000000, 0x1000000}).end(); });
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_THAT(answers[0].remedies, ElementsAre(HasSubstr("with size = 16 MiB, and no reg: at [")));
}

// Its end wraps round, which no kernel notices.
TEST_F(DangersTest, TheDefaultAreaAtTheLargestAddressesIsOne) {
  const auto answers = explain([](BlobWriter&) {}, "cma=64M@0xffffffffffe00000");
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_TRUE(answers[0].unsafe);
  EXPECT_EQ(answers[0].what, "reserved");
  EXPECT_THAT(answers[0].evidence, ElementsAre("[0xffffffffffe00000, 0xffffffffffffffff): no memory"));
  EXPECT_THAT(answers[0].remedies, ElementsAre("with cma=64M: at [0x3be00000, 0x3fe00000)"));
}

TEST_F(DangersTest, EachCulpritIsNamed) {
  const auto answers = explain([](BlobWriter& w) {
    w.begin("fw@10000000").property("no-map").cells("reg", {0x10000000, 0x200000}).end();
    w.begin("dsp@10400000").cells("reg", {0x10400000, 0x200000}).end();
    camera(w);
  });
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_THAT(answers[0].evidence, ElementsAre("[0x10000000, 0x10200000): fw@10000000, not mapped",
                                               "[0x10400000, 0x10600000): dsp@10400000, reserved"));
}

TEST_F(DangersTest, TwoAreasWithTheSameMemoryAreNamedOnceWithARemedy) {
  const auto answers = explain([](BlobWriter& w) {
    camera(w);
    area(w, "video").cells("reg", {0x11000000, 0x2000000}).end();
  });
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].what, "video");
  EXPECT_THAT(answers[0].evidence, ElementsAre("[0x11000000, 0x12000000): area camera"));
  EXPECT_THAT(answers[0].remedies, ElementsAre("with reg = 0x12000000 0x2000000: at [0x12000000, 0x14000000)",
                                               "with size = 32 MiB, and no reg: at [0x3de00000, 0x3fe00000)"));
  EXPECT_THAT(report, HasSubstr("the kernel activates all areas; the model activates none"));
}

TEST_F(DangersTest, ARemedyMovesNoAreaOntoAnother) {
  const auto answers = explain([](BlobWriter& w) {
    w.begin("dsp@10000000").cells("reg", {0x10000000, 0x200000}).end();
    camera(w);
    area(w, "video").cells("reg", {0x11000000, 0x4000000}).end();
  });
  ASSERT_THAT(answers, SizeIs(2));
  EXPECT_EQ(answers[0].what, "camera");
  EXPECT_THAT(answers[0].remedies, ElementsAre("with size = 32 MiB, and no reg: at [0x3de00000, 0x3fe00000)"))
      << "from 0x10200000 on more of it would be video's";
}

TEST_F(DangersTest, EachAreaOutsideMemoryIsNamed) {
  settings.memory = {{0x10000000, 0x30000000}};
  const auto answers = explain([](BlobWriter& w) {
    area(w, "below").cells("reg", {0x8000000, 0x400000}).end();
    area(w, "across").cells("reg", {0x2fc00000, 0x800000}).end();
  });
  ASSERT_THAT(answers, SizeIs(2));
  EXPECT_EQ(answers[0].what, "below");
  EXPECT_THAT(answers[0].evidence, ElementsAre("[0x8000000, 0x8400000): no memory"));
  EXPECT_EQ(answers[1].what, "across");
  EXPECT_THAT(answers[1].evidence, ElementsAre("[0x30000000, 0x30400000): no memory"));
}

TEST_F(DangersTest, TheDefaultAreaOverUnmappedMemoryIsOneAndFitsElsewhere) {
  const auto answers = explain(
      [](BlobWriter& w) { w.begin("fw@12000000").property("no-map").cells("reg", {0x12000000, 0x200000}).end(); },
      "cma=64M@0x10000000");
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].what, "reserved");
  EXPECT_THAT(answers[0].evidence, ElementsAre("[0x12000000, 0x12200000): fw@12000000, not mapped"));
  EXPECT_THAT(answers[0].remedies, ElementsAre("with cma=64M: at [0x3be00000, 0x3fe00000)"));
}

TEST_F(DangersTest, FirmwareThatIsGivenBackWithABrokenAreaIsOne) {
  const auto broken = [](BlobWriter& w) { area(w, "high").cells("reg", {0x3fe00000, 0x180000}).end(); };
  // 6.12 reads the header later, and sets fixed regions up later still.
  for (const Release release : {Release::v6_1, Release::v6_12}) {
    settings.release = release;
    const auto answers = explain(broken);
    ASSERT_THAT(answers, SizeIs(2)) << "the area is lost as well";
    EXPECT_EQ(answers[1].what, "/memreserve/");
    EXPECT_THAT(answers[1].evidence, ElementsAre("[0x3ff00000, 0x3ff01000): given back with high"));
  }
}

// What the header keeps there is no memory that could be used.
TEST_F(DangersTest, AHeaderInAHoleLosesNothingWithABrokenArea) {
  settings.memory = {{0, 0x3fc00000}, {0x40000000, 0x50000000}};
  const auto answers = explain([](BlobWriter& w) { area(w, "high").cells("reg", {0x3fe00000, 0x180000}).end(); });
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].what, "high");
  EXPECT_FALSE(answers[0].unsafe);
}

// 6.12 reads the header after it has placed regions.
TEST_F(DangersTest, ARegionThatIsPlacedOverTheHeaderIsOneSince612) {
  const auto placed = [](BlobWriter& w) { area(w, "video").cells("size", {0x2000000}).end(); };
  EXPECT_THAT(explain(placed), IsEmpty());
  settings.release = Release::v6_12;
  const auto answers = explain(placed);
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_THAT(answers[0].evidence, ElementsAre("[0x3ff00000, 0x3ff01000): /memreserve/, kept for firmware"));
  EXPECT_THAT(answers[0].remedies,
              ElementsAre("with a node of its own for [0x3ff00000, 0x3ff01000): at [0x3de00000, 0x3fe00000)"));
}

TEST_F(DangersTest, AHeaderThatLiesOutsideMemoryIsAccepted) {
  settings.memory = {{0x3ff00000, 0x40000000}};
  EXPECT_THAT(explain([](BlobWriter&) {}), IsEmpty());
  settings.memory = {{0, 0x3ff00800}};
  EXPECT_THAT(explain([](BlobWriter&) {}), IsEmpty()) << "in part";
  settings.memory = {{0, 0x10000000}};
  EXPECT_THAT(explain([](BlobWriter&) {}), IsEmpty()) << "all of it";
}

}  // namespace
}  // namespace cma
