// Judges the corpus and random programs on every kernel, and checks that five planted errors are seen. Tests are
// skipped, never passed, if the kernel is not built or cannot run.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <thread>

#include "allocator/base/scratch_folder_testing.h"
#include "properties/judge/batch.h"
#include "properties/judge/kernel_names_testing.h"
#include "properties/judge/kernel_process.h"
#include "properties/minimize/minimize.h"
#include "properties/program/text.h"

namespace cma::judge {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kRandomPrograms = 150;
constexpr std::size_t kRandomOps = 100;

std::vector<NamedProgram> corpus() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator("corpus"))
    if (entry.path().extension() == ".cma") paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<NamedProgram> programs;
  for (const fs::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    auto program = parse(std::string{std::istreambuf_iterator<char>(file), {}}, path.string());
    if (!program) throw std::runtime_error(program.error().text());
    programs.push_back(named(path.string(), std::move(*program)));
  }
  return programs;
}

// Lists the differences, for the message of a failed test.
std::string text_of(const Summary& summary) {
  std::string text;
  for (const Difference& difference : summary.differences)
    text += difference.first + "\n" + difference.outcome.both_sides + print(difference.outcome.program) + "\n";
  return text;
}

// Returns why nothing can be judged here; empty if it can.
std::string missing(const KernelConfig& config) {
  try {
    Program program;
    program.machine.memory = {0, 0x10000};
    program.machine.areas = {{"a", 0x4000, 0x400, 0}};
    KernelJudge(config).judge(program);
  } catch (const NoKernel& reason) {
    return reason.what();
  }
  return {};
}

class Judged : public ::testing::TestWithParam<KernelConfig> {
 protected:
  void SetUp() override {
    if (const std::string why = missing(GetParam()); !why.empty()) GTEST_SKIP() << why;
  }
};

TEST_P(Judged, ModelAndKernelAgreeOnTheCorpus) {
  const Summary summary = judge_all(GetParam(), corpus());
  EXPECT_EQ(summary.differing, 0U) << text_of(summary);
  EXPECT_GT(summary.judged, 100U);
}

TEST_P(Judged, ModelAndKernelAgreeOnRandomPrograms) {
  const Summary summary = judge_all(GetParam(), random_batch(1, kRandomPrograms, kRandomOps));
  EXPECT_EQ(summary.differing, 0U) << text_of(summary);
  EXPECT_EQ(summary.judged, kRandomPrograms);
}

TEST_P(Judged, TheOutcomeIsTheSameWithSeveralJobs) {
  const std::vector<NamedProgram> programs = random_batch(77, 10, kRandomOps);
  const Summary one = judge_all(GetParam(), programs);
  const Summary other = judge_all(GetParam(), programs, {.jobs = 3});
  EXPECT_EQ(one.operations, other.operations);
  EXPECT_EQ(one.observables, other.observables);
  EXPECT_EQ(one.skipped, other.skipped);
}

INSTANTIATE_TEST_SUITE_P(Kernels, Judged, ::testing::ValuesIn(judged_kernels()), test_name);

// Programs whose machine or preparations the kernel cannot be given, and programs that look like them.
class Unusual : public ::testing::TestWithParam<KernelConfig> {
 protected:
  void SetUp() override {
    if (const std::string why = missing(GetParam()); !why.empty()) GTEST_SKIP() << why;
  }
  Outcome judge(const std::string& machine, const std::string& ops) {
    auto program = parse(fmt::format("machine release={} pageblock_order={} pages={}\n{}",
                                     cma::name_of(GetParam().release), GetParam().pageblock_order, machine, ops));
    if (!program) throw std::runtime_error(program.error().text());
    return KernelJudge(GetParam()).judge(*program);
  }
};

std::string times(int count, const std::string& line) {
  std::string text;
  for (int i = 0; i < count; ++i) text += line;
  return text;
}

TEST_P(Unusual, AnAreaAtTheEndOfMemoryIsJudgedOrNotJudgeable) {
  const Outcome outcome = judge("0x10000\narea e base=0xfc00 pages=0x400\narea a base=0x2000 pages=0x400", "drain\n");
  EXPECT_NE(outcome.kind, Outcome::Kind::differs) << outcome.both_sides;
  if (outcome.kind == Outcome::Kind::not_judgeable) {
    EXPECT_EQ(outcome.reason, "an area at a place that the kernel cannot reserve");
  }
}

TEST_P(Unusual, AreasThatShareALargestBlockAgree) {
  // Up to 5.18 an area is whole largest blocks.
  const bool halves = GetParam().pageblock_order == 9 && GetParam().release >= Release::v5_19;
  const std::string areas = halves ? "0x10000\narea a base=0x4000 pages=0x200\narea b base=0x4200 pages=0x200"
                                   : "0x10000\narea a base=0x4000 pages=0x400\narea b base=0x4400 pages=0x400";
  const Outcome outcome =
      judge(areas, "drain\nx = cma_alloc b pages=3\ny = cma_alloc a pages=5\ncma_release x\ndrain\n");
  EXPECT_EQ(outcome.kind, Outcome::Kind::agrees) << outcome.both_sides << outcome.reason;
}

TEST_P(Unusual, CompactionWithManyProcessesIsJudgedWhereTheKernelHasRoom) {
  const std::string area = "\narea a base=0x1400 pages=0x400";
  const Outcome roomy = judge("0x20000" + area, times(20, "spawn\n") + "compact\n");
  EXPECT_EQ(roomy.kind, Outcome::Kind::agrees) << roomy.both_sides << roomy.reason;
  const Outcome narrow = judge("0x4000" + area, times(20, "spawn\n") + "compact\n");
  EXPECT_NE(narrow.kind, Outcome::Kind::differs) << narrow.both_sides;
}

