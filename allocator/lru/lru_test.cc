#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "allocator/lru/lru.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LruTest : public ::testing::TestWithParam<Release> {
 protected:
  static Geometry geometry() {
    Geometry g = default_small_geometry(GetParam());
    g.areas.clear();
    return g;
  }
  // A page in use with one reference, `flags` set.
  Pfn page_with(std::uint32_t flags) {
    const Pfn pfn = machine->buddy.alloc_pages(kGfpKernel, 0);
    machine->map.edit(pfn).flags = flags;
    return pfn;
  }
  std::vector<Pfn> add(unsigned count, std::uint32_t flags = kPageSwapbacked) {
    std::vector<Pfn> pages;
    for (unsigned i = 0; i < count; ++i) {
      pages.push_back(page_with(flags));
      run_now(lru.pagevecs().cache_add(pages.back()));
    }
    return pages;
  }

  std::unique_ptr<Machine> machine = make_machine(geometry());
  Lru& lru = machine->lru;
  MemoryMap& map = machine->map;
};

INSTANTIATE_TEST_SUITE_P(Releases, LruTest, ::testing::ValuesIn(kComparedReleases));

TEST_P(LruTest, APageInAPagevecHasOneMoreReferenceAndIsNotOnTheLru) {
  const Pfn pfn = add(1)[0];
  EXPECT_EQ(map.page(pfn).ref, 2);
  EXPECT_EQ(map.page(pfn).pagevecs, 1);
  EXPECT_FALSE(map.page(pfn).has(kPageLru));
  EXPECT_THAT(lru.pagevecs().pages(0), ElementsAre(pfn));
  EXPECT_FALSE(lru.listed().isolate(pfn));
}

TEST_P(LruTest, TheLastPageThatFitsDrainsItsPagevec) {
  const unsigned room = GetParam() >= Release::v4_15 ? 15 : 14;
  const std::vector<Pfn> first = add(room - 1);
  EXPECT_EQ(lru.lists().size(LruList::inactive_anon), 0U);
  const Pfn last = add(1)[0];
  EXPECT_THAT(lru.pagevecs().pages(0), IsEmpty());
  EXPECT_EQ(lru.lists().size(LruList::inactive_anon), room);
  EXPECT_EQ(map.page(first[0]).ref, 1);
  EXPECT_EQ(map.page(last).ref, 1);
  EXPECT_EQ(pfns_of(map, lru.lists().list(LruList::inactive_anon)).front(), last) << "the newest page is at the head";
}

TEST_P(LruTest, FlagsChooseTheList) {
  struct Choice {
    std::uint32_t flags;
    LruList list;
  };
  const Choice choices[] = {{kPageSwapbacked, LruList::inactive_anon},
                            {kPageSwapbacked | kPageActive, LruList::active_anon},
                            {0, LruList::inactive_file},
                            {kPageActive, LruList::active_file},
                            {kPageUnevictable | kPageMlocked | kPageSwapbacked, LruList::unevictable}};
  for (const Choice& choice : choices) {
    const std::uint64_t before = lru.lists().size(choice.list);
    add(1, choice.flags);
    run_now(lru.drain().add_drain(0));
    EXPECT_EQ(lru.lists().size(choice.list), before + 1);
  }
}

TEST_P(LruTest, ALockedPageGoesToTheUnevictableListByWayOfAPagevec) {
  const bool by_pagevec = GetParam() >= Release::v4_16;
  const bool by_mlock_pagevec = GetParam() >= Release::v5_18;
  const Pfn pfn = add(1)[0];
  run_now(lru.drain().add_drain(0));
  run_now(lru.mlock().mlock(pfn));
  EXPECT_TRUE(map.page(pfn).has(kPageMlocked));
  EXPECT_EQ(lru.lists().mlocked(), 1);
  EXPECT_EQ(map.page(pfn).ref, by_pagevec ? 2 : 1);
  EXPECT_EQ(map.page(pfn).has(kPageLru), !by_pagevec || by_mlock_pagevec) << "since 5.18 it stays where it was";
  EXPECT_EQ(lru.mlock().pagevec(0).size(), by_mlock_pagevec ? 1U : 0U);
  EXPECT_EQ(lru.lists().size(LruList::unevictable), by_pagevec ? 0U : 1U);
  run_now(lru.drain().add_drain(0));
  EXPECT_EQ(map.page(pfn).ref, 1);
  EXPECT_EQ(lru.lists().size(LruList::unevictable), 1U);
  EXPECT_EQ(lru.lists().size(LruList::inactive_anon), 0U);
}

