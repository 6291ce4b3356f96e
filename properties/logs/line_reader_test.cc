#include "properties/logs/line_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace cma::logs {
namespace {

constexpr Needle kHay[] = {{"needle", 0}};

// Returns the lines with a needle, as number and text, read in portions of `portion` bytes.
std::vector<std::pair<std::uint64_t, std::string>> lines_of(std::string_view text, std::size_t portion,
                                                            std::uint64_t* count = nullptr) {
  const NeedleSet needles(kHay);
  LineReader reader(
      [&](char* buffer, std::size_t size) {
        const std::size_t taken = std::min({portion, size, text.size()});
        std::copy_n(text.data(), taken, buffer);
        text.remove_prefix(taken);
        return taken;
      },
      needles);
  std::vector<std::pair<std::uint64_t, std::string>> lines;
  Line line;
  while (reader.next(line))
    if (line.matters) lines.emplace_back(line.number, line.text);
  if (count != nullptr) *count = reader.lines();
  return lines;
}

using Lines = std::vector<std::pair<std::uint64_t, std::string>>;

TEST(LineReader, NumbersLinesWhateverThePortions) {
  const std::string text = "one\n\nneedle a\nfour\nfive\nsix\nseven\nneedle b\n\n";
  const Lines expected = {{3, "needle a"}, {8, "needle b"}};
  for (const std::size_t portion : {1U, 2U, 7U, 4096U}) {
    std::uint64_t count = 0;
    EXPECT_EQ(lines_of(text, portion, &count), expected) << portion;
    EXPECT_EQ(count, 9U) << portion;
  }
}

TEST(LineReader, GivesALastLineWithoutItsEnd) { EXPECT_EQ(lines_of("x\nneedle", 3), (Lines{{2, "needle"}})); }

TEST(LineReader, GivesTheLinesAfterOneThatMatters) {
  const NeedleSet needles(kHay);
  LineReader reader(text_source("a\nneedle\nb\nc\nd\n"), needles);
  std::vector<std::string> given;
  Line line;
  while (reader.next(line)) given.emplace_back(line.text);
  EXPECT_EQ(given, (std::vector<std::string>{"needle", "b", "c"}));
}

TEST(LineReader, CutsALongLineIntoPiecesOfOneNumber) {
  const std::string text =
      "a\n" + std::string(1'000'000, 'x') + "needle" + std::string(1'000'000, 'y') + "\nneedle z\n";
  std::uint64_t count = 0;
  const Lines lines = lines_of(text, 4096, &count);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].first, 2U);
  EXPECT_LE(lines[0].second.size(), kLongestPiece);
  EXPECT_EQ(lines[1], (std::pair<std::uint64_t, std::string>{3, "needle z"}));
  EXPECT_EQ(count, 3U);
}

TEST(LineReader, OfNothingGivesNothing) {
  std::uint64_t count = 1;
  EXPECT_EQ(lines_of("", 1, &count), Lines{});
  EXPECT_EQ(count, 0U);
}

}  // namespace
}  // namespace cma::logs
