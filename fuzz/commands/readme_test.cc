// The examples of README.md are what the command line prints.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/commands/command_testing.h"
#include "fuzz/commands/files.h"

namespace cma {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kIndent = "    ";
constexpr std::string_view kPrompt = "$ ci/cmacheck ";

class ReadmeTest : public CommandTest {};

// A part of the README that is set as code, without its indent.
using Block = std::string;

std::vector<Block> blocks_of(const std::string& markdown) {
  std::vector<Block> blocks;
  bool inside = false;
  std::istringstream lines(markdown);
  for (std::string line; std::getline(lines, line);) {
    const bool code = line.starts_with(kIndent);
    if (code && !inside) blocks.emplace_back();
    // An empty line goes on with a block only if code follows it, so it is added with that.
    if (code) blocks.back() += line.substr(kIndent.size()) + '\n';
    if (!line.empty()) inside = code;
    if (line.empty() && inside) blocks.back() += '\n';
  }
  for (Block& block : blocks) block.erase(block.find_last_not_of('\n') + 2);
  return blocks;
}

std::vector<Block> readme_blocks() {
  const auto readme = read_file("README.md");
  EXPECT_TRUE(readme.has_value());
  return blocks_of(readme.value_or(""));
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream words(line);
  return {std::istream_iterator<std::string>(words), {}};
}

TEST_F(ReadmeTest, CommandsPrintWhatItShows) {
  std::size_t examples = 0;
  for (const Block& block : readme_blocks()) {
    if (!block.starts_with(kPrompt)) continue;
    ++examples;
    const std::size_t end = block.find('\n');
    EXPECT_EQ(call(words_of(block.substr(kPrompt.size(), end - kPrompt.size()))), kNothingFound) << block;
    EXPECT_THAT(out_, StartsWith(block.substr(end + 1)));
  }
  EXPECT_EQ(examples, 2U);
}

TEST_F(ReadmeTest, BeginsWithARealLogAndItsAnswer) {
  const std::vector<Block> blocks = readme_blocks();
  const auto answer = std::ranges::find_if(blocks, [](const Block& block) { return block.starts_with(kPrompt); });
  ASSERT_NE(answer, blocks.end());
  ASSERT_NE(answer, blocks.begin());
  const std::vector<std::string> words = words_of(answer->substr(0, answer->find('\n')));
  ASSERT_EQ(words.size(), 4U);
  EXPECT_EQ(words[2], "explain");
  EXPECT_THAT(words[3], HasSubstr("corpus/logs/"));
  EXPECT_EQ(*(answer - 1), read_file(words[3]));
}

}  // namespace
}  // namespace cma
