// Field case 4: what each retry policy does, and that the endless one is proved endless.

#include "properties/studies/retry.h"

#include <gtest/gtest.h>

namespace cma {
namespace {

class RetryStudy : public ::testing::Test {
 protected:
  static const StudyRow& row(const std::string& policy) {
    static const StudyResult kResult = run_retry_study({.seed = 7, .size = 400});
    for (const StudyRow& row : kResult.rows)
      if (row.policy == policy) return row;
    throw std::runtime_error("no row " + policy);
  }
};

TEST_F(RetryStudy, WithoutRetriesThereIsOneSweepAndNoSleep) {
  for (const char* policy : {"exit, none", "fork, none"}) {
    EXPECT_EQ(row(policy).sweeps, row(policy).runs) << policy;
    EXPECT_EQ(row(policy).virtual_time, 0U) << policy;
    EXPECT_GT(row(policy).failed, 0U) << policy;
  }
}

TEST_F(RetryStudy, MoreSweepsFailLessOften) {
  for (const std::string holder : {"exit", "fork"}) {
    EXPECT_LT(row(holder + ", 5 sweeps").failed, row(holder + ", none").failed) << holder;
    EXPECT_LT(row(holder + ", no limit").failed, row(holder + ", 5 sweeps").failed) << holder;
    EXPECT_GT(row(holder + ", 5 sweeps").virtual_time, 0U) << holder;
  }
}

TEST_F(RetryStudy, RetriesWithoutLimitFailOnlyByNeverEnding) {
  for (const char* policy : {"exit, no limit", "fork, no limit"}) {
    const StudyRow& endless = row(policy);
    EXPECT_GT(endless.failed, 0U) << policy << ": some pages are pinned for good";
    EXPECT_EQ(endless.causes[0].count, 0U) << policy;
    EXPECT_EQ(endless.causes[1].count, endless.failed) << policy;
    EXPECT_NE(endless.remark.find("the machine is what it was"), std::string::npos) << endless.remark;
  }
}

TEST_F(RetryStudy, APageAllocationWaitsForAnotherTaskOnlyIfItMustNotFail) {
  const StudyRow& none = row("page allocation, none");
  EXPECT_EQ(none.failed, none.runs);
  const StudyRow& bounded = row("page allocation, 16 turns");
  EXPECT_EQ(bounded.failed, bounded.runs) << "its turns are over before the block is given back";
  const StudyRow& endless = row("page allocation, no limit");
  EXPECT_GT(endless.failed, 0U) << "some blocks are never given back";
  EXPECT_LT(endless.failed, endless.runs / 10);
  EXPECT_EQ(endless.causes[1].count, endless.failed);
  EXPECT_GT(endless.virtual_time, 0U);
  EXPECT_NE(endless.remark.find("without end"), std::string::npos) << endless.remark;
}

TEST_F(RetryStudy, TheSameSeedGivesTheSameRows) {
  EXPECT_EQ(run_retry_study({.seed = 3, .size = 10}), run_retry_study({.seed = 3, .size = 10}));
}

}  // namespace
}  // namespace cma
