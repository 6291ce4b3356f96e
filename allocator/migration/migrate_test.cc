#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/buddy/compound.h"
#include "allocator/machine_testing.h"
#include "allocator/migration/migration.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class MigrateTest : public ::testing::TestWithParam<Release> {
 protected:
  void SetUp() override { populate_lru(*machine, 100); }
  void scan(Pfn start, Pfn end) { ASSERT_EQ(run_now(machine->scanner.isolate_range(control, start, end)), 0); }
  // Returns the error that ended the call, or how many pages failed.
  int migrate() {
    recorded = machine->trace.records().size();
    const Moved moved = run_now(machine->migration.migrate_pages(control));
    return moved.error != 0 ? moved.error : moved.failed;
  }
  std::vector<Pfn> left() const { return pfns_of(machine->map, control.pages); }
  OwnerId own(Pfn pfn, PageKind kind) { return own_frame(*machine, pfn, kind); }
  Pfn where(OwnerId id) const { return machine->owners.owner(id).pfn; }
  const Page& page_of(OwnerId id) const { return machine->map.page(where(id)); }

  std::unique_ptr<Machine> machine = make_machine(default_small_geometry(GetParam()));
  MigrateControl control;
  std::size_t recorded = 0;
};

INSTANTIATE_TEST_SUITE_P(Releases, MigrateTest, ::testing::ValuesIn(kComparedReleases));
INSTANTIATE_TEST_SUITE_P(Between, MigrateTest, ::testing::ValuesIn(kVersionsBetween));

