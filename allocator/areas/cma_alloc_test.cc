#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/areas/areas.h"
#include "allocator/base/error.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string test_line(Pfn start, Pfn end, Pfn fin) {
  return "test_pages_isolated: start_pfn=0x" + hex(start) + " end_pfn=0x" + hex(end) + " fin_pfn=0x" + hex(fin) +
         " ret=" + (end <= fin ? "success" : "fail");
}

// An area of 4096 pages at 0x10000, all free, real orders.
class WorkedExample : public ::testing::TestWithParam<Release> {
 protected:
  static bool counts() { return GetParam() >= Release::v5_13; }
  static bool reports_failures() { return GetParam() >= Release::v4_11; }
  void SetUp() override { populate_lru(*machine, 64); }
  Pfn alloc(std::uint64_t count, unsigned align, Warn warn = Warn::yes) {
    first = machine->trace.records().size();
    return run_now(machine->areas.cma_alloc(0, count, align, warn));
  }
  void pinned_anonymous_page(Pfn pfn) {
    own_frame(*machine, pfn, PageKind::anonymous);
    machine->lru.references().get_page(pfn);
  }
  std::vector<std::string> tests() const { return traced(*machine, Event::test_pages_isolated, first); }
  std::vector<std::string> busy_lines() const { return traced(*machine, Event::log_pfns_busy, first); }
  std::size_t next_windows() const { return traced(*machine, Event::log_cma_busy_retrying, first).size(); }
  std::string last_trace() const {
    const std::vector<std::string> all = traced(*machine, counts() ? Event::cma_alloc_finish : Event::cma_alloc, first);
    return all.empty() ? "" : all.back();
  }
  // Pointers, as the release prints them.
  static std::string pointer(std::uint64_t address) { return GetParam() >= Release::v4_15 ? "(ptrval)" : hex(address); }
  static std::string page_text(Pfn pfn) { return pointer(0xffffea0000000000 + pfn * 64); }
  static std::string area_text() { return pointer(0xffffffff81e00000); }
  // The debugging line of a request without an alignment.
  static std::string entry_line(std::uint64_t count) {
    const std::string name = GetParam() >= Release::v6_2 ? ", name: main" : "";
    return "cma: cma_alloc(cma " + area_text() + name + ", count " + std::to_string(count) + ", align 0)";
  }
  // The last line of a result, as the release formats it. Failures are for want of a window.
  static std::string finish(Pfn pfn, std::uint64_t count, unsigned align, bool success) {
    const std::string rest = " count=" + std::to_string(count) + " align=" + std::to_string(align);
    if (counts()) {
      const char* page = success ? "(ptrval)" : "0000000000000000";
      const char* error = GetParam() < Release::v6_3 ? "" : success ? " errorno=0" : " errorno=-12";
      return "cma_alloc_finish: name=main pfn=0x" + hex(pfn) + " page=" + page + rest + error;
    }
    const char* null = GetParam() >= Release::v5_7 ? "0000000000000000" : "(null)";
    return "cma_alloc: pfn=" + hex(pfn) + " page=" + (success ? page_text(pfn) : null) + rest;
  }

  std::unique_ptr<Machine> machine = make_machine(worked_example_geometry(GetParam()));
  Zone& zone = machine->buddy.zone(0);
  std::size_t first = 0;  // record of the last call
};

INSTANTIATE_TEST_SUITE_P(Releases, WorkedExample, ::testing::ValuesIn(kComparedReleases));

TEST_P(WorkedExample, AnAllocationTakesTheFirstWindowAndGivesTheRestBack) {
  EXPECT_EQ(alloc(148, 8), 0x10000U);
  EXPECT_EQ(last_trace(), finish(0x10000, 148, 8, true));
  EXPECT_EQ(free_blocks(*machine, {0x10000, 0x10400}),
            (std::vector<Block>{{0x10094, 2}, {0x10098, 3}, {0x100a0, 5}, {0x100c0, 6}, {0x10100, 8}, {0x10200, 9}}));
  EXPECT_EQ(zone.nr_free_cma, 3948);
  EXPECT_EQ(recount_free(*machine), std::make_pair(zone.nr_free_pages, zone.nr_free_cma));
  EXPECT_EQ(zone.nr_isolate_pageblock, 0U);
  // The test walks the order-10 block; since 5.19 isolation has split that at the pageblock.
  const bool split = GetParam() >= Release::v5_19;
  EXPECT_THAT(tests(), ElementsAre(test_line(0x10000, 0x10094, split ? 0x10200 : 0x10400)));
  for (Pfn pfn = 0x10000; pfn < 0x10094; ++pfn) EXPECT_EQ(machine->map.page(pfn).ref, 1);
}