TEST_P(LruTest, ANewLockedPageNeverWasOnAnotherList) {
  const Pfn pfn = page_with(kPageSwapbacked);
  run_now(lru.mlock().mlock_new(pfn));
  run_now(lru.drain().add_drain(0));
  EXPECT_EQ(lru.lists().size(LruList::unevictable), 1U);
  EXPECT_EQ(lru.lists().size(LruList::inactive_anon), 0U);
  EXPECT_EQ(map.page(pfn).ref, 1);
  run_now(lru.references().put_page(pfn));
  EXPECT_EQ(lru.lists().mlocked(), 0);
  EXPECT_EQ(lru.lists().size(LruList::unevictable), 0U);
}

TEST_P(LruTest, APageIsUnlockedAsOftenAsItWasLockedSince518) {
  if (GetParam() < Release::v5_18) GTEST_SKIP() << "no count";
  const Pfn pfn = add(1)[0];
  run_now(lru.mlock().mlock(pfn));
  run_now(lru.mlock().mlock(pfn));
  run_now(lru.drain().add_drain(0));
  EXPECT_EQ(lru.lists().mlock_count(pfn), 2U);
  run_now(lru.mlock().munlock_when_unmapped(pfn));
  EXPECT_EQ(map.page(pfn).ref, 2);
  run_now(lru.drain().add_drain(0));
  EXPECT_EQ(lru.lists().size(LruList::unevictable), 1U);
  run_now(lru.mlock().munlock_when_unmapped(pfn));
  run_now(lru.drain().add_drain(0));
  EXPECT_EQ(lru.lists().size(LruList::unevictable), 0U);
  EXPECT_EQ(lru.lists().size(LruList::inactive_anon), 1U);
  EXPECT_EQ(lru.lists().mlocked(), 0);
}

// The count is in the links of the list and lost with them. It is too low then, and the page leaves the list too early.
TEST_P(LruTest, APageThatLeftTheUnevictableListHasLostItsCountSince518) {
  if (GetParam() < Release::v5_18) GTEST_SKIP() << "no count";
  const Pfn pfn = add(1)[0];
  run_now(lru.mlock().mlock(pfn));
  run_now(lru.mlock().mlock(pfn));
  run_now(lru.drain().add_drain(0));
  ASSERT_TRUE(lru.listed().isolate(pfn));
  run_now(lru.listed().putback(pfn));
  run_now(lru.drain().add_drain(0));
  EXPECT_EQ(lru.lists().size(LruList::unevictable), 1U);
  EXPECT_EQ(lru.lists().mlock_count(pfn), 0U);
  run_now(lru.mlock().munlock_when_unmapped(pfn));
  run_now(lru.drain().add_drain(0));
  EXPECT_EQ(lru.lists().size(LruList::unevictable), 0U);
}

TEST_P(LruTest, DisabledCachesHoldNoLockedPage) {
  if (GetParam() < Release::v5_13) GTEST_SKIP() << "caches cannot be disabled";
  const Pfn pfn = add(1)[0];
  run_now(lru.drain().cache_disable());
  run_now(lru.mlock().mlock(pfn));
  EXPECT_EQ(map.page(pfn).ref, 1);
  EXPECT_EQ(lru.lists().size(LruList::unevictable), 1U);
  lru.drain().cache_enable();
}

TEST_P(LruTest, DrainingACpuLeavesTheOthersAlone) {
  const ActorId other = machine->engine.add_actor(1);
  const Pfn mine = add(1)[0];
  machine->engine.assume(other);
  const Pfn theirs = add(1)[0];
  run_now(lru.drain().add_drain(1));
  EXPECT_TRUE(map.page(theirs).has(kPageLru));
  EXPECT_FALSE(map.page(mine).has(kPageLru));
  run_now(lru.drain().add_drain_all());
  EXPECT_TRUE(map.page(mine).has(kPageLru));
}

TEST_P(LruTest, APageWhoseOnlyReferenceWasThePagevecsIsFreedByTheDrain) {
  const Pfn pfn = add(1)[0];
  run_now(lru.references().put_page(pfn));
  EXPECT_EQ(map.page(pfn).ref, 1);
  run_now(lru.drain().add_drain(0));
  EXPECT_EQ(map.page(pfn).ref, 0);
  EXPECT_TRUE(map.page(pfn).has(kPagePcp | kPageBuddy));
  EXPECT_EQ(lru.lists().size(LruList::inactive_anon), 0U);
}

