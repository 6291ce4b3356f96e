// The recordings of a real 4.19 kernel below corpus/recorded: the model gives every answer in them.

#include "properties/judge/recorded.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cma::judge {
namespace {

TEST(Recorded, TheModelGivesEveryAnswer) {
  const RecordedTally tally = replay_all("corpus/recorded");
  EXPECT_THAT(tally.differences, ::testing::IsEmpty());
  EXPECT_EQ(tally.recordings, 267U);
  EXPECT_EQ(tally.unanswered, 7U);
}

}  // namespace
}  // namespace cma::judge
