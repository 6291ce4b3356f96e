#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/machine_testing.h"
#include "allocator/migration/scan.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ScanTest : public ::testing::TestWithParam<Release> {
 protected:
  static Geometry geometry() {
    Geometry g = default_small_geometry(GetParam());
    g.pageblock_order = 6;
    g.largest_order = 7;
    g.areas = {{"area", 512, 512, 0}};
    return g;
  }
  void SetUp() override { populate_lru(*machine, 100); }
  int scan(Pfn start, Pfn end) {
    recorded = machine->trace.records().size();
    return run_now(machine->scanner.isolate_range(control, start, end));
  }
  std::vector<Pfn> taken() const { return pfns_of(machine->map, control.pages); }
  OwnerId own(Pfn pfn, PageKind kind) { return own_frame(*machine, pfn, kind); }

  std::unique_ptr<Machine> machine = make_machine(geometry());
  MigrateControl control;
  std::size_t recorded = 0;
};

INSTANTIATE_TEST_SUITE_P(Releases, ScanTest, ::testing::ValuesIn(kComparedReleases));

TEST_P(ScanTest, PagesOnTheLruAndMovableOnesAreTakenNewestFirst) {
  own(520, PageKind::anonymous);
  own(530, PageKind::shmem);
  own(525, PageKind::movable_ops);
  own(540, PageKind::unmovable);
  EXPECT_EQ(scan(512, 576), 0);
  EXPECT_THAT(taken(), ElementsAre(530, 525, 520));
  EXPECT_EQ(control.nr_pages, 3U);
  EXPECT_EQ(control.next, 576U);
  EXPECT_EQ(machine->lru.lists().isolated_anon(), 2) << "a driver's page is no LRU page";
  EXPECT_TRUE(machine->map.page(525).has(kPageIsolated));
  EXPECT_EQ(machine->map.page(525).ref, 2);
}

TEST_P(ScanTest, PinnedAnonymousPagesAreSkippedAndPinnedSharedOnesAreNot) {
  own(520, PageKind::anonymous);
  own(521, PageKind::shmem);
  machine->lru.get_page(520);
  machine->lru.get_page(521);
  scan(512, 576);
  EXPECT_THAT(taken(), ElementsAre(521));
}

