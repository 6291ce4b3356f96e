// Odd words of the command line, and what the kernel makes of them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/boot/parameters.h"
#include "allocator/boot_testing.h"

namespace cma {
namespace {

struct OddLine {
  const char* line;
  std::vector<std::pair<std::string, std::optional<std::string>>> words;
};

TEST(OddWords, AreSplitAsNextArgSplitsThem) {
  const OddLine lines[] = {
      {"a\xa0z", {{"a", std::nullopt}, {"z", std::nullopt}}},  // a no-break space of Latin 1 is one to isspace
      {"a\x01z", {{"a\x01z", std::nullopt}}},                  // another control character is none
      {"\"", {{"", std::nullopt}}},                            // a quote alone
      {"\"quiet splash\"", {{"quiet splash", std::nullopt}}},
      {"\"quiet splash", {{"quiet splash", std::nullopt}}},  // the line ends inside
      {"a=\"b\"c", {{"a", "b\"c"}}},                         // only a quote at the end is taken away
  };
  for (const OddLine& odd : lines) {
    std::vector<std::pair<std::string, std::optional<std::string>>> words;
    for (const ParameterWord& word : words_of(odd.line)) words.emplace_back(word.name, word.value);
    EXPECT_EQ(words, odd.words) << odd.line;
  }
}

class NodeWordsTest : public ::testing::Test {
 protected:
  BootParameters read(std::string_view cmdline) {
    return read_parameters(cmdline, machine.geometry(), /*numa=*/true, machine.trace);
  }
  Machine machine{plain_board(Release::v6_12, 64)};
};

TEST_F(NodeWordsTest, BlanksBeforeANodeArePassedOver) {
  const BootParameters parameters = read("quiet numa_cma=\"0:1M, 1:2M\"");
  EXPECT_EQ(parameters.node_sizes[0], 1 * kMiB);
  EXPECT_EQ(parameters.node_sizes[1], 2 * kMiB);
}

TEST_F(NodeWordsTest, ANodeListWithoutAValueIsANullPointer) {
  EXPECT_EQ(read("numa_cma quiet").null_pointer, "numa_cma");
}

TEST_F(NodeWordsTest, OnlyTwoDashesAloneEndTheWordsForTheKernel) {
  EXPECT_EQ(read("--=x numa_cma=0:1M").node_sizes[0], 1 * kMiB);
  EXPECT_EQ(read("-- numa_cma=0:1M").node_sizes[0], 0U);
}

}  // namespace
}  // namespace cma
