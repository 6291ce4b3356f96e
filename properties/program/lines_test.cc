#include "properties/program/lines.h"

#include <gtest/gtest.h>

namespace cma {
namespace {

TEST(PrefixedLines, HaveThePrefixAndAnEndEach) {
  EXPECT_EQ(prefixed_lines("", "# "), "");
  EXPECT_EQ(prefixed_lines("one", "# "), "# one\n");
  EXPECT_EQ(prefixed_lines("one\ntwo\n", "# "), "# one\n# two\n");
  EXPECT_EQ(prefixed_lines("one\n\ntwo", "  "), "  one\n  \n  two\n");
}

}  // namespace
}  // namespace cma
