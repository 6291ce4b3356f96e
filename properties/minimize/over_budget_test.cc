#include "properties/minimize/over_budget.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "properties/laws/checked_run.h"
#include "properties/program/text.h"

namespace cma {
namespace {

constexpr std::uint64_t kBudget = 64'000;

template <class T>
bool has(const Program& program) {
  for (const Op& op : program.ops)
    if (std::holds_alternative<T>(op.body)) return true;
  return false;
}

// A program that has no end if it has a refusal and a request. Each other operation makes a run a little longer.
class OverBudget : public ::testing::Test {
 protected:
  static Program program() {
    std::string text = "machine small release=6.12\nm = movable_page\nrefuse m times=all\n";
    for (int i = 0; i < 20; ++i) text += fmt::format("n{} = anon_page\n", i);
    return *parse(text + "x = alloc_pages order=3 type=movable\ndrain\n", "program");
  }
  std::optional<Finding> run(const Program& program, std::uint64_t divisor) {
    ++runs[divisor];
    const bool endless = has<Refuse>(program) && has<AllocPages>(program);
    if (!endless && steps_of_others(program) <= kBudget / divisor) return other;
    std::size_t op = 0;
    for (std::size_t i = 0; i < program.ops.size(); ++i)
      if (std::holds_alternative<AllocPages>(program.ops[i].body)) op = i;
    return Finding{Law::bounded, "function", "point", "the step budget is used up", op};
  }
  std::uint64_t steps_of_others(const Program& program) const { return has<AllocPages>(program) ? long_request : 10; }
  std::optional<Minimized> minimized() {
    const BudgetedRun counted = [this](const Program& candidate, std::uint64_t divisor) {
      return run(candidate, divisor);
    };
    const Program whole = program();
    return minimize_over_budget(whole, run(whole, 1).value(), counted);
  }

  std::map<std::uint64_t, int> runs;  // by divisor
  std::uint64_t long_request = 10;    // steps of a request that ends
  std::optional<Finding> other;       // of a program that ends
};

TEST_F(OverBudget, IsMinimisedWithTwoWholeRuns) {
  const auto result = minimized();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->program.ops.size(), 2U) << print(result->program);
  EXPECT_TRUE(has<Refuse>(result->program) && has<AllocPages>(result->program));
  EXPECT_EQ(result->finding.signature(), "bounded/function/point");
  EXPECT_EQ(runs[1], 2) << "the one for the program, and one for the result";
  EXPECT_LE(runs[16], 40);
}

TEST_F(OverBudget, DoesNotTurnIntoWhatIsOnlyLong) {
  long_request = kBudget / 4;
  const auto result = minimized();
  ASSERT_TRUE(result);
  EXPECT_TRUE(has<Refuse>(result->program)) << "without it the request takes a fourth of its budget";
}

TEST_F(OverBudget, DoesNotTurnIntoAnotherFinding) {
  other = Finding{Law::counters, "function", "point", "a counter is wrong", 0};
  const auto result = minimized();
  ASSERT_TRUE(result);
  EXPECT_TRUE(is_over_budget(result->finding));
  EXPECT_TRUE(has<Refuse>(result->program));
}

// A budget of a step or two is used up by any operation.
TEST_F(OverBudget, IsWhatARunFindsWithAPartOfItsBudget) {
  CheckedRun checked;
  const Program drain = *parse("machine small release=6.12\nn = anon_page pages=8\ncompact\n", "program");
  EXPECT_FALSE(checked.run(drain).finding);
  const auto found = checked.run(drain, {.budget_divisor = std::uint64_t{1} << 40}).finding;
  ASSERT_TRUE(found);
  EXPECT_TRUE(is_over_budget(*found)) << found->message;
}

}  // namespace
}  // namespace cma
