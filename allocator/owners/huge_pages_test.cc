#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/buddy/compound.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

Geometry with_huge_pages(Release release) {
  Geometry geometry = default_small_geometry(release);
  geometry.transparent_hugepages = true;
  return geometry;
}

// A process with one huge page, of 16 pages on this machine.
class HugePagesTest : public testing::TestWithParam<Release> {
 protected:
  static constexpr std::uint64_t kPages = 16;

  HugePagesTest() : machine_(make_machine(with_huge_pages(GetParam()))) {
    populate_lru(*machine_, 100);
    parent_ = machine_->processes.spawn();
    machine_->processes.mmap_huge(parent_, 1);
    write(parent_, 0);
    run_now(machine_->lru.drain().add_drain_all());
    head_ = frame(parent_, 0);
  }

  void write(SpaceId process, std::uint64_t index) {
    EXPECT_EQ(0, run_now(machine_->processes.write(process, 0, index)));
  }
  Pfn frame(SpaceId process, std::uint64_t index) const {
    const OwnerId id = machine_->processes.page_at(process, 0, index);
    return id == 0 ? kNoPfn : machine_->owners.owner(id).pfn;
  }
  const Page& head() const { return machine_->map.page(head_); }
  const Page& page(Pfn pfn) const { return machine_->map.page(pfn); }
  std::uint64_t lru_pages() const {
    std::uint64_t pages = 0;
    for (unsigned list = 0; list < kLruLists; ++list) pages += machine_->lru.lists().size(static_cast<LruList>(list));
    return pages;
  }
  std::int64_t free_pages() {
    run_now(machine_->buddy.per_cpu().drain_all_pages(0));
    return machine_->buddy.zone(0).nr_free_pages;
  }
  int split() { return run_now(machine_->processes.split_huge(parent_, 0)); }
  // Takes all memory but so many pages, of which no block of a huge page's size can be made.
  void leave_small_pages(std::uint64_t pages) {
    std::vector<std::pair<Pfn, unsigned>> taken;
    for (unsigned order = 7; order-- > 0;)
      for (Pfn pfn = 0; (pfn = machine_->buddy.alloc_pages(kGfpHighuserMovable | kGfpComp, order)) != kNoPfn;)
        if (order >= 4) taken.emplace_back(pfn, order);
    for (; pages > 0; taken.pop_back()) {
      ASSERT_FALSE(taken.empty());
      const auto [block, order] = taken.back();
      split_captured(machine_->map, block, order);
      for (Pfn pfn = block; pfn < block + order_pages(order) && pages > 0; ++pfn) {
        if (pfn % kPages == 0) continue;
        run_now(machine_->buddy.free_pages(pfn, 0));
        --pages;
      }
    }
  }

  std::unique_ptr<Machine> machine_;
  SpaceId parent_ = 0;
  Pfn head_ = kNoPfn;
};

INSTANTIATE_TEST_SUITE_P(Releases, HugePagesTest, testing::ValuesIn(modelled_releases()));

TEST_P(HugePagesTest, AFaultBringsOneThatItsFirstPageCountsFor) {
  EXPECT_TRUE(is_aligned(head_, kPages));
  EXPECT_TRUE(head().has(kPageHead) && head().has(kPageLru));
  EXPECT_EQ(1, head().ref);
  EXPECT_EQ(1, head().map);
  EXPECT_EQ(100 + kPages, lru_pages()) << "lists count base pages";
  for (std::uint64_t i = 1; i < kPages; ++i) {
    EXPECT_EQ(frame(parent_, i), head_ + i);
    EXPECT_EQ(0, page(head_ + i).ref);
    EXPECT_EQ(0, page(head_ + i).map);
  }
}

TEST_P(HugePagesTest, UnmappedWholeItIsFreedWhole) {
  const std::int64_t before = free_pages();
  run_now(machine_->processes.munmap(parent_, 0, 0, kPages));
  EXPECT_EQ(before + 16, free_pages());
  EXPECT_EQ(100U, lru_pages());
  EXPECT_EQ(kNoPfn, frame(parent_, 0));
}

