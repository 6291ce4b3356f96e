#include "properties/logs/needles.h"

#include <gtest/gtest.h>

#include <string>

namespace cma::logs {
namespace {

TEST(Needles, AreFoundAnywhereAndNothingElseIs) {
  const Needle needles[] = {{"abc", 1}, {"xbc", 1}, {"bcd", 0}};
  const NeedleSet set(needles);
  EXPECT_EQ(set.find("abc"), 1U);
  EXPECT_EQ(set.find("..xbc"), 3U);
  EXPECT_EQ(set.find("bcd"), 0U);
  EXPECT_EQ(set.find("bc"), std::string_view::npos);
  EXPECT_EQ(set.find("ab c, xb c"), std::string_view::npos);
  EXPECT_EQ(set.find(""), std::string_view::npos);
  EXPECT_EQ(set.find(std::string(1000, 'b') + "cd"), 999U);
}

TEST(Needles, WithOneAnchorAreAllTried) {
  const Needle needles[] = {{"one-", 3 - 1}, {"e-", 0}, {"tone-", 3}};
  const NeedleSet set(needles);
  EXPECT_TRUE(set.found_in("tone-"));
  EXPECT_TRUE(set.found_in("me-"));
  EXPECT_FALSE(set.found_in("me"));
}

}  // namespace
}  // namespace cma::logs
