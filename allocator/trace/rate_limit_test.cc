#include "allocator/trace/rate_limit.h"

#include <gtest/gtest.h>

namespace cma {
namespace {

TEST(RateLimit, TenLinesInFiveSecondsAreTheDefault) {
  RateLimit limit;
  for (int line = 0; line < 10; ++line) EXPECT_TRUE(limit.ask(1000).print);
  EXPECT_FALSE(limit.ask(1000).print);
  EXPECT_FALSE(limit.ask(1000 + 5000 * kMillisecond).print);
  EXPECT_TRUE(limit.ask(1001 + 5000 * kMillisecond).print);
}

TEST(RateLimit, LinesLeftOutAreReportedOnceInTheNextInterval) {
  RateLimit limit(100, 2);
  for (int line = 0; line < 5; ++line) EXPECT_EQ(limit.ask(0).suppressed, 0U);
  EXPECT_EQ(limit.ask(101).suppressed, 3U);
  EXPECT_EQ(limit.ask(101).suppressed, 0U);
  EXPECT_EQ(limit.ask(300).suppressed, 0U);
}

TEST(RateLimit, TheIntervalBeginsWithTheFirstLine) {
  RateLimit limit(100, 1);
  EXPECT_TRUE(limit.ask(1000).print);
  EXPECT_FALSE(limit.ask(1100).print);
  EXPECT_TRUE(limit.ask(1101).print);
}

}  // namespace
}  // namespace cma
