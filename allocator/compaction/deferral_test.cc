#include "allocator/compaction/deferral.h"

#include <gtest/gtest.h>

namespace cma {
namespace {

// Returns how many requests in a row are passed over.
unsigned passed_over(CompactionDeferral& deferral, unsigned order) {
  unsigned count = 0;
  while (count < 1000 && deferral.passes_over(order)) ++count;
  return count;
}

TEST(CompactionDeferral, PassesOverTwiceAsManyWithEachFailureUpTo63) {
  CompactionDeferral deferral;
  EXPECT_EQ(passed_over(deferral, 3), 0U);
  for (const unsigned most : {1U, 3U, 7U, 15U, 31U, 63U, 63U}) {
    deferral.failed(3);
    EXPECT_EQ(passed_over(deferral, 3), most);
  }
}

TEST(CompactionDeferral, LeavesSmallerBlocksAloneThanThatWhichFailed) {
  CompactionDeferral deferral;
  deferral.succeeded(5, /*served=*/false);
  deferral.failed(6);
  EXPECT_FALSE(deferral.passes_over(5));
  EXPECT_TRUE(deferral.passes_over(6));
  deferral.failed(2);
  EXPECT_TRUE(deferral.passes_over(2));
}

TEST(CompactionDeferral, ForgetsFailuresOnceARequestWasServed) {
  CompactionDeferral deferral;
  for (int i = 0; i < 4; ++i) deferral.failed(3);
  deferral.succeeded(3, /*served=*/false);
  EXPECT_TRUE(deferral.passes_over(4)) << "only larger blocks are put off";
  deferral.succeeded(4, /*served=*/true);
  EXPECT_FALSE(deferral.passes_over(5));
}

TEST(CompactionDeferral, RestartsWhenAsManyWerePassedOverAsCanBe) {
  CompactionDeferral deferral;
  deferral.succeeded(2, /*served=*/false);
  for (int i = 0; i < 6; ++i) {
    deferral.failed(3);
    EXPECT_FALSE(deferral.restarting(3));
  }
  passed_over(deferral, 3);
  EXPECT_TRUE(deferral.restarting(3));
  EXPECT_FALSE(deferral.restarting(2)) << "not for blocks that have not failed";
}

}  // namespace
}  // namespace cma