TEST_P(LruTest, PagesThatDieTogetherAreFreedLastFirstAndSince69FirstFirst) {
  const std::vector<Pfn> pages = add(3);
  for (const Pfn pfn : pages) run_now(lru.references().put_page(pfn));
  run_now(lru.drain().add_drain(0));
  const Pfn next = machine->buddy.alloc_pages(kGfpKernel, 0);
  EXPECT_EQ(next, GetParam() >= Release::v6_9 ? pages.back() : pages.front()) << "the page freed last is taken first";
}

TEST_P(LruTest, TheLastReferenceTakesThePageOffItsList) {
  const Pfn pfn = add(1, kPageSwapbacked | kPageActive)[0];
  run_now(lru.drain().add_drain(0));
  lru.references().get_page(pfn);
  run_now(lru.references().put_page(pfn));
  EXPECT_EQ(lru.lists().size(LruList::active_anon), 1U);
  run_now(lru.references().put_page(pfn));
  EXPECT_EQ(lru.lists().size(LruList::active_anon), 0U);
  EXPECT_FALSE(map.page(pfn).has(kPageLru | kPageActive | kPageLeaked));
  EXPECT_TRUE(log_lines(*machine).empty()) << "no bad page";
}

TEST_P(LruTest, AFreePageCannotBeReferenced) {
  const Pfn pfn = machine->map.range().end - 1;
  EXPECT_THROW(lru.references().get_page(pfn), AssertionFailure);
}

// --- isolation for migration ---

TEST_P(LruTest, IsolatingCountsByKindAndPutbackReturnsThroughThePagevec) {
  const Pfn anon = add(1)[0];
  const Pfn file = add(1, 0)[0];
  run_now(lru.drain().add_drain(0));
  EXPECT_TRUE(lru.listed().isolate(anon));
  EXPECT_TRUE(lru.listed().isolate(file));
  EXPECT_EQ(lru.lists().isolated_anon(), 1);
  EXPECT_EQ(lru.lists().isolated_file(), 1);
  EXPECT_EQ(map.page(anon).ref, 2);
  EXPECT_TRUE(map.page(anon).has(kPageTaskList));
  EXPECT_EQ(lru.lists().size(LruList::inactive_anon), 0U);
  EXPECT_FALSE(lru.listed().isolate(anon)) << "it is on no list any more";

  run_now(lru.listed().putback(anon));
  EXPECT_EQ(lru.lists().isolated_anon(), 0);
  EXPECT_EQ(lru.lists().isolated_file(), 1);
  EXPECT_EQ(map.page(anon).ref, 2) << "the pagevec's reference instead of the list's";
  EXPECT_FALSE(map.page(anon).has(kPageLru | kPageTaskList));
  run_now(lru.drain().add_drain(0));
  EXPECT_TRUE(map.page(anon).has(kPageLru));
}

TEST_P(LruTest, APagePutOnItsListDirectlyIsAtItsHeadWithoutThePagevec) {
  const std::vector<Pfn> pages = add(3, 0);
  run_now(lru.drain().add_drain(0));
  ASSERT_TRUE(lru.listed().isolate(pages[0]));
  map.edit(pages[0]).flags |= kPageActive;
  EXPECT_TRUE(lru.listed().put_on_list(pages[0]));
  EXPECT_EQ(lru.lists().isolated_file(), 0);
  EXPECT_EQ(map.page(pages[0]).ref, 1);
  EXPECT_THAT(pfns_of(map, lru.lists().list(LruList::active_file)), ElementsAre(pages[0]));
  EXPECT_EQ(lru.drain().parked(0), 0U);
}

TEST_P(LruTest, APageWhoseLastReferenceWasTheListsIsPutNowhere) {
  const Pfn pfn = add(1, 0)[0];
  run_now(lru.drain().add_drain(0));
  ASSERT_TRUE(lru.listed().isolate(pfn));
  run_now(lru.references().put_page(pfn));
  EXPECT_FALSE(lru.listed().put_on_list(pfn));
  EXPECT_EQ(lru.lists().size(LruList::inactive_file), 0U);
  EXPECT_EQ(lru.lists().isolated_file(), 0);
  run_now(lru.references().free_together({pfn}));
  EXPECT_TRUE(map.page(pfn).has(kPagePcp | kPageBuddy));
}

TEST_P(LruTest, APageMovedToTheHeadIsUsedUpLast) {
  const std::vector<Pfn> pages = add(3, 0);
  run_now(lru.drain().add_drain(0));
  lru.listed().move_to_head(pages[0]);
  EXPECT_THAT(pfns_of(map, lru.lists().list(LruList::inactive_file)), ElementsAre(pages[0], pages[2], pages[1]));
}