TEST_P(HugePagesTest, UnmappedInPartItKeepsAllItsMemoryUntilItIsSplit) {
  const std::int64_t before = free_pages();
  run_now(machine_->processes.munmap(parent_, 0, 3, 2));
  if (GetParam() < Release::v4_5) {
    EXPECT_FALSE(head().has(kPageHead)) << "split with its pmd";
    EXPECT_EQ(before + 2, free_pages());
    return;
  }
  EXPECT_TRUE(head().has(kPageHead));
  EXPECT_EQ(14, head().map);
  EXPECT_EQ(14, head().ref);
  EXPECT_EQ(before, free_pages());
  EXPECT_EQ(0, split());
  EXPECT_EQ(before + 2, free_pages());
  EXPECT_EQ(100U + 14, lru_pages());
}

TEST_P(HugePagesTest, SplitItIsAsManyPagesInItsPlaceOnTheLru) {
  std::vector<std::uint32_t> tokens;
  for (std::uint64_t i = 0; i < kPages; ++i) tokens.push_back(page(head_ + i).token);
  EXPECT_EQ(0, split());
  for (std::uint64_t i = 0; i < kPages; ++i) {
    const Page& one = page(head_ + i);
    EXPECT_EQ(frame(parent_, i), head_ + i);
    EXPECT_EQ(1, one.ref);
    EXPECT_EQ(1, one.map);
    EXPECT_EQ(tokens[i], one.token);
    EXPECT_TRUE(one.has(kPageLru) && !one.has(kPageHead | kPageTail | kPageLocked));
    if (i > 0) {
      EXPECT_EQ(one.next, machine_->map.frame(head_ + i - 1)) << "in front of the page before it";
    }
  }
  EXPECT_EQ(100 + kPages, lru_pages());
}

TEST_P(HugePagesTest, AnotherReferenceForbidsToSplitItSince4_5) {
  machine_->lru.references().get_page(head_);
  const int expected = GetParam() < Release::v4_5 ? 0 : GetParam() < Release::v6_1 ? -kEBUSY : -kEAGAIN;
  EXPECT_EQ(expected, split());
  EXPECT_EQ(expected != 0, head().has(kPageHead));
  EXPECT_EQ(2, head().ref);
  run_now(machine_->lru.references().put_page(head_));
}

TEST_P(HugePagesTest, AReferenceTakenWhileItIsUnmappedLeavesItWhole) {
  if (GetParam() < Release::v4_5) GTEST_SKIP() << "references do not matter";
  Outcome<int> outcome;
  const ActorId splitter = machine_->engine.add_actor(0);
  machine_->engine.begin(splitter, keep_outcome(machine_->processes.split_huge(parent_, 0), &outcome));
  machine_->engine.stop_at(splitter, Point::split_unmapped, 1);
  machine_->engine.resume(splitter);
  ASSERT_FALSE(outcome.value);
  EXPECT_EQ(0, head().map);
  machine_->lru.references().get_page(head_);
  run_to_rest(*machine_);
  EXPECT_EQ(outcome.value, GetParam() < Release::v6_1 ? -kEBUSY : -kEAGAIN);
  EXPECT_TRUE(head().has(kPageHead));
  EXPECT_EQ(16, head().map) << "by ptes now";
  EXPECT_EQ(17, head().ref);
}

TEST_P(HugePagesTest, ForkSharesTheWhole) {
  const SpaceId child = run_now(machine_->processes.fork(parent_));
  EXPECT_EQ(2, head().map);
  EXPECT_EQ(2, head().ref);
  EXPECT_EQ(frame(child, 7), head_ + 7);
  run_now(machine_->processes.exit(child));
  EXPECT_EQ(1, head().ref);
}

