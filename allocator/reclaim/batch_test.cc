#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/reclaim_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class BatchTest : public BatchFixture {
 protected:
  // Takes the pages off the LRU and tries them, first page first.
  std::uint64_t shrink(const std::vector<OwnerId>& ids) {
    isolate(ids);
    return shrink_batch();
  }
  void isolate(const std::vector<OwnerId>& ids) {
    for (const OwnerId id : ids) BatchFixture::isolate(id);
  }
  std::vector<Pfn> kept() const { return pfns_of(machine->map, list); }
  // Whether what reclaim does not drop is out of its way on the active list (4.11).
  bool activates() const { return GetParam() >= Release::v4_11; }

  // Maps one page of a file in a process of its own, and uses it if `used`.
  void map(OwnerId id, bool used, bool executable = false) {
    const SpaceId process = machine->processes.spawn();
    const MappingId mapping = machine->processes.mmap_shared(process, {id}, executable);
    EXPECT_EQ(run_now(machine->processes.touch_shared(process, mapping, 0, /*write=*/false)), 0);
    if (used) return;
    for (PteId pte = machine->owners.owner(id).first_pte; pte != 0; pte = machine->spaces.pte(pte).next)
      machine->spaces.pte(pte).young = false;
  }
};

INSTANTIATE_TEST_SUITE_P(Releases, BatchTest, ::testing::ValuesIn(modelled_releases()));

TEST_P(BatchTest, ACleanUnusedPageIsDropped) {
  const OwnerId id = read_page(*machine, fast, 0);
  const Pfn pfn = pfn_of(id);
  EXPECT_EQ(shrink({id}), 1U);
  EXPECT_THAT(kept(), IsEmpty());
  EXPECT_EQ(machine->map.page(pfn).ref, 0);
  EXPECT_TRUE(machine->map.page(pfn).has(kPagePcp | kPageBuddy));
  EXPECT_TRUE(machine->owners.released(id));
  EXPECT_EQ(machine->files.cached(fast, 0), 0U);
  EXPECT_EQ(machine->lru.lists().isolated_file(), 0);
  EXPECT_EQ(control.nr_scanned, 1U);
}

TEST_P(BatchTest, PagesAreFreedTogetherLastFirstAndSince6_9FirstFirst) {
  std::vector<OwnerId> ids;
  std::vector<Pfn> pfns;
  for (unsigned i = 0; i < 3; ++i) {
    ids.push_back(read_page(*machine, fast, i));
    pfns.push_back(pfn_of(ids.back()));
  }
  machine->trace.set_page_events(true);
  const std::size_t before = machine->trace.records().size();
  EXPECT_EQ(shrink(ids), 3U);
  std::vector<Pfn> freed;
  for (std::size_t i = before; i < machine->trace.records().size(); ++i)
    if (machine->trace.records()[i].event == Event::mm_page_free) freed.push_back(machine->trace.records()[i].a);
  if (GetParam() >= Release::v6_9)
    EXPECT_THAT(freed, ElementsAre(pfns[0], pfns[1], pfns[2]));
  else
    EXPECT_THAT(freed, ElementsAre(pfns[2], pfns[1], pfns[0]));
}

TEST_P(BatchTest, APageThatOthersHaveLockedStaysUntried) {
  const OwnerId id = read_page(*machine, fast, 0);
  ASSERT_TRUE(machine->page_locks.try_lock(pfn_of(id)));
  EXPECT_EQ(shrink({id}), 0U);
  EXPECT_THAT(kept(), ElementsAre(pfn_of(id)));
  EXPECT_EQ(control.nr_scanned, 0U);
  EXPECT_TRUE(page_of(id).has(kPageLocked)) << "the lock is the other's";
}

TEST_P(BatchTest, APageWithAnotherReferenceStays) {
  const OwnerId id = read_page(*machine, fast, 0);
  machine->lru.references().get_page(pfn_of(id));
  EXPECT_EQ(shrink({id}), 0U);
  EXPECT_THAT(kept(), ElementsAre(pfn_of(id)));
  EXPECT_FALSE(page_of(id).has(kPageActive | kPageLocked));
  EXPECT_EQ(machine->files.cached(fast, 0), id);
}

TEST_P(BatchTest, APinnedPageBecomesActiveSince6_1) {
  const OwnerId id = read_page(*machine, fast, 0);
  machine->map.edit(pfn_of(id)).ref += 1024;
  EXPECT_EQ(shrink({id}), 0U);
  EXPECT_EQ(page_of(id).has(kPageActive), GetParam() >= Release::v6_1);
}

