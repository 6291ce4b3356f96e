#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "allocator/base/error.h"
#include "allocator/buddy/compound.h"
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
  machine->lru.references().get_page(520);
  machine->lru.references().get_page(521);
  scan(512, 576);
  EXPECT_THAT(taken(), ElementsAre(521));
}

TEST_P(ScanTest, ADriversPageIsTakenOnce) {
  own(520, PageKind::movable_ops);
  scan(512, 576);
  ASSERT_THAT(taken(), ElementsAre(520));
  MigrateControl other;
  EXPECT_EQ(run_now(machine->scanner.isolate_range(other, 512, 576)), 0);
  EXPECT_TRUE(other.pages.empty());
  EXPECT_EQ(machine->map.page(520).ref, 2);
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
  machine->lru.references().get_page(520);
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
  // A free block counts one step, since 6.4 all its pages; the page at 576 leaves 577 (o0), 578 (o1), ... 608 (o5) free
  // after it.
  const std::string steps_of_first = GetParam() >= Release::v6_4 ? "64" : "1";
  const std::string steps_of_second = GetParam() >= Release::v6_4 ? "64" : "7";
  const std::string scanned = "mm_compaction_isolate_migratepages: range=";
  EXPECT_THAT(traced(*machine, Event::isolate_migratepages, recorded),
              ElementsAre(scanned + "(0x200 ~ 0x240) nr_scanned=" + steps_of_first + " nr_taken=0",
                          scanned + "(0x240 ~ 0x280) nr_scanned=" + steps_of_second + " nr_taken=1"));
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
    EXPECT_EQ(engine.look(actor).state, ActorState::sleeping);
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
    machine->lru.listed().isolate(512);
    Engine& engine = machine->engine;
    const ActorId actor = engine.add_actor(0);
    MigrateControl control;
    Outcome<int> outcome;
    engine.begin(actor, keep_outcome(machine->scanner.isolate_range(control, 512, 528), &outcome));
    engine.resume(actor);
    ASSERT_EQ(engine.look(actor).state, ActorState::sleeping);
    engine.flags(actor).fatal_signal = true;
    engine.advance_to(100 * kMillisecond);
    engine.resume(actor);
    EXPECT_EQ(outcome.value, -kEINTR);
  }
}

// A scan for compaction. Nothing that it takes moves.
class CompactingScan : public ::testing::TestWithParam<Release> {
 protected:
  class Nowhere final : public MigrationTargets {
   public:
    Task<Pfn> take(Pfn) override { co_return kNoPfn; }
    Task<void> give_back(Pfn) override { co_return; }
  };
  static Geometry geometry() {
    Geometry g = default_small_geometry(GetParam());
    g.pageblock_order = 6;
    g.largest_order = 7;
    g.areas.clear();
    g.transparent_hugepages = true;
    return g;
  }
  CompactingScan() {
    populate_lru(*machine, 200);
    compacting.order = 3;
    control.compacting = &compacting;
  }
  OwnerId own(Pfn pfn, PageKind kind) { return own_frame(*machine, pfn, kind); }
  // Returns what a scan of [start, end) takes, and puts it back.
  std::vector<Pfn> taken(Pfn start, Pfn end) {
    EXPECT_EQ(run_now(machine->scanner.isolate_block(control, start, end)), 0);
    return put_back();
  }
  std::vector<Pfn> put_back() {
    const std::vector<Pfn> pages = pfns_of(machine->map, control.pages);
    run_now(machine->migration.putback(control));
    control.nr_pages = 0;
    run_now(machine->lru.drain().add_drain_all());
    return pages;
  }
  // Returns whether a scan of its pageblock takes the page.
  bool takes(Pfn pfn, MoveMode mode) {
    control.mode = mode;
    compacting.ignore_skip_hint = true;
    const Pfn start = machine->map.pageblock_start(pfn);
    return std::ranges::count(taken(start, start + 64), pfn) != 0;
  }

