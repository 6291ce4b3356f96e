#include "allocator/base/assert.h"

#include <gtest/gtest.h>

namespace cma {
namespace {

#ifndef CMACHECK_NO_ASSERT
void broken_function() { CMA_ASSERT(1 + 1 == 3); }

TEST(Assert, AFailureNamesItsConditionAndItsPlace) {
  try {
    broken_function();
    FAIL() << "nothing was thrown";
  } catch (const AssertionFailure& failure) {
    EXPECT_EQ(failure.where(), "broken_function");
    const std::string message = failure.what();
    EXPECT_NE(message.find("broken_function: 1 + 1 == 3 (assert_test.cc:"), std::string::npos) << message;
  }
}

TEST(Assert, TheConditionIsEvaluatedOnce) {
  int evaluated = 0;
  CMA_ASSERT(++evaluated == 1);
  EXPECT_EQ(evaluated, 1);
}
#else
TEST(Assert, TheConditionIsNotEvaluatedWhereAssertionsAreOff) {
  int evaluated = 0;
  CMA_ASSERT(++evaluated == 5);
  EXPECT_EQ(evaluated, 0);
}
#endif

#ifndef CMACHECK_NO_ASSERT
TEST(Assert, AFileWithoutAFolderIsNamedAsItIs) {
  const AssertionFailure failure("x", "f", "file.cc", 3);
  EXPECT_STREQ(failure.what(), "f: x (file.cc:3)");
}
#endif

}  // namespace
}  // namespace cma