// The lists of two zones: each counts its own.
TEST_P(LruTest, ListsAndIsolatedPagesAreCountedByZone) {
  Geometry g = geometry();
  g.zones = {{"DMA", {g.memory.start, g.memory.start + 256}}, {"Normal", {g.memory.start + 256, g.memory.end}}};
  const std::unique_ptr<Machine> two = make_machine(g);
  std::vector<Pfn> pages;
  for (const Gfp gfp : {kGfpKernel | kGfpDma, kGfpKernel, kGfpKernel}) {
    pages.push_back(two->buddy.alloc_pages(gfp, 0));
    run_now(two->lru.pagevecs().cache_add(pages.back()));
  }
  run_now(two->lru.drain().add_drain(0));
  const LruLists& lists = two->lru.lists();
  EXPECT_EQ(lists.size_in_zone(LruList::inactive_file, 0), 1U);
  EXPECT_EQ(lists.size_in_zone(LruList::inactive_file, 1), 2U);
  ASSERT_TRUE(two->lru.listed().isolate(pages[1]));
  EXPECT_EQ(lists.size_in_zone(LruList::inactive_file, 1), 1U);
  EXPECT_EQ(lists.isolated_file_in_zone(0), 0);
  EXPECT_EQ(lists.isolated_file_in_zone(1), 1);
  EXPECT_EQ(lists.isolated_file(), 1);
  two->lru.listed().undo_lazyfree(pages[1]);
  EXPECT_EQ(lists.isolated_anon_in_zone(1), 1);
  EXPECT_EQ(lists.isolated_file(), 0);
}

TEST_P(LruTest, OnlyAnIsolatedPageThatLooksLikeAFilesBecomesAnonymousAgain) {
  const Pfn pfn = add(1, kPageAnon)[0];
  run_now(lru.drain().add_drain(0));
  EXPECT_THROW(lru.listed().undo_lazyfree(pfn), AssertionFailure) << "it is on its list";
  ASSERT_TRUE(lru.listed().isolate(pfn));
  EXPECT_EQ(lru.lists().isolated_file(), 1);
  lru.listed().undo_lazyfree(pfn);
  EXPECT_TRUE(map.page(pfn).has(kPageSwapbacked));
  EXPECT_EQ(lru.lists().isolated_file(), 0);
  EXPECT_EQ(lru.lists().isolated_anon(), 1);
  EXPECT_THROW(lru.listed().undo_lazyfree(pfn), AssertionFailure) << "it is anonymous already";
  run_now(lru.listed().putback(pfn));
  EXPECT_EQ(lru.lists().isolated_anon(), 0);
}

TEST_P(LruTest, MoreThanHalfIsTooMany) {
  const std::vector<Pfn> pages = add(15);
  run_now(lru.drain().add_drain(0));
  // Since 6.5 fewer are for callers that may enter a file system.
  const bool may_enter_fs = GetParam() < Release::v6_5;
  for (unsigned i = 0; i < 5; ++i) {
    EXPECT_FALSE(lru.lists().too_many_isolated(may_enter_fs)) << i;
    lru.listed().isolate(pages[i]);
  }
  EXPECT_FALSE(lru.lists().too_many_isolated(may_enter_fs)) << "5 of 10";
  lru.listed().isolate(pages[5]);
  EXPECT_TRUE(lru.lists().too_many_isolated(may_enter_fs)) << "6 of 9";
}

using LruOf6_5 = LruTest;
INSTANTIATE_TEST_SUITE_P(Since6_5, LruOf6_5, ::testing::Values(Release::v6_6, Release::v6_12));

TEST_P(LruOf6_5, CallersThatMayEnterAFileSystemLeaveRoomForThoseThatMayNot) {
  const std::vector<Pfn> pages = add(20);
  run_now(lru.drain().add_drain(0));
  lru.listed().isolate(pages[0]);
  lru.listed().isolate(pages[1]);
  EXPECT_TRUE(lru.lists().too_many_isolated()) << "2 of 18, an eighth of which counts by half";
  EXPECT_FALSE(lru.lists().too_many_isolated(/*may_enter_fs=*/false));
}

TEST_P(LruTest, UnevictablePagesDoNotCountForTheThrottle) {
  add(10, kPageUnevictable | kPageMlocked);
  const Pfn pfn = add(1)[0];
  run_now(lru.drain().add_drain(0));
  lru.listed().isolate(pfn);
  EXPECT_TRUE(lru.lists().too_many_isolated());
}

