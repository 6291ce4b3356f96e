// Nodes that boot passes over or cannot read, and regions that become something else: each loss has an answer.

#include <gmock/gmock.h>

#include "properties/board/explain_testing.h"

namespace cma {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class WhyRegionTest : public ExplainTest {
 protected:
  // Returns the answers for a tree whose /reserved-memory has these widths, and perhaps no `ranges`.
  std::vector<WhyNot> explain_root(std::uint32_t address_cells, std::uint32_t size_cells, bool ranges) {
    BlobWriter writer;
    writer.cells("#address-cells", {1}).cells("#size-cells", {1});
    writer.begin("memory@0").text("device_type", "memory").cells("reg", {0, 0x40000000}).end();
    writer.begin("chosen").text("bootargs", "cma=0").end();
    writer.begin("reserved-memory").cells("#address-cells", {address_cells}).cells("#size-cells", {size_cells});
    if (ranges) writer.property("ranges");
    area(writer, "camera").cells("size", {0x400000}).end();
    return explain_blob(writer.end().finish());
  }
};

TEST_F(WhyRegionTest, ATreeOfOtherWidthsIsNotRead) {
  const auto answers = explain_root(2, 1, true);
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].what, "/reserved-memory");
  EXPECT_EQ(answers[0].brief, "its #address-cells is 2, and the root's is 1: the kernel ignores its 1 node");
  EXPECT_THAT(answers[0].remedies, ElementsAre("with #address-cells = <1>"));
}

TEST_F(WhyRegionTest, AWidthThatIsNoNumberIsCalledSo) {
  BlobWriter writer;
  writer.cells("#address-cells", {1}).cells("#size-cells", {1});
  writer.begin("memory@0").text("device_type", "memory").cells("reg", {0, 0x40000000}).end();
  writer.begin("reserved-memory").cells("#address-cells", {1}).text("#size-cells", "1").property("ranges");
  area(writer, "camera").cells("size", {0x400000}).end();
  const auto answers = explain_blob(writer.end().finish());
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].brief, "its #size-cells is no number: the kernel ignores its 1 node");
}

// Fixed regions have a table of their own since 6.12.
TEST_F(WhyRegionTest, TheKernelPlacesAsManyRegionsAsItsTableHasRoomFor) {
  settings.release = Release::v6_12;
  const auto answers = explain([](BlobWriter& w) {
    for (std::uint32_t i = 0; i < 5; ++i)
      w.begin("fixed" + std::to_string(i)).cells("reg", {0x10000000 + i * 0x1000, 0x1000}).end();
    for (int i = 0; i < 66; ++i) w.begin("placed" + std::to_string(i)).cells("size", {0x1000}).end();
  });
  ASSERT_THAT(answers, SizeIs(2));
  EXPECT_EQ(answers[0].what, "placed64");
  EXPECT_EQ(answers[0].brief, "the kernel has room for 64 regions to be placed");
}

// Nodes of different parents may have the same name.
TEST_F(WhyRegionTest, ARegionThatStaysMappedIsNotTakenForItsNamesake) {
  settings.release = Release::v5_15;
  const auto answers = explain([](BlobWriter& w) {
    w.begin("a").cells("reg", {0x10000000, 0x200000});
    w.begin("b").property("no-map").cells("reg", {0x10000000, 0x200000}).end().end();
    w.begin("c").begin("b").property("no-map").cells("reg", {0x12000000, 0x200000}).end().end();
  });
  ASSERT_THAT(answers, SizeIs(2));
  EXPECT_THAT(answers[0].brief, HasSubstr("neither `reg` nor `size`")) << "c";
  EXPECT_EQ(answers[1].what, "b");
  EXPECT_THAT(answers[1].brief, HasSubstr("a part of it is reserved already, so it stays mapped"));
}

TEST_F(WhyRegionTest, ATreeWithoutRangesIsNotRead) {
  const auto answers = explain_root(1, 1, false);
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].brief, "it has no `ranges`: the kernel ignores its 1 node");
  EXPECT_THAT(answers[0].remedies, ElementsAre("with `ranges`"));
}

