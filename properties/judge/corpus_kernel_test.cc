// Judges the corpus and random programs on every kernel that is there, and five planted errors that must be seen.
// Skipped, never passed, where a kernel is not built or cannot run.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <thread>

#include "properties/judge/docket.h"
#include "properties/judge/kernel_process.h"
#include "properties/minimize/minimize.h"
#include "properties/program/text.h"

namespace cma::judge {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kRandomPrograms = 150;
constexpr std::size_t kRandomOps = 100;

std::vector<Case> corpus() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::recursive_directory_iterator("corpus"))
    if (entry.path().extension() == ".cma") paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<Case> cases;
  for (const fs::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    auto program = parse(std::string{std::istreambuf_iterator<char>(file), {}}, path.string());
    if (!program) throw std::runtime_error(program.error().text());
    cases.push_back(case_of(path.string(), std::move(*program)));
  }
  return cases;
}

std::string told(const Tally& tally) {
  std::string text;
  for (const Difference& difference : tally.differences)
    text += difference.name + "\n" + difference.verdict.both_sides + print(difference.verdict.program) + "\n";
  return text;
}

std::string test_name(const ::testing::TestParamInfo<Seat>& info) {
  std::string name = name_of(info.param);
  std::ranges::replace_if(name, [](char c) { return c == '.' || c == ' '; }, '_');
  return "on_" + name;
}

// Why nothing can be judged here; empty if it can.
std::string missing(const Seat& seat) {
  try {
    Program program;
    program.machine.memory = {0, 0x10000};
    program.machine.areas = {{"a", 0x4000, 0x400, 0}};
    KernelJudge(seat).judge(program);
  } catch (const NoKernel& reason) {
    return reason.what();
  }
  return {};
}

class Judged : public ::testing::TestWithParam<Seat> {
 protected:
  void SetUp() override {
    if (const std::string why = missing(GetParam()); !why.empty()) GTEST_SKIP() << why;
  }
};

TEST_P(Judged, TheCorpus) {
  const Tally tally = judge_all(GetParam(), corpus());
  EXPECT_EQ(tally.differing, 0U) << told(tally);
  EXPECT_GT(tally.judged, 100U);
}

TEST_P(Judged, RandomPrograms) {
  const Tally tally = judge_all(GetParam(), random_cases(1, kRandomPrograms, kRandomOps));
  EXPECT_EQ(tally.differing, 0U) << told(tally);
  EXPECT_EQ(tally.judged, kRandomPrograms);
}

TEST_P(Judged, TheSameVerdictEachTime) {
  const std::vector<Case> cases = random_cases(77, 10, kRandomOps);
  const Tally one = judge_all(GetParam(), cases);
  const Tally other = judge_all(GetParam(), cases, {.jobs = 3});
  EXPECT_EQ(one.operations, other.operations);
  EXPECT_EQ(one.observables, other.observables);
  EXPECT_EQ(one.skipped, other.skipped);
}

INSTANTIATE_TEST_SUITE_P(Kernels, Judged,
                         ::testing::Values(Seat{Release::v6_1, 9}, Seat{Release::v6_1, 10}, Seat{Release::v6_12, 9},
                                           Seat{Release::v6_12, 10}),
                         test_name);

class Planted : public ::testing::TestWithParam<Bug> {};