TEST_P(BatchTest, LockedMemoryStaysAndIsNotActive) {
  const OwnerId id = read_page(*machine, fast, 0);
  isolate({id});
  const Pfn pfn = pfn_of(id);
  run_now(machine->lru.mlock().mlock(pfn));
  EXPECT_EQ(shrink_batch(), 0U);
  EXPECT_FALSE(machine->map.page(pfn).has(kPageActive));
  EXPECT_EQ(kept().size(), GetParam() < Release::v4_6 ? 0U : 1U) << "3.6 puts it back at once";
  EXPECT_EQ(machine->map.page(pfn).has(kPageLru), GetParam() < Release::v4_6);
}

// --- dirty pages and writeback ---

TEST_P(BatchTest, ADirtyPageIsLeftToTheFlushersAndMarked) {
  const OwnerId id = read_page(*machine, fast, 0);
  machine->page_cache.make_dirty(id);
  EXPECT_EQ(shrink({id}), 0U);
  EXPECT_TRUE(page_of(id).has(kPageDirty));
  EXPECT_TRUE(page_of(id).has(kPageReclaim));
  EXPECT_EQ(page_of(id).has(kPageActive), activates());
  EXPECT_EQ(counts.dirty, 1U);
  EXPECT_EQ(counts.unqueued_dirty, GetParam() >= Release::v3_11 ? 1U : 0U);
  EXPECT_EQ(events.nr_vmscan_immediate_reclaim, 1U);
}

TEST_P(BatchTest, APageUnderWritebackIsMarkedAndGoesOutOfTheWay) {
  const OwnerId id = read_page(*machine, slow, 0);
  machine->page_cache.make_dirty(id);
  run_now(machine->files.writeback(id));
  ASSERT_TRUE(page_of(id).has(kPageWriteback));
  EXPECT_EQ(shrink({id}), 0U);
  EXPECT_TRUE(page_of(id).has(kPageReclaim));
  EXPECT_EQ(page_of(id).has(kPageActive), activates());
  EXPECT_EQ(counts.writeback, 1U);
  EXPECT_EQ(counts.immediate, 0U);
  EXPECT_EQ(counts.congested, 0U) << "it is met for the first time";
}

TEST_P(BatchTest, KswapdCountsPagesThatComeRoundWhileTheNodeHasTooMany) {
  const OwnerId id = read_page(*machine, slow, 0);
  machine->page_cache.make_dirty(id);
  run_now(machine->files.writeback(id));
  machine->map.edit(pfn_of(id)).flags |= kPageReclaim;
  control.kswapd = true;
  node.writeback = true;
  EXPECT_EQ(shrink({id}), 0U);
  const bool counts_them = GetParam() >= Release::v3_11;
  EXPECT_EQ(counts.immediate, counts_them ? 1U : 0U);
  EXPECT_EQ(counts.writeback, counts_them ? 0U : 1U);
  EXPECT_EQ(counts.congested, counts_them ? 1U : 0U);
}

TEST_P(BatchTest, KswapdUnderPressureWritesAPageAndDropsItIfThatEndsAtOnce) {
  const OwnerId id = read_page(*machine, fast, 0);
  machine->page_cache.make_dirty(id);
  machine->map.edit(pfn_of(id)).flags |= kPageReclaim;
  control.kswapd = true;
  control.priority = kDefPriority - 3;
  node.dirty = true;
  const bool writes = GetParam() < Release::v6_2;
  EXPECT_EQ(shrink({id}), writes ? 1U : 0U);
  EXPECT_EQ(events.nr_vmscan_write, writes ? 1U : 0U);
  EXPECT_EQ(counts.pageout, writes ? 1U : 0U);
  EXPECT_EQ(machine->owners.released(id), writes);
  if (!writes) {
    EXPECT_TRUE(page_of(id).has(kPageActive)) << "without writepage";
  }
}

TEST_P(BatchTest, APageThatIsBeingWrittenStaysAndIsReclaimedWhenThatEnds) {
  if (GetParam() >= Release::v6_2) GTEST_SKIP() << "writes no single pages";
  const OwnerId id = read_page(*machine, slow, 0);
  machine->page_cache.make_dirty(id);
  machine->map.edit(pfn_of(id)).flags |= kPageReclaim;
  control.kswapd = true;
  control.priority = kDefPriority - 3;
  node.dirty = true;
  EXPECT_EQ(shrink({id}), 0U);
  EXPECT_TRUE(page_of(id).has(kPageWriteback));
  EXPECT_TRUE(page_of(id).has(kPageReclaim));
  EXPECT_FALSE(page_of(id).has(kPageLocked | kPageActive | kPageDirty));
}

