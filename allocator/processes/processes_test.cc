#include "allocator/processes/processes.h"

#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

class ProcessesTest : public testing::TestWithParam<Release> {
 protected:
  ProcessesTest() : machine_(make_machine(default_small_geometry(GetParam()))) { populate_lru(*machine_, 100); }

  // A process with one mapping of `pages` touched pages, on the LRU.
  SpaceId process_with(std::uint64_t pages) {
    const SpaceId process = machine_->processes.spawn();
    const MappingId mapping = machine_->processes.mmap_anon(process, pages);
    for (std::uint64_t i = 0; i < pages; ++i) EXPECT_EQ(0, run_now(machine_->processes.write(process, mapping, i)));
    run_now(machine_->lru.drain().add_drain_all());
    return process;
  }
  const Page& page_of(SpaceId process, std::uint64_t index) const {
    const OwnerId id = machine_->processes.page_at(process, 0, index);
    return machine_->map.page(machine_->owners.owner(id).pfn);
  }

  std::unique_ptr<Machine> machine_;
};

INSTANTIATE_TEST_SUITE_P(Releases, ProcessesTest, testing::ValuesIn(modelled_releases()));

TEST_P(ProcessesTest, AFaultedPageIsMappedOnceAndOnTheLruAfterADrain) {
  const SpaceId process = machine_->processes.spawn();
  const MappingId mapping = machine_->processes.mmap_anon(process, 1);
  EXPECT_EQ(0U, machine_->processes.page_at(process, mapping, 0));
  EXPECT_EQ(0, run_now(machine_->processes.write(process, mapping, 0)));
  EXPECT_EQ(1, page_of(process, 0).map);
  EXPECT_EQ(2, page_of(process, 0).ref) << "the pte's and the pagevec's";
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_EQ(1, page_of(process, 0).ref);
  EXPECT_TRUE(page_of(process, 0).has(kPageLru));
}

TEST_P(ProcessesTest, AForkedPageHasOneReferenceAndOneMappingAProcess) {
  const SpaceId parent = process_with(3);
  const SpaceId child = run_now(machine_->processes.fork(parent));
  for (std::uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(machine_->processes.page_at(parent, 0, i), machine_->processes.page_at(child, 0, i));
    EXPECT_EQ(2, page_of(child, i).map);
    EXPECT_EQ(2, page_of(child, i).ref);
  }
}

TEST_P(ProcessesTest, WritingToASharedPageCopiesItAndLeavesTheOther) {
  const SpaceId parent = process_with(1);
  const SpaceId child = run_now(machine_->processes.fork(parent));
  const std::uint32_t before = page_of(parent, 0).token;
  EXPECT_EQ(0, run_now(machine_->processes.write(child, 0, 0)));
  EXPECT_NE(machine_->processes.page_at(parent, 0, 0), machine_->processes.page_at(child, 0, 0));
  EXPECT_EQ(before, page_of(parent, 0).token);
  EXPECT_NE(before, page_of(child, 0).token);
  EXPECT_EQ(1, page_of(parent, 0).map);
}

// Fork leaves private memory dirty in the child, as only shared memory is marked clean there.
TEST_P(ProcessesTest, WhatWasWrittenAfterMadvFreeIsKeptForAChild) {
  if (GetParam() < Release::v4_5) GTEST_SKIP() << "the release has no MADV_FREE";
  const SpaceId parent = process_with(1);
  run_now(machine_->processes.madv_free(parent, 0, 0, 1));
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_EQ(0, run_now(machine_->processes.write(parent, 0, 0)));
  const SpaceId child = run_now(machine_->processes.fork(parent));
  run_now(machine_->processes.exit(parent));
  const OwnerId page = machine_->processes.page_at(child, 0, 0);
  const Pfn pfn = machine_->owners.owner(page).pfn;
  EXPECT_EQ(0, run_now(machine_->contig.alloc_contig_range(pfn, pfn + 1, machine_->map.pageblock_type(pfn))));
  EXPECT_EQ(page, machine_->processes.page_at(child, 0, 0));
  EXPECT_NE(pfn, machine_->owners.owner(page).pfn);
}

TEST_P(ProcessesTest, TheLastSharerWritesWithoutACopy) {
  const SpaceId parent = process_with(1);
  const SpaceId child = run_now(machine_->processes.fork(parent));
  run_now(machine_->processes.exit(child));
  const OwnerId page = machine_->processes.page_at(parent, 0, 0);
  EXPECT_EQ(0, run_now(machine_->processes.write(parent, 0, 0)));
  EXPECT_EQ(page, machine_->processes.page_at(parent, 0, 0));
}