// --- disabling the caches (5.13) ---

TEST_P(LruTest, WhileDisabledEveryPageGoesStraightToItsList) {
  const Pfn before = add(1)[0];
  run_now(lru.drain().cache_disable());
  EXPECT_TRUE(map.page(before).has(kPageLru)) << "disabling drains";
  EXPECT_TRUE(map.page(add(1)[0]).has(kPageLru));
  lru.drain().cache_enable();
  EXPECT_FALSE(map.page(add(1)[0]).has(kPageLru));
}

TEST_P(LruTest, DisablingNests) {
  run_now(lru.drain().cache_disable());
  run_now(lru.drain().cache_disable());
  lru.drain().cache_enable();
  EXPECT_TRUE(map.page(add(1)[0]).has(kPageLru));
  lru.drain().cache_enable();
  EXPECT_EQ(lru.drain().disable_count(), 0);
  EXPECT_THROW(lru.drain().cache_enable(), AssertionFailure);
}

TEST_P(LruTest, AGlobalDrainMissesPagesAddedToACpuItHasPassed) {
  Engine& engine = machine->engine;
  const ActorId drainer = engine.add_actor(1);
  add(1);
  engine.begin(drainer, lru.drain().add_drain_all());
  engine.stop_at(drainer, Point::drain_lru_cpu, 1);
  engine.resume(drainer);
  engine.assume(kMainActor);
  const Pfn late = add(1)[0];
  run_to_rest(*machine);
  EXPECT_FALSE(map.page(late).has(kPageLru));
}

// --- pagevecs between lists ---

TEST_P(LruTest, TheSecondMarkActivatesByWayOfAPagevec) {
  const Pfn pfn = add(1)[0];
  run_now(lru.drain().add_drain(0));
  run_now(lru.pagevecs().mark_accessed(pfn));
  EXPECT_TRUE(map.page(pfn).has(kPageReferenced));
  EXPECT_EQ(lru.drain().parked(0), 0U);
  run_now(lru.pagevecs().mark_accessed(pfn));
  EXPECT_THAT(lru.pagevecs().pages(0, Pagevec::activate), ElementsAre(pfn));
  EXPECT_TRUE(map.page(pfn).has(kPageLru)) << "it stays on its list meanwhile";
  EXPECT_FALSE(map.page(pfn).has(kPageActive | kPageReferenced));
  const int parked = map.page(pfn).ref;
  run_now(lru.drain().add_drain(0));
  EXPECT_TRUE(map.page(pfn).has(kPageActive));
  EXPECT_EQ(map.page(pfn).ref, parked - 1);
}

TEST_P(LruTest, APageOnItsWayToTheLruIsMadeActiveWhereItWaits) {
  const Pfn pfn = add(1)[0];
  run_now(lru.pagevecs().mark_accessed(pfn));
  run_now(lru.pagevecs().mark_accessed(pfn));
  EXPECT_TRUE(map.page(pfn).has(kPageActive));
  EXPECT_THAT(lru.pagevecs().pages(0, Pagevec::activate), IsEmpty());
}

TEST_P(LruTest, APageThatLeftTheLruOnlyLosesItsReference) {
  const Pfn pfn = add(1)[0];
  run_now(lru.drain().add_drain(0));
  run_now(lru.pagevecs().mark_accessed(pfn));
  run_now(lru.pagevecs().mark_accessed(pfn));
  ASSERT_TRUE(lru.listed().isolate(pfn));
  const int isolated = map.page(pfn).ref;
  run_now(lru.drain().add_drain(0));
  EXPECT_FALSE(map.page(pfn).has(kPageActive));
  EXPECT_EQ(map.page(pfn).ref, isolated - 1);
}

TEST_P(LruTest, DeactivatingNeedsAReleaseThatKnowsIt) {
  const Pfn pfn = add(1)[0];
  run_now(lru.pagevecs().mark_accessed(pfn));
  run_now(lru.pagevecs().mark_accessed(pfn));
  run_now(lru.drain().add_drain(0));
  ASSERT_TRUE(map.page(pfn).has(kPageActive));
  run_now(lru.pagevecs().deactivate(pfn));
  run_now(lru.drain().add_drain(0));
  EXPECT_EQ(map.page(pfn).has(kPageActive), machine->release() < Release::v5_4);
}