TEST_P(Unusual, AMachineWithoutMemoryForItsProcessesIsNotJudgeable) {
  std::string ops =
      "p = spawn\n" + times(47, "spawn\n") + times(31, "mmap_anon p pages=1\n") + "mmap_anon p pages=1280\n";
  const Outcome outcome = judge("0x4000\narea a base=0x1400 pages=0x2000", ops);
  EXPECT_EQ(outcome.kind, Outcome::Kind::not_judgeable) << outcome.both_sides;
}

TEST_P(Unusual, AreasThatLeaveTheKernelNothingAreNotJudgeable) {
  const Outcome outcome = judge("0x4000\narea a base=0x1000 pages=0x2c00", "drain\n");
  EXPECT_NE(outcome.kind, Outcome::Kind::differs) << outcome.both_sides;
}

INSTANTIATE_TEST_SUITE_P(Kernels, Unusual, ::testing::ValuesIn(judged_kernels()), test_name);

class Planted : public ::testing::TestWithParam<Bug> {};

TEST_P(Planted, IsSeenAndMadeSmall) {
  constexpr KernelConfig kConfig{Release::v6_1, 9};
  constexpr std::size_t kMostOps = 10;
  if (const std::string why = missing(kConfig); !why.empty()) GTEST_SKIP() << why;
  BugSet bugs;
  bugs.switch_on(GetParam());
  KernelJudge judge(kConfig);
  std::optional<Outcome> seen;
  for (const NamedProgram& random : random_batch(1, kRandomPrograms, kRandomOps)) {
    Outcome outcome = judge.judge(random.make(judge), bugs);
    if (outcome.kind != Outcome::Kind::differs) continue;
    seen = std::move(outcome);
    break;
  }
  ASSERT_TRUE(seen) << "the judge does not see " << info_of(GetParam()).name;
  EXPECT_EQ(seen->finding->law, Law::judge) << seen->both_sides;
  const auto smallest = minimize(seen->program, [&](const Program& program) { return judge.find(program, bugs); });
  ASSERT_TRUE(smallest);
  EXPECT_LE(smallest->program.ops.size(), kMostOps) << print(smallest->program);
  EXPECT_EQ(smallest->finding.signature(), seen->finding->signature());
  EXPECT_EQ(judge.judge(smallest->program).kind, Outcome::Kind::agrees) << "without the error they agree";
}

INSTANTIATE_TEST_SUITE_P(Errors, Planted,
                         ::testing::Values(Bug::head_for_tail, Bug::retry_step_short, Bug::drain_left_out,
                                           Bug::merge_among_equals, Bug::outer_start_is_start),
                         [](const ::testing::TestParamInfo<Bug>& bug) {
                           std::string name(info_of(bug.param).name);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

// A kernel that panics when it is asked for seven pages: the real program, its input filtered.
class FragileKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto real = cached_kernel({Release::v6_1, 9});
    if (!real) GTEST_SKIP() << missing_kernel_reason({Release::v6_1, 9});
    const fs::path program = cache_.path("judge-6.1-p9");
    std::ofstream(program) << "#!/bin/bash\nexec '" << *real
                           << "' \"$@\" 3< <(sed -u 's/^ca [0-9]* a 7 .*/panic/' <&3)\n";
    fs::permissions(program, fs::perms::owner_all);
    fs::copy_file(*real + ".built", program.string() + ".built", fs::copy_options::overwrite_existing);
    if (const char* before = std::getenv("CMACHECK_JUDGE_CACHE")) before_ = before;
    setenv("CMACHECK_JUDGE_CACHE", cache_.path().c_str(), 1);
  }
  void TearDown() override {
    if (before_)
      setenv("CMACHECK_JUDGE_CACHE", before_->c_str(), 1);
    else
      unsetenv("CMACHECK_JUDGE_CACHE");
  }

 private:
  ScratchFolder cache_;
  std::optional<std::string> before_;
};

TEST_F(FragileKernel, ItsDeathIsAFindingAndTheNextProgramGetsAFreshOne) {
  const std::string machine = "machine release=6.1 pages=0x10000 pageblock_order=9\narea a base=0x4000 pages=0x1000\n";
  const Program deadly = *parse(machine + "b = cma_alloc a pages=3\nm = movable_page pages=4\ncma_release b\ndrain\n" +
                                "c = cma_alloc a pages=7\nd = cma_alloc a pages=9\n");
  const Program harmless = *parse(machine + "b = cma_alloc a pages=3\n");
  std::vector<std::size_t> found;  // how many operations each difference has when it is reported
  const auto record = [&](const Difference& difference) { found.push_back(difference.outcome.program.ops.size()); };
  const Summary summary =
      judge_all({Release::v6_1, 9}, {named("deadly", deadly), named("harmless", harmless)}, {.found = record});
  EXPECT_EQ(found, std::vector<std::size_t>{6}) << "as it was found, before it is made small";
  EXPECT_EQ(summary.missing, "");
  EXPECT_EQ(summary.judged, 2U);
  EXPECT_EQ(summary.differing, 1U);
  ASSERT_EQ(summary.differences.size(), 1U);
  const Outcome& outcome = summary.differences[0].outcome;
  ASSERT_TRUE(outcome.finding);
  EXPECT_EQ(outcome.finding->law, Law::splat);
  EXPECT_EQ(outcome.program.ops.size(), 1U) << print(outcome.program);
  EXPECT_THAT(outcome.console, ::testing::HasSubstr("Kernel panic"));
}

}  // namespace
}  // namespace cma::judge
