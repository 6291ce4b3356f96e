// The recordings of a real 4.19 kernel below corpus/recorded: the model gives every answer in them.

#include "properties/judge/recorded.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cma::judge {
namespace {

TEST(Recorded, TheModelGivesEveryAnswer) {
  const RecordedSummary summary = replay_all("corpus/recorded");
  EXPECT_THAT(summary.differences, ::testing::IsEmpty());
  EXPECT_EQ(summary.recordings, 267U);
  EXPECT_EQ(summary.unanswered, 7U);
}

}  // namespace
}  // namespace cma::judge
