#include "properties/judge/kernel_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace cma::judge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Returns the part of an answer that is not an event.
std::vector<std::string> answer_proper(const KernelAnswer& answer) {
  std::vector<std::string> lines;
  for (const std::string& line : answer.lines) {
    if (!line.starts_with("  ")) lines.push_back(line);
  }
  return lines;
}

bool no_child_left() { return waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD; }

KernelOptions small_machine(std::string program) {
  return {.program = std::move(program), .memory_pages = 16384, .areas = {{"a", 4096, 1024, 0}, {"b", 6144, 1024, 2}}};
}

class KernelProcessTest : public ::testing::TestWithParam<Release> {
 protected:
  void SetUp() override {
    const auto program = cached_kernel({GetParam(), 9});
    if (!program) GTEST_SKIP() << missing_kernel_reason({GetParam(), 9});
    options_ = small_machine(*program);
    KernelProcess trial(options_);
    if (!trial.ask("areas").complete) GTEST_SKIP() << "the kernel does not run here (ptrace?): " << trial.log();
  }
  KernelOptions options_;
};

TEST_P(KernelProcessTest, AnswersOpByOp) {
  KernelProcess kernel(options_);
  EXPECT_THAT(kernel.ask("areas").lines, ElementsAre("area a base=4096 count=1024 opb=0 pbo=9 maxord=11",
                                                     "area b base=6144 count=1024 opb=2 pbo=9 maxord=11"));
  EXPECT_THAT(kernel.ask("ca 1 a 10 0").lines, ElementsAre("ca 1 ok off=0"));
  EXPECT_THAT(kernel.ask("ca 2 a 10 4").lines, ElementsAre("ca 2 ok off=16"));
  EXPECT_THAT(kernel.ask("drain").lines, ElementsAre());
  EXPECT_THAT(kernel.ask("nonsense 5").lines, ElementsAre("? bad: nonsense"));
  EXPECT_TRUE(kernel.running());
  EXPECT_TRUE(kernel.finish());
  EXPECT_FALSE(kernel.running());
  EXPECT_TRUE(no_child_left());
}

TEST_P(KernelProcessTest, BatchGivesTheSameAnswersAsLockStep) {
  const std::vector<std::string> ops{"ev 3",         "ca 1 a 100 3", "mvat 2 a 300", "umat 3 b 17", "ca 4 b 64 4",
                                     "loc 2",        "cr 1 0 50",    "drain",        "dump a f",    "dump b f",
                                     "ca 5 a 900 0", "zone",         "cmaf"};
  KernelProcess one(options_);
  std::vector<KernelAnswer> lock_step;
  lock_step.reserve(ops.size());
  for (const std::string& op : ops) lock_step.push_back(one.ask(op));
  KernelProcess other(options_);
  EXPECT_EQ(other.ask_all(ops), lock_step);
  EXPECT_EQ(answer_proper(lock_step[1]), std::vector<std::string>{"ca 1 ok off=0"});
  EXPECT_FALSE(one.failure());
}

TEST_P(KernelProcessTest, LongBatchesDoNotBlock) {
  std::vector<std::string> ops;
  for (int i = 0; i < 3000; ++i) {
    ops.emplace_back("ca 1 a 7 2");
    ops.emplace_back("dump a f");
    ops.emplace_back("cr 1");
  }
  KernelProcess kernel(options_);
  const std::vector<KernelAnswer> answers = kernel.ask_all(ops);
  ASSERT_EQ(answers.size(), ops.size());
  EXPECT_TRUE(answers.back().complete);
  EXPECT_EQ(answers.back().lines, std::vector<std::string>{"cr 1 ok"});
  EXPECT_TRUE(kernel.finish());
}

TEST_P(KernelProcessTest, WarningsAreFailuresButTheKernelGoesOn) {
  KernelProcess kernel(options_);
  kernel.ask("ca 1 a 4 0");
  kernel.ask("gp a 1");
  EXPECT_THAT(kernel.ask("cr 1").lines.front(), HasSubstr("splat WARNING mm/page_alloc.c"));
  ASSERT_TRUE(kernel.failure());
  EXPECT_EQ(kernel.failure()->kind, KernelFailure::Kind::complained);
  EXPECT_THAT(kernel.log(), HasSubstr("1 pages are still in use!"));
  EXPECT_THAT(kernel.ask("pp a 1").lines, ElementsAre("pp a+1 rc=0"));
}

TEST_P(KernelProcessTest, CrashKeepsWhatWasAnsweredAndTheLog) {
  KernelProcess kernel(options_);
  const std::vector<std::string> ops{"ca 1 a 4 0", "pa 2 0 u", "drain", "panic", "zone"};
  const std::vector<KernelAnswer> answers = kernel.ask_all(ops);
  EXPECT_EQ(answers[0].lines, std::vector<std::string>{"ca 1 ok off=0"});
  EXPECT_FALSE(answers.back().complete);
  ASSERT_TRUE(kernel.failure());
  EXPECT_FALSE(kernel.running());
  EXPECT_THAT(kernel.log(), HasSubstr("Kernel panic"));
  EXPECT_FALSE(kernel.ask("zone").complete);
  EXPECT_TRUE(no_child_left());
}

