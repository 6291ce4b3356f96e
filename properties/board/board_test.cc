#include "properties/board/board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "properties/board/blob_testing.h"
#include "properties/board/boot_rules.h"
#include "properties/board/tree_blob.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

BoardSettings with_memory(std::vector<ByteRange> memory, Architecture architecture = Architecture::arm64) {
  BoardSettings settings;
  settings.config.architecture = architecture;
  settings.memory = std::move(memory);
  return settings;
}

Board board_of(const BoardSettings& settings) {
  auto board = make_board({}, settings);
  EXPECT_TRUE(board) << board.error();
  return board.value_or(Board());
}

TEST(Boards, MemoryAndCommandLineAreTheTrees) {
  const auto tree = read_boot_tree(board_writer("cma=64M").end().finish());
  ASSERT_TRUE(tree);
  const auto board = make_board(*tree, {});
  ASSERT_TRUE(board) << board.error();
  EXPECT_EQ(board->geometry.memory, (PfnRange{0, 0x40000}));
  EXPECT_EQ(board->cmdline, "cma=64M");
  BoardSettings settings = with_memory({{0, 64 * kMiB}});
  settings.cmdline = "";
  EXPECT_EQ(make_board(*tree, settings)->geometry.memory, (PfnRange{0, 0x4000}));
  EXPECT_EQ(make_board(*tree, settings)->cmdline, "");
}

TEST(Boards, BanksThatTouchAreOneAndOthersHaveHolesBetween) {
  const Board board = board_of(
      with_memory({{512 * kMiB, 768 * kMiB}, {0, 128 * kMiB}, {128 * kMiB, 256 * kMiB + 100}, {64 * kMiB, 65 * kMiB}}));
  EXPECT_EQ(board.geometry.memory, (PfnRange{0, 0x30000}));
  EXPECT_THAT(board.geometry.holes, ElementsAre(PfnRange{0x10000, 0x20000}));
}

TEST(Boards, ArmHasLowMemoryUpTo768MiB) {
  const Board board = board_of(with_memory({{kGiB, 3 * kGiB}}, Architecture::arm));
  EXPECT_THAT(board.geometry.zones,
              ElementsAre(ZoneSpec{"Normal", {0x40000, 0x70000}, 0}, ZoneSpec{"HighMem", {0x70000, 0xc0000}, 0}));
  EXPECT_EQ(board.geometry.bits_per_long(), 32U);
  EXPECT_EQ(board.geometry.phys_addr_bits, 32U);
  EXPECT_EQ(board.geometry.isolation_unit(), 1024U) << "pageblocks are as large as the largest block";
  EXPECT_EQ(board.limit, 0xffffffffU);
  EXPECT_EQ(board_of(with_memory({{0, 4 * kGiB}}, Architecture::arm)).geometry.phys_addr_bits, 64U);
}

TEST(Boards, Arm64CutsMemoryAt4GiBOrAtTheLimit) {
  BoardSettings settings = with_memory({{2 * kGiB, 6 * kGiB}});
  EXPECT_EQ(board_of(settings).limit, 4 * kGiB);
  EXPECT_EQ(board_of(settings).geometry.zones[0].range, (PfnRange{0x80000, 0x100000}));
  settings.limit = 3 * kGiB;
  EXPECT_EQ(board_of(settings).geometry.zones[1].range, (PfnRange{0xc0000, 0x180000}));
  EXPECT_EQ(board_of(with_memory({{0, kGiB}})).limit, kGiB) << "memory ends before";
  EXPECT_EQ(board_of(with_memory({{8 * kGiB, 9 * kGiB}})).limit, 9 * kGiB) << "memory begins after";
}

TEST(Boards, MovablecoreMakesAZoneOfTheEnd) {
  BoardSettings settings = with_memory({{0, kGiB}});
  settings.cmdline = "movablecore=256M";
  EXPECT_THAT(board_of(settings).geometry.zones,
              ElementsAre(ZoneSpec{"DMA", {0, 0x30000}, 0}, ZoneSpec{"Movable", {0x30000, 0x40000}, 0}));
}