TEST_P(LruTest, EveryKindIsDrainedAtOnceWhileTheCachesAreDisabled) {
  const Pfn pfn = add(1)[0];
  run_now(lru.drain().cache_disable());
  run_now(lru.pagevecs().mark_accessed(pfn));
  run_now(lru.pagevecs().mark_accessed(pfn));
  EXPECT_TRUE(map.page(pfn).has(kPageActive));
  EXPECT_EQ(lru.drain().parked(0), 0U);
  lru.drain().cache_enable();
}

// lru_deactivate_file_fn: a dirty page goes to the head, and shared memory has no clean copy.
TEST_P(LruTest, SharedMemoryIsDeactivatedLikeADirtyPage) {
  const Pfn shared = add(1, kPageSwapbacked)[0];
  const Pfn clean = add(1, 0)[0];
  run_now(lru.drain().add_drain(0));
  for (const Pfn pfn : {shared, clean}) run_now(lru.pagevecs().deactivate_file(pfn));
  run_now(lru.drain().add_drain(0));
  EXPECT_TRUE(map.page(shared).has(kPageReclaim));
  EXPECT_FALSE(map.page(clean).has(kPageReclaim));
}

// More requests for one page than its descriptor can count slots: moved at once, never lost.
TEST_P(LruTest, APageInEveryPagevecManyTimesIsCountedRight) {
  const Pfn pfn = add(1)[0];
  run_now(lru.drain().add_drain(0));
  const int before = map.page(pfn).ref;
  for (int i = 0; i < 2000; ++i) run_now(lru.pagevecs().deactivate_file(pfn));
  EXPECT_EQ(map.page(pfn).ref, before + static_cast<int>(lru.drain().parked(0)));
  EXPECT_EQ(map.page(pfn).pagevecs, lru.drain().parked(0));
}

// A descriptor counts 255 slots: the last one that it can count is emptied at once, with all of its pagevec.
TEST_P(LruTest, APageInMoreSlotsThanItCanCountIsMovedAtOnce) {
  Geometry g = geometry();
  g.cpus = 8;
  const std::unique_ptr<Machine> many = make_machine(g);
  const Pfn pfn = many->buddy.alloc_pages(kGfpKernel, 0);
  many->map.edit(pfn).flags = 0;
  run_now(many->lru.pagevecs().cache_add(pfn));
  run_now(many->lru.drain().add_drain(0));
  unsigned most = 0;
  unsigned queued = 0;
  for (int cpu = 0; cpu < 8; ++cpu) {
    const ActorId actor = many->engine.add_actor(cpu);
    many->engine.assume(actor);
    for (int i = 0; i < 13; ++i) {
      run_now(many->lru.pagevecs().deactivate_file(pfn));
      run_now(many->lru.pagevecs().mark_accessed(pfn));
      run_now(many->lru.pagevecs().mark_accessed(pfn));
      run_now(many->lru.pagevecs().rotate_reclaimable(pfn));
      queued += 3;
      most = std::max(most, unsigned{many->map.page(pfn).pagevecs});
    }
  }
  EXPECT_EQ(queued, 312U);
  EXPECT_EQ(most, 254U);
  run_now(many->lru.drain().add_drain_all());
  EXPECT_EQ(many->map.page(pfn).pagevecs, 0);
  EXPECT_EQ(many->map.page(pfn).ref, 1);
}

TEST_P(LruTest, PagevecsHaveTheKernelsNames) {
  EXPECT_EQ(name_of(Pagevec::add), "lru_add");
  EXPECT_EQ(name_of(Pagevec::rotate), "lru_rotate");
  EXPECT_EQ(name_of(Pagevec::activate), "activate_page");
}

