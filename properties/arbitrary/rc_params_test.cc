#include "properties/arbitrary/rc_params_testing.h"

#include <gtest/gtest.h>

#include "properties/arbitrary/trial_testing.h"

namespace cma {
namespace {

TEST(RcParams, WhatRapidCheckReadsIsAccepted) {
  for (const char* params : {"", " ", "seed=1", "seed=\"1\" max_success=100000", "noshrink=1\tverbose_progress=0",
                             "max_size=10 max_discard_ratio=3 verbose_shrinking=1"})
    EXPECT_EQ(problem_with_rc_params(params), "") << params;
}

TEST(RcParams, WhatAFailureReportsIsAccepted) {
  EXPECT_EQ(problem_with_rc_params(repeat_params("Suite.name", {})), "");
}

// As ctest passes them on: a quoted seed before whatever the caller has set.
TEST(RcParams, AValueInQuotesEndsAtTheSecondQuote) {
  EXPECT_EQ(problem_with_rc_params("seed=\"1\"max_success=100 "), "");
  EXPECT_EQ(problem_with_rc_params("seed='1'seed=7"), "");
  EXPECT_EQ(problem_with_rc_params("seed=\"1\"max_sucess=100").substr(0, 30), "RC_PARAMS: 'max_sucess' is no ");
  EXPECT_EQ(problem_with_rc_params("seed=\"1"), "RC_PARAMS: 'seed' is not a number: '\"1'");
  EXPECT_EQ(problem_with_rc_params("seed=\"\""), "RC_PARAMS: 'seed' has no value");
}

TEST(RcParams, AKeyThatWouldBeIgnoredIsRefusedWithTheList) {
  EXPECT_EQ(problem_with_rc_params("seed=1 max_sucess=100000"),
            "RC_PARAMS: 'max_sucess' is no key; the keys are seed, max_success, max_size, max_discard_ratio, noshrink, "
            "verbose_progress, verbose_shrinking, reproduce");
}

TEST(RcParams, AValueThatIsNoneIsRefused) {
  EXPECT_EQ(problem_with_rc_params("seed"), "RC_PARAMS: 'seed' has no value");
  EXPECT_EQ(problem_with_rc_params("seed="), "RC_PARAMS: 'seed' has no value");
  EXPECT_EQ(problem_with_rc_params("seed=one"), "RC_PARAMS: 'seed' is not a number: 'one'");
  EXPECT_EQ(problem_with_rc_params("max_success=-1"), "RC_PARAMS: 'max_success' is not a number: '-1'");
  EXPECT_EQ(problem_with_rc_params("max_success=100k"), "RC_PARAMS: 'max_success' is not a number: '100k'");
}

// The sentences are RapidCheck's.
TEST(RcParams, WhatRapidCheckRefusesIsRefused) {
  for (const char* params : {"noshrink=yes", "reproduce=zzz", "reproduce=\"abc", "seed=99999999999999999999999"})
    EXPECT_NE(problem_with_rc_params(params), "") << params;
}

}  // namespace
}  // namespace cma
