#include "properties/studies/bh_lru.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cma {
namespace {

TEST(BhLruStudy, SlotsCauseEveryFailureAndNoneSince5_0) {
  const StudyResult result = study_bh_lru({.seed = 1, .size = 100});
  ASSERT_EQ(result.rows.size(), 4U);
  std::uint64_t failed = 0;
  for (const StudyRow& row : result.rows) {
    EXPECT_EQ(row.runs, 100U);
    if (row.release == "3.6" || row.release == "4.19") {
      failed += row.failed;
      for (const StudyCause& cause : row.causes) EXPECT_EQ(cause.name, "a buffer's slot");
    } else {
      EXPECT_EQ(row.failed, 0U) << row.release;
    }
  }
  EXPECT_GT(failed, 0U) << "the load must make some loops fail";
}

TEST(BhLruStudy, EqualSeedsGiveEqualResults) {
  const StudyOptions options{.seed = 7, .size = 10};
  EXPECT_EQ(study_bh_lru(options), study_bh_lru(options));
}

}  // namespace
}  // namespace cma
