#include "properties/board/numa_nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "properties/board/board.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TreeNode memory_node(std::uint64_t base, std::uint64_t size, std::optional<std::uint32_t> id) {
  TreeNode node{"memory", 1, {{"reg", cells_of(base, 2) + cells_of(size, 2)}}};
  if (id) node.properties.push_back({"numa-node-id", cells_of(*id, 1)});
  return node;
}

// Returns a board of two banks of 1 GiB, from 1 GiB and from 4 GiB on.
Board board_of_nodes(std::optional<std::uint32_t> first, std::optional<std::uint32_t> second, bool node_areas = true) {
  BootTree tree;
  tree.address_cells = 2;
  tree.size_cells = 2;
  tree.memory = {memory_node(0x40000000, 0x40000000, first), memory_node(0x100000000, 0x40000000, second)};
  BoardSettings settings;
  settings.config.node_areas = node_areas;
  settings.cmdline = "cma_pernuma=64M";
  return make_board(std::move(tree), settings).value_or(Board());
}

TEST(NumaNodes, AreasLieOnTheNodesOfTheTree) {
  const Board board = board_of_nodes(0, 1);
  EXPECT_THAT(board.geometry.zones,
              ElementsAre(ZoneSpec{"DMA", {0x40000, 0x100000}, 0}, ZoneSpec{"Normal", {0x100000, 0x140000}, 1}));
  EXPECT_THAT(board.notes, IsEmpty());
  EXPECT_EQ(BoardRun(board).attempts().size(), 3U) << "one for each node, and the default area";
}

TEST(NumaNodes, AZoneIsCutWhereTheNodeChanges) {
  Geometry geometry;
  geometry.memory = {0, 0x4000};
  geometry.zones = {{"DMA", {0, 0x2000}}, {"Normal", {0x2000, 0x4000}}};
  BootTree tree;
  tree.address_cells = 2;
  tree.size_cells = 2;
  tree.memory = {memory_node(0x1000000, 0x3000000, 1), memory_node(0, 0x1000000, 0)};
  EXPECT_THAT(read_numa_nodes(geometry, tree), IsEmpty());
  EXPECT_THAT(geometry.zones, ElementsAre(ZoneSpec{"DMA", {0, 0x1000}, 0}, ZoneSpec{"DMA", {0x1000, 0x2000}, 1},
                                          ZoneSpec{"Normal", {0x2000, 0x4000}, 1}));
}

TEST(NumaNodes, WhatCannotBeReadIsRemarked) {
  EXPECT_THAT(board_of_nodes(0, std::nullopt).notes, ElementsAre(HasSubstr("not all memory has it")));
  EXPECT_THAT(board_of_nodes(0, 77).notes, ElementsAre(HasSubstr("node must be below 4")));
}

TEST(NumaNodes, AKernelWithoutAreasForNodesHasOneNode) {
  EXPECT_FALSE(board_of_nodes(0, 1, /*node_areas=*/false).geometry.several_nodes());
}

}  // namespace
}  // namespace cma