TEST_P(ScanTest, APageInAPagevecIsNotSeen) {
  claim_frame(*machine, 520);
  run_now(machine->owners.adopt_anonymous(520));
  scan(512, 576);
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_P(ScanTest, ABatchEndsAfterThirtyTwoPages) {
  for (Pfn pfn = 512; pfn < 562; ++pfn) own(pfn, PageKind::anonymous);
  scan(512, 640);
  EXPECT_EQ(control.nr_pages, 32U);
  EXPECT_EQ(control.next, 544U) << "in the middle of a pageblock";
  EXPECT_EQ(taken().front(), 543U);
  EXPECT_EQ(taken().back(), 512U);
}

TEST_P(ScanTest, APageOnlyItsListHoldsIsSkipped) {
  // Orphaned: no longer mapped, one reference left.
  const OwnerId id = own(520, PageKind::anonymous);
  machine->lru.get_page(520);
  run_now(machine->owners.release(id));
  ASSERT_EQ(machine->map.page(520).ref, 1);
  scan(512, 576);
  EXPECT_THAT(taken(), IsEmpty());
}

TEST_P(ScanTest, ALockedMovablePageIsSkipped) {
  own(520, PageKind::movable_ops);
  ASSERT_TRUE(machine->page_locks.try_lock(520));
  scan(512, 576);
  EXPECT_THAT(taken(), IsEmpty());
  EXPECT_EQ(machine->map.page(520).ref, 1);
}

TEST_P(ScanTest, OneLineAPageblockRecordsWhatWasScannedAndTaken) {
  own(576, PageKind::anonymous);
  scan(512, 640);
  // A free block counts one step; the page at 576 leaves 577 (o0), 578 (o1), ... 608 (o5) free after it.
  EXPECT_THAT(traced(*machine, Event::isolate_migratepages, recorded),
              ElementsAre("mm_compaction_isolate_migratepages: range=(0x200 ~ 0x240) nr_scanned=1 nr_taken=0",
                          "mm_compaction_isolate_migratepages: range=(0x240 ~ 0x280) nr_scanned=7 nr_taken=1"));
}

TEST_P(ScanTest, AFatalSignalEndsTheScanAtTheNextThirtySecondFrame) {
  own(520, PageKind::anonymous);
  machine->engine.flags(kMainActor).fatal_signal = true;
  EXPECT_EQ(scan(512, 576), GetParam() >= Release::v5_3 ? -kEINTR : 0);
  EXPECT_THAT(taken(), IsEmpty());
}

// Four LRU pages in two pageblocks, nothing elsewhere: after the first block two are isolated and two are left.
class OwnPagesThrottle : public ::testing::TestWithParam<Release> {
 protected:
  void SetUp() override {
    for (Pfn pfn : {512U, 513U, 528U, 529U}) own_frame(*machine, pfn, PageKind::anonymous);
  }
  void scan() {
    machine->engine.begin(actor, keep_outcome(machine->scanner.isolate_range(control, 512, 544), &outcome));
    machine->engine.resume(actor);
  }

  std::unique_ptr<Machine> machine = make_machine(default_small_geometry(GetParam()));
  const ActorId actor = machine->engine.add_actor(0);
  MigrateControl control;
  Outcome<int> outcome;
};

INSTANTIATE_TEST_SUITE_P(Releases, OwnPagesThrottle, ::testing::ValuesIn(kComparedReleases));

TEST_P(OwnPagesThrottle, AScanThatHoldsPagesEndsSoThatTheyAreMoved) {
  scan();
  EXPECT_EQ(outcome.value, -kEAGAIN);
  EXPECT_EQ(control.nr_pages, 2U);
  EXPECT_EQ(control.next, 528U);
}

TEST_P(OwnPagesThrottle, WithTheBugAScanWaitsForItself) {
  machine->bugs.switch_on(Bug::throttle_own_pages);
  scan();
  Engine& engine = machine->engine;
  for (Time turn = 1; turn <= 3; ++turn) {
    EXPECT_EQ(engine.state(actor), Engine::State::sleeping);
    EXPECT_EQ(machine->bugs.times_reached(Bug::throttle_own_pages), static_cast<std::uint64_t>(turn));
    engine.advance_to(turn * 100 * kMillisecond);
    engine.resume(actor);
  }
  engine.abandon();
}

TEST(ScanThrottle, In510ItLooksLikeASignalUnderTheFault) {
  Geometry g = default_small_geometry(Release::v5_10);
  g.bugs = BugSet::as_shipped(g.release);
  const std::unique_ptr<Machine> machine = make_machine(g);
  for (Pfn pfn : {512U, 513U, 528U, 529U}) own_frame(*machine, pfn, PageKind::anonymous);
  MigrateControl control;
  EXPECT_EQ(run_now(machine->scanner.isolate_range(control, 512, 544)), -kEINTR);
  EXPECT_EQ(control.nr_pages, 2U) << "what it holds is the caller's to put back";
  EXPECT_EQ(machine->bugs.times_reached(Bug::throttle_is_signal), 1U);
}

TEST(ScanThrottle, ASignalWakesTheThrottledScan) {
  for (Release release : kComparedReleases) {
    const std::unique_ptr<Machine> machine = make_machine(default_small_geometry(release));
    own_frame(*machine, 512, PageKind::anonymous);
    machine->lru.isolate(512);
    Engine& engine = machine->engine;
    const ActorId actor = engine.add_actor(0);
    MigrateControl control;
    Outcome<int> outcome;
    engine.begin(actor, keep_outcome(machine->scanner.isolate_range(control, 512, 528), &outcome));
    engine.resume(actor);
    ASSERT_EQ(engine.state(actor), Engine::State::sleeping);
    engine.flags(actor).fatal_signal = true;
    engine.advance_to(100 * kMillisecond);
    engine.resume(actor);
    EXPECT_EQ(outcome.value, -kEINTR);
  }
}

}  // namespace
}  // namespace cma