// The conditions under which kswapd writes, each taken away in turn.
TEST_P(BatchTest, KswapdWritesNoPageWithoutPressure) {
  struct Case {
    const char* what;
    int priority;
    bool node_dirty, met_before, kswapd;
    Release since, before;  // releases that write
  };
  const Case cases[] = {
      {"not kswapd", 1, true, true, false, Release::v7_3, Release::v7_3},
      {"first priorities", kDefPriority, true, true, true, Release::v3_11, Release::v6_2},
      {"no batch was dirty as a whole", 1, false, true, true, Release::v3_5, Release::v3_11},
      {"met for the first time", 1, true, false, true, Release::v3_5, Release::v4_11},
  };
  std::uint64_t index = 0;
  for (const Case& c : cases) {
    const OwnerId id = read_page(*machine, fast, index++);
    machine->page_cache.make_dirty(id);
    if (c.met_before) machine->map.edit(pfn_of(id)).flags |= kPageReclaim;
    control.kswapd = c.kswapd;
    control.priority = c.priority;
    node.dirty = c.node_dirty;
    const bool writes = GetParam() >= c.since && GetParam() < c.before;
    EXPECT_EQ(shrink({id}), writes ? 1U : 0U) << c.what;
    list = PageList{};
  }
}

TEST_P(BatchTest, ACallerThatMustNotEnterFileSystemsWritesNothing) {
  const OwnerId id = read_page(*machine, fast, 0);
  machine->page_cache.make_dirty(id);
  machine->map.edit(pfn_of(id)).flags |= kPageReclaim;
  control.kswapd = true;
  control.priority = 1;
  control.gfp = kGfpKernel & ~kGfpFs;
  node.dirty = true;
  EXPECT_EQ(shrink({id}), 0U);
  EXPECT_TRUE(page_of(id).has(kPageDirty));
  EXPECT_FALSE(page_of(id).has(kPageActive));
}

// --- buffers ---

TEST_P(BatchTest, APageWithAnIdleBufferIsDropped) {
  const OwnerId id = read_page(*machine, fast, 0);
  machine->page_cache.buffer_of(id);
  EXPECT_EQ(shrink({id}), 1U);
}

TEST_P(BatchTest, APageWithABusyBufferBecomesActive) {
  const OwnerId id = read_page(*machine, fast, 0);
  machine->page_cache.hold_buffer(id);
  EXPECT_EQ(shrink({id}), 0U);
  EXPECT_TRUE(page_of(id).has(kPageActive));
  EXPECT_EQ(counts.activated_file, 1U);
}

TEST_P(BatchTest, ATruncatedPageIsFreedWithItsBuffer) {
  const FileId device = machine->files.open(FileMethod::journalled, /*slow=*/false);
  const OwnerId id = read_page(*machine, device, 0);
  const Pfn pfn = pfn_of(id);
  machine->page_cache.hold_buffer(id);
  const BufferId buffer = machine->page_cache.buffer_of(id);
  isolate({id});
  run_now(machine->files.truncate(device, 0));
  ASSERT_EQ(machine->map.page(pfn).owner, 0U);
  ASSERT_TRUE(machine->map.page(pfn).has(kPagePrivate));
  machine->buffers.put(buffer);
  EXPECT_EQ(shrink_batch(), 1U);
  EXPECT_EQ(machine->map.page(pfn).ref, 0);
}

// --- use ---

TEST_P(BatchTest, AMappedPageThatNothingUsesIsUnmappedAndDropped) {
  const OwnerId id = read_page(*machine, fast, 0);
  map(id, /*used=*/false);
  map(id, /*used=*/false);
  EXPECT_EQ(page_of(id).map, 2);
  const Pfn pfn = pfn_of(id);
  EXPECT_EQ(shrink({id}), 1U);
  EXPECT_EQ(machine->map.page(pfn).map, 0);
  EXPECT_EQ(control.nr_scanned, GetParam() < Release::v5_4 ? 2U : 1U);
}

