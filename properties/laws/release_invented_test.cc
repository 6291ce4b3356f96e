// A release between two modelled ones is a line in the list of allocator/base/release.cc and the conditions that name
// it. This executable is built with one line more (CMakeLists.txt: *_invented_test.cc); everything that enumerates
// releases is expected to know it, and no law to be broken on it.

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "properties/laws/checked_run.h"
#include "properties/program/byte_form.h"
#include "properties/program/generator.h"
#include "properties/program/shapes.h"
#include "properties/program/text.h"

namespace cma {
namespace {

constexpr Release kInvented = Release::CMACHECK_INVENTED_RELEASE;

TEST(InventedRelease, StandsAtTheEndOfTheListAndBetweenTwoOthersByAge) {
  EXPECT_EQ(modelled_releases().back(), kInvented);
  const std::vector<Release> by_age = releases_by_age();
  ASSERT_TRUE(std::is_sorted(by_age.begin(), by_age.end()));
  EXPECT_GT(kInvented, by_age.front());
  EXPECT_LT(kInvented, by_age.back());
}

TEST(InventedRelease, HasItsMachinesAndBothForms) {
  for (std::size_t index = 0; index < kShapes; ++index) {
    Program program;
    program.machine = shape(index, kInvented);
    EXPECT_EQ(program.machine.release, kInvented);
    const auto read = parse(print(program), "program");
    ASSERT_TRUE(read.has_value()) << read.error().text();
    EXPECT_EQ(read->machine, program.machine);
    EXPECT_EQ(decode(encode(program)).machine, program.machine);
  }
}

// Saved bytes hold the index of a release in the list: of the first eight in the machine byte, of others after it, with
// the machine in full.
TEST(InventedRelease, LeavesTheBytesOfOthersAlone) {
  for (std::size_t index = 0; index < modelled_releases().size(); ++index) {
    Program program;
    program.machine = default_small_geometry(modelled_releases()[index]);
    const std::vector<std::uint8_t> bytes = encode(program);
    EXPECT_EQ(index < 8 ? bytes[1] & 7 : bytes[3], index);
  }
}

TEST(InventedRelease, IsDrawnByTheGenerator) {
  bool drawn = false;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) drawn = drawn || generate(seed).machine.release == kInvented;
  EXPECT_TRUE(drawn);
}

TEST(InventedRelease, HasTheBugsThatWereShippedInIt) {
  for (const BugInfo& info : bug_catalogue())
    EXPECT_EQ(BugSet::as_shipped(kInvented).active(info.bug), info.shipped_in(kInvented)) << info.name;
}

TEST(InventedRelease, BreaksNoLaw) {
  CheckedRun run;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    const Program program = generate(seed, {.release = kInvented});
    const RunResult result = run.run(program, {.expectations = false});
    ASSERT_TRUE(result.passed()) << result.finding->signature() << ": " << result.finding->message << "\n"
                                 << print(program);
  }
}

}  // namespace
}  // namespace cma
