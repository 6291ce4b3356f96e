#include "allocator/reclaim/kswapd.h"

#include <gtest/gtest.h>

#include "allocator/reclaim_testing.h"

namespace cma {
namespace {

// Records what kcompactd would be woken for.
class RecordedWakeups final : public KcompactdWaker {
 public:
  void wakeup_kcompactd(unsigned, unsigned order, std::size_t) override { orders.push_back(order); }
  std::vector<unsigned> orders;
};

class KswapdTest : public ReclaimFixture {
 protected:
  void SetUp() override { boot(geometry()); }
  void boot(Geometry g) {
    // High watermark: 60 pages and more.
    g.min_free_kbytes = 160;
    remake(g);
    machine->reclaim.kswapd().set_kcompactd(&kcompactd);
  }
  Kswapd& kswapd() { return machine->reclaim.kswapd(); }
  const Zone& zone() const { return machine->buddy.zone(0); }
  std::uint64_t high() const { return Watermarks::watermark(zone(), Watermark::high); }
  NodeState& state() { return machine->reclaim.lruvecs().state(vec()); }
  // Fills the machine with clean pages of a file until the allocator would begin to reclaim.
  unsigned fill() {
    machine->page_allocator.relieve_by(nullptr);
    unsigned pages = 0;
    for (;; ++pages) {
      const Files::Read read = run_now(machine->files.read(file, pages, /*readahead=*/true));
      if (read.error != 0) break;
    }
    run_now(machine->lru.drain().add_drain(0));
    return pages;
  }
  // Takes all that the allocator gives, for good.
  void take_all() {
    while (machine->buddy.alloc_pages(kGfpKernel | kGfpNowarn, 0) != kNoPfn) {
    }
  }
  void run_kswapd() {
    start_task(*machine, kswapd().run(0));
    run_to_rest(*machine);
  }

