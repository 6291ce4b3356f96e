#include "allocator/isolation/isolation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Migratetype kArea = Migratetype::cma;

// The default small machine: pageblocks of 16 pages, largest blocks of 64, area "a" at [512, 768).
class IsolationTest : public ::testing::TestWithParam<Release> {
 protected:
  int start(Pfn from, Pfn to, Migratetype type = kArea) {
    return run_now(machine->isolation.start_isolate_page_range(from, to, type));
  }
  void undo(Pfn from, Pfn to, Migratetype type = kArea) {
    run_now(machine->isolation.undo_isolate_page_range(from, to, type));
  }
  std::vector<Pfn> isolated_blocks() const {
    std::vector<Pfn> blocks;
    for (Pfn pfn = 0; pfn < 1024; pfn += 16)
      if (machine->map.pageblock_type(pfn) == Migratetype::isolate) blocks.push_back(pfn);
    return blocks;
  }
  bool counters_right() const { return recount_free(*machine) == std::make_pair(zone.nr_free_pages, zone.nr_free_cma); }

  std::unique_ptr<Machine> machine = make_machine(default_small_geometry(GetParam()));
  const Zone& zone = machine->buddy.zone(0);
};

INSTANTIATE_TEST_SUITE_P(Releases, IsolationTest, ::testing::ValuesIn(kComparedReleases));
INSTANTIATE_TEST_SUITE_P(Between, IsolationTest, ::testing::ValuesIn(kVersionsBetween));

// --- isolating and giving back ---

TEST_P(IsolationTest, AnIsolatedRangeIsInNoCounterAndComesBackWhole) {
  const std::uint64_t before = zone.free_by_order[6].nr_free;
  EXPECT_EQ(start(512, 640), 0);
  EXPECT_THAT(isolated_blocks(), ElementsAre(512, 528, 544, 560, 576, 592, 608, 624));
  EXPECT_EQ(zone.nr_isolate_pageblock, 8U);
  EXPECT_EQ(zone.nr_free_pages, 1024 - 128);
  EXPECT_EQ(zone.nr_free_cma, 512 - 128);
  EXPECT_EQ(free_list(*machine, 6, Migratetype::isolate).size(), 2U);
  undo(512, 640);
  EXPECT_THAT(isolated_blocks(), IsEmpty());
  EXPECT_EQ(zone.nr_isolate_pageblock, 0U);
  EXPECT_EQ(zone.nr_free_pages, 1024);
  EXPECT_EQ(zone.nr_free_cma, 512);
  EXPECT_EQ(zone.free_by_order[6].nr_free, before);
}

TEST_P(IsolationTest, IsolatedPagesAreNotAllocated) {
  start(512, 768);
  start(768, 1024);
  unsigned pages = 0;
  while (machine->buddy.alloc_pages(kGfpHighuserMovable, 6) != kNoPfn) ++pages;
  EXPECT_LE(pages, 8U);
  for (Pfn pfn : {512U, 700U, 1023U}) EXPECT_EQ(machine->map.page(pfn).ref, 0);
}

TEST_P(IsolationTest, APageblockThatIsIsolatedAlreadyIsRefused) {
  ASSERT_EQ(start(576, 640), 0);
  EXPECT_EQ(start(512, 640), -kEBUSY);
  EXPECT_THAT(isolated_blocks(), ElementsAre(576, 592, 608, 624)) << "what this call had isolated is given back";
  undo(576, 640);
  EXPECT_EQ(zone.nr_free_cma, 512);
  EXPECT_TRUE(counters_right());
}

// Up to 4.14 the pages of a Movable pageblock are not looked at.
TEST_P(IsolationTest, OrdinaryPageblocksMustHoldNothingUnmovable) {
  own_frame(*machine, 130, PageKind::anonymous);
  own_frame(*machine, 140, PageKind::movable_ops);
  EXPECT_EQ(start(128, 192, Migratetype::movable), 0);
  undo(128, 192, Migratetype::movable);
  own_frame(*machine, 150, PageKind::unmovable);
  if (GetParam() < Release::v4_15) machine->map.set_pageblock_type(150, Migratetype::unmovable);
  EXPECT_EQ(start(128, 192, Migratetype::movable), -kEBUSY);
  EXPECT_THAT(isolated_blocks(), IsEmpty());
  EXPECT_TRUE(counters_right());
}