// Since 5.8 splits the pmd and copies the one page; before, the whole was copied.
TEST_P(HugePagesTest, AWriteToASharedOneCopiesTheWholeOrThePage) {
  const SpaceId child = run_now(machine_->processes.fork(parent_));
  write(child, 3);
  EXPECT_NE(frame(child, 3), head_ + 3);
  EXPECT_EQ(frame(parent_, 3), head_ + 3);
  if (GetParam() < Release::v5_8) {
    EXPECT_TRUE(page(frame(child, 0)).has(kPageHead));
    EXPECT_EQ(1, head().map);
    return;
  }
  EXPECT_EQ(frame(child, 0), head_) << "still shared";
  EXPECT_EQ(16, head().map) << "one pmd and fifteen ptes";
  EXPECT_EQ(16, head().ref);
  EXPECT_FALSE(page(frame(child, 3)).has(kPageHead | kPageTail));
}

TEST_P(HugePagesTest, TheLastSharerWritesToTheHugePageItself) {
  run_now(machine_->processes.exit(run_now(machine_->processes.fork(parent_))));
  write(parent_, 3);
  EXPECT_EQ(frame(parent_, 3), head_ + 3);
  EXPECT_TRUE(head().has(kPageHead));
  EXPECT_EQ(1, head().map);
}

TEST_P(HugePagesTest, AnotherReferenceMakesTheLastSharerCopySince5_18) {
  run_now(machine_->processes.exit(run_now(machine_->processes.fork(parent_))));
  machine_->lru.references().get_page(head_);
  write(parent_, 3);
  EXPECT_EQ(frame(parent_, 3) == head_ + 3, GetParam() < Release::v5_18);
  EXPECT_EQ(frame(parent_, 4), head_ + 4);
  run_now(machine_->lru.references().put_page(head_));
}

TEST_P(HugePagesTest, WithoutAFreeBlockOfItsSizeSmallPagesDo) {
  leave_small_pages(15);
  const SpaceId process = machine_->processes.spawn();
  machine_->processes.mmap_huge(process, 1);
  write(process, 0);
  ASSERT_NE(kNoPfn, frame(process, 0));
  EXPECT_FALSE(page(frame(process, 0)).has(kPageHead | kPageTail));
}

// Up to 5.7 as many small pages take the place of the copy.
TEST_P(HugePagesTest, ASharedOneIsCopiedPageByPageUpTo5_7) {
  const SpaceId child = run_now(machine_->processes.fork(parent_));
  leave_small_pages(30);
  write(child, 3);
  for (std::uint64_t i = 0; i < kPages; ++i) {
    EXPECT_EQ(frame(parent_, i), head_ + i);
    EXPECT_EQ(frame(child, i) != head_ + i, GetParam() < Release::v5_8 || i == 3);
    if (frame(child, i) == head_ + i) continue;
    EXPECT_FALSE(page(frame(child, i)).has(kPageHead | kPageTail));
  }
}

TEST_P(HugePagesTest, WithoutMemoryForAllOfItThePageWrittenToAloneIsCopied) {
  const SpaceId child = run_now(machine_->processes.fork(parent_));
  leave_small_pages(15);
  write(child, 3);
  for (std::uint64_t i = 0; i < kPages; ++i) EXPECT_EQ(frame(child, i) == head_ + i, i != 3);
  if (GetParam() >= Release::v4_5) {
    EXPECT_TRUE(head().has(kPageHead)) << "the parent maps it whole";
  }
}

