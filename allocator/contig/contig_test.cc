#include "allocator/contig/contig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The default small machine: pageblocks of 16 pages, largest blocks of 64, area "a" at [512, 768).
class ContigTest : public ::testing::TestWithParam<Release> {
 protected:
  // Ranges are cut at pageblocks, not at largest blocks.
  static bool by_pageblocks() { return GetParam() >= Release::v5_19; }
  void SetUp() override { populate_lru(*machine, 64); }
  int alloc(Pfn start, Pfn end, Migratetype type = Migratetype::cma) {
    recorded = machine->trace.records().size();
    return run_now(machine->contig.alloc_contig_range(start, end, type));
  }
  void free(Pfn start, std::uint64_t pages) { run_now(machine->contig.free_contig_range(start, pages)); }
  bool owned(Pfn start, Pfn end) const {
    for (Pfn pfn = start; pfn < end; ++pfn) {
      const Page& page = machine->map.page(pfn);
      if (page.ref != 1 || page.flags != 0 || page.order != 0) return false;
    }
    return true;
  }
  bool nothing_isolated_and_counters_right() const {
    for (Migratetype type : machine->map.types())
      if (type == Migratetype::isolate) return false;
    return zone.nr_isolate_pageblock == 0 &&
           recount_free(*machine) == std::make_pair(zone.nr_free_pages, zone.nr_free_cma);
  }

  std::unique_ptr<Machine> machine = make_machine(default_small_geometry(GetParam()));
  const Zone& zone = machine->buddy.zone(0);
  std::size_t recorded = 0;
};

INSTANTIATE_TEST_SUITE_P(Releases, ContigTest, ::testing::ValuesIn(kComparedReleases));
INSTANTIATE_TEST_SUITE_P(Between, ContigTest, ::testing::ValuesIn(kVersionsBetween));

