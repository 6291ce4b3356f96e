#include "properties/minimize/isolated.h"

#include <gtest/gtest.h>

#include "properties/laws/checked_run.h"
#include "properties/program/generator.h"

namespace cma {
namespace {

TEST(Isolated, FindsWhatARunInThisProcessFinds) {
  CheckedRun run;
  std::size_t findings = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Program program = generate(seed);
    program.machine.bugs.switch_on(Bug::bitmap_forgets_bit);
    const auto inside = run.find(program);
    const auto outside = find_isolated(program);
    ASSERT_EQ(inside.has_value(), outside.has_value());
    if (!inside) continue;
    ++findings;
    EXPECT_EQ(outside->signature(), inside->signature());
    EXPECT_EQ(outside->message, inside->message);
    EXPECT_EQ(outside->op, inside->op);
    EXPECT_FALSE(is_crash(*outside));
  }
  EXPECT_GT(findings, 10U);
}

TEST(Isolated, ACrashIsAFinding) {
  // An impossible machine brings the child down: no caller has checked it here.
  Program program;
  program.machine.memory = {0, 0};
  const auto finding = find_isolated(program);
  ASSERT_TRUE(finding.has_value());
  EXPECT_TRUE(is_crash(*finding));
}

}  // namespace
}  // namespace cma