// Two tasks of a process touch one huge page. The slower one finds it there, and gives back what it has allocated.
class RacingHugeFaultsTest : public HugePagesTest {
 protected:
  void write_twice(SpaceId process) {
    Outcome<int> slow;
    const ActorId actor = machine_->engine.add_actor(0);
    machine_->engine.begin(actor, keep_outcome(machine_->processes.write(process, 0, 3), &slow));
    machine_->engine.stop_at(actor, Point::huge_fault_allocated, 1);
    machine_->engine.resume(actor);
    ASSERT_FALSE(slow.value);
    write(process, 3);
    const Pfn there = frame(process, 3);
    run_to_rest(*machine_);
    EXPECT_EQ(slow.value, 0);
    EXPECT_EQ(there, frame(process, 3)) << "that of the faster one";
  }
};
INSTANTIATE_TEST_SUITE_P(Releases, RacingHugeFaultsTest, testing::ValuesIn(modelled_releases()));

TEST_P(RacingHugeFaultsTest, TheFirstTouchBringsInOneHugePage) {
  const SpaceId process = machine_->processes.spawn();
  machine_->processes.mmap_huge(process, 1);
  const std::int64_t before = free_pages();
  write_twice(process);
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_EQ(before - 16, free_pages());
}

TEST_P(RacingHugeFaultsTest, AWriteToASharedOneCopiesItOnceUpTo5_7) {
  if (GetParam() >= Release::v5_8) GTEST_SKIP() << "pages of it are copied";
  const SpaceId child = run_now(machine_->processes.fork(parent_));
  const std::int64_t before = free_pages();
  write_twice(child);
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_EQ(before - 16, free_pages());
  EXPECT_EQ(1, head().map);
}

TEST_P(RacingHugeFaultsTest, OneThatIsCopiedFromIsHeldMeanwhileUpTo5_7) {
  if (GetParam() >= Release::v5_8) GTEST_SKIP() << "pages of it are copied";
  const SpaceId child = run_now(machine_->processes.fork(parent_));
  const int before = head().ref;
  Outcome<int> written;
  const ActorId writer = start_task(*machine_, keep_outcome(machine_->processes.write(child, 0, 3), &written),
                                    Point::huge_fault_allocated);
  EXPECT_EQ(head().ref, before + 1);
  machine_->engine.resume(writer);
  run_to_rest(*machine_);
  EXPECT_EQ(written.value, 0);
  EXPECT_EQ(head().ref, before - 1) << "the child's is gone";
}

TEST_P(RacingHugeFaultsTest, SmallPagesInItsPlaceAreMappedOnceUpTo5_7) {
  if (GetParam() >= Release::v5_8) GTEST_SKIP() << "pages of it are copied";
  const SpaceId child = run_now(machine_->processes.fork(parent_));
  leave_small_pages(45);
  const std::int64_t before = free_pages();
  write_twice(child);
  run_now(machine_->lru.drain().add_drain_all());
  EXPECT_EQ(before - 16, free_pages());
  EXPECT_EQ(1, head().map);
}

// A huge page on its way, in a range that is being emptied since 5.7.
class MovingHugePageTest : public HugePagesTest {
 protected:
  void begin_to_move() {
    mover_ = machine_->engine.add_actor(0);
    const Migratetype type = machine_->map.pageblock_type(head_);
    machine_->engine.begin(mover_,
                           keep_outcome(machine_->contig.alloc_contig_range(head_, head_ + kPages, type), &moved_));
    machine_->engine.stop_at(mover_, Point::migrate_unmapped, 1);
    machine_->engine.resume(mover_);
    ASSERT_EQ(0, head().map);
  }
  Outcome<int> moved_;
  ActorId mover_ = kNoActor;
};

INSTANTIATE_TEST_SUITE_P(Releases, MovingHugePageTest, testing::ValuesIn(modelled_releases()));

TEST_P(MovingHugePageTest, AChildForkedMeanwhileFindsItWhereItWent) {
  if (GetParam() < Release::v5_7) GTEST_SKIP() << "huge pages do not move";
  begin_to_move();
  const SpaceId child = run_now(machine_->processes.fork(parent_));
  run_to_rest(*machine_);
  EXPECT_EQ(moved_.value, 0);
  EXPECT_NE(frame(child, 0), head_);
  EXPECT_EQ(frame(child, 0), frame(parent_, 0));
  EXPECT_EQ(2, page(frame(child, 0)).map);
}