// A page that one pte has used stays for another turn; with a second sign of use it becomes active.
TEST_P(BatchTest, UsedPagesStayOrBecomeActive) {
  struct Case {
    const char* what;
    unsigned users;
    bool marked, executable;
    bool dropped, active;
  };
  const Case cases[] = {
      {"not used", 0, false, false, true, false},
      {"accessed through the file", 0, true, false, true, false},
      {"used by one pte", 1, false, false, false, false},
      {"used by two ptes", 2, false, false, false, true},
      {"used by one pte and accessed through the file", 1, true, false, false, true},
      {"used by one pte of an executable mapping", 1, false, true, false, true},
  };
  std::uint64_t index = 0;
  for (const Case& c : cases) {
    const OwnerId id = read_page(*machine, fast, index++);
    for (unsigned i = 0; i < c.users; ++i) map(id, /*used=*/true, c.executable);
    Page& page = machine->map.edit(pfn_of(id));
    page.flags &= ~kPageReferenced;
    if (c.marked) page.flags |= kPageReferenced;
    counts = {};
    EXPECT_EQ(shrink({id}), c.dropped ? 1U : 0U) << c.what;
    list = PageList{};
    if (c.dropped) continue;
    EXPECT_EQ(page.has(kPageActive), c.active) << c.what;
    EXPECT_TRUE(page.has(kPageReferenced)) << c.what;
    EXPECT_EQ(counts.ref_keep, c.active ? 0U : 1U) << c.what;
    for (PteId pte = machine->owners.owner(id).first_pte; pte != 0; pte = machine->spaces.pte(pte).next)
      EXPECT_FALSE(machine->spaces.pte(pte).young) << c.what << ": asked, it is unused";
  }
}

TEST_P(BatchTest, APageThatIsDirtyAndAccessedThroughItsFileIsNotWritten) {
  const OwnerId id = read_page(*machine, fast, 0);
  machine->page_cache.make_dirty(id);
  machine->map.edit(pfn_of(id)).flags |= kPageReclaim | kPageReferenced;
  control.kswapd = true;
  control.priority = 1;
  node.dirty = true;
  EXPECT_EQ(shrink({id}), 0U);
  EXPECT_TRUE(page_of(id).has(kPageDirty));
}

// --- anonymous and shared memory ---

TEST_P(BatchTest, PrivateMemoryStaysWithoutSwap) {
  const OwnerId id = own_frame(*machine, 100, PageKind::anonymous);
  machine->spaces.pte(machine->owners.owner(id).first_pte).young = false;
  EXPECT_EQ(shrink({id}), 0U);
  EXPECT_TRUE(page_of(id).has(kPageActive));
  EXPECT_EQ(page_of(id).map, 1) << "it was not unmapped";
  EXPECT_EQ(counts.activated_anon, 1U);
}

TEST_P(BatchTest, ACallerThatStartsNoIoLeavesPrivateMemoryWhereItIs) {
  const OwnerId id = own_frame(*machine, 100, PageKind::anonymous);
  machine->spaces.pte(machine->owners.owner(id).first_pte).young = false;
  control.gfp = kGfpKernel & ~(kGfpIo | kGfpFs);
  EXPECT_EQ(shrink({id}), 0U);
  EXPECT_FALSE(page_of(id).has(kPageActive));
}

TEST_P(BatchTest, FreshPrivateMemoryCountsAsUsed) {
  const OwnerId id = own_frame(*machine, 100, PageKind::anonymous);
  EXPECT_EQ(shrink({id}), 0U);
  EXPECT_EQ(page_of(id).has(kPageActive), GetParam() < Release::v5_9);
  EXPECT_EQ(counts.ref_keep, GetParam() < Release::v5_9 ? 0U : 1U);
}

TEST_P(BatchTest, SharedMemoryStaysWithoutSwap) {
  const OwnerId id = own_frame(*machine, 100, PageKind::shmem);
  EXPECT_EQ(shrink({id}), 0U);
  EXPECT_TRUE(page_of(id).has(kPageActive));
  EXPECT_FALSE(machine->owners.released(id));
}

// Memory that MADV_FREE gave up, on the file list (4.12).
class LazyfreeBatchTest : public BatchTest {
 protected:
  OwnerId given_up() {
    process = machine->processes.spawn();
    mapping = machine->processes.mmap_anon(process, 1);
    EXPECT_EQ(run_now(machine->processes.write(process, mapping, 0)), 0);
    run_now(machine->lru.drain().add_drain(0));
    run_now(machine->processes.madv_free(process, mapping, 0, 1));
    run_now(machine->lru.drain().add_drain(0));
    return machine->processes.page_at(process, mapping, 0);
  }
  SpaceId process = 0;
  MappingId mapping = 0;
};
INSTANTIATE_TEST_SUITE_P(Since4_12, LazyfreeBatchTest,
                         ::testing::Values(Release::v4_19, Release::v5_10, Release::v5_15, Release::v6_1, Release::v6_6,
                                           Release::v6_12));

