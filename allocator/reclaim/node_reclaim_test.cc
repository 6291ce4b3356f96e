// How long a scan of a node goes on, and which zones it is about.

#include "allocator/reclaim/node_reclaim.h"

#include <gtest/gtest.h>

#include "allocator/reclaim_testing.h"

namespace cma {
namespace {

constexpr Gfp kGfpNoio = kGfpKernel & ~(kGfpIo | kGfpFs);

class NodeScanTest : public ReclaimFixture {
 protected:
  std::uint64_t request(unsigned order, Gfp gfp) {
    ReclaimRequest request;
    request.order = order;
    request.gfp = gfp;
    Outcome<std::uint64_t> freed;
    start_task(*machine, keep_outcome(machine->reclaim.try_to_free_pages(request), &freed));
    run_to_rest(*machine);
    return *freed.value;
  }
  // Fills the machine with pages of the file, until a request for pages would have to reclaim.
  void fill() {
    Pfn frame = kNoPfn;
    while ((frame = machine->buddy.alloc_pages(kGfpHighuserMovable | kGfpNowarn, 0)) != kNoPfn)
      ids.push_back(run_now(machine->files.read(file, ids.size(), /*readahead=*/true, frame)).page);
    run_now(machine->lru.drain().add_drain(0));
  }
};
INSTANTIATE_TEST_SUITE_P(Releases, NodeScanTest, ::testing::ValuesIn(modelled_releases()));
INSTANTIATE_TEST_SUITE_P(Between, NodeScanTest, ::testing::Values(Release::v4_4));

// --- enough ---

TEST_P(NodeScanTest, AScanEndsOnceItHasFreedWhatIsWanted) {
  read(200);
  ScanControl control;
  control.priority = 0;
  run_now(machine->reclaim.nodes().shrink_node(vec(), control));
  EXPECT_EQ(control.nr_reclaimed, kSwapClusterMax);
  EXPECT_EQ(size(LruList::inactive_file), 200 - kSwapClusterMax);
}

// At its first priority a direct reclaim scans all it intended, as kswapd should have kept up; kswapd ends at once.
TEST_P(NodeScanTest, ADirectReclaimAtTheFirstPriorityGoesThroughWithIt) {
  Geometry large = geometry();
  large.memory.end = large.memory.start + 0x4000;
  remake(large);
  read(4200);
  for (const bool kswapd : {false, true}) {
    ScanControl control;
    control.kswapd = kswapd;
    control.nr_to_reclaim = 1;
    const std::uint64_t before = size(LruList::inactive_file);
    run_now(machine->reclaim.nodes().shrink_node(vec(), control));
    EXPECT_EQ(before - size(LruList::inactive_file), 1U) << "one page in 4,096";
  }
}

// --- compaction ---

// After a reclaim for a large block, a compaction can begin, or too few pages are left for one, or nothing could be
// freed any more.
TEST_P(NodeScanTest, AReclaimForALargeBlockGoesOnUntilACompactionCanBegin) {
  for (const Gfp gfp : {kGfpKernel, kGfpKernel | kGfpRetryMayfail})
    for (const unsigned order : {1U, 4U, 6U}) {
      remake(geometry());
      fill();
      const std::uint64_t freed = request(order, gfp);
      const bool suits = machine->compaction.suitable(0, order, 0) != CompactResult::skipped;
      EXPECT_TRUE(freed == 0 || suits || size(LruList::inactive_file) <= 2U << order) << order << ": " << freed;
    }
}

TEST_P(NodeScanTest, WithFewPagesLeftAReclaimForALargeBlockEnds) {
  read(20);
  while (machine->buddy.alloc_pages(kGfpKernel | kGfpNowarn, 0) != kNoPfn) {
  }
  for (const Gfp gfp : {kGfpKernel, kGfpKernel | kGfpRetryMayfail}) request(4, gfp);
  EXPECT_EQ(size(LruList::inactive_file), GetParam() >= Release::v4_8 && GetParam() < Release::v4_11 ? 20U : 0U);
}

// A caller that may start no I/O compacts nothing, so since 5.10 no memory is left to a compaction of its.
TEST_P(NodeScanTest, WithoutIoACallerReclaimsForItselfSince5_10) {
  read(64);
  const std::uint64_t freed = request(4, kGfpNoio);
  if (GetParam() >= Release::v5_10)
    EXPECT_GE(freed, kSwapClusterMax);
  else
    EXPECT_EQ(freed, 1U) << "a compaction could begin";
}

TEST_P(NodeScanTest, WithoutIoNothingMoreIsFreedForACompactionSince5_10) {
  fill();
  const std::uint64_t without = request(6, kGfpNoio);
  if (GetParam() >= Release::v5_10) {
    EXPECT_LT(without, 2 * kSwapClusterMax);
  } else {
    EXPECT_GE(without, 2 * kSwapClusterMax) << "as much as two blocks have, but for what was free";
  }
}

// Enough is free for a compaction, and in pieces: the caller is sent to compact if so much is above the high watermark.
TEST_P(NodeScanTest, MemoryInPiecesIsLeftToACompaction) {
  const FileId other = machine->files.open(FileMethod::ordered, /*slow=*/false);
  // Every second page is one of the other file.
  Pfn frame = kNoPfn;
  for (std::uint64_t i = 0; (frame = machine->buddy.alloc_pages(kGfpHighuserMovable | kGfpNowarn, 0)) != kNoPfn; ++i)
    run_now(machine->files.read(i % 2 == 0 ? file : other, i / 2, /*readahead=*/true, frame));
  run_now(machine->files.truncate(other, 0));
  run_now(machine->lru.drain().add_drain(0));
  run_now(machine->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  const std::uint64_t left = size(LruList::inactive_file);
  EXPECT_EQ(request(4, kGfpKernel), 1U);
  EXPECT_EQ(size(LruList::inactive_file), left);
}

// --- zones and nodes ---

// Node 0 has a zone without memory, one of 256 pages and the rest; node 1 a zone of its own.
class NodesScanTest : public NodeScanTest {
 protected:
  void SetUp() override { remake(on_two_nodes()); }
  // Reads pages into one zone.
  void read_into(std::size_t zone, unsigned pages) {
    const unsigned node = machine->buddy.zone(zone).node;
    for (unsigned i = 0; i < pages; ++i) {
      const Pfn frame = machine->buddy.alloc_pages(kGfpKernel | kGfpThisnode, 0, node);
      ASSERT_EQ(machine->map.page(frame).zone, zone);
      ids.push_back(run_now(machine->files.read(file, ids.size(), /*readahead=*/false, frame)).page);
    }
    run_now(machine->lru.drain().add_drain(0));
  }
  std::uint64_t size_in(std::size_t zone) const {
    return machine->lru.lists().size_in_zone(LruList::inactive_file, zone);
  }
};
INSTANTIATE_TEST_SUITE_P(Releases, NodesScanTest, ::testing::ValuesIn(modelled_releases()));

TEST_P(NodesScanTest, AScanOfANodeLeavesOthersAlone) {
  ASSERT_EQ(machine->buddy.zone(0).managed, 0U);
  read_into(1, 40);
  read_into(2, 40);
  for (const std::size_t zone : {2U, 1U}) {
    ScanControl control;
    control.priority = 0;
    control.ceiling = zone;
    run_now(machine->reclaim.nodes().shrink_node(machine->reclaim.lruvecs().of_zone(zone), control));
    EXPECT_EQ(size_in(zone), 40 - kSwapClusterMax);
    if (zone == 2) {
      EXPECT_EQ(size_in(1), 40U);
    }
  }
}

TEST_P(NodesScanTest, ACompactionInAnotherNodeOrInAZoneWithoutMemoryIsNone) {
  read_into(1, 200);
  read_into(2, 200);
  // The first node is full but for what its watermarks keep; the second is not.
  while (machine->buddy.alloc_pages(kGfpKernel | kGfpThisnode | kGfpNowarn, 0, 0) != kNoPfn) {
  }
  ScanControl control;
  control.order = 4;
  control.priority = 0;
  control.ceiling = 1;
  run_now(machine->reclaim.nodes().shrink_node(machine->reclaim.lruvecs().of_zone(1), control));
  EXPECT_EQ(size_in(2), 200U);
  const bool suits = machine->compaction.suitable(1, 4, 1) != CompactResult::skipped;
  EXPECT_TRUE(suits || size_in(1) <= 32U);
}

// Since 5.16 a caller rests that finds nothing, if most pages of the node have to be written: those of its own node.
TEST_P(NodesScanTest, AnotherNodesPagesUnderWritebackAreNoReasonToRest) {
  if (GetParam() < Release::v4_8) GTEST_SKIP() << "lists are of zones";
  read_into(1, 8);
  read_into(2, 8);
  for (const std::size_t written : {2U, 1U}) {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      Page& page = machine->map.edit(pfn_of(ids[i]));
      page.flags &= ~kPageDirty;
      if (page.zone == written) page.flags |= kPageDirty;
    }
    const Time before = machine->engine.now();
    start_task(*machine, machine->reclaim.nodes().throttle_noprogress(machine->reclaim.lruvecs().of_zone(1)));
    run_to_rest(*machine);
    const bool rests = written == 1 && GetParam() >= Release::v5_16;
    EXPECT_EQ(machine->engine.now() - before, rests ? 4 * kMillisecond : 0U) << "zone " << written;
  }
}

TEST_P(NodesScanTest, ALongListOfAnotherNodeDoesNotCount) {
  // 4.8 to 4.10 pass a node over no zone of which has a batch of pages.
  read_into(1, 40);
  read_into(2, 8);
  ScanControl control;
  control.priority = 0;
  control.ceiling = 2;
  control.kswapd = true;
  run_now(machine->reclaim.nodes().shrink_node(machine->reclaim.lruvecs().of_zone(2), control));
  EXPECT_EQ(size_in(2), GetParam() >= Release::v4_8 && GetParam() < Release::v4_11 ? 8U : 0U);
  EXPECT_EQ(size_in(1), 40U);
}

TEST_P(NodesScanTest, EachNodeHasAKswapdOfItsOwn) {
  if (GetParam() < Release::v4_8) GTEST_SKIP() << "kswapd is not modelled";
  read_into(1, 100);
  read_into(2, 100);
  while (machine->buddy.alloc_pages(kGfpKernel | kGfpThisnode | kGfpNowarn, 0, 1) != kNoPfn) {
  }
  Kswapd& kswapd = machine->reclaim.kswapd();
  EXPECT_TRUE(kswapd.balanced(0, 0, 1));
  EXPECT_FALSE(kswapd.wake(1, kGfpKernel, 0, 1));
  EXPECT_FALSE(kswapd.balanced(1, 0, 2));
  EXPECT_FALSE(kswapd.wake(0, kGfpKernel, 0, 0)) << "a zone without memory needs none";
  ASSERT_TRUE(kswapd.wake(2, kGfpKernel, 0, 2));
  start_task(*machine, kswapd.run(1));
  run_to_rest(*machine);
  EXPECT_TRUE(kswapd.balanced(1, 0, 2));
  EXPECT_EQ(size_in(1), 100U) << "the other node's pages stay";
  EXPECT_LT(size_in(2), 100U);
  EXPECT_FALSE(kswapd.awake(0));
}

// --- kswapd's ---

class KswapdScanTest : public NodeScanTest {
 protected:
  static Geometry tight() {
    Geometry g = geometry();
    g.min_free_kbytes = 160;
    return g;
  }
  void SetUp() override { remake(tight()); }
  void take_all() {
    while (machine->buddy.alloc_pages(kGfpKernel | kGfpNowarn, 0) != kNoPfn) {
    }
  }
  Kswapd& kswapd() { return machine->reclaim.kswapd(); }
};
INSTANTIATE_TEST_SUITE_P(Since4_8, KswapdScanTest,
                         ::testing::Values(Release::v4_9, Release::v4_19, Release::v5_10, Release::v5_15, Release::v6_1,
                                           Release::v6_6, Release::v6_12));

// As mainline since 6.13, and 5.10.233.
TEST_P(KswapdScanTest, AZoneWithoutPagesOfFilesCountsByItsFreeOnesSince5_10) {
  const auto free = static_cast<std::uint64_t>(machine->buddy.zone(0).nr_free_pages);
  ASSERT_NE(free, 0U);
  EXPECT_EQ(machine->reclaim.lruvecs().reclaimable(0), GetParam() >= Release::v5_10 ? free : 0U);
}

// 400 pages that others hold are tried by all priorities, half of them by the last. 6.10 does it all once more, as they
// may have kept other pages from being tried. A scan of so many that frees none ends with its priority all the same.
TEST_P(KswapdScanTest, WhatWasInVainBecauseOfUnusedPagesIsTriedOnceMoreSince6_10) {
  read(400);
  for (const OwnerId id : ids) machine->lru.references().get_page(pfn_of(id));
  take_all();
  Outcome<unsigned> order;
  start_task(*machine, keep_outcome(kswapd().balance(0, 0, 0), &order));
  run_to_rest(*machine);
  EXPECT_EQ(machine->reclaim.events().pgscan_kswapd, GetParam() >= Release::v6_10 ? 2 * 397U : 397U);
  EXPECT_EQ(machine->reclaim.lruvecs().state(vec()).kswapd_failures, 1U) << "as one failure";
}

// Watermarks were raised, and memory runs out: then the rest of the boost is forgotten.
TEST_P(KswapdScanTest, ANodeOutOfBalanceComesBeforeABoost) {
  if (GetParam() < Release::v5_0) GTEST_SKIP() << "watermarks are not raised";
  fill();
  machine->buddy.zone(0).watermark_boost = 64;
  ASSERT_TRUE(kswapd().wake(0, kGfpKernel, 0, 0));
  start_task(*machine, kswapd().run(0));
  run_to_rest(*machine);
  EXPECT_EQ(machine->buddy.zone(0).watermark_boost, 0U);
  EXPECT_TRUE(kswapd().balanced(0, 0, 0));
  EXPECT_EQ(machine->reclaim.lruvecs().state(vec()).kswapd_failures, 0U);
}

// A wake-up for a large block during a run is what the next run is for.
TEST_P(KswapdScanTest, AWakeUpDuringARunIsNotLost) {
  fill();
  ASSERT_TRUE(kswapd().wake(0, kGfpKernel, 0, 0));
  const ActorId actor = start_task(*machine, kswapd().run(0), Point::kswapd_priority);
  ASSERT_EQ(machine->engine.look(actor).state, ActorState::ready);
  EXPECT_TRUE(kswapd().wake(0, kGfpKernel, 3, 0)) << "it is awake";
  run_to_rest(*machine);
  EXPECT_GE(machine->reclaim.events().pageoutrun, 2U);
  EXPECT_FALSE(kswapd().awake(0));
}

TEST_P(KswapdScanTest, AWakeUpForALargeBlockThatCannotBeHadEndsAsOneForAPage) {
  fill();
  ASSERT_TRUE(kswapd().wake(0, kGfpKernel, 5, 0));
  start_task(*machine, kswapd().run(0));
  run_to_rest(*machine);
  EXPECT_TRUE(kswapd().balanced(0, 0, 0)) << "once twice the block's size is free, single pages are enough";
  EXPECT_FALSE(kswapd().awake(0));
}

}  // namespace
}  // namespace cma