TEST_P(WorkedExample, TheNextWindowIsAligned) {
  alloc(148, 8);
  EXPECT_EQ(alloc(148, 8), 0x10100U);
  EXPECT_EQ(last_trace(), finish(0x10100, 148, 8, true));
  // A block that only changes its list goes to the head, since 5.10 to the tail.
  if (GetParam() >= Release::v5_10)
    EXPECT_THAT(free_list(*machine, 2, Migratetype::cma), ElementsAre(0x10094, 0x10194));
  else
    EXPECT_THAT(free_list(*machine, 2, Migratetype::cma), ElementsAre(0x10194, 0x10094));
}

TEST_P(WorkedExample, TheWindowOfAPinnedPageIsSkipped) {
  alloc(148, 8);
  pinned_anonymous_page(0x10150);
  EXPECT_EQ(alloc(148, 8), 0x10200U);
  EXPECT_EQ(tests()[0], test_line(0x10100, 0x10194, 0x10150));
  EXPECT_EQ(tests().size(), 2U);
  EXPECT_EQ(next_windows(), 1U);
  if (GetParam() >= Release::v5_13)
    EXPECT_THAT(traced(*machine, Event::cma_alloc_busy_retry, first),
                ElementsAre("cma_alloc_busy_retry: name=main pfn=0x10100 page=(ptrval) count=148 align=8"));
  else
    EXPECT_THAT(busy_lines(), ElementsAre("alloc_contig_range: [10100, 10194) PFNs busy"));
  EXPECT_THAT(traced(*machine, Event::log_cma_alloc_failed, first), IsEmpty());
  EXPECT_EQ(last_trace(), finish(0x10200, 148, 8, true));
}

TEST_P(WorkedExample, WithoutAlignmentWindowsMovePageByPagePastThePinnedPage) {
  alloc(148, 8);
  pinned_anonymous_page(0x10100);
  EXPECT_EQ(alloc(148, 0), 0x10101U);
  EXPECT_EQ(next_windows(), 109U);
  const std::vector<std::string> tested = tests();
  ASSERT_EQ(tested.size(), 110U);
  EXPECT_EQ(tested[0], test_line(0x10094, 0x10128, 0x10100));
  EXPECT_EQ(tested[1], test_line(0x10094, 0x10129, 0x10100)) << "the head of the free block before the window";
  EXPECT_EQ(tested[108], test_line(0x10100, 0x10194, 0x10100));
  const std::size_t limited = GetParam() >= Release::v4_13 ? 10 : 109;
  const bool silent = GetParam() >= Release::v5_13;
  EXPECT_EQ(busy_lines().size(), silent ? 0U : limited);
  if (!silent) {
    EXPECT_EQ(busy_lines()[1], "alloc_contig_range: [10094, 10129) PFNs busy");
  }
}

TEST_P(WorkedExample, MorePagesThanTheAreaHasAreRefusedInSilence) {
  EXPECT_EQ(alloc(5000, 0), kNoPfn);
  EXPECT_EQ(last_trace(), "");
  EXPECT_THAT(traced(*machine, Event::log_cma_alloc_failed, first), IsEmpty());
  EXPECT_EQ(machine->areas.table().alloc_fail, counts() ? 1U : 0U);
  EXPECT_EQ(machine->areas.area(0).nr_pages_failed, counts() ? 5000U : 0U);
  EXPECT_EQ(machine->areas.area(0).bitmap.count_set(), 0U);
}

TEST_P(WorkedExample, AFullAreaHasNoWindowToTry) {
  EXPECT_EQ(alloc(4096, 0), 0x10000U);
  EXPECT_EQ(alloc(1, 0), kNoPfn);
  EXPECT_EQ(last_trace(), finish(kNoPfn, 1, 0, false));
  const std::string head = GetParam() >= Release::v5_12 ? "cma: cma_alloc: main: " : "cma: cma_alloc: ";
  std::vector<std::string> lines = {entry_line(1)};
  if (reports_failures()) {
    lines.push_back(head + "alloc failed, req-size: 1 pages, ret: -12");
    lines.push_back("cma: number of available pages: => 0 free of 4096 total pages");
  }
  const bool digits = GetParam() >= Release::v5_7;
  lines.push_back(std::string("cma: cma_alloc(): returned ") + (digits ? "0000000000000000" : "          (null)"));
  EXPECT_EQ(log_lines(*machine, first), lines);
}