TEST_P(IsolationTest, APageInAPagevecMakesAnOrdinaryPageblockUnfit) {
  claim_frame(*machine, 130);
  run_now(machine->owners.adopt_anonymous(130));
  const bool trusted = GetParam() < Release::v4_15;
  EXPECT_EQ(start(128, 192, Migratetype::movable), trusted ? 0 : -kEBUSY);
}

TEST_P(IsolationTest, PageblocksOfAreasAreAlwaysAcceptedForAreas) {
  own_frame(*machine, 520, PageKind::unmovable);
  EXPECT_EQ(start(512, 576), 0);
  undo(512, 576);
}

TEST_P(IsolationTest, OtherCallersAreRefusedAreaPageblocks) {
  EXPECT_EQ(start(512, 576, Migratetype::movable), -kEBUSY);
  EXPECT_THAT(isolated_blocks(), IsEmpty());
}

TEST_P(IsolationTest, WithTheBugAnAreasPageblocksAreGivenAway) {
  Geometry g = default_small_geometry(GetParam());
  g.bugs.switch_on(Bug::area_given_away);
  machine = make_machine(g);
  ASSERT_EQ(start(512, 576, Migratetype::movable), 0);
  undo(512, 576, Migratetype::movable);
  EXPECT_EQ(machine->map.pageblock_type(512), Migratetype::movable);
  EXPECT_EQ(machine->bugs.times_reached(Bug::area_given_away), 4U);
}

TEST_P(IsolationTest, TheIsolatorOfAPageblockIsKnownUntilItGivesItBack) {
  ASSERT_EQ(start(512, 576), 0);
  EXPECT_EQ(machine->isolation.isolators().held().size(), 4U);
  EXPECT_EQ(machine->isolation.isolators().of(machine->map.pageblock_start(575)), kMainActor);
  EXPECT_EQ(machine->isolation.isolators().of(machine->map.pageblock_start(576)), kNoActor);
  const ActorId other = machine->engine.add_actor(0);
  machine->engine.assume(other);
  undo(512, 528);
  EXPECT_EQ(machine->map.pageblock_type(512), kArea);
  EXPECT_EQ(machine->isolation.isolators().of(machine->map.pageblock_start(512)), kMainActor)
      << "it has not given it back";
  machine->engine.assume(kMainActor);
  undo(512, 576);
  EXPECT_TRUE(machine->isolation.isolators().held().empty());
}

TEST_P(IsolationTest, ARefusedCallHoldsNothing) {
  ASSERT_EQ(start(576, 640), 0);
  const std::size_t held = machine->isolation.isolators().held().size();
  EXPECT_EQ(start(512, 640), -kEBUSY);
  EXPECT_EQ(machine->isolation.isolators().held().size(), held);
}

TEST_P(IsolationTest, AReservedPageMakesAPageblockUnfit) {
  Geometry g = default_small_geometry(GetParam());
  g.reserved = {{130, 131}};
  const std::unique_ptr<Machine> m = make_machine(g);
  const bool trusted = GetParam() < Release::v4_15;
  EXPECT_EQ(run_now(m->isolation.start_isolate_page_range(128, 192, Migratetype::movable)), trusted ? 0 : -kEBUSY);
}

TEST_P(IsolationTest, AFreedPageGoesToTheIsolateListMeanwhile) {
  claim_frame(*machine, 520);
  start(512, 576);
  const std::int64_t free = zone.nr_free_pages;
  machine->map.edit(520).ref = 0;
  machine->buddy.free_now(520, 0);
  EXPECT_EQ(zone.nr_free_pages, free);
  EXPECT_EQ(zone.pcp[0].count, 0);
  undo(512, 576);
  EXPECT_EQ(zone.nr_free_cma, 512);
  EXPECT_TRUE(counters_right());
}

