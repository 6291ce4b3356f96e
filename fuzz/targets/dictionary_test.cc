// The text fuzzer's dictionary has each operation's word, which a fuzzer would otherwise have to guess.

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "properties/program/op.h"

namespace cma {
namespace {

TEST(Dictionary, HasEveryOperationsWord) {
  std::ifstream file("fuzz/targets/program_text_fuzzer.dict");
  const std::string words{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  ASSERT_FALSE(words.empty());
  for (const OpInfo& info : op_catalogue()) {
    // A word alone, or with its first operand.
    const std::string word = "\"" + std::string(info.verb);
    const bool listed = words.find(word + "\"") != std::string::npos || words.find(word + " ") != std::string::npos;
    EXPECT_TRUE(listed) << info.verb;
  }
}

}  // namespace
}  // namespace cma