TEST_P(WorkedExample, WhenTheLastWindowWasBusyTheErrorIsBusy) {
  pinned_anonymous_page(0x10800);
  EXPECT_EQ(alloc(4096, 0), kNoPfn);
  const std::string head = GetParam() >= Release::v5_12 ? "cma: cma_alloc: main: " : "cma: cma_alloc: ";
  std::vector<std::string> failed;
  if (reports_failures()) failed.push_back(head + "alloc failed, req-size: 4096 pages, ret: -16");
  EXPECT_EQ(traced(*machine, Event::log_cma_alloc_failed, first), failed);
  EXPECT_EQ(machine->areas.area(0).bitmap.count_set(), 0U);
}

TEST_P(WorkedExample, NoWarnPrintsNothingOfAFailure) {
  pinned_anonymous_page(0x10800);
  EXPECT_EQ(alloc(4096, 0, Warn::no), kNoPfn);
  EXPECT_THAT(traced(*machine, Event::log_cma_alloc_failed, first), IsEmpty());
}

TEST_P(WorkedExample, AllocatingAndReleasingEverythingRestoresTheArea) {
  for (std::uint64_t count : {1U, 7U, 148U, 512U, 513U, 1024U, 3000U, 4096U}) {
    const Pfn pfn = alloc(count, 0);
    ASSERT_EQ(pfn, 0x10000U) << count;
    EXPECT_TRUE(run_now(machine->areas.cma_release(0, pfn, count)));
    run_now(machine->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
    EXPECT_EQ(zone.nr_free_cma, 4096) << count;
    EXPECT_EQ(machine->areas.area(0).bitmap.count_set(), 0U);
  }
  EXPECT_EQ(recount_free(*machine), std::make_pair(zone.nr_free_pages, zone.nr_free_cma));
}

TEST_P(WorkedExample, AfterAReleaseThePagesAreOnThePerCpuList) {
  const Pfn pfn = alloc(20, 0);
  run_now(machine->areas.cma_release(0, pfn, 20));
  EXPECT_EQ(zone.pcp[0].count, 20);
  EXPECT_EQ(zone.nr_free_cma, 4096 - 20);
}

TEST_P(WorkedExample, AReleasePrintsItsPages) {
  const Pfn pfn = alloc(20, 0);
  first = machine->trace.records().size();
  run_now(machine->areas.cma_release(0, pfn, 20));
  if (GetParam() >= Release::v5_13)
    EXPECT_THAT(lines(*machine, first), ElementsAre("cma: cma_release(page (ptrval), count 20)",
                                                    "cma_release: name=main pfn=0x10000 page=(ptrval) count=20"));
  else
    EXPECT_THAT(lines(*machine, first), ElementsAre("cma: cma_release(page " + page_text(pfn) + ")",
                                                    "cma_release: pfn=10000 page=" + page_text(pfn) + " count=20"));
}

TEST_P(WorkedExample, APageOutsideTheAreaIsNotReleased) {
  for (const Pfn pfn : {0xffffU, 0x11000U}) {
    first = machine->trace.records().size();
    EXPECT_FALSE(run_now(machine->areas.cma_release(0, pfn, 1)));
    const std::string function = GetParam() >= Release::v5_16 ? "cma_pages_valid" : "cma_release";
    const std::string count = GetParam() >= Release::v5_11 ? ", count 1" : "";
    EXPECT_THAT(lines(*machine, first), ElementsAre("cma: " + function + "(page " + page_text(pfn) + count + ")"));
  }
}

TEST_P(WorkedExample, ReleasingBeyondTheEndIsFatal) {
  EXPECT_THROW(run_now(machine->areas.cma_release(0, 0x10fff, 2)), AssertionFailure);
}

TEST_P(WorkedExample, APartialReleaseClearsItsBitsOnly) {
  const Pfn pfn = alloc(148, 8);
  run_now(machine->areas.cma_release(0, pfn + 10, 20));
  EXPECT_EQ(machine->areas.area(0).bitmap.count_set(), 128U);
  EXPECT_FALSE(machine->areas.area(0).bitmap.test(10));
  EXPECT_TRUE(machine->areas.area(0).bitmap.test(9));
  EXPECT_TRUE(machine->areas.area(0).bitmap.test(30));
  EXPECT_EQ(alloc(20, 0), pfn + 10) << "the gap is allocated again";
}

TEST_P(WorkedExample, PagesReleasedWhilePinnedAreReportedAndFreedLater) {
  const Pfn pfn = alloc(20, 0);
  machine->lru.references().get_page(pfn + 3);
  machine->lru.references().get_page(pfn + 5);
  first = machine->trace.records().size();
  run_now(machine->areas.cma_release(0, pfn, 20));
  EXPECT_THAT(traced(*machine, Event::log_still_in_use, first), ElementsAre("2 pages are still in use!"));
  EXPECT_EQ(machine->map.page(pfn + 3).ref, 1);
  run_now(machine->lru.references().put_page(pfn + 3));
  run_now(machine->lru.references().put_page(pfn + 5));
  run_now(machine->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  EXPECT_EQ(zone.nr_free_cma, 4096);
}

TEST_P(WorkedExample, CountZeroIsRefused) {
  EXPECT_EQ(alloc(0, 0), kNoPfn);
  EXPECT_THAT(lines(*machine, first), ElementsAre(entry_line(0)));
}

TEST_P(WorkedExample, AbsurdCountsAndAlignmentsEnd) {
  for (std::uint64_t count : {std::uint64_t{1} << 32, (std::uint64_t{1} << 32) + 1, ~std::uint64_t{0}})
    EXPECT_EQ(alloc(count, 0), kNoPfn);
  EXPECT_EQ(alloc(1, 63), kNoPfn);
  EXPECT_EQ(alloc(1, 64), kNoPfn);
  pinned_anonymous_page(0x10000);
  EXPECT_EQ(alloc(1, 16), kNoPfn) << "only the area's first page is that aligned, and it is busy";
  EXPECT_EQ(alloc(1, 16), kNoPfn);
}

TEST_P(WorkedExample, AFatalSignalEndsTheSweep) {
  machine->engine.flags(kMainActor).fatal_signal = true;
  EXPECT_EQ(alloc(148, 0), kNoPfn);
  const std::vector<std::string> failed = traced(*machine, Event::log_cma_alloc_failed, first);
  ASSERT_EQ(failed.size(), reports_failures() ? 1U : 0U);
  for (const std::string& line : failed) EXPECT_TRUE(line.ends_with("ret: -4")) << line;
  EXPECT_EQ(machine->areas.area(0).bitmap.count_set(), 0U);
  EXPECT_EQ(zone.nr_isolate_pageblock, 0U);
  EXPECT_EQ(zone.nr_free_cma, 4096);
}

TEST_P(WorkedExample, WithoutMemoryForMigrationTheSweepEndsAtOnce) {
  own_frame(*machine, 0x10010, PageKind::anonymous);
  zone.watermark = {1 << 20, 1 << 20, 1 << 20};
  EXPECT_EQ(alloc(148, 0), kNoPfn);
  const std::vector<std::string> failed = traced(*machine, Event::log_cma_alloc_failed, first);
  if (reports_failures()) {
    ASSERT_EQ(failed.size(), 1U);
    EXPECT_TRUE(failed[0].ends_with("ret: -12")) << failed[0];
  } else {
    EXPECT_TRUE(failed.empty());
  }
  EXPECT_EQ(next_windows(), 0U);
}

// --- refusals of one page (every release tries fifty times) ---

TEST_P(WorkedExample, FortyNineRefusalsPassAndFiftyFail) {
  for (std::int64_t refusals : {49, 50}) {
    SCOPED_TRACE(refusals);
    const std::unique_ptr<Machine> m = make_machine(worked_example_geometry(GetParam()));
    populate_lru(*m, 64);
    const OwnerId id = own_frame(*m, 0x10010, PageKind::movable_ops);
    m->owners.refuse(id, refusals, -kEAGAIN);
    const Pfn pfn = run_now(m->areas.cma_alloc(0, 148, 8, Warn::yes));
    EXPECT_EQ(pfn, refusals == 49 ? 0x10000U : 0x10100U);
    EXPECT_EQ(traced(*m, Event::mm_migrate_pages).size() >= 5, true);
  }
}

// Each try takes a new target; since 6.3 those of a batch share one, and those of the call after it another.
TEST_P(WorkedExample, APinnedSharedPageIsTriedFiftyTimes) {
  own_frame(*machine, 0x10010, PageKind::shmem);
  machine->lru.references().get_page(0x10010);
  machine->trace.set_page_events(true);
  EXPECT_EQ(alloc(148, 8), 0x10100U);
  const std::string flags = gfp_text(migration_target_gfp(GetParam()), GetParam());
  std::size_t targets = 0;
  for (const std::string& line : traced(*machine, Event::mm_page_alloc, first))
    targets += line.find(flags) != std::string::npos ? 1U : 0U;
  EXPECT_EQ(targets, GetParam() >= Release::v6_3 ? 10U : 50U);
}

TEST_P(WorkedExample, APermanentErrorCostsTheWindowUpTo5_10AndIsTriedAgainSince5_11) {
  const OwnerId id = own_frame(*machine, 0x10010, PageKind::movable_ops);
  machine->owners.refuse(id, 1, -kEIO);
  EXPECT_EQ(alloc(148, 8), GetParam() >= Release::v5_11 ? 0x10000U : 0x10100U);
}

// --- several bits, several areas, several callers ---

class AreasTest : public ::testing::TestWithParam<Release> {
 protected:
  static bool counts() { return GetParam() >= Release::v5_13; }
  std::unique_ptr<Machine> machine = make_machine(default_small_geometry(GetParam()));
  Areas& areas = machine->areas;
};

INSTANTIATE_TEST_SUITE_P(Releases, AreasTest, ::testing::ValuesIn(kComparedReleases));
INSTANTIATE_TEST_SUITE_P(Between, AreasTest, ::testing::Values(Release::v5_15, Release::v6_9));

TEST_P(AreasTest, AnOddCountReservesWholeBitsAndTakesItsPages) {
  EXPECT_EQ(run_now(areas.cma_alloc(1, 3, 0, Warn::yes)), 768U);
  EXPECT_EQ(areas.area(1).bitmap.count_set(), 2U);
  EXPECT_EQ(machine->map.page(770).ref, 1);
  EXPECT_EQ(machine->map.page(771).ref, 0) << "reserved in the bitmap, never taken from the allocator";
  EXPECT_EQ(run_now(areas.cma_alloc(1, 2, 0, Warn::yes)), 772U);
  EXPECT_TRUE(run_now(areas.cma_release(1, 768, 3)));
  EXPECT_EQ(areas.area(1).bitmap.count_set(), 1U);
}

TEST_P(AreasTest, TheReportCountsPagesAtBits) {
  EXPECT_EQ(bitmap_report(areas.area(0), machine->bugs),
            "number of available pages: 256@0=> 256 free of 256 total pages");
  run_now(areas.cma_alloc(1, 3, 0, Warn::yes));
  run_now(areas.cma_alloc(1, 2, 0, Warn::yes));
  run_now(areas.cma_release(1, 768, 3));
  EXPECT_EQ(bitmap_report(areas.area(1), machine->bugs),
            "number of available pages: 4@0+250@3=> 254 free of 256 total pages");
}

TEST_P(AreasTest, AreasAreFoundByNameAndByPage) {
  EXPECT_EQ(areas.find("b"), 1U);
  EXPECT_EQ(areas.find("c"), std::nullopt);
  EXPECT_EQ(areas.area_of(511), std::nullopt);
  EXPECT_EQ(areas.area_of(512), 0U);
  EXPECT_EQ(areas.area_of(768), 1U);
  EXPECT_EQ(areas.area_of(1024), std::nullopt);
}

TEST_P(AreasTest, PagesOfSuccessesAndFailuresAreCountedSince5_13) {
  run_now(areas.cma_alloc(0, 100, 0, Warn::no));
  run_now(areas.cma_alloc(0, 200, 0, Warn::no));
  EXPECT_EQ(areas.area(0).nr_pages_succeeded, counts() ? 100U : 0U);
  EXPECT_EQ(areas.area(0).nr_pages_failed, counts() ? 200U : 0U);
  EXPECT_EQ(areas.table().alloc_success, counts() ? 1U : 0U);
  EXPECT_EQ(areas.table().alloc_fail, counts() ? 1U : 0U);
}

TEST_P(AreasTest, TheFailureLineIsPrintedSince4_11AndRateLimitedSince5_13) {
  for (int i = 0; i < 12; ++i) {
    run_now(areas.cma_alloc(0, 256, 0, Warn::no));
    run_now(areas.cma_alloc(0, 1, 0, Warn::yes));
  }
  const std::size_t limited = counts() ? 10 : 12;
  EXPECT_EQ(traced(*machine, Event::log_cma_alloc_failed).size(), GetParam() >= Release::v4_11 ? limited : 0U);
}

TEST_P(AreasTest, AWindowInFlightIsUsedForOtherActors) {
  Engine& engine = machine->engine;
  const ActorId first = engine.add_actor(0);
  const ActorId second = engine.add_actor(1);
  Outcome<Pfn> a;
  Outcome<Pfn> b;
  engine.begin(first, keep_outcome(areas.cma_alloc(0, 16, 0, Warn::yes), &a));
  engine.stop_at(first, Point::cma_bitmap_marked, 1);
  engine.resume(first);
  engine.begin(second, keep_outcome(areas.cma_alloc(0, 16, 0, Warn::yes), &b));
  engine.resume(second);
  EXPECT_EQ(b.value, 528U);
  run_to_rest(*machine);
  EXPECT_EQ(a.value, 512U);
}

TEST_P(AreasTest, OneContiguousAllocationRunsAtATimeWhateverTheArea) {
  Engine& engine = machine->engine;
  const ActorId first = engine.add_actor(0);
  const ActorId second = engine.add_actor(1);
  Outcome<Pfn> a;
  Outcome<Pfn> b;
  engine.begin(first, keep_outcome(areas.cma_alloc(0, 16, 0, Warn::yes), &a));
  engine.stop_at(first, Point::cma_mutex_taken, 1);
  engine.resume(first);
  engine.begin(second, keep_outcome(areas.cma_alloc(1, 16, 0, Warn::yes), &b));
  engine.resume(second);
  EXPECT_EQ(engine.look(second).waits_for, "cma_mutex");
  run_to_rest(*machine);
  EXPECT_EQ(a.value, 512U);
  EXPECT_EQ(b.value, 768U);
}

TEST_P(AreasTest, BitsAreClearedAfterThePagesAreFree) {
  Engine& engine = machine->engine;
  const Pfn pfn = run_now(areas.cma_alloc(0, 256, 0, Warn::yes));
  const ActorId releaser = engine.add_actor(0);
  Outcome<bool> released;
  engine.begin(releaser, keep_outcome(areas.cma_release(0, pfn, 256), &released));
  engine.stop_at(releaser, Point::cma_release_pages_freed, 1);
  engine.resume(releaser);
  engine.assume(kMainActor);
  EXPECT_EQ(machine->map.page(pfn).ref, 0);
  EXPECT_EQ(run_now(areas.cma_alloc(0, 1, 0, Warn::no)), kNoPfn);
  run_to_rest(*machine);
  engine.assume(kMainActor);
  EXPECT_EQ(run_now(areas.cma_alloc(0, 1, 0, Warn::no)), 512U);
}

// --- the faults ---

TEST_P(AreasTest, BitmapForgetsBitHandsAPageOutTwice) {
  machine->bugs.switch_on(Bug::bitmap_forgets_bit);
  run_now(areas.cma_alloc(0, 4, 0, Warn::yes));
  EXPECT_FALSE(areas.area(0).bitmap.test(3));
  EXPECT_EQ(machine->bugs.times_reached(Bug::bitmap_forgets_bit), 1U);
}

TEST_P(AreasTest, CountTruncatedFindsASmallHoleForAHugeRequest) {
  machine->bugs.switch_on(Bug::count_truncated);
  const std::uint64_t huge = (std::uint64_t{1} << 32) + 4;
  // An assertion of the model fails after that: the range does not end in memory.
  EXPECT_THROW(run_now(areas.cma_alloc(0, huge, 0, Warn::yes)), AssertionFailure);
  EXPECT_EQ(machine->bugs.times_reached(Bug::count_truncated), 1U);
  EXPECT_EQ(areas.area(0).bitmap.count_set(), 4U);
}

TEST_P(AreasTest, SuccessReportedBusyLeaksTheRange) {
  machine->bugs.switch_on(Bug::success_reported_busy);
  const OwnerId id = own_frame(*machine, 520, PageKind::movable_ops);
  populate_lru(*machine, 64);
  machine->owners.refuse(id, -1, -kEAGAIN);
  Engine& engine = machine->engine;
  const ActorId actor = engine.add_actor(0);
  Outcome<Pfn> outcome;
  engine.begin(actor, keep_outcome(areas.cma_alloc(0, 16, 0, Warn::yes), &outcome));
  engine.stop_at(actor, Point::contig_migrated, 1);
  engine.resume(actor);
  engine.assume(kMainActor);
  run_now(machine->owners.release(id));  // gone after migration gave up, before the test
  run_now(machine->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  run_to_rest(*machine);
  EXPECT_EQ(outcome.value, 528U);
  EXPECT_EQ(machine->bugs.times_reached(Bug::success_reported_busy), 1U);
  EXPECT_EQ(machine->map.page(512).ref, 1) << "captured, reported busy, lost";
}

// --- debugfs ---

TEST_P(AreasTest, TheFreeFileReleasesTheNewestBufferFirst) {
  for (std::uint64_t pages : {4U, 8U, 16U}) EXPECT_EQ(run_now(areas.debugfs().alloc(0, pages)), 0);
  run_now(areas.debugfs().free(0, 20));
  const auto& buffers = areas.area(0).debugfs_buffers;
  ASSERT_EQ(buffers.size(), 2U);
  EXPECT_EQ(buffers[1], std::make_pair(Pfn{520}, std::uint64_t{4})) << "the first four of the eight are released";
  EXPECT_EQ(areas.area(0).bitmap.count_set(), 8U);
  run_now(areas.debugfs().free(0, 1000));
  EXPECT_TRUE(areas.area(0).debugfs_buffers.empty());
  EXPECT_EQ(areas.area(0).bitmap.count_set(), 0U);
}

TEST_P(AreasTest, ABufferOfSeveralPagesABitIsReleasedWholeOrNot) {
  run_now(areas.debugfs().alloc(1, 8));
  run_now(areas.debugfs().free(1, 4));
  EXPECT_EQ(areas.area(1).debugfs_buffers.size(), 1U);
  run_now(areas.debugfs().free(1, 8));
  EXPECT_EQ(areas.area(1).bitmap.count_set(), 0U);
}

TEST_P(AreasTest, AFailedWriteToTheAllocFileReturnsNoMemory) {
  EXPECT_EQ(run_now(areas.debugfs().alloc(0, 257)), -kENOMEM);
  EXPECT_TRUE(areas.area(0).debugfs_buffers.empty());
}

TEST_P(AreasTest, TheFilesKeepTheNumberInAnInt) {
  EXPECT_EQ(run_now(areas.debugfs().alloc(0, std::uint64_t{1} << 31)), -kENOMEM) << "2^64 - 2^31 pages";
  EXPECT_EQ(run_now(areas.debugfs().alloc(0, (std::uint64_t{1} << 32) + 4)), 0);
  EXPECT_EQ(areas.area(0).bitmap.count_set(), 4U);
  run_now(areas.debugfs().alloc(0, 8));
  run_now(areas.debugfs().free(0, std::uint64_t{1} << 31));
  EXPECT_EQ(areas.area(0).bitmap.count_set(), 0U) << "an endless number frees all there is";
}

// --- up to 3.16: the area is the DMA layer's ---

class AreasOf36 : public ::testing::Test {
 protected:
  std::unique_ptr<Machine> machine = make_machine(default_small_geometry(Release::v3_6));
  Areas& areas = machine->areas;
};

TEST_F(AreasOf36, ABufferIsAlignedToAtMost256Pages) {
  Geometry g = default_small_geometry(Release::v3_6);
  g.memory = {0, 2048};
  g.areas = {{"a", 0x500, 0x300, 0}};
  const std::unique_ptr<Machine> m = make_machine(g);
  EXPECT_EQ(run_now(m->areas.cma_alloc(0, 1, 9, Warn::yes)), 0x500U);
  EXPECT_EQ(run_now(m->areas.cma_alloc(0, 1, 200, Warn::yes)), 0x600U);
}

TEST_F(AreasOf36, FailuresAndSuccessesHaveTheDmaLayersLines) {
  EXPECT_EQ(run_now(areas.cma_alloc(0, 256, 0, Warn::yes)), 512U);
  EXPECT_EQ(run_now(areas.cma_alloc(0, 1, 0, Warn::yes)), kNoPfn);
  EXPECT_TRUE(run_now(areas.cma_release(0, 512, 256)));
  const std::string first = "cma: dma_alloc_from_contiguous(cma ffff88003e000000, count 256, align 0)";
  EXPECT_EQ(lines(*machine).front(), first);
  EXPECT_THAT(log_lines(*machine), ElementsAre(first, "cma: dma_alloc_from_contiguous(): returned ffffea0000008000",
                                               "cma: dma_alloc_from_contiguous(cma ffff88003e000000, count 1, align 0)",
                                               "cma: dma_release_from_contiguous(page ffffea0000008000)"));
}

TEST_F(AreasOf36, ARangeThatIsNotFreeIsReportedAsAFailedTest) {
  populate_lru(*machine, 64);
  own_frame(*machine, 520, PageKind::unmovable);
  EXPECT_NE(run_now(areas.cma_alloc(0, 64, 6, Warn::yes)), 512U);
  EXPECT_EQ(traced(*machine, Event::log_pfns_busy).front(), "alloc_contig_range test_pages_isolated(200, 240) failed");
}

// --- vendors ---

TEST(VendorOptions, AKernelThatRetriesSweepsAgainAfterASleep) {
  for (const std::uint64_t sweeps : {0U, 1U, 3U}) {
    Geometry g = default_small_geometry(Release::v4_9);
    g.retry_sweeps = sweeps;
    const std::unique_ptr<Machine> m = make_machine(g);
    populate_lru(*m, 64);
    own_frame(*m, 520, PageKind::unmovable);
    Outcome<Pfn> outcome;
    const ActorId actor = m->engine.add_actor(0);
    m->engine.begin(actor, keep_outcome(m->areas.cma_alloc(0, 256, 0, Warn::yes), &outcome));
    run_to_rest(*m);
    EXPECT_EQ(outcome.value, kNoPfn);
    EXPECT_EQ(m->areas.table().sweeps, sweeps + 1);
    EXPECT_GE(m->engine.now(), sweeps * 100 * kMillisecond);
  }
}

TEST(VendorOptions, TheErrorLineOfALaterReleaseCanBeSwitchedOnIn4_9) {
  for (const bool names : {false, true}) {
    Geometry g = default_small_geometry(Release::v4_9);
    g.error_line = true;
    g.error_names = names;
    const std::unique_ptr<Machine> m = make_machine(g);
    run_now(m->areas.cma_alloc(0, 256, 0, Warn::yes));
    run_now(m->areas.cma_alloc(0, 1, 0, Warn::yes));
    EXPECT_THAT(traced(*m, Event::log_cma_alloc_failed),
                ElementsAre(std::string("cma: cma_alloc: ") + (names ? "a: " : "") +
                            "alloc failed, req-size: 1 pages, ret: -12"));
  }
}

TEST(CmaAllocDebug, WithoutDebugLinesABusyWindowIsPassedOverInSilence) {
  for (const Release release : modelled_releases()) {
    Geometry g = default_small_geometry(release);
    g.cma_debug = false;
    const std::unique_ptr<Machine> machine = make_machine(g);
    own_frame(*machine, 513, PageKind::shmem);
    machine->lru.references().get_page(513);
    const std::size_t first = machine->trace.records().size();
    EXPECT_EQ(run_now(machine->areas.cma_alloc(0, 4, 2, Warn::yes)), 516U) << name_of(release);
    EXPECT_TRUE(run_now(machine->areas.cma_release(0, 516, 4)));
    for (const std::string& line : log_lines(*machine, first)) EXPECT_EQ(line.find("cma: "), std::string::npos) << line;
  }
}

// A vendor's kernel sleeps between two sweeps.
TEST_P(AreasTest, AFatalSignalEndsARequestBetweenTwoSweeps) {
  Geometry g = default_small_geometry(GetParam());
  g.retry_sweeps = 3;
  machine = make_machine(g);
  for (Pfn pfn = 512; pfn < 768; pfn += 64) {
    own_frame(*machine, pfn, PageKind::shmem);
    machine->lru.references().get_page(pfn);
  }
  Engine& engine = machine->engine;
  const ActorId actor = engine.add_actor(0);
  Outcome<Pfn> outcome;
  engine.begin(actor, keep_outcome(machine->areas.cma_alloc(0, 64, 6, Warn::yes), &outcome));
  engine.resume(actor);
  ASSERT_EQ(engine.look(actor).state, ActorState::sleeping);
  engine.flags(actor).fatal_signal = true;
  engine.advance_to(engine.now() + 100 * kMillisecond);
  engine.resume(actor);
  EXPECT_EQ(outcome.value, kNoPfn);
  EXPECT_EQ(machine->areas.area(0).bitmap.count_set(), 0U);
}

// No frame of that number exists.
TEST_P(AreasTest, APageOutsideMemoryIsNotReleased) {
  EXPECT_FALSE(run_now(areas.cma_release(0, 4096, 1)));
  EXPECT_EQ(machine->buddy.zone(0).nr_free_pages, 1024);
}

TEST(CmaAllocTrace, ACallForNoPagesIsTracedSince610) {
  for (const Release release : {Release::v6_9, Release::v6_12}) {
    const std::unique_ptr<Machine> machine = make_machine(default_small_geometry(release));
    const std::size_t first = machine->trace.records().size();
    EXPECT_EQ(run_now(machine->areas.cma_alloc(0, 0, 0, Warn::yes)), kNoPfn);
    EXPECT_EQ(traced(*machine, Event::cma_alloc_start, first).size(), release >= Release::v6_10 ? 1U : 0U);
  }
}

}  // namespace
}  // namespace cma