// --- test_pages_isolated ---

TEST_P(IsolationTest, TheTestWalksFreeBlocksToTheEndAndMayOvershoot) {
  start(512, 576);
  EXPECT_EQ(machine->isolation.test_pages_isolated(512, 530), 0);
  EXPECT_THAT(traced(*machine, Event::test_pages_isolated),
              ElementsAre("test_pages_isolated: start_pfn=0x200 end_pfn=0x212 fin_pfn=0x240 ret=success"));
}

TEST_P(IsolationTest, TheTestStopsAtWhatIsNotAFreeBlock) {
  claim_frame(*machine, 520);
  start(512, 576);
  EXPECT_EQ(machine->isolation.test_pages_isolated(512, 576), -kEBUSY);
  EXPECT_EQ(machine->isolation.test_pages_isolated(521, 576), 0);
  EXPECT_EQ(machine->isolation.test_pages_isolated(523, 576), -kEBUSY) << "the middle of a free block";
  EXPECT_THAT(traced(*machine, Event::test_pages_isolated),
              ElementsAre("test_pages_isolated: start_pfn=0x200 end_pfn=0x240 fin_pfn=0x208 ret=fail",
                          "test_pages_isolated: start_pfn=0x209 end_pfn=0x240 fin_pfn=0x240 ret=success",
                          "test_pages_isolated: start_pfn=0x20b end_pfn=0x240 fin_pfn=0x20b ret=fail"));
}

TEST_P(IsolationTest, APageblockThatIsNotIsolatedEndsTheTestEarlyAndTracedSince516) {
  start(512, 576);
  EXPECT_EQ(machine->isolation.test_pages_isolated(512, 600), -kEBUSY);
  const std::vector<std::string> records = traced(*machine, Event::test_pages_isolated);
  if (GetParam() >= Release::v5_15)
    EXPECT_THAT(records, ElementsAre("test_pages_isolated: start_pfn=0x200 end_pfn=0x258 fin_pfn=0x240 ret=fail"));
  else
    EXPECT_THAT(records, IsEmpty());
}

TEST_P(IsolationTest, ARangeWithoutPagesIsBusy) {
  Geometry g = default_small_geometry(GetParam());
  g.holes = {{128, 192}};
  const std::unique_ptr<Machine> m = make_machine(g);
  EXPECT_EQ(m->isolation.test_pages_isolated(128, 192), -kEBUSY);
}

TEST_P(IsolationTest, HolesWithinAPageblockAreSteppedOver) {
  Geometry g = default_small_geometry(GetParam());
  g.holes = {{128, 132}, {144, 160}};
  const std::unique_ptr<Machine> m = make_machine(g);
  EXPECT_EQ(run_now(m->isolation.start_isolate_page_range(128, 192, Migratetype::movable)), 0);
  EXPECT_EQ(m->buddy.zone(0).nr_free_pages, 1024 - 20 - 44);
  run_now(m->isolation.undo_isolate_page_range(128, 192, Migratetype::movable));
  EXPECT_EQ(m->buddy.zone(0).nr_free_pages, 1024 - 20);
  EXPECT_EQ(m->buddy.zone(0).nr_isolate_pageblock, 0U);
}

// --- what others did, or was there before ---

TEST_P(IsolationTest, BeyondMemoryThereIsNothingToIsolate) {
  if (GetParam() >= Release::v5_19) GTEST_SKIP() << "both ends are isolated first, and must exist";
  EXPECT_EQ(start(1024, 1088), 0);
  EXPECT_THAT(isolated_blocks(), IsEmpty());
  EXPECT_EQ(zone.nr_isolate_pageblock, 0U);
}

// The reserve goes on counting the pageblock, and it comes back as what it was asked to be.
TEST_P(IsolationTest, AReservedPageblockIsLostToTheReserve) {
  machine->map.set_pageblock_type(64, Migratetype::highatomic);
  ASSERT_EQ(start(64, 128, Migratetype::movable), 0);
  EXPECT_EQ(zone.lost_highatomic, 16U);
  undo(64, 128, Migratetype::movable);
  EXPECT_EQ(machine->map.pageblock_type(64), Migratetype::movable);
  EXPECT_EQ(zone.nr_isolate_pageblock, 0U);
}

