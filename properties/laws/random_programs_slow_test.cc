// Random programs of every kind of operation, on the default machine and its odd variations, break no law on any
// release that machines can run.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "properties/laws/checked_run.h"
#include "properties/program/generator.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// CMACHECK_RANDOM_RUNS in the environment asks for another number of programs.
std::uint64_t wanted_programs() {
  const char* text = std::getenv("CMACHECK_RANDOM_RUNS");
  return text == nullptr ? 2000 : std::strtoull(text, nullptr, 10);
}

class RandomPrograms : public ::testing::TestWithParam<Release> {};
INSTANTIATE_TEST_SUITE_P(Releases, RandomPrograms, ::testing::ValuesIn(modelled_releases()));

// `audit_points`: every other program is audited wherever control may change, not only after each operation.
void expect_no_law_broken(const GeneratorOptions& options, bool audit_points = false) {
  CheckedRun run;
  for (std::uint64_t seed = 1; seed <= wanted_programs(); ++seed) {
    Program program = generate(seed, options);
    if (audit_points && seed % 2 == 0) program.audit = Audit::points;
    const std::optional<Finding> finding = run.find(program);
    ASSERT_FALSE(finding) << "seed " << seed << ": " << finding->signature() << ": " << finding->message << "\n"
                          << print(program);
  }
}

TEST_P(RandomPrograms, BreakNoLaw) {
  GeneratorOptions options;
  options.release = GetParam();
  options.longest = kLongestProgram;
  expect_no_law_broken(options);
}

TEST_P(RandomPrograms, WithHugePagesBreakNoLaw) {
  GeneratorOptions options;
  options.release = GetParam();
  options.huge_pages = true;
  options.min_ops = 8;
  expect_no_law_broken(options);
}

TEST_P(RandomPrograms, WithCompactionBreakNoLaw) {
  GeneratorOptions options;
  options.release = GetParam();
  options.compaction = true;
  options.min_ops = 8;
  expect_no_law_broken(options, true);
}

}  // namespace
}  // namespace cma