TEST_P(ProcessesTest, AnotherReferenceMakesTheLastSharerCopySince5_9) {
  const SpaceId parent = process_with(1);
  run_now(machine_->processes.exit(run_now(machine_->processes.fork(parent))));
  const OwnerId page = machine_->processes.page_at(parent, 0, 0);
  const Pfn held = machine_->owners.owner(page).pfn;
  machine_->lru.references().get_page(held);
  EXPECT_EQ(0, run_now(machine_->processes.write(parent, 0, 0)));
  const bool copied = machine_->processes.page_at(parent, 0, 0) != page;
  EXPECT_EQ(GetParam() >= Release::v5_9, copied);
  EXPECT_EQ(copied ? 1 : 2, machine_->map.page(held).ref);
}

TEST_P(ProcessesTest, APageOnItsWayToTheLruIsNotCopiedSince5_18) {
  const SpaceId parent = machine_->processes.spawn();
  const MappingId mapping = machine_->processes.mmap_anon(parent, 1);
  EXPECT_EQ(0, run_now(machine_->processes.write(parent, mapping, 0)));
  const SpaceId child = run_now(machine_->processes.fork(parent));
  run_now(machine_->processes.munmap(child, mapping, 0, 1));
  const SpaceId other = run_now(machine_->processes.fork(parent));
  // Its copy waits in the pagevec while the process gets another sharer, which does not empty it.
  EXPECT_EQ(0, run_now(machine_->processes.write(parent, mapping, 0)));
  const OwnerId copy = machine_->processes.page_at(parent, mapping, 0);
  EXPECT_EQ(2, page_of(parent, 0).ref);
  const SpaceId last = run_now(machine_->processes.fork(parent));
  EXPECT_EQ(0, run_now(machine_->processes.write(last, mapping, 0)));
  EXPECT_EQ(0, run_now(machine_->processes.write(parent, mapping, 0)));
  const bool copied_again = GetParam() >= Release::v5_9 && GetParam() < Release::v5_18;
  EXPECT_EQ(!copied_again, machine_->processes.page_at(parent, mapping, 0) == copy);
  run_now(machine_->processes.exit(other));
}

TEST_P(ProcessesTest, ExitGivesEveryPageBack) {
  const std::int64_t free = recount_free(*machine_).first;
  const SpaceId process = process_with(40);
  run_now(machine_->processes.exit(process));
  run_now(machine_->lru.drain().add_drain_all());
  const int all = PerCpuLists::kAllZones;
  run_now(machine_->buddy.per_cpu().drain_all_pages(all));
  // Pages that per-CPU lists had before may have gone to the free lists meanwhile.
  EXPECT_GE(recount_free(*machine_).first, free);
  EXPECT_FALSE(machine_->processes.alive(process));
}

TEST_P(ProcessesTest, BetweenUnmappingAndFlushingPagesAreReferencedButNotMapped) {
  const SpaceId process = process_with(2);
  const Pfn pfn = machine_->owners.owner(machine_->processes.page_at(process, 0, 0)).pfn;
  const ActorId actor = machine_->engine.add_actor(0);
  machine_->engine.begin(actor, machine_->processes.munmap(process, 0, 0, 2));
  machine_->engine.stop_at(actor, Point::zap_unflushed, 1);
  machine_->engine.resume(actor);
  EXPECT_EQ(0, machine_->map.page(pfn).map);
  EXPECT_EQ(1, machine_->map.page(pfn).ref);
  EXPECT_TRUE(machine_->map.page(pfn).has(kPageLru));
  machine_->engine.resume(actor);
  EXPECT_EQ(0, machine_->map.page(pfn).ref);
}

TEST_P(ProcessesTest, ABatchHoldsEightPagesAndThenAPageForFurtherOnes) {
  const SpaceId process = process_with(20);
  const std::int64_t free = machine_->buddy.zone(0).nr_free_pages;
  const int on_lists = machine_->buddy.zone(0).pcp[0].count;
  const ActorId actor = machine_->engine.add_actor(0);
  machine_->engine.begin(actor, machine_->processes.munmap(process, 0, 0, 20));
  machine_->engine.stop_at(actor, Point::zap_unflushed, 1);
  machine_->engine.resume(actor);
  const std::int64_t now = machine_->buddy.zone(0).nr_free_pages + machine_->buddy.zone(0).pcp[0].count;
  EXPECT_EQ(free + on_lists - 1, now) << "one page for slots 9 to 20";
  machine_->engine.resume(actor);
}

