#include "allocator/boot/boot_tree.h"

#include <gtest/gtest.h>

#include "allocator/boot_testing.h"

namespace cma {
namespace {

TEST(TreeNodes, AreCompatibleWithEachTextOfTheirList) {
  const TreeNode region = node("region", {{"compatible", std::string("vendor,pool\0Shared-DMA-Pool\0", 28)}});
  EXPECT_TRUE(region.compatible_with("vendor,pool"));
  EXPECT_TRUE(region.compatible_with("shared-dma-pool")) << "upper and lower case are the same";
  EXPECT_FALSE(region.compatible_with("pool")) << "a part of a text is not enough";
  EXPECT_FALSE(region.compatible_with("restricted-dma-pool"));
}

TEST(TreeNodes, AListMayEndWithoutAZeroByte) {
  EXPECT_TRUE(node("region", {{"compatible", "shared-dma-pool"}}).compatible_with("shared-dma-pool"));
  EXPECT_FALSE(node("region", {{"compatible", ""}}).compatible_with("shared-dma-pool"));
  EXPECT_FALSE(node("region", {}).compatible_with("shared-dma-pool"));
}

}  // namespace
}  // namespace cma