TEST_F(WhyRegionTest, KernelsBefore315ReadNoNode) {
  settings.release = Release::v3_6;
  const auto answers = explain([](BlobWriter& w) {
    area(w, "camera").cells("size", {0x400000}).end();
    w.begin("dsp").cells("reg", {0x10000000, 0x1000}).end();
    w.begin("off").text("status", "disabled").cells("reg", {0x20000000, 0x1000}).end();
  });
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].brief, "kernels read it since 3.15: the kernel ignores its 2 nodes");
  EXPECT_THAT(explain([](BlobWriter&) {}), IsEmpty()) << "there is nothing to lose";
}

// Adds a node with one broken thing, and returns the rule that names it.
struct BrokenNode {
  const char* what;
  std::function<void(BlobWriter&)> properties;
  const char* brief;
  Release release = Release::v6_1;
};

TEST_F(WhyRegionTest, ABrokenNodeNamesTheOneProperty) {
  const std::vector<BrokenNode> rows = {
      {"reg", [](BlobWriter& w) { w.cells("reg", {0x10000000}); },
       "its `reg` has 4 bytes: each range has 1 cell of address and 1 cell of size, 8 bytes"},
      {"empty", [](BlobWriter& w) { w.cells("reg", {}); }, "its `reg` is empty"},
      {"nothing", [](BlobWriter&) {}, "it has neither `reg` nor `size`: the kernel passes it over"},
      {"zero", [](BlobWriter& w) { w.cells("reg", {0x10000000, 0}); }, "its `reg` has size 0, and it has no `size`"},
      {"zero", [](BlobWriter& w) { w.cells("reg", {0x10000000, 0}); }, "its `reg` has size 0", Release::v6_12},
      {"size", [](BlobWriter& w) { w.cells("size", {0, 0x400000}); },
       "`size` has 8 bytes, and 1 cell are 4 (#size-cells)"},
      {"alignment", [](BlobWriter& w) { w.cells("size", {0x400000}).cells("alignment", {0, 0x400000}); },
       "`alignment` has 8 bytes, and 1 cell are 4 (#address-cells)"},
      {"ranges", [](BlobWriter& w) { w.cells("size", {0x400000}).cells("alloc-ranges", {0}); },
       "`alloc-ranges` has 4 bytes: each range has 1 cell of address and 1 cell of size"},
      {"no ranges", [](BlobWriter& w) { w.cells("size", {0x400000}).cells("alloc-ranges", {}); },
       "its `alloc-ranges` is empty"},
      {"no size", [](BlobWriter& w) { w.cells("size", {0}); }, "its size is 0"},
  };
  for (const BrokenNode& row : rows) {
    settings.release = row.release;
    const auto answers = explain([&](BlobWriter& w) {
      area(w, "camera");
      row.properties(w);
      w.end();
    });
    ASSERT_THAT(answers, SizeIs(1)) << row.what;
    EXPECT_EQ(answers[0].brief, row.brief) << row.what;
  }
}

TEST_F(WhyRegionTest, ANodeBelowANodeIsNotReadSince518) {
  const auto nested = [](BlobWriter& w) {
    area(w, "camera").cells("size", {0x400000});
    area(w, "below").cells("size", {0x400000}).end().end();
  };
  const auto answers = explain(nested);
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].what, "below");
  settings.release = Release::v5_10;
  EXPECT_THAT(explain(nested), IsEmpty());
}