TEST_P(ProcessesTest, OnePageOfPtesIsUnmappedAtATime) {
  for (const std::uint64_t page_size : {4096, 16384}) {
    Geometry g = default_small_geometry(GetParam(), page_size);
    g.memory = {0, 4096};
    machine_ = make_machine(g);
    const SpaceId process = process_with(600);
    const ActorId actor = machine_->engine.add_actor(0);
    machine_->engine.begin(actor, machine_->processes.munmap(process, 0, 0, 600));
    machine_->engine.stop_at(actor, Point::zap_range_done, 1);
    machine_->engine.resume(actor);
    std::uint64_t unmapped = 0;
    for (const Page& page : machine_->map.pages()) unmapped += page.has(kPageLru) && page.map == 0 ? 1 : 0;
    EXPECT_EQ(unmapped, page_size == 4096 ? 512U : 600U) << page_size;
    machine_->engine.resume(actor);
  }
}

TEST_P(ProcessesTest, TheLastSlotOfABatchStaysFreeSince6_9) {
  const bool spare = GetParam() >= Release::v6_9;
  for (const std::uint64_t pages : {6, 7, 8}) {
    const SpaceId process = process_with(pages);
    const std::int64_t before = machine_->buddy.zone(0).nr_free_pages + machine_->buddy.zone(0).pcp[0].count;
    const ActorId actor = machine_->engine.add_actor(0);
    machine_->engine.begin(actor, machine_->processes.munmap(process, 0, 0, pages));
    machine_->engine.stop_at(actor, Point::zap_unflushed, 1);
    machine_->engine.resume(actor);
    const std::int64_t now = machine_->buddy.zone(0).nr_free_pages + machine_->buddy.zone(0).pcp[0].count;
    EXPECT_EQ(pages >= (spare ? 7U : 8U) ? 1 : 0, before - now) << pages << " pages in the gather";
    machine_->engine.resume(actor);
  }
}

TEST_P(ProcessesTest, BatchesAreReleasedOneAfterTheOther) {
  const SpaceId process = process_with(9);
  std::vector<Pfn> pages;
  for (std::uint64_t i = 0; i < 9; ++i)
    pages.push_back(machine_->owners.owner(machine_->processes.page_at(process, 0, i)).pfn);
  run_now(machine_->processes.munmap(process, 0, 0, 9));
  // The page freed last is allocated first: the only page of the second batch (of two, since 6.9).
  EXPECT_EQ(pages[8], machine_->buddy.alloc_pages(kGfpHighuserMovable, 0));
}

TEST_P(ProcessesTest, ASharedPageMovesWithAllItsMappings) {
  const SpaceId parent = machine_->processes.spawn();
  const MappingId mapping = machine_->processes.mmap_anon(parent, 1);
  claim_frame(*machine_, 0x220);
  EXPECT_EQ(0, run_now(machine_->processes.write(parent, mapping, 0, 0x220)));
  run_now(machine_->lru.drain().add_drain_all());
  const SpaceId child = run_now(machine_->processes.fork(parent));
  const std::uint32_t data = page_of(parent, 0).token;
  EXPECT_EQ(Pfn{0x200}, run_now(machine_->areas.cma_alloc(0, 64, 6, Warn::yes)));
  EXPECT_NE(Pfn{0x220}, machine_->owners.owner(machine_->processes.page_at(child, mapping, 0)).pfn);
  EXPECT_EQ(2, page_of(child, 0).map);
  EXPECT_EQ(data, page_of(child, 0).token);
}

TEST_P(ProcessesTest, LockedPagesAreUnevictableAndStillMove) {
  const SpaceId process = process_with(2);
  run_now(machine_->processes.mlock(process, 0));
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_EQ(2U, machine_->lru.lists().size(LruList::unevictable));
  EXPECT_TRUE(page_of(process, 1).has(kPageMlocked));
  ASSERT_NE(0U, run_now(machine_->areas.cma_alloc(0, 256, 0, Warn::yes))) << "wherever they were in the area";
  EXPECT_EQ(2U, machine_->lru.lists().size(LruList::unevictable));
  run_now(machine_->processes.exit(process));
  EXPECT_EQ(0U, machine_->lru.lists().size(LruList::unevictable));
  EXPECT_EQ(0, machine_->lru.lists().mlocked());
}