  std::unique_ptr<Machine> machine = make_machine(geometry());
  Nowhere nowhere;
  Compacting compacting{nowhere};
  MigrateControl control;
};

INSTANTIATE_TEST_SUITE_P(Releases, CompactingScan, ::testing::ValuesIn(modelled_releases()));
INSTANTIATE_TEST_SUITE_P(Between, CompactingScan, ::testing::Values(Release::v3_17, Release::v5_15, Release::v6_3));

// Up to 4.7 only an asynchronous scan asks.
TEST_P(CompactingScan, ADirtyPageOfAFileIsTakenIfItMovesWithoutBeingWritten) {
  struct Case {
    FileMethod method;
    Release moves_since;
  };
  for (const Case& one : {Case{FileMethod::ordered, Release::v3_5}, Case{FileMethod::journalled, Release::v6_4},
                          Case{FileMethod::block_device, Release::v5_0}}) {
    const FileId file = machine->files.open(one.method, false);
    const OwnerId page = run_now(machine->files.read(file, 0, false)).page;
    run_now(machine->lru.drain().add_drain_all());
    const Pfn pfn = machine->owners.owner(page).pfn;
    machine->map.set_pageblock_type(pfn, Migratetype::movable);
    EXPECT_TRUE(takes(pfn, MoveMode::async)) << "clean";
    machine->map.edit(pfn).flags |= kPageDirty;
    const bool moves = GetParam() >= one.moves_since;
    EXPECT_EQ(takes(pfn, MoveMode::async), moves) << static_cast<int>(one.method);
    EXPECT_EQ(takes(pfn, MoveMode::sync_light), moves || GetParam() < Release::v4_8);
    EXPECT_TRUE(takes(pfn, MoveMode::sync));
  }
  own(580, PageKind::shmem);
  machine->map.edit(580).flags |= kPageDirty;
  EXPECT_TRUE(takes(580, MoveMode::async)) << "no file";
}

TEST_P(CompactingScan, APageUnderWritebackOrALockIsLeftByAScanThatMustNotWait) {
  const FileId file = machine->files.open(FileMethod::ordered, false);
  const OwnerId page = run_now(machine->files.read(file, 0, false)).page;
  run_now(machine->lru.drain().add_drain_all());
  const Pfn pfn = machine->owners.owner(page).pfn;
  machine->map.set_pageblock_type(pfn, Migratetype::movable);
  machine->map.edit(pfn).flags |= kPageWriteback;
  EXPECT_FALSE(takes(pfn, MoveMode::async));
  EXPECT_TRUE(takes(pfn, MoveMode::sync));
  machine->map.edit(pfn).flags &= ~kPageWriteback;
  machine->map.edit(pfn).flags |= kPageDirty;
  ASSERT_TRUE(machine->page_locks.try_lock(pfn));
  EXPECT_EQ(takes(pfn, MoveMode::async), GetParam() < Release::v4_16) << "its mapping is read under the lock";
  machine->page_locks.unlock(pfn);
  EXPECT_TRUE(takes(pfn, MoveMode::async));
}

// Up to 3.17 an asynchronous scan looks at the pageblock of each page.
TEST_P(CompactingScan, PagesOfUnmovablePageblocksAreLeftUpTo317) {
  own(580, PageKind::anonymous);
  EXPECT_TRUE(takes(580, MoveMode::async));
  machine->map.set_pageblock_type(580, Migratetype::unmovable);
  EXPECT_EQ(takes(580, MoveMode::async), GetParam() >= Release::v3_18);
  EXPECT_TRUE(takes(580, MoveMode::sync_light));
  machine->map.set_pageblock_type(580, Migratetype::cma);
  EXPECT_TRUE(takes(580, MoveMode::async)) << "those of areas hold pages that move";
}

