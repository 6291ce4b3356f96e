#include "properties/minimize/simplify.h"

#include <gtest/gtest.h>

#include "properties/program/generator.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// Returns how often a field can be simplified, if this attempt is taken each time.
std::size_t steps_to_the_end(OpBody body, std::size_t field, std::size_t attempt) {
  std::size_t steps = 0;
  while (simplify_field(body, field, attempt) == Simplified::changed && steps < 10'000) ++steps;
  return steps;
}

TEST(Simplify, EveryFieldOfEveryOperationComesToAnEnd) {
  for (std::uint64_t seed = 1; seed < 200; ++seed) {
    const Program program = generate(seed);
    for (const Op& op : program.ops)
      for (std::size_t field = 0; field < 12; ++field)
        for (std::size_t attempt = 0; attempt < 3; ++attempt)
          EXPECT_LT(steps_to_the_end(op.body, field, attempt), 1000U) << print_op(program, op) << " field " << field;
  }
}

TEST(Simplify, NeverOffersTheValueThatIsThere) {
  for (std::uint64_t seed = 1; seed < 200; ++seed) {
    const Program program = generate(seed);
    for (const Op& op : program.ops) {
      for (std::size_t attempt = 0; attempt < 5; ++attempt) {
        OpBody body = op.body;
        if (simplify_field(body, 0, attempt) == Simplified::changed) {
          EXPECT_FALSE(body == op.body);
        }
      }
    }
  }
}

TEST(Simplify, ReportsThatThereIsNoSuchField) {
  OpBody body = Activate{};
  EXPECT_EQ(simplify_field(body, 0, 0), Simplified::no_such_field);
  body = CmaAlloc{};
  EXPECT_EQ(simplify_field(body, 4, 0), Simplified::no_such_field);
  EXPECT_EQ(simplify_field(body, 3, 0), Simplified::no_more_attempts);
}

TEST(Simplify, PagesGoToOneBeforeNone) {
  OpBody body = CmaAlloc{.pages = 37};
  ASSERT_EQ(simplify_field(body, 1, 0), Simplified::changed);
  EXPECT_EQ(std::get<CmaAlloc>(body).pages, 1U);
}

TEST(Simplify, TidyingNumbersResultsInOrderAndForgetsActors) {
  auto program = parse(
      "machine small release=6.1\nactor A cpu=0\nactor B cpu=1\n"
      "b9 = cma_alloc a pages=1\nB: k4 = pin b9\nunpin k4\n");
  ASSERT_TRUE(program.has_value()) << program.error().text();
  EXPECT_TRUE(tidy_up(*program));
  program->settle();
  EXPECT_EQ(program->actors.size(), 1U);
  EXPECT_EQ(print_op(*program, program->ops[1]), "B: k2 = pin b1");
  EXPECT_FALSE(tidy_up(*program));
}

TEST(Simplify, MachineChangesKeepBugsAndRelease) {
  Program program = generate(1);
  program.machine = default_small_geometry(Release::v4_19);
  program.machine.cpus = 4;
  program.machine.bugs.switch_on(Bug::mask_exponent);
  for (const Change& change : machine_changes(program)) {
    Program candidate = program;
    if (!change(candidate)) continue;
    EXPECT_EQ(candidate.machine.release, Release::v4_19);
    EXPECT_TRUE(candidate.machine.bugs.active(Bug::mask_exponent));
    EXPECT_FALSE(candidate.machine.impossible().has_value());
  }
}

}  // namespace
}  // namespace cma