TEST(Boards, WhatCannotBeAMachineIsRefused) {
  EXPECT_THAT(make_board({}, {}).error(), HasSubstr("names no memory"));
  EXPECT_THAT(make_board({}, with_memory({{100, 200}})).error(), HasSubstr("names no memory"));
  EXPECT_THAT(make_board({}, with_memory({{0, std::uint64_t{1} << 50}})).error(), HasSubstr("memory must"));
  BoardSettings settings = with_memory({{0, kGiB}});
  settings.reserved = {{2 * kGiB, 3 * kGiB}};
  EXPECT_THAT(make_board({}, settings).error(), HasSubstr("lies outside memory"));
  settings.reserved.clear();
  settings.page_size = 8192;
  EXPECT_THAT(make_board({}, settings).error(), HasSubstr("page_size"));
}

TEST(Boards, NoMachineHasMoreThanTheMostAreas) {
  Geometry geometry;
  geometry.max_areas = kMostAreas;
  EXPECT_EQ(geometry.impossible(), std::nullopt);
  geometry.max_areas = kMostAreas + 1;
  EXPECT_NE(geometry.impossible(), std::nullopt);
}

// --- boots ---

TEST(BoardRuns, AreasAreActive) {
  const Board board = board_of(with_memory({{0, kGiB}}));
  const BoardRun run(board);
  EXPECT_THAT(run.not_activated(), IsEmpty());
  ASSERT_EQ(run.machine().areas.size(), 1U);
  EXPECT_TRUE(run.machine().areas.area(0).active());
  EXPECT_THAT(run.declared(), ElementsAre(PfnRange{0x3f000, 0x40000}));
}

std::expected<Board, std::string> board_with_nodes(const std::vector<std::pair<std::uint32_t, std::uint32_t>>& areas) {
  BlobWriter writer = board_writer("cma=0");
  for (std::size_t i = 0; i < areas.size(); ++i)
    writer.begin("a" + std::to_string(i))
        .text("compatible", "shared-dma-pool")
        .property("reusable")
        .cells("reg", {areas[i].first, areas[i].second})
        .end();
  return make_board(*read_boot_tree(writer.end().finish()), {});
}

TEST(BoardRuns, AreasWithTheSameMemoryAreNotActivated) {
  const auto board = board_with_nodes({{0x10000000, 0x800000}, {0x10400000, 0x400000}});
  ASSERT_TRUE(board);
  const BoardRun run(*board);
  EXPECT_THAT(run.not_activated(), HasSubstr("a0 and a1 have the same memory"));
  EXPECT_FALSE(run.machine().booted());
}

TEST(BoardRuns, AnAreaThatReachesIntoZoneMovableIsNotActivated) {
  BoardSettings settings = with_memory({{0, kGiB}});
  settings.cmdline = "movablecore=256M cma=64M@736M";
  const Board board = board_of(settings);
  const BoardRun run(board);
  EXPECT_THAT(run.not_activated(), IsEmpty()) << "the kernel looks itself";
  EXPECT_FALSE(run.machine().areas.area(0).active());
  EXPECT_EQ(log_of(run).back(), "cma: CMA area reserved could not be activated");
}

TEST(BoardRuns, AnAreaOutsideMemoryIsNotActivated) {
  const auto board = board_with_nodes({{0x80000000, 0x800000}});
  ASSERT_TRUE(board);
  EXPECT_THAT(BoardRun(*board).not_activated(), HasSubstr("a0 lies outside memory"));
}

TEST(BoardRuns, AnAreaWhoseMemoryAnotherGaveBackIsNotActivated) {
  // The second one is refused, as its size is no multiple of the unit.
  const auto board = board_with_nodes({{0x10000000, 0x800000}, {0x10400000, 0x1000}});
  ASSERT_TRUE(board);
  EXPECT_THAT(BoardRun(*board).not_activated(), HasSubstr("memory of a0 was given back"));
}

}  // namespace
}  // namespace cma