// 4.7 brought groups of the order wanted: one without pages to take is passed over, whatever lies in it.
TEST_P(CompactingScan, AGroupWithoutPagesIsPassedOver) {
  for (const bool compound : {false, true}) {
    const Pfn start = compound ? 640 : 576;
    own(start + 16, PageKind::anonymous);
    own(start + 32, PageKind::anonymous);
    if (compound) {
      for (Pfn pfn = start; pfn < start + 16; ++pfn) claim_frame(*machine, pfn);
      prep_compound_page(machine->map, start, 4);
    }
    compacting.direct = true;
    control.mode = MoveMode::async;
    const std::vector<Pfn> pages = taken(start, start + 64);
    if (GetParam() < Release::v4_7) {
      EXPECT_THAT(pages, ElementsAre(start + 32, start + 16));
    } else {
      EXPECT_THAT(pages, ElementsAre(start + 16));
      EXPECT_EQ(control.next, start + 24) << "the end of the first group that had one";
    }
  }
}

// Since 6.3 a scan claims the pageblock with the first page that it takes, wherever that lies. Another compaction was
// there meanwhile: the scan is over, unless it is to finish the pageblock.
TEST_P(CompactingScan, APageblockThatAnotherHasClaimedIsLeftSince63) {
  const ActorId actor = machine->engine.add_actor(0);
  own(616, PageKind::anonymous);
  for (const bool finishes : {false, true}) {
    machine->scanner.hints().set_skip(576, false);
    compacting.finish_pageblock = finishes;
    control.mode = MoveMode::sync_light;
    Outcome<int> outcome;
    machine->engine.begin(actor, keep_outcome(machine->scanner.isolate_block(control, 576, 640), &outcome));
    machine->engine.stop_at(actor, Point::scan_batch, 2);
    machine->engine.resume(actor);
    ASSERT_FALSE(outcome.value);
    machine->scanner.hints().set_skip(576);
    machine->engine.resume(actor);
    EXPECT_EQ(outcome.value, 0);
    const bool leaves = GetParam() >= Release::v6_3 && !finishes;
    EXPECT_EQ(control.next, leaves && GetParam() < Release::v6_5 ? 616U : 640U);
    machine->engine.assume(kMainActor);
    EXPECT_EQ(put_back(), leaves ? std::vector<Pfn>{} : std::vector<Pfn>{616});
  }
}

// Since 6.9 compaction takes compound pages that are smaller than a pageblock and than what is wanted.
TEST_P(CompactingScan, AHugePageOfAWholePageblockStays) {
  const SpaceId process = machine->processes.spawn();
  machine->processes.mmap_huge(process, 1);
  for (Pfn pfn = 640; pfn < 704; ++pfn) claim_frame(*machine, pfn);
  prep_compound_page(machine->map, 640, machine->processes.huge_order());
  run_now(machine->processes.fault_in_huge(process, 0, 0, 640));
  run_now(machine->lru.drain().add_drain_all());
  ASSERT_EQ(machine->map.page(640).order, 6);
  for (const int wanted : {-1, 6, 7}) {
    compacting.order = wanted;
    EXPECT_FALSE(takes(640, MoveMode::sync_light)) << wanted;
  }
}

TEST_P(CompactingScan, PagesOfTheHugetlbPoolStay) {
  ASSERT_TRUE(run_now(machine->hugetlb.grow()));
  const Pfn head = machine->hugetlb.dequeue();
  machine->owners.adopt_hugetlb(head);
  EXPECT_FALSE(takes(head, MoveMode::sync_light));
}

TEST(CompactionHintsTest, ACopyHasTheHintsOfTheOther) {
  const Geometry g = default_small_geometry(Release::v6_1);
  CompactionHints written(g);
  CompactionHints copy(g);
  copy.copy_from(written);
  EXPECT_FALSE(copy.touched());
  written.set_skip(64);
  written.edit_zone(0).free = 960;
  copy.copy_from(written);
  EXPECT_TRUE(copy.skips(64));
  EXPECT_EQ(copy.zone(0), written.zone(0));
  copy.copy_from(CompactionHints(g));
  EXPECT_FALSE(copy.skips(64)) << "and none that it had before";
}

}  // namespace
}  // namespace cma