// What is asked of a page that it does not suit is not queued.
TEST_P(LruTest, OnlyPagesThatACallIsForAreQueued) {
  struct Case {
    const char* what;
    Task<void> (Pagevecs::*call)(Pfn);
    std::uint32_t flags;
    Pagevec queued_on;
    Release since;
    Release until = Release::v6_12;
    bool queued = true;
  };
  constexpr std::uint32_t kAnonymous = kPageLru | kPageAnon | kPageSwapbacked;
  const Case cases[] = {
      {"active", &Pagevecs::deactivate, kPageLru | kPageActive, Pagevec::deactivate, Release::v5_4},
      {"not active", &Pagevecs::deactivate, kPageLru, Pagevec::deactivate, Release::v3_5, Release::v6_12, false},
      {"unevictable", &Pagevecs::deactivate, kPageLru | kPageActive | kPageUnevictable, Pagevec::deactivate,
       Release::v3_5, Release::v6_12, false},
      {"active, before 4.12", &Pagevecs::madv_free, kPageLru | kPageActive, Pagevec::deactivate, Release::v3_5,
       Release::v4_11},
      {"not active, before 4.12", &Pagevecs::madv_free, kPageLru, Pagevec::deactivate, Release::v3_5, Release::v4_11,
       false},
      {"unevictable, before 4.12", &Pagevecs::madv_free, kPageLru | kPageActive | kPageUnevictable, Pagevec::deactivate,
       Release::v3_5, Release::v4_11, false},
      {"anonymous", &Pagevecs::madv_free, kAnonymous, Pagevec::lazyfree, Release::v4_12},
      {"of shared memory", &Pagevecs::madv_free, kPageLru | kPageSwapbacked, Pagevec::lazyfree, Release::v4_12,
       Release::v6_12, false},
      {"lazily freed", &Pagevecs::madv_free, kPageLru | kPageAnon, Pagevec::lazyfree, Release::v4_12, Release::v6_12,
       false},
      {"locked", &Pagevecs::madv_free, kAnonymous | kPageUnevictable, Pagevec::lazyfree, Release::v4_12, Release::v6_12,
       false},
      {"clean", &Pagevecs::rotate_reclaimable, kPageLru, Pagevec::rotate, Release::v3_5},
      {"dirty", &Pagevecs::rotate_reclaimable, kPageLru | kPageDirty, Pagevec::rotate, Release::v3_5, Release::v6_12,
       false},
      {"off the LRU", &Pagevecs::rotate_reclaimable, 0, Pagevec::rotate, Release::v3_5, Release::v6_12, false},
  };
  for (const Case& one : cases) {
    if (GetParam() < one.since || GetParam() > one.until) continue;
    const Pfn pfn = page_with(one.flags);
    run_now((lru.pagevecs().*one.call)(pfn));
    const bool queued = !lru.pagevecs().pages(0, one.queued_on).empty();
    EXPECT_EQ(queued, one.queued) << one.what;
    EXPECT_EQ(lru.drain().parked(0), one.queued ? 1U : 0U) << one.what;
    map.edit(pfn).flags &= ~kPageLru;  // it was on no list
    run_now(lru.drain().add_drain(0));
  }
}

// By then the page may have changed, and is left as it is.
TEST_P(LruTest, ADrainLooksAgainWhetherThePageSuits) {
  const std::vector<Pfn> pages = add(2, kPageSwapbacked | kPageAnon | kPageActive);
  run_now(lru.drain().add_drain(0));
  run_now(lru.pagevecs().deactivate(pages[0]));
  run_now(lru.pagevecs().madv_free(pages[1]));
  const auto parked = static_cast<unsigned>(lru.drain().parked(0));
  EXPECT_EQ(parked, (GetParam() >= Release::v5_4 ? 1U : 0U) + 1U);
  auto& lists = const_cast<LruLists&>(lru.lists());
  lists.relist(pages[0], kPageReferenced, kPageActive);
  lists.relist(pages[1], kPageReferenced, kPageAnon | kPageActive);
  const std::vector<Pfn> order = pfns_of(map, lru.lists().list(LruList::inactive_anon));
  run_now(lru.drain().add_drain(0));
  EXPECT_EQ(pfns_of(map, lru.lists().list(LruList::inactive_anon)), order);
  EXPECT_TRUE(map.page(pages[0]).has(kPageReferenced));
  EXPECT_TRUE(map.page(pages[1]).has(kPageSwapbacked));
}

// --- mlocked memory between two CPUs ---

TEST_P(LruTest, APageThatIsUnlockedBeforeItIsOnTheLruIsEvictable) {
  if (GetParam() < Release::v5_18) GTEST_SKIP() << "no pagevecs of their own";
  const Pfn pfn = page_with(kPageSwapbacked);
  run_now(lru.mlock().mlock_new(pfn));
  machine->engine.assume(machine->engine.add_actor(1));
  run_now(lru.mlock().munlock_when_unmapped(pfn));
  run_now(lru.mlock().drain(1));
  EXPECT_FALSE(map.page(pfn).has(kPageMlocked));
  run_now(lru.mlock().drain(0));
  EXPECT_EQ(lru.lists().size(LruList::unevictable), 0U);
  EXPECT_EQ(lru.lists().size(LruList::inactive_anon), 1U);
}

