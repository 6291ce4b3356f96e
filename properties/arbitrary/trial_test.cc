// What makes a property fail, and what counts as noticing a planted mistake.

#include "properties/arbitrary/trial_testing.h"

#include <stdexcept>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "properties/arbitrary/runs_testing.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// A page that never goes, and a request for its area with retries without limit: law `bounded` is broken.
constexpr const char* kNeverEnds =
    "cmacheck 1\n"
    "machine small release=4.9 retry=forever\n"
    "u = unmovable_page at=a+8\n"
    "b = cma_alloc a pages=256\n";

Program never_ends() {
  const auto program = parse(kNeverEnds, "never_ends");
  EXPECT_TRUE(program);
  return *program;
}

bool fails(const std::function<void()>& property) {
  return try_cases("trial", property).is<rc::detail::FailureResult>();
}

TEST(Trial, APropertyFailsIfItsProgramBreaksAnyLaw) {
  const Program program = never_ends();
  EXPECT_TRUE(fails([&] { run_checked(program); }));
  EXPECT_TRUE(fails([&] { run_checked(program, nullptr, Law::lists); }));
  EXPECT_TRUE(fails([&] { assert_laws_hold(program, {Law::lists}); })) << "a law that the promise is not about";
}

TEST(Trial, AFindingThatIsLookedForIsTheResult) {
  const Program program = never_ends();
  EXPECT_FALSE(fails([&] { RC_ASSERT(run_checked(program, nullptr, Law::bounded).finding.has_value()); }));
}

TEST(Trial, AnExceptionDoesNotCountAsNoticing) {
  EXPECT_NONFATAL_FAILURE(
      expect_noticed("trial", Bug::bitmap_forgets_bit, [] { throw std::runtime_error("stumbled"); }), "stumbles over");
}

TEST(Trial, APropertyThatHoldsNoticesNothing) {
  EXPECT_NONFATAL_FAILURE(expect_noticed("trial", Bug::bitmap_forgets_bit, [] {}), "does not notice");
}

TEST(Trial, OnlyMistakesThatExistArePlanted) {
  EXPECT_EQ(unknown_mistake("head-for-tail,drain-left-out"), "");
  EXPECT_EQ(unknown_mistake("head-for-tail,drain"), "drain");
}

}  // namespace
}  // namespace cma
