#include "properties/board/tree_blob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "properties/board/blob_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

std::string example() {
  BlobWriter writer = board_writer("quiet cma=64M");
  writer.begin("linux,cma").text("compatible", "shared-dma-pool").property("reusable").cells("size", {0x1000000});
  writer.begin("below").end().end();
  writer.begin("dsp@10000000").property("no-map").cells("reg", {0x10000000, 0x100000}).end();
  writer.end().begin("soc").begin("reserved-memory").begin("other").end().end().end();
  return writer.finish();
}

TEST(TreeBlob, WhatBootReadsIsCopied) {
  const auto tree = read_boot_tree(example());
  ASSERT_TRUE(tree) << tree.error();
  EXPECT_EQ(tree->address_cells, 1U);
  EXPECT_EQ(tree->size_cells, 1U);
  EXPECT_THAT(tree->header_reservations, ElementsAre(Pair(0x3ff00000, 0x1000)));
  EXPECT_EQ(tree->cmdline, "quiet cma=64M");
  ASSERT_THAT(tree->memory, SizeIs(1));
  EXPECT_EQ(tree->memory[0].name, "memory@0");
  ASSERT_TRUE(tree->reserved_memory);
  EXPECT_TRUE(tree->reserved_memory->has("ranges"));
  ASSERT_THAT(tree->regions, SizeIs(3));
  EXPECT_EQ(tree->regions[0].name, "linux,cma");
  EXPECT_EQ(tree->regions[0].depth, 1U);
  EXPECT_TRUE(tree->regions[0].compatible_with("Shared-DMA-Pool"));
  EXPECT_EQ(number_at(*tree->regions[0].find("size"), 0, 1), 0x1000000U);
  EXPECT_EQ(tree->regions[1].name, "below");
  EXPECT_EQ(tree->regions[1].depth, 2U);
  EXPECT_EQ(tree->regions[2].name, "dsp@10000000");
}

TEST(TreeBlob, ATreeWithoutTheNodesIsATree) {
  const auto tree = read_boot_tree(BlobWriter().finish());
  ASSERT_TRUE(tree) << tree.error();
  EXPECT_FALSE(tree->reserved_memory);
  EXPECT_THAT(tree->memory, IsEmpty());
  EXPECT_EQ(tree->address_cells, 1U) << "as where a root has no widths";
}

TEST(TreeBlob, AFileThatIsNoBlobIsRefused) {
  for (const std::string& bytes : {std::string(), std::string("x"), std::string(4096, '\0'), std::string(100, 'x')})
    EXPECT_FALSE(read_boot_tree(bytes)) << bytes.size();
  EXPECT_THAT(read_boot_tree("x").error(), HasSubstr("too few"));
  EXPECT_THAT(read_boot_tree(std::string(4096, '\0')).error(), HasSubstr("FDT_ERR_BADMAGIC"));
}

TEST(TreeBlob, ABlobThatIsCutOffIsRefused) {
  const std::string blob = example();
  for (std::size_t length = 0; length < blob.size(); ++length)
    EXPECT_FALSE(read_boot_tree(blob.substr(0, length))) << length;
}

// Whatever a flipped byte makes of the blob, it is read or refused.
TEST(TreeBlob, ADamagedBlobIsReadOrRefused) {
  const std::string blob = example();
  std::size_t refused = 0;
  for (std::size_t byte = 0; byte < blob.size(); ++byte) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string damaged = blob;
      damaged[byte] = static_cast<char>(damaged[byte] ^ flip);
      const auto tree = read_boot_tree(damaged);
      if (!tree) ++refused;
    }
  }
  EXPECT_GT(refused, 100U);
}

TEST(TreeBlob, WidthsOfTheRootAreOneOrTwo) {
  for (const std::uint32_t cells : {0U, 3U, 0xffffffffU}) {
    const std::string blob = BlobWriter().cells("#size-cells", {cells}).finish();
    EXPECT_EQ(read_boot_tree(blob).error(), "/: #size-cells must be one number, 1 or 2") << cells;
  }
  EXPECT_EQ(read_boot_tree(BlobWriter().property("#address-cells", "ab").finish()).error(),
            "/: #address-cells must be one number, 1 or 2");
  EXPECT_TRUE(read_boot_tree(BlobWriter().cells("#address-cells", {2}).cells("#size-cells", {2}).finish()));
}

TEST(TreeBlob, TooManyRegionsAreRefused) {
  for (const std::size_t count : {kMostRegionNodes, kMostRegionNodes + 1}) {
    BlobWriter writer = board_writer();
    for (std::size_t i = 0; i < count; ++i) writer.begin("r" + std::to_string(i)).end();
    const auto tree = read_boot_tree(writer.end().finish());
    EXPECT_EQ(tree.has_value(), count == kMostRegionNodes);
  }
}

TEST(TreeBlob, NamesThatCannotBePrintedAreRefused) {
  const auto tree = read_boot_tree(board_writer().begin("\x1b[2J").end().end().finish());
  ASSERT_FALSE(tree);
  EXPECT_THAT(tree.error(), HasSubstr("is no printable ASCII"));
}

}  // namespace
}  // namespace cma