// The page moves off the LRU and back, and is counted anew.
TEST_P(ProcessesTest, AMovedLockedPageIsStillLocked) {
  const SpaceId process = machine_->processes.spawn();
  const MappingId mapping = machine_->processes.mmap_anon(process, 1);
  claim_frame(*machine_, 0x220);
  EXPECT_EQ(0, run_now(machine_->processes.write(process, mapping, 0, 0x220)));
  run_now(machine_->processes.mlock(process, mapping));
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_EQ(Pfn{0x200}, run_now(machine_->areas.cma_alloc(0, 64, 6, Warn::yes)));
  const Pfn now = machine_->owners.owner(machine_->processes.page_at(process, mapping, 0)).pfn;
  EXPECT_NE(Pfn{0x220}, now);
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_TRUE(machine_->map.page(now).has(kPageMlocked));
  EXPECT_EQ(1U, machine_->lru.lists().size(LruList::unevictable));
  EXPECT_EQ(1, machine_->lru.lists().mlocked());
  EXPECT_EQ(machine_->release() >= Release::v5_18 ? 1U : 0U, machine_->lru.lists().mlock_count(now));
}

// A child does not inherit the lock: without its parent the page is evictable again.
TEST_P(ProcessesTest, UnmappingLockedMemoryUnlocksAPageThatAChildStillMaps) {
  const SpaceId parent = process_with(1);
  run_now(machine_->processes.mlock(parent, 0));
  const SpaceId child = run_now(machine_->processes.fork(parent));
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_EQ(1U, machine_->lru.lists().size(LruList::unevictable));
  run_now(machine_->processes.munmap(parent, 0, 0, 1));
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_EQ(0U, machine_->lru.lists().size(LruList::unevictable));
  EXPECT_FALSE(page_of(child, 0).has(kPageMlocked | kPageUnevictable));
  EXPECT_TRUE(page_of(child, 0).has(kPageLru));
  EXPECT_EQ(1, page_of(child, 0).ref);
}

TEST_P(ProcessesTest, TwoLocksOfAPageLastUntilBothAreGone) {
  const SpaceId parent = process_with(1);
  run_now(machine_->processes.mlock(parent, 0));
  const SpaceId child = run_now(machine_->processes.fork(parent));
  run_now(machine_->processes.mlock(child, 0));
  run_now(machine_->lru.drain().add_drain_all());
  run_now(machine_->processes.exit(child));
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_EQ(1U, machine_->lru.lists().size(LruList::unevictable));
  EXPECT_TRUE(page_of(parent, 0).has(kPageMlocked));
  EXPECT_EQ(1, page_of(parent, 0).ref);
}

TEST_P(ProcessesTest, ACopyInLockedMemoryIsLockedAndTheOriginalNoLonger) {
  const SpaceId parent = process_with(1);
  run_now(machine_->processes.mlock(parent, 0));
  const SpaceId child = run_now(machine_->processes.fork(parent));
  EXPECT_EQ(0, run_now(machine_->processes.write(parent, 0, 0)));
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_TRUE(page_of(parent, 0).has(kPageMlocked));
  EXPECT_FALSE(page_of(child, 0).has(kPageMlocked));
  EXPECT_EQ(1U, machine_->lru.lists().size(LruList::unevictable));
  EXPECT_EQ(1, machine_->lru.lists().mlocked());
}

