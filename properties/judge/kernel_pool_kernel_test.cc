// Kernels with coverage: copies of a booted kernel, and what they count. Skipped unless one has been built.

#include "properties/judge/kernel_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "properties/judge/batch.h"
#include "properties/judge/kernel_names_testing.h"

namespace cma::judge {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::SizeIs;

KernelOptions small_machine() { return {.memory_pages = 16384, .areas = {{"a", 4096, 1024, 0}, {"b", 6144, 1024, 2}}}; }

class KernelPoolTest : public ::testing::TestWithParam<KernelConfig> {
 protected:
  void SetUp() override {
    if (!cached_kernel(GetParam(), KernelKind::with_coverage))
      GTEST_SKIP() << missing_kernel_reason(GetParam(), KernelKind::with_coverage);
    pool_.emplace(GetParam());
    KernelProcess trial = pool_->start(small_machine());
    if (!trial.ask("areas").complete) GTEST_SKIP() << "the kernel does not run here (ptrace?): " << trial.log();
  }
  std::vector<std::uint8_t> counters() {
    std::vector<std::uint8_t> copy(pool_->counters().size());
    EXPECT_TRUE(pool_->counters().read(copy));
    return copy;
  }
  // Returns what a kernel counts for these operations.
  std::vector<std::uint8_t> counted(const std::vector<std::string>& ops) {
    pool_->counters().clear();
    KernelProcess kernel = pool_->start(small_machine());
    kernel.ask("cmaf");
    pool_->counters().record(true);
    kernel.ask_all(ops);
    pool_->counters().record(false);
    return counters();
  }
  std::optional<KernelPool> pool_;
};

TEST_P(KernelPoolTest, EachCopyBeginsAsTheKernelHadBooted) {
  for (int copy = 0; copy < 3; ++copy) {
    KernelProcess kernel = pool_->start(small_machine());
    EXPECT_THAT(kernel.ask("ca 1 a 10 0").lines, ElementsAre("ca 1 ok off=0"));
    EXPECT_THAT(kernel.ask("anat 5 b 3 2").lines, ElementsAre("anat 5 0", "anat 6 0"));
    EXPECT_TRUE(kernel.finish());
  }
  EXPECT_EQ(pool_->boots(), 1U);
}

TEST_P(KernelPoolTest, AnotherMachineBootsAnotherKernel) {
  KernelOptions other = small_machine();
  other.areas.pop_back();
  EXPECT_THAT(pool_->start(other).ask("areas").lines, SizeIs(1));
  EXPECT_THAT(pool_->start(small_machine()).ask("areas").lines, SizeIs(2));
  EXPECT_EQ(pool_->boots(), 2U);
}

TEST_P(KernelPoolTest, ACopyThatPanicsOrHangsIsReportedAndTheNextIsWhole) {
  {
    KernelProcess kernel = pool_->start(small_machine());
    EXPECT_FALSE(kernel.ask("panic").complete);
    ASSERT_TRUE(kernel.failure());
  }
  {
    KernelOptions impatient = small_machine();
    impatient.silence = std::chrono::milliseconds(300);
    KernelProcess kernel = pool_->start(impatient);
    EXPECT_FALSE(kernel.ask("hang").complete);
    ASSERT_TRUE(kernel.failure());
    EXPECT_EQ(kernel.failure()->kind, KernelFailure::Kind::silent);
  }
  KernelProcess kernel = pool_->start(small_machine());
  EXPECT_THAT(kernel.ask("ca 1 a 10 0").lines, ElementsAre("ca 1 ok off=0"));
  EXPECT_FALSE(kernel.failure());
  EXPECT_EQ(pool_->boots(), 1U);
}

TEST_P(KernelPoolTest, NothingIsCountedUntilTheClientRecords) {
  pool_->counters().clear();
  KernelProcess kernel = pool_->start(small_machine());
  kernel.ask("ca 1 a 10 0");
  EXPECT_THAT(counters(), Each(0));
}

TEST_P(KernelPoolTest, MoreOperationsReachMoreAndTheSameOnesReachTheSame) {
  const std::vector<std::uint8_t> one = counted({"ca 1 a 10 0"});
  const std::vector<std::uint8_t> two = counted({"ca 1 a 10 0", "cr 1", "umat 5 a 3", "ca 2 a 1024 0"});
  EXPECT_EQ(one, counted({"ca 1 a 10 0"}));
  const auto lines = [&](const std::vector<std::uint8_t>& reached) {
    return lines_of(pool_->points(), SourcePart::everything, reached).size();
  };
  EXPECT_GT(lines(one), 50U);
  EXPECT_GT(lines(two), lines(one));
  EXPECT_FALSE(lines_of(pool_->points(), SourcePart::contiguous, one).empty());
}

// As the plain kernel does (corpus_kernel_test.cc): counting and copying change nothing that can be observed.
TEST_P(KernelPoolTest, ModelAndCopiesAgreeOnRandomPrograms) {
  const Summary summary = judge_all(GetParam(), random_batch(1, 20, 60), {.jobs = 2, .coverage = true});
  EXPECT_EQ(summary.missing, "");
  EXPECT_EQ(summary.differing, 0U);
  EXPECT_EQ(summary.judged, 20U);
  EXPECT_FALSE(lines_of(summary.points, SourcePart::cma, summary.counters).empty());
}

INSTANTIATE_TEST_SUITE_P(Kernels, KernelPoolTest,
                         ::testing::Values(KernelConfig{Release::v6_1, 9}, KernelConfig{Release::v6_12, 9}), test_name);

}  // namespace
}  // namespace cma::judge