TEST_P(MovingHugePageTest, AWriteMeanwhileWaitsAndGoesWhereItWent) {
  if (GetParam() < Release::v5_0) GTEST_SKIP() << "a fault that waits keeps a reference to the page";
  begin_to_move();
  Outcome<int> written;
  const ActorId writer = machine_->engine.add_actor(1);
  machine_->engine.begin(writer, keep_outcome(machine_->processes.write(parent_, 0, 3), &written));
  machine_->engine.resume(writer);
  EXPECT_FALSE(written.value) << "it waits";
  run_to_rest(*machine_);
  EXPECT_EQ(moved_.value, 0);
  EXPECT_EQ(written.value, 0);
  EXPECT_NE(frame(parent_, 0), head_);
  EXPECT_EQ(frame(parent_, 3), frame(parent_, 0) + 3);
}

// --- others come between ---

// Tasks that wait for the lock of a process's page tables get it in the order in which they came.
class ContendedHugePageTest : public HugePagesTest {
 protected:
  bool waits(ActorId actor) const { return machine_->engine.look(actor).state == ActorState::waiting; }
  void lock_tables(SpaceId process) {
    holder_ = machine_->engine.add_actor(1);
    machine_->engine.assume(holder_);
    ASSERT_TRUE(machine_->spaces.lock(process).try_lock(machine_->engine));
  }
  void unlock_tables(SpaceId process) {
    machine_->engine.assume(holder_);
    machine_->spaces.lock(process).unlock(machine_->engine);
    finish();
  }
  void finish() {
    run_to_rest(*machine_);
    machine_->engine.assume(kMainActor);
    run_now(machine_->lru.drain().add_drain_all());
    EXPECT_TRUE(machine_->page_locks.none_held());
    EXPECT_EQ(machine_->lru.lists().isolated_anon(), 0);
  }
  Task<void> move() {
    return keep_outcome(machine_->contig.alloc_contig_range(head_, head_ + kPages, machine_->map.pageblock_type(head_)),
                        &moved_);
  }
  Task<void> writes(SpaceId process, std::uint64_t index) {
    return keep_outcome(machine_->processes.write(process, 0, index), &written_);
  }

  ActorId holder_ = kNoActor;
  Outcome<int> moved_;
  Outcome<int> written_;
};
INSTANTIATE_TEST_SUITE_P(Releases, ContendedHugePageTest, testing::ValuesIn(modelled_releases()));

TEST_P(ContendedHugePageTest, AWriterFindsItUnmappedAndTouchesAFreshPage) {
  const SpaceId child = run_now(machine_->processes.fork(parent_));
  lock_tables(child);
  EXPECT_TRUE(waits(start_task(*machine_, machine_->processes.munmap(child, 0, 0, kPages))));
  EXPECT_TRUE(waits(start_task(*machine_, writes(child, 3))));
  unlock_tables(child);
  EXPECT_EQ(written_.value, 0);
  EXPECT_NE(frame(child, 3), kNoPfn);
  EXPECT_NE(frame(child, 3), head_ + 3);
  EXPECT_EQ(1, head().map);
  EXPECT_EQ(1, head().ref);
}

TEST_P(ContendedHugePageTest, AnUnmapFindsItSplitAndTakesThePages) {
  const SpaceId child = run_now(machine_->processes.fork(parent_));
  lock_tables(child);
  EXPECT_TRUE(waits(start_task(*machine_, writes(child, 3))));
  EXPECT_TRUE(waits(start_task(*machine_, machine_->processes.munmap(child, 0, 0, kPages))));
  unlock_tables(child);
  EXPECT_EQ(written_.value, 0);
  for (std::uint64_t i = 0; i < kPages; ++i) EXPECT_NE(frame(child, i), head_ + i) << "what it has is fresh";
  EXPECT_EQ(1, head().map);
  EXPECT_EQ(1, head().ref);
}