TEST_P(LruTest, APageOnTheLruThatIsUnlockedBeforeItsLockIsDoneStaysEvictable) {
  if (GetParam() < Release::v5_18) GTEST_SKIP() << "no pagevecs of their own";
  const Pfn pfn = add(1)[0];
  run_now(lru.drain().add_drain(0));
  run_now(lru.mlock().mlock(pfn));
  ASSERT_TRUE(map.page(pfn).has(kPageMlocked)) << "the flag is set at once";
  machine->engine.assume(machine->engine.add_actor(1));
  run_now(lru.mlock().munlock_when_unmapped(pfn));
  run_now(lru.mlock().drain(1));
  EXPECT_FALSE(map.page(pfn).has(kPageMlocked));
  run_now(lru.mlock().drain(0));
  EXPECT_FALSE(map.page(pfn).has(kPageUnevictable));
  EXPECT_EQ(lru.lists().size(LruList::unevictable), 0U);
  EXPECT_EQ(lru.lists().mlocked(), 0);
}

// Its flag has gone to another page, as when it moves.
TEST_P(LruTest, APageThatLostItsFlagLeavesTheUnevictableListWhenItIsLockedAgain) {
  if (GetParam() < Release::v5_18) GTEST_SKIP() << "no pagevecs of their own";
  const std::vector<Pfn> pages = add(2);
  run_now(lru.drain().add_drain(0));
  run_now(lru.mlock().mlock(pages[0]));
  run_now(lru.drain().add_drain(0));
  ASSERT_EQ(lru.lists().size(LruList::unevictable), 1U);
  run_now(lru.mlock().mlock(pages[0]));
  lru.mlock().move_flag(pages[0], pages[1]);
  run_now(lru.drain().add_drain(0));
  EXPECT_EQ(lru.lists().size(LruList::unevictable), 0U);
  EXPECT_FALSE(map.page(pages[0]).has(kPageUnevictable | kPageMlocked));
}

TEST_P(LruTest, APageThatIsNotLockedIsNotUnlocked) {
  if (GetParam() >= Release::v5_18) GTEST_SKIP() << "unlocked without the page lock";
  const Pfn pfn = add(1)[0];
  run_now(lru.drain().add_drain(0));
  run_now(lru.mlock().munlock_under_page_lock(pfn, StillMapped::no));
  EXPECT_EQ(lru.lists().size(LruList::inactive_anon), 1U);
  EXPECT_EQ(lru.lists().mlocked(), 0);
}

// --- references ---

TEST_P(LruTest, PagesThatDieTogetherMayBeOffTheLru) {
  const std::vector<Pfn> on = add(1);
  run_now(lru.drain().add_drain(0));
  const Pfn off = page_with(kPageSwapbacked);
  run_now(lru.references().release_pages({on[0], off}));
  EXPECT_EQ(map.page(on[0]).ref, 0);
  EXPECT_EQ(map.page(off).ref, 0);
  EXPECT_EQ(lru.lists().size(LruList::inactive_anon), 0U);
}

// Up to 6.8: the pool gets its huge page back, whichever call drops the last reference.
TEST_P(LruTest, AHugePageOfThePoolDiesIntoThePool) {
  ASSERT_TRUE(run_now(machine->hugetlb.grow()));
  const Pfn other = page_with(kPageSwapbacked);
  const Pfn head = machine->hugetlb.dequeue();
  ASSERT_EQ(machine->hugetlb.free_pages(), 0U);
  run_now(lru.references().release_pages({head, other}));
  EXPECT_EQ(machine->hugetlb.free_pages(), 1U);
  EXPECT_EQ(map.page(head).ref, 0);
  EXPECT_TRUE(map.page(head).has(kPageHugetlb));
  EXPECT_FALSE(map.page(head).has(kPageInFlight));
}

// Since 5.5 a caller leaves the drain to another caller only if that one began after it came.
TEST_P(LruTest, ACallerThatCameWhileADrainRanDrainsAgain) {
  Engine& engine = machine->engine;
  const ActorId first = engine.add_actor(0);
  const ActorId second = engine.add_actor(1);
  add(1);
  engine.begin(first, lru.drain().add_drain_all());
  engine.stop_at(first, Point::drain_lru_begin, 1);
  engine.resume(first);
  engine.begin(second, lru.drain().add_drain_all());
  engine.resume(second);
  EXPECT_EQ(engine.look(second).state, ActorState::waiting);
  engine.resume(first);
  engine.assume(kMainActor);
  const Pfn late = add(1)[0];
  run_to_rest(*machine);
  EXPECT_TRUE(map.page(late).has(kPageLru)) << "the drain under way began before the second caller came";
}

}  // namespace
}  // namespace cma