// As on real machines, the largest block is two pageblocks.
TEST_P(ContigTest, EveryRangeOfAnEmptyAreaIsTakenAndGivenBack) {
  Geometry g = default_small_geometry(GetParam());
  g.pageblock_order = 5;
  const std::unique_ptr<Machine> m = make_machine(g);
  const Zone& z = m->buddy.zone(0);
  for (Pfn start = 512; start < 592; start += 3)
    for (std::uint64_t pages : {1U, 2U, 15U, 16U, 17U, 63U, 64U, 65U, 100U}) {
      ASSERT_EQ(run_now(m->contig.alloc_contig_range(start, start + pages, Migratetype::cma)), 0) << start;
      for (Pfn pfn = start; pfn < start + pages; ++pfn) EXPECT_EQ(m->map.page(pfn).ref, 1);
      EXPECT_EQ(z.nr_free_cma, 512 - static_cast<std::int64_t>(pages)) << start << "+" << pages;
      EXPECT_EQ(z.nr_isolate_pageblock, 0U);
      EXPECT_EQ(recount_free(*m), std::make_pair(z.nr_free_pages, z.nr_free_cma)) << start << "+" << pages;
      run_now(m->contig.free_contig_range(start, pages));
      run_now(m->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
      ASSERT_EQ(z.nr_free_cma, 512) << start << "+" << pages;
    }
}

TEST_P(ContigTest, HeadAndTailOfTheBlocksAreGivenBack) {
  EXPECT_EQ(alloc(517, 523), 0);
  EXPECT_EQ(free_blocks(*machine, {512, 528}), (std::vector<Block>{{512, 2}, {516, 0}, {523, 0}, {524, 2}}));
  // Up to 5.18 the test walks on through the largest block; since 5.19 it was cut at the pageblock.
  EXPECT_THAT(traced(*machine, Event::test_pages_isolated, recorded),
              ElementsAre(std::string("test_pages_isolated: start_pfn=0x200 end_pfn=0x20b fin_pfn=") +
                          (by_pageblocks() ? "0x210" : "0x240") + " ret=success"));
}

TEST_P(ContigTest, TheOuterStartIsTheHeadOfTheFreeBlockThatCoversTheStart) {
  struct Case {
    Pfn used;  // a frame in use before the range
    Pfn start;
    Pfn outer;
  };
  // With the used frame taken out, the free blocks of the pageblock are known.
  const Case cases[] = {
      {512, 520, 520},  // 520..527 is a block of its own
      {512, 523, 520},  //
      {512, 517, 516},  // 516..519
      {512, 513, 513},  // a single page
      {519, 520, 520},  // the block before ends at the start
      {519, 517, 516},  // 516, 517
  };
  for (const Case& c : cases) {
    const std::unique_ptr<Machine> m = make_machine(default_small_geometry(GetParam()));
    claim_frame(*m, c.used);
    ASSERT_EQ(run_now(m->contig.alloc_contig_range(c.start, 528, Migratetype::cma)) == 0, c.used < c.start);
    const std::string line = traced(*m, Event::test_pages_isolated).front();
    EXPECT_NE(line.find("start_pfn=0x" + hex(c.outer) + " "), std::string::npos) << c.start << ": " << line;
  }
}

TEST_P(ContigTest, APageInTheWayIsReportedBusyUpTo512) {
  claim_frame(*machine, 530);
  EXPECT_EQ(alloc(516, 540), -kEBUSY);
  const std::vector<std::string> busy = traced(*machine, Event::log_pfns_busy, recorded);
  if (GetParam() >= Release::v5_13)
    EXPECT_THAT(busy, IsEmpty());
  else
    EXPECT_THAT(busy, ElementsAre("alloc_contig_range: [200, 21c) PFNs busy"));
  EXPECT_EQ(machine->map.page(530).ref, 1);
  EXPECT_EQ(zone.nr_free_cma, 511);
  EXPECT_TRUE(nothing_isolated_and_counters_right());
}

TEST_P(ContigTest, PagesThatCanMoveAreMovedOutOfTheWay) {
  const OwnerId anon = own_frame(*machine, 516, PageKind::anonymous);
  const OwnerId shared = own_frame(*machine, 520, PageKind::shmem);
  const OwnerId driver = own_frame(*machine, 530, PageKind::movable_ops);
  EXPECT_EQ(alloc(512, 544), 0);
  EXPECT_TRUE(owned(512, 544));
  for (OwnerId id : {anon, shared, driver}) {
    const Pfn now = machine->owners.owner(id).pfn;
    EXPECT_FALSE(now >= 512 && now < 544);
    EXPECT_EQ(machine->map.page(now).token, machine->owners.owner(id).token);
  }
  EXPECT_TRUE(nothing_isolated_and_counters_right());
}

TEST_P(ContigTest, APageThatWaitsInAPagevecIsFound) {
  claim_frame(*machine, 516);
  const OwnerId id = run_now(machine->owners.adopt_anonymous(516));
  EXPECT_EQ(alloc(512, 528), 0);
  EXPECT_NE(machine->owners.owner(id).pfn, 516U);
  EXPECT_EQ(machine->lru.drain().disable_count(), 0);
}

TEST_P(ContigTest, APageOnAPerCpuListIsFound) {
  const ActorId other = machine->engine.add_actor(1);
  claim_frame(*machine, 516);
  machine->engine.assume(other);
  machine->map.edit(516).ref = 0;
  machine->buddy.free_now(516, 0);
  machine->engine.assume(kMainActor);
  EXPECT_EQ(alloc(512, 528), 0);
  EXPECT_TRUE(owned(512, 528));
}

TEST_P(ContigTest, OrdinaryMemoryIsTakenAndStaysWhatItWas) {
  EXPECT_EQ(alloc(400, 432, Migratetype::movable), 0);
  EXPECT_EQ(machine->map.pageblock_type(400), Migratetype::movable);
  EXPECT_TRUE(nothing_isolated_and_counters_right());
}

TEST_P(ContigTest, AnUnmovablePageRefusesOrdinaryMemoryAtIsolation) {
  if (GetParam() < Release::v4_15) machine->map.set_pageblock_type(410, Migratetype::reclaimable);
  own_frame(*machine, 410, PageKind::unmovable);
  EXPECT_EQ(alloc(400, 432, Migratetype::movable), -kEBUSY);
  EXPECT_THAT(traced(*machine, Event::mm_migrate_pages, recorded), IsEmpty());
  EXPECT_TRUE(nothing_isolated_and_counters_right());
}

// Up to 3.7, and again since 5.19: the first caller loses its range, and an area its pageblock.
TEST_P(ContigTest, WithTheBugAFailedStartEndsTheIsolationOfOthers) {
  Geometry g = default_small_geometry(GetParam());
  g.bugs.switch_on(Bug::failed_start_undoes);
  machine = make_machine(g);
  populate_lru(*machine, 64);
  Engine& engine = machine->engine;
  const ActorId actor = engine.add_actor(0);
  Outcome<int> outcome;
  engine.begin(actor, keep_outcome(machine->contig.alloc_contig_range(512, 520, Migratetype::cma), &outcome));
  engine.stop_at(actor, Point::isolate_done, 1);
  engine.resume(actor);
  EXPECT_EQ(alloc(520, 528, Migratetype::movable), -kEBUSY);
  const bool reached = GetParam() < Release::v3_8 || GetParam() >= Release::v5_19;
  EXPECT_EQ(machine->bugs.times_reached(Bug::failed_start_undoes) != 0, reached);
  EXPECT_EQ(machine->map.pageblock_type(512), reached ? Migratetype::movable : Migratetype::isolate);
  run_to_rest(*machine);
  EXPECT_EQ(outcome.value, reached ? -kEBUSY : 0);
  EXPECT_EQ(machine->map.pageblock_type(512), reached ? Migratetype::movable : Migratetype::cma);
  EXPECT_EQ(recount_free(*machine),
            std::make_pair(machine->buddy.zone(0).nr_free_pages, machine->buddy.zone(0).nr_free_cma));
}

TEST_P(ContigTest, AFailedCaptureReleasesWhatItHad) {
  Engine& engine = machine->engine;
  const ActorId actor = engine.add_actor(0);
  Outcome<int> outcome;
  engine.begin(actor, keep_outcome(machine->contig.alloc_contig_range(512, 576, Migratetype::cma), &outcome));
  engine.stop_at(actor, Point::contig_tested, 1);
  engine.resume(actor);
  ASSERT_EQ(engine.look(actor).last_point, Point::contig_tested);
  // Between test and capture another actor takes a free page out of the isolated range.
  claim_frame(*machine, 560);
  run_to_rest(*machine);
  EXPECT_EQ(outcome.value, -kEBUSY);
  EXPECT_EQ(machine->map.page(560).ref, 1);
  for (Pfn pfn : {512U, 520U, 559U, 561U, 575U}) EXPECT_EQ(machine->map.page(pfn).ref, 0) << pfn;
  EXPECT_EQ(zone.nr_free_cma, 511);
  EXPECT_TRUE(nothing_isolated_and_counters_right());
}

TEST_P(ContigTest, AFatalSignalDuringTheCaptureIsReportedAsBusy) {
  Engine& engine = machine->engine;
  const ActorId actor = engine.add_actor(0);
  Outcome<int> outcome;
  engine.begin(actor, keep_outcome(machine->contig.alloc_contig_range(512, 576, Migratetype::cma), &outcome));
  engine.stop_at(actor, Point::contig_tested, 1);
  engine.resume(actor);
  engine.flags(actor).fatal_signal = true;
  run_to_rest(*machine);
  EXPECT_EQ(outcome.value, -kEBUSY);
  EXPECT_EQ(zone.nr_free_cma, 512);
  EXPECT_TRUE(nothing_isolated_and_counters_right());
}

TEST_P(ContigTest, AFatalSignalBeforeMigrationIsInterrupted) {
  machine->engine.flags(kMainActor).fatal_signal = true;
  EXPECT_EQ(alloc(512, 576), -kEINTR);
  EXPECT_EQ(machine->lru.drain().disable_count(), 0);
  EXPECT_TRUE(nothing_isolated_and_counters_right());
}

// Since 6.5 less: a scan ends with the pageblock at which more than an eighth of all pages is isolated.
TEST_P(ContigTest, BatchesHoldThirtyTwoPages) {
  for (Pfn pfn = 512; pfn < 552; ++pfn) own_frame(*machine, pfn, PageKind::anonymous);
  EXPECT_EQ(alloc(512, 576), 0);
  std::vector<std::uint64_t> moved;
  for (const Record& r : machine->trace.records())
    if (r.event == Event::mm_migrate_pages) moved.push_back(r.a);
  if (GetParam() >= Release::v6_5)
    EXPECT_THAT(moved, ElementsAre(16, 16, 8, 0));
  else
    EXPECT_THAT(moved, ElementsAre(32, 8));
}

TEST_P(ContigTest, AfterFiveCallsABatchIsGivenUp) {
  const OwnerId id = own_frame(*machine, 520, PageKind::movable_ops);
  machine->owners.refuse(id, -1, -kEAGAIN);
  EXPECT_EQ(alloc(512, 528), -kEBUSY);
  EXPECT_EQ(traced(*machine, Event::mm_migrate_pages, recorded).size(), 5U);
  EXPECT_EQ(machine->owners.owner(id).pfn, 520U);
  EXPECT_FALSE(machine->map.page(520).has(kPageIsolated));
  EXPECT_EQ(machine->map.page(520).ref, 1);
}

TEST_P(ContigTest, APageHeldByOthersIsReportedOnceARelease) {
  ASSERT_EQ(alloc(512, 528), 0);
  machine->lru.references().get_page(515);
  recorded = machine->trace.records().size();
  free(512, 16);
  EXPECT_THAT(lines(*machine, recorded), ElementsAre("1 pages are still in use!"));
  EXPECT_EQ(machine->map.page(515).ref, 1);
  EXPECT_EQ(zone.nr_free_cma + zone.pcp[0].count, 511);
}

TEST_P(ContigTest, ARangeAcrossZonesIsFatal) {
  Geometry g = default_small_geometry(GetParam());
  g.areas.clear();
  g.zones = {{"DMA", {0, 512}}, {"Normal", {512, 1024}}};
  const std::unique_ptr<Machine> m = make_machine(g);
  EXPECT_THROW(run_now(m->contig.alloc_contig_range(500, 520, Migratetype::movable)), AssertionFailure);
}

// The number of pageblocks that are isolated for a range of real geometry.
TEST(ContigRounding, UpTo518PageblocksAreIsolatedInPairs) {
  struct Rounding {
    Pfn start;
    std::uint64_t count;
    std::uint64_t in_pairs;
    std::uint64_t single;
  };
  const Rounding roundings[] = {{0x10a40, 148, 2, 1}, {0x10bf0, 32, 4, 2}, {0x10000, 1, 2, 1}, {0x10000, 1025, 4, 3}};
  for (Release release : kComparedReleases)
    for (const Rounding& r : roundings) {
      const std::unique_ptr<Machine> m = make_machine(worked_example_geometry(release));
      Engine& engine = m->engine;
      const ActorId actor = engine.add_actor(0);
      engine.begin(actor, keep_outcome(m->contig.alloc_contig_range(r.start, r.start + r.count, Migratetype::cma),
                                       static_cast<Outcome<int>*>(nullptr)));
      engine.stop_at(actor, Point::isolate_done, 1);
      engine.resume(actor);
      EXPECT_EQ(m->buddy.zone(0).nr_isolate_pageblock, release >= Release::v5_19 ? r.single : r.in_pairs) << r.start;
      engine.abandon();
    }
}

}  // namespace
}  // namespace cma