TEST_P(ContendedHugePageTest, AMoveFindsItUnmapped) {
  if (GetParam() < Release::v5_7) GTEST_SKIP() << "huge pages stay";
  lock_tables(parent_);
  EXPECT_TRUE(waits(start_task(*machine_, machine_->processes.munmap(parent_, 0, 0, kPages))));
  EXPECT_TRUE(waits(start_task(*machine_, move())));
  unlock_tables(parent_);
  EXPECT_EQ(moved_.value, 0) << "it was freed";
  EXPECT_EQ(frame(parent_, 0), kNoPfn);
}

TEST_P(ContendedHugePageTest, ASplitFindsItUnmapped) {
  const SpaceId child = run_now(machine_->processes.fork(parent_));
  lock_tables(child);
  EXPECT_TRUE(waits(start_task(*machine_, machine_->processes.munmap(child, 0, 0, kPages))));
  start_task(*machine_, keep_outcome(machine_->processes.split_huge(parent_, 0), &written_));
  unlock_tables(child);
  EXPECT_EQ(frame(child, 0), kNoPfn);
  ASSERT_TRUE(written_.value);
  EXPECT_EQ(page(head_ + 3).map, *written_.value == 0 ? 1 : 0) << "by the parent alone";
}

TEST_P(ContendedHugePageTest, WhatIsUnmappedWhileItMovesIsNotMappedAgain) {
  if (GetParam() < Release::v5_7) GTEST_SKIP() << "huge pages stay";
  const ActorId mover = start_task(*machine_, move(), Point::migrate_unmapped);
  ASSERT_EQ(0, head().map);
  machine_->engine.assume(kMainActor);
  run_now(machine_->processes.munmap(parent_, 0, 0, kPages));
  EXPECT_EQ(frame(parent_, 0), kNoPfn);
  machine_->engine.resume(mover);
  finish();
  EXPECT_TRUE(moved_.value);
}

// The entry of the whole becomes entries of its pages.
TEST_P(ContendedHugePageTest, APartThatIsUnmappedWhileItMovesIsMissingInItsNewPlace) {
  if (GetParam() < Release::v5_7) GTEST_SKIP() << "huge pages stay";
  const std::uint32_t data = page(head_ + 5).token;
  const ActorId mover = start_task(*machine_, move(), Point::migrate_unmapped);
  machine_->engine.assume(kMainActor);
  run_now(machine_->processes.munmap(parent_, 0, 3, 2));
  machine_->engine.resume(mover);
  finish();
  EXPECT_EQ(moved_.value, 0);
  EXPECT_EQ(frame(parent_, 3), kNoPfn);
  EXPECT_EQ(frame(parent_, 4), kNoPfn);
  const Pfn now = frame(parent_, 0);
  ASSERT_NE(now, head_);
  EXPECT_EQ(14, page(now).map);
  EXPECT_EQ(14, page(now).ref);
  EXPECT_EQ(data, page(frame(parent_, 5)).token);
}

TEST_P(ContendedHugePageTest, TheEntryIsGoneWhenItsPlaceIsKnown) {
  if (GetParam() < Release::v5_7) GTEST_SKIP() << "huge pages stay";
  const SpaceId child = run_now(machine_->processes.fork(parent_));
  const ActorId mover = start_task(*machine_, move(), Point::migrate_unmapped);
  lock_tables(child);
  EXPECT_TRUE(waits(start_task(*machine_, machine_->processes.munmap(child, 0, 0, kPages))));
  machine_->engine.resume(mover);
  EXPECT_TRUE(waits(mover));
  unlock_tables(child);
  EXPECT_EQ(moved_.value, 0);
  EXPECT_EQ(frame(child, 0), kNoPfn);
  EXPECT_EQ(1, page(frame(parent_, 0)).map);
}

