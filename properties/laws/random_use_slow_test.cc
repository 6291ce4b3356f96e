// Random use of correct machines by several actors that stop anywhere: no law fires.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "properties/laws/laws_testing.h"

namespace cma {
namespace {

// CMACHECK_RANDOM_RUNS in the environment asks for another number of runs.
unsigned wanted_runs() {
  const char* text = std::getenv("CMACHECK_RANDOM_RUNS");
  return text == nullptr ? 2000 : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

void use_and_check(Release release, bool total) {
  const unsigned runs = wanted_runs();
  WatchedMachine watched(default_small_geometry(release));
  watched.laws().set_total_audits(total);
  watched.laws().set_views_every(7);
  for (std::uint64_t seed = 1; seed <= runs; ++seed) {
    watched.restart();
    const unsigned stops = seed % 3 == 0 ? 0 : 40;
    const unsigned steps = seed % 5 == 0 ? 200 : 40;
    EXPECT_EQ(broken_by([&] { use_at_random(watched, {seed, steps, stops, true}); }), "") << "seed " << seed;
    if (::testing::Test::HasFailure()) return;
  }
}

class RandomUseOf : public ::testing::TestWithParam<Release> {};
INSTANTIATE_TEST_SUITE_P(Releases, RandomUseOf, ::testing::ValuesIn(modelled_releases()));

TEST_P(RandomUseOf, BreaksNoLaw) { use_and_check(GetParam(), false); }

}  // namespace
}  // namespace cma