TEST_F(WhyRegionTest, ADefaultAreaWithoutReusableMissesThatWord) {
  const auto coherent = [](BlobWriter& w) {
    w.begin("linux,cma").text("compatible", "shared-dma-pool").property("linux,cma-default");
    w.cells("size", {0x4000000}).end();
  };
  for (const Release release : {Release::v4_9, Release::v6_1}) {
    settings.release = release;
    settings.config.architecture = Architecture::arm;
    auto answers = explain(coherent, "quiet");
    ASSERT_THAT(answers, SizeIs(1)) << release;
    EXPECT_THAT(answers[0].brief, HasSubstr("no `reusable`: that makes it a pool of coherent memory, which on arm"));
    EXPECT_THAT(answers[0].remedies, Contains(HasSubstr("with `reusable`: at ["))) << release;
    settings.config.architecture = Architecture::arm64;
    answers = explain(coherent, "quiet");
    ASSERT_THAT(answers, SizeIs(1)) << release;
    EXPECT_THAT(answers[0].brief, HasSubstr("a pool of coherent memory, not an area"));
  }
}

TEST_F(WhyRegionTest, APoolOnArmMustNotBeMapped) {
  settings.config.architecture = Architecture::arm;
  for (const Release release : {Release::v4_9, Release::v6_1}) {
    settings.release = release;
    const auto answers = explain(
        [](BlobWriter& w) { w.begin("dsp").text("compatible", "shared-dma-pool").cells("size", {0x400000}).end(); });
    ASSERT_THAT(answers, SizeIs(1)) << release;
    EXPECT_EQ(answers[0].brief, "on arm a pool of coherent memory must have `no-map`: nothing is made of it");
    EXPECT_THAT(answers[0].remedies, ElementsAre(HasSubstr("with `no-map`: at ["))) << release;
  }
}

TEST_F(WhyRegionTest, NodesAreNoAreasBefore318) {
  settings.release = Release::v3_17;
  const auto answers = explain([](BlobWriter& w) { area(w, "camera").cells("size", {0x400000}).end(); });
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].brief, "nodes become areas since 3.18: before, it is reserved only");
}

TEST_F(WhyRegionTest, ADefaultNodeWithoutAPlaceWouldBePassedOverAnyway) {
  const auto answers = explain(
      [](BlobWriter& w) {
        area(w, "linux,cma").property("linux,cma-default").cells("size", {0x10000000});
        w.cells("alloc-ranges", {0x10000000, 0x8000000}).end();
      },
      "cma=64M");
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_THAT(answers[0].evidence, Contains("even with a place, cma= on the command line passes it over (since 5.6)"));
}

TEST_F(WhyRegionTest, ADefaultNodeThatIsPassedOverExistsWithoutTheWord) {
  const auto answers = explain(
      [](BlobWriter& w) { area(w, "linux,cma").property("linux,cma-default").cells("size", {0x4000000}).end(); },
      "quiet cma=32M");
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_THAT(answers[0].remedies, ElementsAre("without cma= on the command line: at [0x3be00000, 0x3fe00000)"));
}

TEST_F(WhyRegionTest, MemoryThatAnotherNodeGaveBackIsNoArea) {
  settings.release = Release::v6_12;
  const auto answers = explain(
      [](BlobWriter& w) {
        area(w, "linux,cma").property("linux,cma-default").cells("reg", {0x10000000, 0x400000}).end();
        area(w, "video").cells("reg", {0x10000000, 0x400000}).end();
      },
      "cma=32M");
  ASSERT_THAT(answers, SizeIs(2));
  EXPECT_THAT(answers[0].brief, HasSubstr("over the tree's default area: its memory was given back"));
  EXPECT_EQ(answers[1].brief,
            "nothing of [0x10000000, 0x10400000) is reserved any more: a region that overlaps it was given back");
}

TEST_F(WhyRegionTest, MemoryThatIsReservedAlreadyStaysMapped) {
  const auto twice = [](BlobWriter& w) {
    w.begin("a@10000000").cells("reg", {0x10000000, 0x200000}).end();
    w.begin("b@10000000").property("no-map").cells("reg", {0x10000000, 0x200000}).end();
  };
  const auto answers = explain(twice);
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].what, "b@10000000");
  EXPECT_THAT(answers[0].brief, HasSubstr("since 5.12 the kernel refuses to unmap that"));
  settings.release = Release::v4_19;
  EXPECT_THAT(explain(twice), IsEmpty());
}

}  // namespace
}  // namespace cma
