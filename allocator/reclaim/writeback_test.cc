// What pages that are dirty or under writeback say of a node, and who waits because of them.

#include <gtest/gtest.h>

#include "allocator/reclaim_testing.h"

namespace cma {
namespace {

class NodeWritebackTest : public ReclaimFixture {
 protected:
  void SetUp() override {
    file = machine->files.open(FileMethod::ordered, /*slow=*/true);
    read(kPages);
  }
  // Makes so many of the pages dirty, oldest first; with `submit` they are under writeback from then on.
  void dirty(unsigned pages, bool submit) {
    for (unsigned i = 0; i < pages; ++i) {
      machine->page_cache.make_dirty(ids[i]);
      if (submit) run_now(machine->files.writeback(ids[i]));
    }
  }
  // Marks pages that are under writeback as met before by reclaim.
  void meet() {
    for (const OwnerId id : ids) {
      Page& page = machine->map.edit(pfn_of(id));
      if (page.has(kPageWriteback)) page.flags |= kPageReclaim;
    }
  }
  // Keeps all pages from being dropped.
  void hold() {
    for (const OwnerId id : ids) machine->lru.references().get_page(pfn_of(id));
  }
  NodeState& state() { return machine->reclaim.lruvecs().state(vec()); }
  // Scans all of the node's lists once. Returns how long the caller slept.
  Time scan(bool kswapd) {
    ScanControl control;
    control.priority = 0;
    control.kswapd = kswapd;
    control.may_writepage = false;
    const Time before = machine->engine.now();
    start_task(*machine, machine->reclaim.nodes().shrink_node(vec(), control));
    run_to_rest(*machine);
    return machine->engine.now() - before;
  }
  // Whether a batch sets the node's flags by itself, for any caller; later kswapd does after a scan of the node.
  static bool by_batch() { return GetParam() >= Release::v3_11 && GetParam() < Release::v4_17; }

  static constexpr unsigned kPages = 32;
};
INSTANTIATE_TEST_SUITE_P(Releases, NodeWritebackTest, ::testing::ValuesIn(modelled_releases()));

TEST_P(NodeWritebackTest, ANodeIsDirtyOnceABatchIsDirtyAsAWhole) {
  dirty(kPages - 1, /*submit=*/false);
  scan(/*kswapd=*/true);
  EXPECT_FALSE(state().dirty) << "one page is clean";
}

TEST_P(NodeWritebackTest, KswapdMayWriteOnceAllPagesAreDirty) {
  dirty(kPages, /*submit=*/false);
  scan(/*kswapd=*/true);
  EXPECT_EQ(state().dirty, GetParam() >= Release::v3_11);
  EXPECT_FALSE(state().writeback || state().congested);
  EXPECT_EQ(machine->reclaim.events().flusher_wakeups, GetParam() >= Release::v4_11 ? 1U : 0U);
}

TEST_P(NodeWritebackTest, OthersSayNothingOfANodeSince4_17) {
  dirty(kPages, /*submit=*/false);
  scan(/*kswapd=*/false);
  EXPECT_EQ(state().dirty, by_batch());
}

TEST_P(NodeWritebackTest, ANodeHasTooManyOnceAllPagesAreUnderWriteback) {
  dirty(kPages, /*submit=*/true);
  EXPECT_EQ(scan(/*kswapd=*/true), 0U) << "they are met for the first time";
  EXPECT_EQ(state().writeback, GetParam() >= Release::v3_11);
  EXPECT_FALSE(state().dirty || state().congested);
}

TEST_P(NodeWritebackTest, SomePagesUnderWritebackAreNotTooMany) {
  dirty(kPages / 2, /*submit=*/true);
  scan(/*kswapd=*/true);
  EXPECT_FALSE(state().writeback || state().dirty || state().congested);
}

TEST_P(NodeWritebackTest, ANodeIsCongestedOnceAllItsDirtyPagesAreMetAgain) {
  dirty(kPages / 2, /*submit=*/true);
  meet();
  scan(/*kswapd=*/true);
  EXPECT_EQ(state().congested, GetParam() >= Release::v3_11);
}

TEST_P(NodeWritebackTest, KswapdWaitsForPagesThatComeRoundBeforeTheyAreWritten) {
  dirty(kPages, /*submit=*/true);
  meet();
  state().writeback = true;
  EXPECT_EQ(scan(/*kswapd=*/true), GetParam() >= Release::v3_11 ? 100 * kMillisecond : 0U);
}

TEST_P(NodeWritebackTest, KswapdDoesNotWaitForPagesThatItMeetsForTheFirstTime) {
  dirty(kPages, /*submit=*/true);
  state().writeback = true;
  EXPECT_EQ(scan(/*kswapd=*/true), 0U);
}

// Since 5.16 others rest for a tick, if the node is congested and more than half of what could be freed has to be
// written first. Before, they would for a congested device only.
TEST_P(NodeWritebackTest, OthersRestWhileMostPagesHaveToBeWritten) {
  const Time tick = GetParam() >= Release::v5_16 ? 4 * kMillisecond : 0;
  hold();
  dirty(kPages / 4, /*submit=*/true);
  state().congested = true;
  EXPECT_EQ(scan(/*kswapd=*/false), 0U);
  dirty(kPages, /*submit=*/false);
  EXPECT_EQ(scan(/*kswapd=*/false), tick);
  state().kswapd_failures = kMaxReclaimRetries;
  state().congested = true;
  EXPECT_EQ(scan(/*kswapd=*/false), 0U) << "the node is given up";
}

// A page that is written to again while it is under writeback does not wait for the flushers.
TEST_P(NodeWritebackTest, APageThatIsDirtyAgainUnderWritebackIsQueued) {
  dirty(kPages, /*submit=*/true);
  for (const OwnerId id : ids) machine->page_cache.make_dirty(id);
  scan(/*kswapd=*/true);
  EXPECT_FALSE(state().dirty);
  EXPECT_EQ(state().writeback, GetParam() >= Release::v3_11);
}

TEST_P(NodeWritebackTest, AScanWakesTheFlushersOnceItHasScannedManyUpTo4_10) {
  for (unsigned i = kPages; i < 2 * kPages; ++i) ids.push_back(read_page(*machine, file, i));
  hold();
  Outcome<std::uint64_t> freed;
  start_task(*machine, keep_outcome(machine->reclaim.try_to_free_pages({}), &freed));
  run_to_rest(*machine);
  EXPECT_EQ(freed.value, 0U) << "all are held";
  EXPECT_EQ(machine->reclaim.events().flusher_wakeups > 0, GetParam() < Release::v4_11);
}

}  // namespace
}  // namespace cma