// Of a range that is refused only what exists is given back. What refuses it is a pageblock that is isolated already.
TEST_P(IsolationTest, ARefusedRangeMayBeginWithAHole) {
  if (GetParam() >= Release::v5_19) GTEST_SKIP() << "both ends are isolated first, and must exist";
  Geometry g = default_small_geometry(GetParam());
  g.holes = {{64, 80}};
  const std::unique_ptr<Machine> m = make_machine(g);
  ASSERT_EQ(run_now(m->isolation.start_isolate_page_range(96, 112, Migratetype::movable)), 0);
  EXPECT_EQ(run_now(m->isolation.start_isolate_page_range(64, 128, Migratetype::movable)), -kEBUSY);
  EXPECT_EQ(m->map.pageblock_type(80), Migratetype::movable);
  EXPECT_EQ(m->buddy.zone(0).nr_isolate_pageblock, 1U);
}

// Another actor has ended the isolation of the first pageblock meanwhile.
TEST_P(IsolationTest, ARefusedRangeLeavesAloneWhatIsIsolatedNoMore) {
  ASSERT_EQ(start(96, 112, Migratetype::movable), 0);
  Engine& engine = machine->engine;
  const ActorId actor = engine.add_actor(0);
  Outcome<int> outcome;
  Task<int> task = machine->isolation.start_isolate_page_range(64, 128, Migratetype::movable);
  engine.begin(actor, keep_outcome(std::move(task), &outcome));
  engine.stop_at(actor, Point::isolate_block, 1);
  engine.resume(actor);
  ASSERT_FALSE(outcome.value);
  ASSERT_EQ(machine->map.pageblock_type(64), Migratetype::isolate);
  engine.assume(kMainActor);
  undo(64, 80, Migratetype::movable);
  run_to_rest(*machine);
  EXPECT_EQ(outcome.value, -kEBUSY);
  EXPECT_THAT(isolated_blocks(), ElementsAre(96));
  EXPECT_EQ(zone.nr_isolate_pageblock, 1U);
  EXPECT_TRUE(counters_right());
}

// A watcher learns where a test failed, whatever failed it.
TEST_P(IsolationTest, AFailedTestIsReported) {
  struct Watcher final : WindowWatcher {
    void window_begins(Pfn, Pfn) override {}
    void page_refused(Pfn, Refusal, int) override {}
    void isolation_lost(Pfn) override {}
    void test_failed(Pfn from, Pfn to, Pfn fin) override { failed = {from, to, fin}; }
    void window_ended(int) override {}
    std::vector<Pfn> failed;
  } watcher;
  ASSERT_EQ(start(512, 576), 0);
  machine->trace.watch_windows(&watcher);
  EXPECT_EQ(machine->isolation.test_pages_isolated(512, 576), 0);
  EXPECT_THAT(watcher.failed, IsEmpty());
  EXPECT_EQ(machine->isolation.test_pages_isolated(512, 592), -kEBUSY);
  EXPECT_THAT(watcher.failed, ElementsAre(512, 592, 576)) << "a pageblock that is not isolated";
  claim_frame(*machine, 530);
  EXPECT_EQ(machine->isolation.test_pages_isolated(512, 576), -kEBUSY);
  EXPECT_THAT(watcher.failed, ElementsAre(512, 576, 530)) << "a page in use";
  machine->trace.watch_windows(nullptr);
}

// Up to 4.14 the type of a pageblock of movable pages is trusted, whatever the caller takes it for.
TEST_P(IsolationTest, AnOrdinaryPageblockIsLookedAtThoughItIsAskedForAsAnAreas) {
  own_frame(*machine, 70, PageKind::unmovable);
  const bool trusts_type = GetParam() < Release::v4_15;
  EXPECT_EQ(start(64, 128, kArea), trusts_type ? 0 : -kEBUSY);
}

}  // namespace
}  // namespace cma
