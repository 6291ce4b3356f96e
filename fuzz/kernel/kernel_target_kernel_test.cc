// The kernel target on a real kernel: nothing on the correct model, and a planted mistake of the model is found, kept
// and replayed. Skipped unless a kernel with coverage has been built.

#include "fuzz/kernel/kernel_target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "allocator/base/scratch_folder_testing.h"
#include "fuzz/commands/files.h"
#include "properties/judge/random_programs.h"
#include "properties/program/byte_form.h"

namespace cma {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class KernelTargetRun : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto kernel = kernel_for_target("");
    if (!kernel) GTEST_SKIP() << kernel.error();
    options_.kernel = *kernel;
    try {
      KernelTarget target(options_);
      std::vector<std::uint8_t> counters(target.points());
      target.run(input(1), counters);
    } catch (const judge::NoKernel& reason) {
      GTEST_SKIP() << reason.what();
    }
  }
  std::vector<std::uint8_t> input(std::uint64_t seed) const {
    return encode(judge::generate_for_kernel(seed, 40, options_.kernel));
  }
  // Returns the first finding among inputs of so many seeds.
  std::optional<KernelVerdict> hunt(KernelTarget& target, std::uint64_t seeds) const {
    std::vector<std::uint8_t> counters(target.points());
    for (std::uint64_t seed = 1; seed <= seeds; ++seed)
      if (KernelVerdict verdict = target.run(input(seed), counters); verdict.finding) return verdict;
    return std::nullopt;
  }
  KernelTargetOptions options_;
};

TEST_F(KernelTargetRun, FindsNothingOnTheCorrectModel) {
  KernelTarget target(options_);
  const auto verdict = hunt(target, 30);
  EXPECT_FALSE(verdict) << verdict->report;
}

TEST_F(KernelTargetRun, TheSameInputGivesTheSameCountersInAnyOrder) {
  KernelTarget target(options_);
  std::vector<std::vector<std::uint8_t>> first;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    first.emplace_back(target.points());
    EXPECT_TRUE(target.run(input(seed), first.back()).judged);
    EXPECT_NE(std::ranges::count(first.back(), 0), static_cast<std::ptrdiff_t>(target.points()));
  }
  for (std::uint64_t seed = 6; seed >= 1; --seed) {
    std::vector<std::uint8_t> again(target.points());
    target.run(input(seed), again);
    EXPECT_EQ(again, first[seed - 1]) << seed;
  }
}

TEST_F(KernelTargetRun, AMachineThatTheKernelDoesNotBootWithIsReplaced) {
  KernelTarget target(options_);
  Program program = judge::generate_for_kernel(3, 40, options_.kernel);
  // Memory that the kernel's image and page descriptors fill, and an area in the middle of them.
  program.machine.memory = {0, 0x4000};
  program.machine.areas = {{"a", 0x1000, 0x2800, 0}};
  program.settle();
  std::vector<std::uint8_t> counters(target.points());
  EXPECT_TRUE(target.run(encode(program), counters).judged);
}

TEST_F(KernelTargetRun, AnInputOfWhichNothingCanBeJudgedCountsNothing) {
  KernelTarget target(options_);
  std::vector<std::uint8_t> counters(target.points());
  Program nothing;
  nothing.machine = judge::generate_for_kernel(1, 1, options_.kernel).machine;
  EXPECT_FALSE(target.run(encode(nothing), counters).judged);
  EXPECT_EQ(std::ranges::count(counters, 0), static_cast<std::ptrdiff_t>(counters.size()));
}

TEST_F(KernelTargetRun, APlantedMistakeIsKeptSmallWithKernelAndFirstDifferingStep) {
  const ScratchFolder folder;
  options_.bugs.switch_on(*bug_from_name("bitmap-forgets-bit"));
  options_.written_by = "this test";
  options_.folder = folder.path().string();
  KernelTarget target(options_);
  const auto verdict = hunt(target, 60);
  ASSERT_TRUE(verdict);
  EXPECT_THAT(verdict->report, HasSubstr("FINDING: judge/"));
  EXPECT_THAT(verdict->report, HasSubstr("kernel: " + name_of(options_.kernel)));
  EXPECT_THAT(verdict->report, HasSubstr("shows the same"));
  const auto kept = load_program(verdict->file);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->program, verdict->finding->program);
  EXPECT_LE(kept->program.ops.size(), 3U);
  const std::string text = *read_file(verdict->file);
  EXPECT_THAT(text, HasSubstr("differ after "));
  EXPECT_THAT(text, StartsWith("# cmacheck judge --release "));
  EXPECT_THAT(text, HasSubstr(" " + verdict->file + "\n# written by this test\n# judge/"));
  // The next time the same finding has its file already; a known one is passed over.
  EXPECT_EQ(hunt(target, 60)->file, verdict->file);
  options_.known.insert(verdict->finding->finding->signature());
  KernelTarget past_it(options_);
  std::vector<std::uint8_t> counters(past_it.points());
  EXPECT_FALSE(past_it.run(encode(kept->program), counters).finding);
}

// What the kernel answers is what a model with this mistake answers: no comparison sees the data of a page.
TEST_F(KernelTargetRun, ALawThatIsBrokenWhereNothingDiffersIsAFindingToo) {
  const ScratchFolder folder;
  options_.bugs.switch_on(*bug_from_name("data-left-behind"));
  options_.folder = folder.path().string();
  KernelTarget target(options_);
  const auto verdict = hunt(target, 30);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(verdict->finding->finding->law, Law::content);
  EXPECT_THAT(verdict->report, HasSubstr("kernel and model agree on every step, and break the law"));
  EXPECT_TRUE(load_program(verdict->file));
  EXPECT_THAT(*read_file(verdict->file), StartsWith("# cmacheck run --bug data-left-behind " + verdict->file + "\n"));
}

}  // namespace
}  // namespace cma