TEST_P(ContendedHugePageTest, OneThatIsPinnedWhenItIsUnmappedStays) {
  if (GetParam() < Release::v5_7) GTEST_SKIP() << "huge pages stay";
  const ActorId mover = start_task(*machine_, move(), Point::migrate_unmapped);
  machine_->engine.assume(kMainActor);
  machine_->lru.references().get_page(head_);
  machine_->engine.resume(mover);
  finish();
  EXPECT_EQ(moved_.value, -kEBUSY);
  EXPECT_EQ(frame(parent_, 0), head_);
  EXPECT_EQ(1, head().map);
  EXPECT_EQ(2, head().ref);
}

TEST_P(ContendedHugePageTest, OneThatIsLockedIsNotSplitByReclaim) {
  ASSERT_TRUE(machine_->page_locks.try_lock(head_));
  EXPECT_EQ(split(), -kEBUSY);
  EXPECT_TRUE(head().has(kPageHead));
  EXPECT_EQ(1, head().ref);
  machine_->page_locks.unlock(head_);
  EXPECT_EQ(split(), 0);
}

// Up to 4.4 a pmd is split with its page, under the page lock.
TEST_P(ContendedHugePageTest, AnUnmapOfAPartWaitsForThePageLockUpTo44) {
  holder_ = machine_->engine.add_actor(1);
  machine_->engine.assume(holder_);
  ASSERT_TRUE(machine_->page_locks.try_lock(head_));
  const ActorId actor = start_task(*machine_, machine_->processes.munmap(parent_, 0, 3, 2));
  EXPECT_EQ(waits(actor), GetParam() < Release::v4_5);
  machine_->engine.assume(holder_);
  machine_->page_locks.unlock(head_);
  finish();
  EXPECT_EQ(frame(parent_, 3), kNoPfn);
  EXPECT_EQ(frame(parent_, 5), head_ + 5);
}

// --- fork of a process that has pinned pages ---

class PinnedHugeMemoryTest : public HugePagesTest {
 protected:
  // Gives the process another mapping, and pins its page.
  void pin_another(SpaceId process) {
    const MappingId mapping = machine_->processes.mmap_anon(process, 1);
    Pfn pinned = kNoPfn;
    ASSERT_EQ(0, run_now(machine_->processes.pin_longterm(process, mapping, 0, &pinned)));
  }
};
// 5.9 brought copies for children.
INSTANTIATE_TEST_SUITE_P(Releases, PinnedHugeMemoryTest,
                         testing::Values(Release::v5_10, Release::v5_15, Release::v6_1, Release::v6_6, Release::v6_12));

TEST_P(PinnedHugeMemoryTest, PagesOfAHugePageAreSharedThoughTheProcessHasPinnedOthers) {
  const SpaceId child = run_now(machine_->processes.fork(parent_));
  write(child, 3);
  ASSERT_EQ(frame(child, 5), head_ + 5) << "by a pte of its own";
  pin_another(child);
  const SpaceId grandchild = run_now(machine_->processes.fork(child));
  ASSERT_NE(0U, grandchild);
  EXPECT_EQ(frame(grandchild, 5), head_ + 5);
}

// A page with as many references as a pin counts is taken for pinned. Without memory for its copy there is no child.
TEST_P(PinnedHugeMemoryTest, WithoutMemoryForACopyThereIsNoChild) {
  pin_another(parent_);
  ASSERT_EQ(0, split());
  machine_->map.edit(head_ + 2).ref += 1024;
  while (machine_->buddy.alloc_pages(kGfpHighuserMovable, 0) != kNoPfn) {
  }
  EXPECT_EQ(0U, run_now(machine_->processes.fork(parent_)));
  for (std::uint64_t i = 0; i < kPages; ++i) EXPECT_EQ(1, page(head_ + i).map) << i;
}

}  // namespace
}  // namespace cma