TEST_P(Planted, IsSeenAndMadeSmall) {
  constexpr Seat kSeat{Release::v6_1, 9};
  constexpr std::size_t kMostOps = 10;
  if (const std::string why = missing(kSeat); !why.empty()) GTEST_SKIP() << why;
  BugSet bugs;
  bugs.switch_on(GetParam());
  KernelJudge judge(kSeat);
  std::optional<Verdict> seen;
  for (const Case& random : random_cases(1, kRandomPrograms, kRandomOps)) {
    Verdict verdict = judge.judge(random.program(judge), bugs);
    if (verdict.kind != Verdict::Kind::differs) continue;
    seen = std::move(verdict);
    break;
  }
  ASSERT_TRUE(seen) << "the judge does not see " << info_of(GetParam()).name;
  EXPECT_EQ(seen->finding->law, Law::judge) << seen->both_sides;
  const auto smallest = minimize(seen->program, [&](const Program& program) { return judge.find(program, bugs); });
  ASSERT_TRUE(smallest);
  EXPECT_LE(smallest->program.ops.size(), kMostOps) << print(smallest->program);
  EXPECT_EQ(smallest->finding.signature(), seen->finding->signature());
  EXPECT_EQ(judge.judge(smallest->program).kind, Verdict::Kind::agrees) << "without the error they agree";
}

INSTANTIATE_TEST_SUITE_P(Errors, Planted,
                         ::testing::Values(Bug::head_for_tail, Bug::retry_step_short, Bug::drain_left_out,
                                           Bug::merge_among_equals, Bug::outer_start_is_start),
                         [](const ::testing::TestParamInfo<Bug>& bug) {
                           std::string name(info_of(bug.param).name);
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

// A kernel that panics when it is asked for seven pages: its own program, behind a filter.
class FragileKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto real = cached_kernel("6.1", 9);
    if (!real) GTEST_SKIP() << missing_kernel_reason("6.1", 9);
    const fs::path cache = fs::path(::testing::TempDir()) / "cmacheck-fragile-kernel";
    fs::create_directories(cache);
    const fs::path program = cache / "judge-6.1-p9";
    std::ofstream(program) << "#!/bin/bash\nexec '" << *real
                           << "' \"$@\" 3< <(sed -u 's/^ca [0-9]* a 7 .*/panic/' <&3)\n";
    fs::permissions(program, fs::perms::owner_all);
    fs::copy_file(*real + ".built", program.string() + ".built", fs::copy_options::overwrite_existing);
    if (const char* before = std::getenv("CMACHECK_JUDGE_CACHE")) before_ = before;
    setenv("CMACHECK_JUDGE_CACHE", cache.c_str(), 1);
  }
  void TearDown() override {
    if (before_)
      setenv("CMACHECK_JUDGE_CACHE", before_->c_str(), 1);
    else
      unsetenv("CMACHECK_JUDGE_CACHE");
  }

 private:
  std::optional<std::string> before_;
};

TEST_F(FragileKernel, ItsDeathIsAFindingAndTheNextProgramGetsAFreshOne) {
  const std::string machine = "machine release=6.1 pages=0x10000 pageblock_order=9\narea a base=0x4000 pages=0x1000\n";
  const Program deadly = *parse(machine + "b = cma_alloc a pages=3\nm = movable_page pages=4\ncma_release b\ndrain\n" +
                                "c = cma_alloc a pages=7\nd = cma_alloc a pages=9\n");
  const Program harmless = *parse(machine + "b = cma_alloc a pages=3\n");
  std::vector<std::size_t> found;  // operations of what is told at once
  const auto tell = [&](const Difference& difference) { found.push_back(difference.verdict.program.ops.size()); };
  const Tally tally =
      judge_all({Release::v6_1, 9}, {case_of("deadly", deadly), case_of("harmless", harmless)}, {.found = tell});
  EXPECT_EQ(found, std::vector<std::size_t>{6}) << "as it was found, before it is made small";
  EXPECT_EQ(tally.missing, "");
  EXPECT_EQ(tally.judged, 2U);
  EXPECT_EQ(tally.differing, 1U);
  ASSERT_EQ(tally.differences.size(), 1U);
  const Verdict& verdict = tally.differences[0].verdict;
  ASSERT_TRUE(verdict.finding);
  EXPECT_EQ(verdict.finding->law, Law::splat);
  EXPECT_EQ(verdict.program.ops.size(), 1U) << print(verdict.program);
  EXPECT_THAT(verdict.console, ::testing::HasSubstr("Kernel panic"));
}

}  // namespace
}  // namespace cma::judge