TEST_P(KernelProcessTest, SilenceEndsIt) {
  options_.silence = std::chrono::milliseconds(300);
  KernelProcess kernel(options_);
  EXPECT_TRUE(kernel.ask("areas").complete);
  EXPECT_FALSE(kernel.ask("hang").complete);
  ASSERT_TRUE(kernel.failure());
  EXPECT_EQ(kernel.failure()->kind, KernelFailure::Kind::silent);
  EXPECT_TRUE(no_child_left());
}

TEST_P(KernelProcessTest, AnonymousPagesLeaveNoProcessBehind) {
  {
    KernelProcess kernel(options_);
    EXPECT_THAT(kernel.ask("anat 1 a 5").lines, ElementsAre("anat 1 0"));
    EXPECT_THAT(kernel.ask("anloc 1").lines, ElementsAre("anloc 1 a+5 ref=1 map=1 lru"));
  }
  EXPECT_TRUE(no_child_left());
}

TEST_P(KernelProcessTest, AProcessForksWritesAndGoes) {
  {
    KernelProcess kernel(options_);
    EXPECT_THAT(kernel.ask("prepare processes 2 2 16 8").lines, ElementsAre());
    EXPECT_THAT(kernel.ask("spawn 1").lines, ElementsAre());
    EXPECT_THAT(kernel.ask("mmapat 1 0 a 5 2").lines, ElementsAre("mmapat 1.0 0"));
    EXPECT_THAT(kernel.ask("fork 1 2").lines, ElementsAre("fork 1 2 0"));
    EXPECT_THAT(kernel.ask("hold 9 @2.0 1").lines, ElementsAre("hold 9 a+6 ref=4")) << "two ptes, pagevec, this one";
    EXPECT_THAT(kernel.ask("write 2 0 0 1").lines, ElementsAre("write 2.0 0"));
    EXPECT_THAT(kernel.ask("plocs").lines, ElementsAre("plocs 1.0.0:a+5 1.0.1:a+6 2.0.1:a+6"));
    EXPECT_THAT(kernel.ask("exit 1").lines, ElementsAre());
    EXPECT_THAT(kernel.ask("plocs").lines, ElementsAre("plocs 2.0.1:a+6"));
    EXPECT_THAT(kernel.ask("unmap 2 0 0 2").lines, ElementsAre());
    EXPECT_THAT(kernel.ask("plocs").lines, ElementsAre("plocs"));
    EXPECT_THAT(kernel.ask("spawn 1").lines, ElementsAre("? bad: spawn")) << "its mappings have a past";
    EXPECT_THAT(kernel.ask("write 2 1 0 1").lines, ElementsAre("? bad: write")) << "not mapped";
  }
  EXPECT_TRUE(no_child_left());
}

INSTANTIATE_TEST_SUITE_P(Releases, KernelProcessTest, ::testing::ValuesIn(judged_releases()), [](const auto& tested) {
  std::string name = "R" + name_of(tested.param);
  std::ranges::replace(name, '.', '_');
  return name;
});

TEST(KernelProcess, AProgramThatIsNoKernelFailsWithItsLog) {
  KernelProcess kernel(small_machine("/bin/false"));
  EXPECT_FALSE(kernel.ask("areas").complete);
  ASSERT_TRUE(kernel.failure());
  EXPECT_EQ(kernel.failure()->kind, KernelFailure::Kind::died);
  EXPECT_THAT(kernel.failure()->text, HasSubstr("status 1"));
  KernelProcess nothing(small_machine("/nonexistent"));
  EXPECT_FALSE(nothing.ask("areas").complete);
  EXPECT_THAT(nothing.failure()->text, HasSubstr("status 127"));
}

TEST(KernelProcess, WhatIsNoOpIsRefused) {
  KernelProcess kernel(small_machine("/bin/false"));
  for (const char* text : {"", "  ", "# comment", " # comment", "ca 1 a 1 0\ncr 1", "sync 0", " sync\t0", "quiet 1",
                           "\tquiet 1", "sync"}) {
    EXPECT_THROW(kernel.ask(text), std::invalid_argument) << text;
  }
  EXPECT_THROW(kernel.ask(std::string_view("areas\0", 6)), std::invalid_argument);
}

TEST(KernelProcess, TheReasonNamesTheRemedy) {
  EXPECT_THAT(missing_kernel_reason({Release::v6_1, 9}), HasSubstr("ci/judge-kernel --only 6.1 --order 9"));
}

}  // namespace
}  // namespace cma::judge