TEST_P(MigrateTest, EveryMovableKindMovesWithItsContent) {
  for (PageKind kind : {PageKind::anonymous, PageKind::shmem, PageKind::movable_ops}) {
    const OwnerId id = own(520, kind);
    scan(512, 528);
    EXPECT_EQ(migrate(), 0);
    EXPECT_NE(where(id), 520U) << name_of(kind);
    EXPECT_THAT(left(), IsEmpty());
    run_now(machine->lru.drain().add_drain(0));
    EXPECT_EQ(page_of(id).ref, 1) << name_of(kind);
    EXPECT_EQ(page_of(id).map, kind == PageKind::anonymous ? 1 : 0);
    EXPECT_EQ(page_of(id).token, machine->owners.owner(id).token);
    EXPECT_EQ(page_of(id).has(kPageLru), kind != PageKind::movable_ops);
    EXPECT_EQ(machine->map.page(520).ref, 0) << name_of(kind);
    EXPECT_EQ(machine->lru.lists().isolated_anon(), 0) << name_of(kind);
    EXPECT_TRUE(machine->page_locks.none_held());
    run_now(machine->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  }
  EXPECT_THAT(log_lines(*machine), IsEmpty()) << "no bad page";
}

// Since 6.6 only a locked page's target is.
TEST_P(MigrateTest, AMappedPagesTargetIsOnTheLruAtOnceFrom518To65) {
  const OwnerId id = own(520, PageKind::anonymous);
  scan(512, 528);
  migrate();
  const bool at_once = GetParam() >= Release::v5_18 && GetParam() < Release::v6_6;
  EXPECT_EQ(page_of(id).has(kPageLru), at_once);
  EXPECT_EQ(page_of(id).ref, at_once ? 1 : 2);
}

TEST_P(MigrateTest, ABatchIsMovedInDescendingOrder) {
  std::vector<OwnerId> ids;
  for (Pfn pfn : {515U, 520U, 525U}) ids.push_back(own(pfn, PageKind::shmem));
  scan(512, 528);
  machine->trace.set_page_events(true);
  migrate();
  std::vector<std::uint64_t> freed;
  for (const Record& r : machine->trace.records())
    if (r.event == Event::mm_page_free && r.a >= 512) freed.push_back(r.a);
  EXPECT_THAT(freed, ElementsAre(525, 520, 515));
}

TEST_P(MigrateTest, TheTraceCountsWhatMovedAndWhatDidNot) {
  own(515, PageKind::anonymous);
  const OwnerId driver = own(520, PageKind::movable_ops);
  machine->owners.refuse(driver, -1, -kEAGAIN);
  scan(512, 528);
  EXPECT_EQ(migrate(), 1);
  const std::string reason = GetParam() < Release::v4_17 ? "cma" : "contig_range";
  const std::string thp = GetParam() >= Release::v5_9 ? " nr_thp_succeeded=0 nr_thp_failed=0 nr_thp_split=0" : "";
  EXPECT_THAT(
      traced(*machine, Event::mm_migrate_pages, recorded),
      ElementsAre("mm_migrate_pages: nr_succeeded=1 nr_failed=1" + thp + " mode=MIGRATE_SYNC reason=" + reason));
}

TEST_P(MigrateTest, AnEmptyBatchIsTracedToo) {
  EXPECT_EQ(migrate(), 0);
  EXPECT_EQ(traced(*machine, Event::mm_migrate_pages, recorded).size(), 1U);
}

TEST_P(MigrateTest, OneCallTriesTenTimes) {
  const OwnerId id = own(520, PageKind::movable_ops);
  machine->owners.refuse(id, 100, -kEAGAIN);
  scan(512, 528);
  EXPECT_EQ(migrate(), 1);
  EXPECT_EQ(machine->owners.owner(id).refusals, 90);
  EXPECT_THAT(left(), ElementsAre(520)) << "it stays on the caller's list";
  machine->owners.refuse(id, 9, -kEAGAIN);
  EXPECT_EQ(migrate(), 0);
  EXPECT_NE(where(id), 520U);
}

TEST_P(MigrateTest, APermanentErrorIsPutBackUpTo510AndStaysListedSince511) {
  const OwnerId id = own(520, PageKind::movable_ops);
  // Since 6.3 what failed in a batch is tried once more by itself.
  machine->owners.refuse(id, GetParam() >= Release::v6_3 ? 2 : 1, -kEIO);
  scan(512, 528);
  EXPECT_EQ(migrate(), 1);
  EXPECT_EQ(machine->owners.owner(id).refusals, 0) << "not tried again";
  if (GetParam() >= Release::v5_11) {
    EXPECT_THAT(left(), ElementsAre(520));
    EXPECT_EQ(migrate(), 0);
    EXPECT_NE(where(id), 520U);
  } else {
    EXPECT_THAT(left(), IsEmpty());
    EXPECT_EQ(where(id), 520U);
    EXPECT_EQ(page_of(id).ref, 1);
    EXPECT_FALSE(page_of(id).has(kPageIsolated));
  }
}

TEST_P(MigrateTest, PermanentFailuresComeBeforeRetriesSince511) {
  if (GetParam() < Release::v5_11) GTEST_SKIP() << "permanent failures are put back";
  const OwnerId retried = own(524, PageKind::movable_ops);
  const OwnerId failed = own(520, PageKind::movable_ops);
  machine->owners.refuse(retried, -1, -kEAGAIN);
  machine->owners.refuse(failed, -1, -kEIO);
  scan(512, 528);
  EXPECT_EQ(migrate(), 2);
  EXPECT_THAT(left(), ElementsAre(520, 524));
}

// A release between two that are modelled: it moves pages as 5.10 does, and keeps those that failed for good as 5.15.
class MigrateUnmodelledTest : public MigrateTest {};
INSTANTIATE_TEST_SUITE_P(Releases, MigrateUnmodelledTest, ::testing::Values(Release::v5_12));

TEST_P(MigrateUnmodelledTest, PagesThatFailedForGoodStayListed) {
  const OwnerId retried = own(524, PageKind::movable_ops);
  const OwnerId failed = own(520, PageKind::movable_ops);
  machine->owners.refuse(retried, -1, -kEAGAIN);
  machine->owners.refuse(failed, -1, -kEIO);
  scan(512, 528);
  EXPECT_EQ(migrate(), 2);
  EXPECT_THAT(left(), ElementsAre(520, 524));
  run_now(machine->migration.putback(control));
  EXPECT_THAT(left(), IsEmpty());
  EXPECT_FALSE(page_of(failed).has(kPageIsolated));
}

TEST_P(MigrateTest, APinnedSharedPageHasTenTargetsACallUpTo62) {
  const OwnerId id = own(520, PageKind::shmem);
  machine->lru.references().get_page(520);
  scan(512, 528);
  machine->trace.set_page_events(true);
  EXPECT_EQ(migrate(), 1);
  // Each attempt takes a new target; since 6.3 the attempts of the batch share one, and those after it another.
  const std::size_t targets = GetParam() >= Release::v6_3 ? 2 : 10;
  EXPECT_EQ(traced(*machine, Event::mm_page_alloc, recorded).size(), targets);
  EXPECT_EQ(traced(*machine, Event::mm_page_free, recorded).size(), targets);
  EXPECT_EQ(where(id), 520U);
}

TEST_P(MigrateTest, APinTakenAfterTheScanLeavesThePageMappedWhereItWas) {
  const OwnerId id = own(520, PageKind::anonymous);
  scan(512, 528);
  machine->lru.references().get_page(520);
  EXPECT_EQ(migrate(), 1);
  EXPECT_EQ(page_of(id).map, 1);
  EXPECT_EQ(page_of(id).ref, 3);
  EXPECT_EQ(where(id), 520U);
  run_now(machine->migration.putback(control));
  run_now(machine->lru.drain().add_drain(0));
  EXPECT_EQ(page_of(id).ref, 2);
  EXPECT_TRUE(page_of(id).has(kPageLru));
  EXPECT_EQ(machine->lru.lists().isolated_anon(), 0);
}

TEST_P(MigrateTest, APageFreedByItsUsersMeanwhileCountsAsMoved) {
  const OwnerId id = own(520, PageKind::anonymous);
  scan(512, 528);
  run_now(machine->owners.release(id));
  ASSERT_EQ(machine->map.page(520).ref, 1);
  EXPECT_EQ(migrate(), 0);
  EXPECT_EQ(machine->map.page(520).ref, 0);
  EXPECT_EQ(machine->lru.lists().isolated_anon(), 0);
  EXPECT_THAT(log_lines(*machine), IsEmpty());
}

TEST_P(MigrateTest, WithoutMemoryForTheTargetTheCallEnds) {
  own(515, PageKind::anonymous);
  own(520, PageKind::anonymous);
  scan(512, 528);
  machine->buddy.zone(0).watermark = {2000, 2000, 2000};
  EXPECT_EQ(migrate(), -kENOMEM);
  EXPECT_THAT(left(), ElementsAre(520, 515));
  EXPECT_TRUE(machine->page_locks.none_held());
}

TEST_P(MigrateTest, PutbackReturnsDriversPagesToTheirDriver) {
  const OwnerId id = own(520, PageKind::movable_ops);
  scan(512, 528);
  run_now(machine->migration.putback(control));
  EXPECT_THAT(left(), IsEmpty());
  EXPECT_EQ(page_of(id).ref, 1);
  EXPECT_FALSE(page_of(id).has(kPageIsolated | kPageTaskList));
}

TEST_P(MigrateTest, FromTheFourthPassOnItWaitsForThePageLock) {
  own(520, PageKind::shmem);
  scan(512, 528);
  Engine& engine = machine->engine;
  const ActorId holder = engine.add_actor(1);
  const ActorId migrator = engine.add_actor(0);
  engine.assume(holder);
  ASSERT_TRUE(machine->page_locks.try_lock(520));
  Outcome<Moved> outcome;
  machine->trace.set_page_events(true);
  recorded = machine->trace.records().size();
  engine.begin(migrator, keep_outcome(machine->migration.migrate_pages(control), &outcome));
  engine.resume(migrator);
  EXPECT_EQ(engine.look(migrator).state, ActorState::waiting);
  EXPECT_EQ(traced(*machine, Event::mm_page_alloc, recorded).size(), 4U) << "three passes gave up, the fourth waits";
  engine.assume(holder);
  machine->page_locks.unlock(520);
  run_to_rest(*machine);
  EXPECT_TRUE(outcome.value->all());
}

TEST_P(MigrateTest, APageWhoseOwnerGoesAwayAtAnyPointIsFreedOnce) {
  // The owner goes away at each of the points inside one attempt; nothing leaks and nothing is freed twice.
  for (Point point : {Point::migrate_page, Point::migrate_target, Point::migrate_locked, Point::migrate_unmapped,
                      Point::migrate_moved}) {
    const OwnerId id = own(520, PageKind::anonymous);
    scan(512, 528);
    Engine& engine = machine->engine;
    const ActorId migrator = engine.add_actor(0);
    const ActorId process = engine.add_actor(1);
    Outcome<Moved> outcome;
    engine.begin(migrator, keep_outcome(machine->migration.migrate_pages(control), &outcome));
    engine.stop_at(migrator, point, 1);
    engine.resume(migrator);
    engine.begin(process, machine->owners.release(id));
    engine.resume(process);
    run_to_rest(*machine);
    EXPECT_TRUE(outcome.value->all()) << info_of(point).name;
    engine.assume(kMainActor);
    run_now(machine->lru.drain().add_drain_all());
    run_now(machine->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
    EXPECT_EQ(machine->map.page(520).ref, 0) << info_of(point).name;
    EXPECT_EQ(machine->buddy.zone(0).nr_free_pages, 1024 - 100) << info_of(point).name;
    EXPECT_THAT(log_lines(*machine), IsEmpty()) << info_of(point).name;
  }
}

// --- who waits for a page lock ---

// Targets for a compaction, from the allocator.
class FreshTargets final : public MigrationTargets {
 public:
  explicit FreshTargets(Machine& machine) : machine_(machine) {}
  Task<Pfn> take(Pfn) override { co_return machine_.buddy.alloc_pages(kGfpMigrationTarget, 0); }
  Task<void> give_back(Pfn target) override { co_await machine_.lru.references().put_page(target); }

 private:
  Machine& machine_;
};

class LockedPageTest : public MigrateTest {
 protected:
  // Returns whether a call waits for the lock of a page that another holds. Ends with the page moved.
  bool waits() {
    own(520, PageKind::shmem);
    scan(512, 528);
    return waits_for_lock();
  }
  bool waits_for_lock(ReclaimScope scope = ReclaimScope::none) {
    Engine& engine = machine->engine;
    const ActorId holder = engine.add_actor(1);
    const ActorId migrator = engine.add_actor(0);
    engine.flags(migrator).scope = scope;
    engine.assume(holder);
    EXPECT_TRUE(machine->page_locks.try_lock(520));
    engine.begin(migrator, keep_outcome(machine->migration.migrate_pages(control), &outcome));
    engine.resume(migrator);
    const bool waiting = engine.look(migrator).state == ActorState::waiting;
    engine.assume(holder);
    machine->page_locks.unlock(520);
    run_to_rest(*machine);
    engine.assume(kMainActor);
    run_now(machine->migration.putback(control));
    run_now(machine->lru.drain().add_drain_all());
    return waiting;
  }

  FreshTargets targets{*machine};
  Compacting compacting{targets};
  Outcome<Moved> outcome;
};

INSTANTIATE_TEST_SUITE_P(Releases, LockedPageTest, ::testing::ValuesIn(modelled_releases()));

TEST_P(LockedPageTest, AContiguousRangeWaits) {
  EXPECT_TRUE(waits());
  EXPECT_TRUE(outcome.value->all());
}

TEST_P(LockedPageTest, AnAsynchronousCallDoesNotWait) {
  control.mode = MoveMode::async;
  EXPECT_FALSE(waits());
  EXPECT_EQ(outcome.value->failed, 1);
}

TEST_P(LockedPageTest, ACompactionForAnAllocationDoesNotWait) {
  control.mode = MoveMode::sync_light;
  control.compacting = &compacting;
  compacting.ignore_skip_hint = true;
  compacting.direct = true;
  EXPECT_FALSE(waits());
  EXPECT_EQ(outcome.value->failed, 1);
  compacting.direct = false;
  machine->map.edit(520).flags |= kPageUptodate;
  scan(512, 528);
  EXPECT_TRUE(waits_for_lock()) << "another one does";
}

TEST_P(LockedPageTest, ATaskThatFreesMemoryDoesNotWait) {
  own(520, PageKind::shmem);
  scan(512, 528);
  EXPECT_FALSE(waits_for_lock(ReclaimScope::noreclaim));
  EXPECT_EQ(outcome.value->failed, 1);
}

// Since 6.5: its lock is held until it has been read.
TEST_P(LockedPageTest, APageThatIsBeingReadIsNotWaitedForByALightCall) {
  control.mode = MoveMode::sync_light;
  own(520, PageKind::shmem);
  machine->map.edit(520).flags &= ~kPageUptodate;
  scan(512, 528);
  EXPECT_EQ(waits_for_lock(), GetParam() < Release::v6_5);
}

TEST_P(LockedPageTest, APageUnderWritebackIsBusyForALightCall) {
  const FileId file = machine->files.open(FileMethod::ordered, true);
  const OwnerId page = run_now(machine->files.read(file, 0, true)).page;
  run_now(machine->device.complete_one());
  run_now(machine->lru.drain().add_drain_all());
  run_now(machine->files.write(page));
  run_now(machine->files.writeback(page));
  const Pfn pfn = where(page);
  ASSERT_TRUE(machine->map.page(pfn).has(kPageWriteback));
  control.mode = MoveMode::sync_light;
  scan(align_down(pfn, 16), align_down(pfn, 16) + 16);
  ASSERT_THAT(left(), ::testing::Contains(pfn));
  migrate();
  EXPECT_EQ(where(page), pfn);
  run_now(machine->migration.putback(control));
  run_now(machine->device.complete_one());
}

// --- huge pages without a target ---

class HugeMigrateTest : public ::testing::TestWithParam<Release> {
 protected:
  static Geometry geometry() {
    Geometry g = default_small_geometry(GetParam());
    g.transparent_hugepages = true;
    return g;
  }
  HugeMigrateTest() {
    // A request for a target ends where it would compact.
    machine->page_allocator.relieve_by(nullptr);
    process = machine->processes.spawn();
    machine->processes.mmap_huge(process, 1);
    for (Pfn pfn = kHead; pfn < kHead + 16; ++pfn) claim_frame(*machine, pfn);
    prep_compound_page(machine->map, kHead, 4);
    run_now(machine->processes.fault_in_huge(process, 0, 0, kHead));
    run_now(machine->lru.drain().add_drain_all());
    populate_lru(*machine, 100);
    // Nowhere else sixteen pages in a row but where nothing is taken from.
    for (Pfn pfn = 108; pfn < 1024; pfn += 16)
      if (pfn < kHead || pfn >= kHead + 64) own_frame(*machine, pfn, PageKind::unmovable);
    EXPECT_EQ(run_now(machine->isolation.start_isolate_page_range(kHead, kHead + 64, Migratetype::cma)), 0);
    EXPECT_EQ(run_now(machine->scanner.isolate_range(control, kHead, kHead + 16)), 0);
    EXPECT_EQ(pfns_of(machine->map, control.pages), std::vector<Pfn>{kHead});
  }
  Pfn where(std::uint64_t index) const {
    return machine->owners.owner(machine->processes.page_at(process, 0, index)).pfn;
  }
  Moved migrate() { return run_now(machine->migration.migrate_pages(control)); }

  static constexpr Pfn kHead = 512;
  std::unique_ptr<Machine> machine = make_machine(geometry());
  SpaceId process = 0;
  MigrateControl control;
};

// Since 5.7 the scan takes huge pages, since 5.9 they are split where no target is free.
INSTANTIATE_TEST_SUITE_P(Releases, HugeMigrateTest,
                         ::testing::Values(Release::v5_10, Release::v5_15, Release::v6_1, Release::v6_3, Release::v6_6,
                                           Release::v6_12));

TEST_P(HugeMigrateTest, ItIsSplitAndItsPagesMove) {
  EXPECT_TRUE(migrate().all());
  for (std::uint64_t i = 0; i < 16; ++i) EXPECT_TRUE(where(i) < kHead || where(i) >= kHead + 16) << where(i);
  EXPECT_FALSE(machine->map.page(kHead).has(kPageHead));
}

TEST_P(HugeMigrateTest, APinnedOneStaysWholeAndTheCallEnds) {
  machine->lru.references().get_page(kHead);
  EXPECT_LT(migrate().error, 0);
  EXPECT_TRUE(machine->map.page(kHead).has(kPageHead));
  EXPECT_EQ(where(5), kHead + 5);
  EXPECT_EQ(machine->map.page(kHead).map, 1);
  run_now(machine->migration.putback(control));
}

// Another page lock than that of the first attempt to move it: there was no target to move it to.
TEST_P(HugeMigrateTest, ALockedOneIsWaitedForUpTo62) {
  Engine& engine = machine->engine;
  const ActorId holder = engine.add_actor(1);
  const ActorId migrator = engine.add_actor(0);
  engine.assume(holder);
  ASSERT_TRUE(machine->page_locks.try_lock(kHead));
  Outcome<Moved> outcome;
  engine.begin(migrator, keep_outcome(machine->migration.migrate_pages(control), &outcome));
  engine.resume(migrator);
  const bool waits = GetParam() < Release::v6_3;
  EXPECT_EQ(engine.look(migrator).state == ActorState::waiting, waits);
  engine.assume(holder);
  machine->page_locks.unlock(kHead);
  run_to_rest(*machine);
  EXPECT_EQ(outcome.value->all(), waits);
  EXPECT_EQ(machine->map.page(kHead).has(kPageHead), !waits) << "6.3 first tries without waiting, and gives up";
}

// The huge page was counted, and none of its pages is.
TEST_P(HugeMigrateTest, APageOfASplitOneThatStaysIsNoFailureOfItsOwn) {
  if (GetParam() < Release::v6_1) GTEST_SKIP() << "each page is tried for itself";
  Engine& engine = machine->engine;
  const ActorId migrator = engine.add_actor(0);
  Outcome<Moved> outcome;
  engine.begin(migrator, keep_outcome(machine->migration.migrate_pages(control), &outcome));
  while (machine->map.page(kHead).has(kPageHead)) {
    engine.stop_at(migrator, Point::migrate_page, 1);
    engine.resume(migrator);
    ASSERT_EQ(engine.look(migrator).state, ActorState::ready);
  }
  engine.assume(kMainActor);
  machine->lru.references().get_page(kHead + 3);
  engine.resume(migrator);
  run_to_rest(*machine);
  EXPECT_EQ(outcome.value->failed, 1);
  EXPECT_EQ(where(3), kHead + 3);
  EXPECT_NE(where(4), kHead + 4);
  EXPECT_EQ(pfns_of(machine->map, control.pages), std::vector<Pfn>{kHead + 3});
}

// Its process has ended: nothing maps it, and another keeps it.
TEST_P(HugeMigrateTest, OneThatNothingMapsIsNotSplit) {
  machine->lru.references().get_page(kHead);
  run_now(machine->processes.exit(process));
  ASSERT_EQ(machine->map.page(kHead).map, 0);
  EXPECT_LT(migrate().error, 0);
  EXPECT_TRUE(machine->map.page(kHead).has(kPageHead));
  run_now(machine->migration.putback(control));
  run_now(machine->lru.drain().add_drain_all());
  EXPECT_EQ(machine->map.page(kHead).ref, 1);
}

// Another holds the page, and nothing is left to move.
TEST_P(MigrateTest, APageThatItsDriverFreesMeanwhileCountsAsMoved) {
  const OwnerId id = own(520, PageKind::movable_ops);
  scan(512, 528);
  machine->lru.references().get_page(520);
  run_now(machine->owners.release(id));
  ASSERT_EQ(machine->map.page(520).ref, 2);
  EXPECT_EQ(migrate(), 0);
  EXPECT_THAT(left(), IsEmpty());
  EXPECT_EQ(machine->map.page(520).ref, 1);
  EXPECT_FALSE(machine->map.page(520).has(kPageTaskList));
}

}  // namespace
}  // namespace cma
