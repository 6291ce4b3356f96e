#include "properties/board/boot_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "allocator/boot_testing.h"

namespace cma {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Returns a board of 1 GiB with these regions.
Board board_with(std::vector<TreeNode> regions, std::string cmdline, Release release = Release::v6_1) {
  BoardSettings settings;
  settings.release = release;
  settings.memory = {{0, 1024 * kMiB}};
  settings.cmdline = std::move(cmdline);
  return make_board(tree_of(std::move(regions)), settings).value_or(Board());
}

class BootRulesTest : public ::testing::TestWithParam<Release> {};

INSTANTIATE_TEST_SUITE_P(Releases, BootRulesTest, ::testing::ValuesIn(modelled_releases()),
                         [](const auto& row) { return "v" + std::to_string(index_of(row.param)); });

TEST_P(BootRulesTest, ABootThatKeepsAllRulesBreaksNone) {
  const Board board = board_with(
      {node("linux,cma", area_of_size(0x4000000, {{"linux,cma-default", ""}})),
       node("camera@10000000", area_at(0x10000000, 0x800000)), node("odd@20100000", area_at(0x20100000, 0x100000)),
       node("large", area_of_size(0x80000000)), node("firmware", area_of_size(0x1000))},
      "cma=16M", GetParam());
  EXPECT_THAT(broken_rule(BoardRun(board)), IsEmpty());
}

TEST_P(BootRulesTest, AFixedAreaOverAReservationBreaksOne) {
  Board board =
      board_with({node("camera@10000000", {{"reg", cells({0x10000000, 0x800000})}})}, "cma=16M@256M", GetParam());
  EXPECT_THAT(broken_rule(BoardRun(board)), IsEmpty()) << "it is refused, or placed elsewhere";
  if (GetParam() < Release::v3_16) return;
  board.geometry.bugs.switch_on(Bug::fixed_over_reserved);
  EXPECT_THAT(broken_rule(BoardRun(board)), StartsWith("overlap: "));
}

TEST_P(BootRulesTest, AnAreaBeyondTheLimitBreaksOne) {
  Board board = board_with({}, "cma=16M", GetParam());
  board.limit = 512 * kMiB;
  EXPECT_THAT(broken_rule(BoardRun(board)), IsEmpty());
  board.geometry.bugs.switch_on(Bug::limit_ignored);
  EXPECT_THAT(broken_rule(BoardRun(board)), StartsWith("place: "));
}

TEST(BootRules, MoreAreasThanTheTableHasRoomForBreakOne) {
  Board board = board_with({}, "cma=16M");
  const BoardRun run(board);
  EXPECT_THAT(broken_rule(run), IsEmpty());
  board.geometry.max_areas = 0;
  EXPECT_THAT(broken_rule(run), StartsWith("table: 1 areas"));
}

TEST(BootRules, ALineTooFewAndALineTooManyBreakOne) {
  const Board board =
      board_with({node("camera@10000000", area_at(0x10000000, 0x800000)),
                  node("odd@20100000", area_at(0x20100000, 0x100000)), node("large", area_of_size(0x80000000))},
                 "cma=16M");
  const BoardRun run(board);
  const std::vector<std::string> lines = log_of(run);
  ASSERT_THAT(broken_rule(run, lines), IsEmpty());
  for (const char* text :
       {"cma: Reserved", "created CMA memory pool", "failed to allocate memory for node", "compatible matching fail"}) {
    const auto line = std::ranges::find_if(lines, [&](const std::string& l) { return l.find(text) != l.npos; });
    ASSERT_NE(line, lines.end()) << text;
    std::vector<std::string> fewer = lines;
    fewer.erase(fewer.begin() + (line - lines.begin()));
    EXPECT_THAT(broken_rule(run, fewer), StartsWith("lines: ")) << text;
    std::vector<std::string> more = lines;
    more.push_back(*line);
    EXPECT_THAT(broken_rule(run, more), StartsWith("lines: ")) << text;
  }
}

TEST(BootRules, ALineWithAnotherAddressBreaksOne) {
  const Board board = board_with({}, "cma=16M@512M");
  const BoardRun run(board);
  EXPECT_THAT(broken_rule(run, {"cma: Reserved 16 MiB at 0x0000000020000000"}), IsEmpty());
  EXPECT_THAT(broken_rule(run, {"cma: Reserved 16 MiB at 0x0000000021000000"}),
              HasSubstr("no line says that reserved"));
}

}  // namespace
}  // namespace cma