TEST_P(LazyfreeBatchTest, IsDroppedIfItWasNotWrittenToSince) {
  const OwnerId id = given_up();
  const Pfn pfn = pfn_of(id);
  EXPECT_EQ(shrink({id}), 1U);
  EXPECT_EQ(machine->map.page(pfn).ref, 0);
  EXPECT_EQ(machine->processes.page_at(process, mapping, 0), 0U);
  EXPECT_EQ(events.pglazyfreed, 1U);
}

TEST_P(LazyfreeBatchTest, IsOrdinaryMemoryAgainIfItWasWrittenTo) {
  const OwnerId id = given_up();
  EXPECT_EQ(run_now(machine->processes.write(process, mapping, 0)), 0);
  machine->spaces.pte(machine->owners.owner(id).first_pte).young = false;
  EXPECT_EQ(shrink({id}), 0U);
  EXPECT_EQ(machine->processes.page_at(process, mapping, 0), id);
  EXPECT_TRUE(page_of(id).has(kPageSwapbacked));
  EXPECT_TRUE(page_of(id).has(kPageActive));
  EXPECT_EQ(counts.lazyfree_fail, 1U);
  EXPECT_EQ(counts.unmap_fail, 1U);
  EXPECT_EQ(machine->lru.lists().isolated_anon(), 1);
  EXPECT_EQ(machine->lru.lists().isolated_file(), 0);
}

TEST_P(LazyfreeBatchTest, StaysMappedSince5_10IfOthersReferToIt) {
  const OwnerId id = given_up();
  const Pfn pfn = pfn_of(id);
  machine->lru.references().get_page(pfn);
  EXPECT_EQ(shrink({id}), 0U);
  const bool stays = GetParam() >= Release::v5_10;
  EXPECT_EQ(machine->processes.page_at(process, mapping, 0), stays ? id : 0U);
  EXPECT_EQ(machine->map.page(pfn).has(kPageSwapbacked), stays);
}

TEST_P(LazyfreeBatchTest, StaysOnceIfItWasJustWrittenTo) {
  const OwnerId id = given_up();
  EXPECT_EQ(run_now(machine->processes.write(process, mapping, 0)), 0);
  EXPECT_EQ(shrink({id}), 0U);
  EXPECT_FALSE(page_of(id).has(kPageActive | kPageSwapbacked));
  EXPECT_EQ(counts.ref_keep, 1U);
}

// --- others meanwhile ---

TEST_P(BatchTest, AFaultThatComesAfterThePageWasUnmappedKeepsIt) {
  const OwnerId id = read_page(*machine, fast, 0);
  map(id, /*used=*/false);
  isolate({id});
  Outcome<std::uint64_t> reclaimed;
  const ActorId reclaimer = start_task(*machine, keep_outcome(batch.shrink(list, control, node, counts), &reclaimed),
                                       Point::reclaim_unmapped);
  ASSERT_EQ(machine->engine.look(reclaimer).state, ActorState::ready);
  ASSERT_EQ(page_of(id).map, 0);
  // The fault finds the page in the cache, and waits for its lock.
  Outcome<int> fault;
  start_task(*machine, keep_outcome(machine->processes.touch_shared(1, 0, 0, /*write=*/false), &fault));
  run_to_rest(*machine);
  EXPECT_EQ(reclaimed.value, 0U);
  EXPECT_EQ(fault.value, 0);
  EXPECT_EQ(page_of(id).map, 1);
  EXPECT_FALSE(machine->owners.released(id));
}

TEST_P(BatchTest, DroppedPagesAreNoOnesUntilTheyAreFreed) {
  const OwnerId id = read_page(*machine, fast, 0);
  const Pfn pfn = pfn_of(id);
  isolate({id});
  Outcome<std::uint64_t> reclaimed;
  start_task(*machine, keep_outcome(batch.shrink(list, control, node, counts), &reclaimed), Point::reclaim_dropped);
  EXPECT_EQ(machine->map.page(pfn).ref, 0);
  EXPECT_EQ(machine->map.page(pfn).owner, 0U);
  EXPECT_TRUE(machine->map.page(pfn).has(kPageInFlight));
  EXPECT_FALSE(machine->map.page(pfn).has(kPageLocked | kPageTaskList));
  // Another reader gets another page.
  const OwnerId again = read_page(*machine, fast, 0);
  EXPECT_NE(again, id);
  run_to_rest(*machine);
  EXPECT_EQ(reclaimed.value, 1U);
  EXPECT_TRUE(machine->map.page(pfn).has(kPagePcp | kPageBuddy));
}

}  // namespace
}  // namespace cma