// Two tasks of a process touch one page. The slower one finds it there, and gives back what it has allocated.
class RacingFaultsTest : public ProcessesTest {
 protected:
  std::int64_t free_pages() {
    run_now(machine_->lru.drain().add_drain_all());
    run_now(machine_->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
    return machine_->buddy.zone(0).nr_free_pages;
  }
  // One task writes to page 0 of mapping 0 while the other has a page for it, or may not have, at `stop`.
  void write_twice(SpaceId process, Point stop) {
    Outcome<int> slow;
    const ActorId actor = machine_->engine.add_actor(0);
    machine_->engine.begin(actor, keep_outcome(machine_->processes.write(process, 0, 0), &slow));
    machine_->engine.stop_at(actor, stop, 1);
    machine_->engine.resume(actor);
    ASSERT_FALSE(slow.value);
    ASSERT_EQ(0, run_now(machine_->processes.write(process, 0, 0)));
    const Page* const page = &page_of(process, 0);
    run_to_rest(*machine_);
    EXPECT_EQ(slow.value, 0);
    EXPECT_EQ(page, &page_of(process, 0)) << "that of the faster one";
  }
};
INSTANTIATE_TEST_SUITE_P(Releases, RacingFaultsTest, testing::ValuesIn(modelled_releases()));

TEST_P(RacingFaultsTest, AFrameThatIsNotNeededIsFreedThoughTheWriteFails) {
  const SpaceId process = process_with(1);
  run_now(machine_->processes.fork(process));
  const Pfn frame = machine_->buddy.alloc_pages(kGfpHighuserMovable, 0);
  while (machine_->buddy.alloc_pages(kGfpHighuserMovable, 0) != kNoPfn) {
  }
  EXPECT_EQ(-kENOMEM, run_now(machine_->processes.write(process, 0, 0, frame))) << "no page for the copy";
  EXPECT_EQ(machine_->map.page(frame).ref, 0) << "write() has taken it over";
}

TEST_P(RacingFaultsTest, TheFirstTouchBringsInOnePage) {
  const SpaceId process = machine_->processes.spawn();
  machine_->processes.mmap_anon(process, 1);
  const std::int64_t before = free_pages();
  write_twice(process, Point::fault_allocated);
  EXPECT_EQ(before - 1, free_pages());
}

TEST_P(RacingFaultsTest, AWriteToASharedPageCopiesItOnce) {
  const SpaceId parent = process_with(1);
  const SpaceId child = run_now(machine_->processes.fork(parent));
  const std::int64_t before = free_pages();
  write_twice(child, Point::fault_allocated);
  EXPECT_EQ(before - 1, free_pages());
  EXPECT_EQ(1, page_of(parent, 0).map);
}

// --- memory that moves or is locked meanwhile ---

class InterruptedProcessTest : public RacingFaultsTest {
 protected:
  Pfn where(SpaceId process, std::uint64_t index) const {
    return machine_->owners.owner(machine_->processes.page_at(process, 0, index)).pfn;
  }
  // Begins to move a page, and stops when migration entries have taken the place of its ptes.
  void start_to_move(Pfn pfn) {
    start_to_isolate(pfn);
    go_on_to_move(pfn);
  }
  // Begins to move a page, and stops when it is off the LRU.
  void start_to_isolate(Pfn pfn) {
    mover_ = start_task(
        *machine_,
        keep_outcome(machine_->contig.alloc_contig_range(pfn, pfn + 1, machine_->map.pageblock_type(pfn)), &moved_),
        Point::scan_page_isolated);
    ASSERT_FALSE(moved_.value);
  }
  void go_on_to_move(Pfn pfn) {
    machine_->engine.stop_at(mover_, Point::migrate_unmapped, 1);
    machine_->engine.resume(mover_);
    ASSERT_EQ(machine_->map.page(pfn).map, 0);
  }
  ActorId mover_ = kMainActor;
  Outcome<int> moved_;
};
INSTANTIATE_TEST_SUITE_P(Releases, InterruptedProcessTest, testing::ValuesIn(modelled_releases()));

// The copy that was allocated is given back, and so is the reference with which the page would not move; then the
// writer waits for the page.
TEST_P(InterruptedProcessTest, AWriterWhosePageBeginsToMoveCopiesItAfterwards) {
  if (GetParam() < Release::v5_0) GTEST_SKIP() << "a waiter has a reference, with which the page does not move";
  const SpaceId parent = process_with(1);
  const SpaceId child = run_now(machine_->processes.fork(parent));
  const std::uint32_t data = page_of(parent, 0).token;
  const std::int64_t before = free_pages();
  start_to_isolate(where(parent, 0));
  Outcome<int> written;
  const ActorId writer =
      start_task(*machine_, keep_outcome(machine_->processes.write(child, 0, 0), &written), Point::fault_allocated);
  go_on_to_move(where(parent, 0));
  machine_->engine.resume(writer);
  EXPECT_FALSE(written.value);
  EXPECT_EQ(machine_->engine.look(writer).state, ActorState::waiting);
  run_to_rest(*machine_);
  EXPECT_EQ(written.value, 0);
  EXPECT_EQ(moved_.value, 0);
  EXPECT_EQ(page_of(parent, 0).token, data);
  EXPECT_NE(page_of(child, 0).token, data);
  EXPECT_EQ(page_of(parent, 0).map, 1);
  machine_->engine.assume(kMainActor);
  EXPECT_EQ(free_pages(), before - 2) << "the copy, and the frame that was emptied";
}

// wp_page_copy() holds the old page from before the allocation to the end of the copy.
TEST_P(InterruptedProcessTest, APageThatIsCopiedFromStays) {
  const SpaceId parent = process_with(1);
  const SpaceId child = run_now(machine_->processes.fork(parent));
  const Pfn old = where(parent, 0);
  Outcome<int> written;
  const ActorId writer =
      start_task(*machine_, keep_outcome(machine_->processes.write(child, 0, 0), &written), Point::fault_allocated);
  machine_->engine.assume(kMainActor);
  EXPECT_EQ(machine_->map.page(old).ref, 3);
  EXPECT_EQ(-kEBUSY, run_now(machine_->contig.alloc_contig_range(old, old + 1, machine_->map.pageblock_type(old))));
  machine_->engine.resume(writer);
  EXPECT_EQ(written.value, 0);
  EXPECT_EQ(where(parent, 0), old);
  machine_->engine.assume(kMainActor);
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_EQ(machine_->map.page(old).ref, 1);
}

// A page that several share already is read-only in each of them, and so are the entries.
TEST_P(InterruptedProcessTest, AChildThatIsBornWhileASharedPageMovesGetsIt) {
  const SpaceId parent = process_with(1);
  const SpaceId first = run_now(machine_->processes.fork(parent));
  start_to_move(where(parent, 0));
  machine_->engine.assume(kMainActor);
  const SpaceId second = run_now(machine_->processes.fork(parent));
  run_to_rest(*machine_);
  EXPECT_EQ(moved_.value, 0);
  EXPECT_EQ(machine_->processes.page_at(first, 0, 0), machine_->processes.page_at(second, 0, 0));
  EXPECT_EQ(page_of(second, 0).map, 3);
}

TEST_P(InterruptedProcessTest, AFrameThatATouchedPageDoesNotNeedIsFreed) {
  const SpaceId process = process_with(1);
  const Pfn before = where(process, 0);
  const Pfn frame = machine_->buddy.alloc_pages(kGfpHighuserMovable, 0);
  ASSERT_EQ(0, run_now(machine_->processes.write(process, 0, 0, frame)));
  EXPECT_EQ(where(process, 0), before);
  EXPECT_EQ(machine_->map.page(frame).ref, 0);
}

// Up to 5.17 mlock walks over memory that is locked already once more.
TEST_P(InterruptedProcessTest, LockingAgainEmptiesThePagevecsUpTo517) {
  const SpaceId process = process_with(1);
  run_now(machine_->processes.mlock(process, 0));
  const bool waits = GetParam() >= Release::v4_16 && GetParam() < Release::v5_18;
  EXPECT_EQ(page_of(process, 0).ref, waits ? 2 : 1);
  run_now(machine_->processes.mlock(process, 0));
  EXPECT_EQ(page_of(process, 0).ref, 1);
  EXPECT_EQ(machine_->lru.lists().mlocked(), 1);
}

TEST_P(InterruptedProcessTest, MemoryThatComesWhereLockedMemoryWasIsLocked) {
  const SpaceId process = process_with(2);
  run_now(machine_->processes.mlock(process, 0));
  run_now(machine_->processes.munmap(process, 0, 0, 1));
  ASSERT_EQ(0, run_now(machine_->processes.write(process, 0, 0)));
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_TRUE(page_of(process, 0).has(kPageMlocked));
  EXPECT_EQ(machine_->lru.lists().mlocked(), 2);
}

TEST_P(InterruptedProcessTest, APageThatIsLockedIsPassedOverByMlockUpTo517) {
  const SpaceId process = process_with(2);
  const Pfn busy = where(process, 0);
  ASSERT_TRUE(machine_->page_locks.try_lock(busy));
  run_now(machine_->processes.mlock(process, 0));
  machine_->page_locks.unlock(busy);
  EXPECT_EQ(machine_->map.page(busy).has(kPageMlocked), GetParam() >= Release::v5_18);
  EXPECT_TRUE(page_of(process, 1).has(kPageMlocked));
}

TEST_P(InterruptedProcessTest, APageThatIsLockedIsNotFreedLazily) {
  if (GetParam() < Release::v4_5) GTEST_SKIP() << "the release has no MADV_FREE";
  const SpaceId process = process_with(2);
  const Pfn busy = where(process, 0);
  ASSERT_TRUE(machine_->page_locks.try_lock(busy));
  run_now(machine_->processes.madv_free(process, 0, 0, 2));
  machine_->page_locks.unlock(busy);
  run_now(machine_->lru.drain().add_drain_all());
  const PteId first = machine_->owners.owner(machine_->processes.page_at(process, 0, 0)).first_pte;
  EXPECT_TRUE(machine_->spaces.pte(first).dirty);
  EXPECT_FALSE(machine_->spaces.pte(first + 1).dirty);
}

// madvise_free_single_vma: lru_add_drain.
TEST_P(ProcessesTest, APageThatWaitsToBeOnTheLruIsFreedLazily) {
  if (GetParam() < Release::v4_5) GTEST_SKIP() << "the release has no MADV_FREE";
  const SpaceId process = machine_->processes.spawn();
  const MappingId mapping = machine_->processes.mmap_anon(process, 1);
  EXPECT_EQ(0, run_now(machine_->processes.write(process, mapping, 0)));
  run_now(machine_->processes.madv_free(process, mapping, 0, 1));
  EXPECT_TRUE(page_of(process, 0).has(kPageLru));
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_EQ(page_of(process, 0).has(kPageSwapbacked), GetParam() < Release::v4_12);
}

// From 4.4 to 5.17 memory that would be copied when it is written to is locked by that copy, or when the page moves.
TEST_P(InterruptedProcessTest, APageSharedSinceAForkIsLockedWhenItIsCopiedOrMoves) {
  const SpaceId parent = machine_->processes.spawn();
  const MappingId mapping = machine_->processes.mmap_anon(parent, 1);
  claim_frame(*machine_, 0x220);
  EXPECT_EQ(0, run_now(machine_->processes.write(parent, mapping, 0, 0x220)));
  const SpaceId child = run_now(machine_->processes.fork(parent));
  run_now(machine_->processes.mlock(child, mapping));
  run_now(machine_->lru.drain().add_drain_all());
  const bool at_once = GetParam() < Release::v4_4 || GetParam() >= Release::v5_18;
  EXPECT_EQ(page_of(child, 0).has(kPageMlocked), at_once);
  EXPECT_EQ(Pfn{0x200}, run_now(machine_->areas.cma_alloc(0, 64, 6, Warn::yes)));
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_NE(Pfn{0x220}, where(child, 0));
  EXPECT_TRUE(page_of(child, 0).has(kPageMlocked));
  EXPECT_EQ(machine_->lru.lists().mlocked(), 1);
  EXPECT_EQ(machine_->lru.lists().size(LruList::unevictable), 1U);
}

// From 3.12 to 5.17 a page that waits in a pagevec has that emptied for it, once it is its pagevec's turn: the later of
// two such pages is on the LRU by then.
TEST_P(InterruptedProcessTest, MemoryIsUnlockedByPagevecs) {
  if (GetParam() < Release::v3_12 || GetParam() >= Release::v5_18) GTEST_SKIP() << "page by page";
  const SpaceId parent = machine_->processes.spawn();
  const MappingId mapping = machine_->processes.mmap_anon(parent, 20);
  for (std::uint64_t i = 0; i < 20; ++i) {
    if (i == 3 || i == 17) continue;
    ASSERT_EQ(0, run_now(machine_->processes.write(parent, mapping, i)));
  }
  run_now(machine_->processes.mlock(parent, mapping));
  run_now(machine_->lru.drain().add_drain_all());
  for (const std::uint64_t i : {3U, 17U}) ASSERT_EQ(0, run_now(machine_->processes.write(parent, mapping, i)));
  const SpaceId child = run_now(machine_->processes.fork(parent));
  run_now(machine_->processes.exit(parent));
  run_now(machine_->lru.drain().add_drain_all());
  // Up to 4.15 locked memory does not wait.
  const bool waits = GetParam() >= Release::v4_16;
  std::vector<Pfn> newest_first;
  if (waits) newest_first.push_back(where(child, 3));
  for (std::uint64_t i = 0; i < 20; ++i)
    if (!waits || i != 3) newest_first.insert(newest_first.begin(), where(child, i));
  std::vector<Pfn> listed = pfns_of(machine_->map, machine_->lru.lists().list(LruList::inactive_anon));
  listed.resize(newest_first.size());
  EXPECT_EQ(listed, newest_first);
  EXPECT_EQ(machine_->lru.lists().mlocked(), 0);
}

TEST_P(InterruptedProcessTest, APageIsTouchedWhenItIsLockedUpTo517) {
  const SpaceId process = process_with(1);
  run_now(machine_->processes.mlock(process, 0));
  EXPECT_EQ(page_of(process, 0).has(kPageReferenced), GetParam() < Release::v5_18);
}

// Other tasks of the process may have its page tables between two of them.
TEST_P(InterruptedProcessTest, OnePageOfPtesIsLockedAtATime) {
  Geometry g = default_small_geometry(GetParam());
  g.memory = {0, 4096};
  machine_ = make_machine(g);
  const SpaceId process = process_with(600);
  start_task(*machine_, machine_->processes.mlock(process, 0), Point::mlock_walked);
  EXPECT_EQ(machine_->lru.lists().mlocked(), 512);
  run_to_rest(*machine_);
  EXPECT_EQ(machine_->lru.lists().mlocked(), 600);
}

// Parent and child have locked the page: when the child gets a copy, the page stays locked for the parent.
TEST_P(InterruptedProcessTest, APageThatAnotherHasLockedStaysLockedWhenItIsReplaced) {
  const SpaceId parent = process_with(1);
  run_now(machine_->processes.mlock(parent, 0));
  const SpaceId child = run_now(machine_->processes.fork(parent));
  run_now(machine_->processes.mlock(child, 0));
  run_now(machine_->lru.drain().add_drain_all());
  ASSERT_EQ(0, run_now(machine_->processes.write(child, 0, 0)));
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_TRUE(page_of(parent, 0).has(kPageMlocked));
  EXPECT_TRUE(page_of(child, 0).has(kPageMlocked));
  EXPECT_EQ(machine_->lru.lists().size(LruList::unevictable), 2U);
  EXPECT_EQ(machine_->lru.lists().mlocked(), 2);
}

// Since 3.15 dirty pages of files are flushed at the end of each page of ptes. The pages that were had for further
// slots are used again after that.
TEST_P(InterruptedProcessTest, PagesForFurtherSlotsAreUsedAgain) {
  Geometry g = default_small_geometry(GetParam());
  g.memory = {0, 4096};
  machine_ = make_machine(g);
  const FileId file = machine_->files.open(FileMethod::ordered, /*slow=*/false);
  std::vector<OwnerId> pages;
  for (std::uint64_t i = 0; i < 600; ++i) pages.push_back(run_now(machine_->files.read(file, i, false)).page);
  const SpaceId process = machine_->processes.spawn();
  machine_->processes.mmap_shared(process, pages);
  for (std::uint64_t i = 0; i < 600; ++i) ASSERT_EQ(0, run_now(machine_->processes.touch_shared(process, 0, i, true)));
  const std::int64_t before = free_pages();
  start_task(*machine_, machine_->processes.munmap(process, 0, 0, 600), Point::zap_unflushed);
  machine_->engine.assume(kMainActor);
  run_now(machine_->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  EXPECT_EQ(machine_->buddy.zone(0).nr_free_pages, before - (GetParam() >= Release::v3_15 ? 1 : 2));
  run_to_rest(*machine_);
  machine_->engine.assume(kMainActor);
  EXPECT_EQ(free_pages(), before);
  for (const OwnerId page : pages) EXPECT_EQ(machine_->map.page(machine_->owners.owner(page).pfn).map, 0);
}

// Its ptes go one by one, under the lock of the page tables that another has first.
TEST_P(InterruptedProcessTest, APageThatIsUnmappedBeforeItMovesIsFreed) {
  const SpaceId process = process_with(1);
  const Pfn pfn = where(process, 0);
  Engine& engine = machine_->engine;
  const ActorId holder = engine.add_actor(1);
  engine.assume(holder);
  ASSERT_TRUE(machine_->spaces.lock(process).try_lock(engine));
  const ActorId unmapper = start_task(*machine_, machine_->processes.munmap(process, 0, 0, 1));
  const ActorId mover = start_task(
      *machine_,
      keep_outcome(machine_->contig.alloc_contig_range(pfn, pfn + 1, machine_->map.pageblock_type(pfn)), &moved_));
  EXPECT_EQ(engine.look(unmapper).state, ActorState::waiting);
  EXPECT_EQ(engine.look(mover).state, ActorState::waiting);
  engine.assume(holder);
  machine_->spaces.lock(process).unlock(engine);
  run_to_rest(*machine_);
  EXPECT_EQ(moved_.value, 0);
  EXPECT_EQ(machine_->map.page(pfn).ref, 1) << "the caller's now";
  EXPECT_EQ(machine_->map.page(pfn).owner, 0U);
  EXPECT_EQ(0U, machine_->processes.page_at(process, 0, 0));
}

TEST_P(InterruptedProcessTest, AnEntryThatIsUnmappedIsNotMappedAgain) {
  const SpaceId parent = process_with(1);
  const SpaceId child = run_now(machine_->processes.fork(parent));
  const Pfn pfn = where(parent, 0);
  Engine& engine = machine_->engine;
  const ActorId mover = start_task(
      *machine_,
      keep_outcome(machine_->contig.alloc_contig_range(pfn, pfn + 1, machine_->map.pageblock_type(pfn)), &moved_),
      Point::migrate_unmapped);
  ASSERT_EQ(machine_->map.page(pfn).map, 0);
  const ActorId holder = engine.add_actor(1);
  engine.assume(holder);
  ASSERT_TRUE(machine_->spaces.lock(child).try_lock(engine));
  const ActorId unmapper = start_task(*machine_, machine_->processes.munmap(child, 0, 0, 1));
  EXPECT_EQ(engine.look(unmapper).state, ActorState::waiting);
  engine.resume(mover);
  EXPECT_EQ(engine.look(mover).state, ActorState::waiting);
  engine.assume(holder);
  machine_->spaces.lock(child).unlock(engine);
  run_to_rest(*machine_);
  EXPECT_EQ(moved_.value, 0);
  EXPECT_EQ(0U, machine_->processes.page_at(child, 0, 0));
  EXPECT_EQ(page_of(parent, 0).map, 1);
}

}  // namespace
}  // namespace cma