  RecordedWakeups kcompactd;
};
INSTANTIATE_TEST_SUITE_P(Since4_8, KswapdTest,
                         ::testing::Values(Release::v4_9, Release::v4_19, Release::v5_10, Release::v5_15, Release::v6_1,
                                           Release::v6_6, Release::v6_12));

TEST_P(KswapdTest, FreesCleanPagesUntilTheZoneIsBalanced) {
  fill();
  ASSERT_LE(static_cast<std::uint64_t>(zone().nr_free_pages), high());
  ASSERT_TRUE(kswapd().wake(0, kGfpKernel, 0, 0));
  run_kswapd();
  EXPECT_FALSE(kswapd().awake(0));
  EXPECT_TRUE(kswapd().balanced(0, 0, 0));
  EXPECT_GT(static_cast<std::uint64_t>(zone().nr_free_pages), high());
  EXPECT_EQ(state().kswapd_failures, 0U);
  EXPECT_GT(machine->reclaim.events().pgsteal_kswapd, 0U);
  EXPECT_EQ(machine->reclaim.events().pgsteal_direct, 0U);
}

TEST_P(KswapdTest, SleepsOnWhileEnoughIsFree) {
  EXPECT_FALSE(kswapd().wake(0, kGfpKernel, 0, 0));
  EXPECT_FALSE(kswapd().awake(0));
  EXPECT_TRUE(kcompactd.orders.empty()) << "the request may reclaim for itself";
  EXPECT_FALSE(kswapd().wake(0, kGfpAtomic, 2, 0));
  EXPECT_EQ(kcompactd.orders, std::vector<unsigned>{2}) << "memory may be in pieces";
}

TEST_P(KswapdTest, GivesANodeUpAfter16RunsWithoutAPage) {
  take_all();
  ASSERT_TRUE(kswapd().wake(0, kGfpKernel, 0, 0));
  run_kswapd();
  EXPECT_EQ(state().kswapd_failures, kMaxReclaimRetries);
  EXPECT_FALSE(kswapd().balanced(0, 0, 0));
  EXPECT_FALSE(kswapd().wake(0, kGfpKernel, 0, 0)) << "hopeless";
  EXPECT_EQ(machine->reclaim.events().pageoutrun, kMaxReclaimRetries);
}

TEST_P(KswapdTest, ADirectReclaimThatFreesAPageRevivesIt) {
  fill();
  state().kswapd_failures = kMaxReclaimRetries;
  EXPECT_FALSE(kswapd().wake(0, kGfpKernel, 0, 0));
  EXPECT_GT(run_now(machine->reclaim.try_to_free_pages({})), 0U);
  EXPECT_EQ(state().kswapd_failures, 0U);
}

TEST_P(KswapdTest, ClearsWhatWasSaidOfABalancedNode) {
  state().dirty = state().writeback = state().congested = true;
  run_kswapd();
  EXPECT_EQ(state(), NodeState{});
}

TEST_P(KswapdTest, StopsCaringForALargeBlockOnceTwiceItsSizeIsFree) {
  fill();
  EXPECT_EQ(run_now(kswapd().balance(0, 3, 0)), 0U);
}

// The first scan looks at one page in 4,096: a boost on a small machine is forgotten without effect.
TEST_P(KswapdTest, ForgetsABoostIfTheFirstScanFreesNothing) {
  if (GetParam() < Release::v5_0) GTEST_SKIP() << "watermarks are not raised";
  for (unsigned i = 0; i < 300; ++i) read_page(*machine, file, i);
  machine->buddy.zone(0).watermark_boost = 16;
  EXPECT_TRUE(kswapd().wake(0, kGfpKernel, 0, 0));
  run_kswapd();
  EXPECT_EQ(zone().watermark_boost, 0U);
  EXPECT_EQ(machine->reclaim.events().pgsteal_kswapd, 0U);
  EXPECT_EQ(state().kswapd_failures, 1U);
}

TEST_P(KswapdTest, FreesAsManyPagesAsWatermarksWereRaisedAndLowersThem) {
  if (GetParam() < Release::v5_0) GTEST_SKIP() << "watermarks are not raised";
  Geometry large = geometry();
  large.memory.end = large.memory.start + 0x4000;
  boot(large);
  for (unsigned i = 0; i < 5000; ++i) read_page(*machine, file, i);
  machine->buddy.zone(0).watermark_boost = 16;
  ASSERT_TRUE(kswapd().balanced(0, 0, 0));
  EXPECT_TRUE(kswapd().wake(0, kGfpKernel, 0, 0)) << "because of the boost";
  run_kswapd();
  EXPECT_EQ(zone().watermark_boost, 0U);
  EXPECT_GE(machine->reclaim.events().pgsteal_kswapd, 16U);
  EXPECT_LT(machine->reclaim.events().pgsteal_kswapd, 64U);
  EXPECT_EQ(kcompactd.orders.front(), machine->map.pageblock_order());
}

TEST_P(KswapdTest, AWakeUpInItsShortSleepBeginsAnotherRun) {
  fill();
  ASSERT_TRUE(kswapd().wake(0, kGfpKernel, 0, 0));
  const ActorId actor = start_task(*machine, kswapd().run(0));
  ASSERT_EQ(machine->engine.look(actor).state, ActorState::sleeping);
  const std::uint64_t runs = machine->reclaim.events().pageoutrun;
  take_all();
  EXPECT_TRUE(kswapd().wake(0, kGfpKernel, 0, 0));
  run_to_rest(*machine);
  EXPECT_GT(machine->reclaim.events().pageoutrun, runs);
}

TEST_P(KswapdTest, BalancesItsOwnNodeAlone) {
  boot(on_two_nodes());
  fill();
  ASSERT_FALSE(kswapd().balanced(0, 0, 1));
  ASSERT_TRUE(kswapd().wake(2, kGfpKernel, 0, 2));
  start_task(*machine, kswapd().run(1));
  run_to_rest(*machine);
  EXPECT_TRUE(kswapd().balanced(1, 0, 2));
  EXPECT_FALSE(kswapd().balanced(0, 0, 1));
  ASSERT_TRUE(kswapd().wake(1, kGfpKernel, 0, 1));
  run_kswapd();
  EXPECT_TRUE(kswapd().balanced(0, 0, 1)) << "one of its zones has no memory";
}

}  // namespace
}  // namespace cma
