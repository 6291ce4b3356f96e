#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/buddy/buddy.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PageAllocTest : public ::testing::TestWithParam<Release> {
 protected:
  static Geometry geometry() {
    Geometry g = tiny_geometry(GetParam());
    g.memory = {0, 256};
    return g;
  }
  std::vector<Pfn> list(unsigned order, Migratetype type) const { return free_list(*machine, order, type); }

  std::unique_ptr<Machine> machine = make_machine(geometry());
  Buddy& buddy = machine->buddy;
  MemoryMap& map = machine->map;
};

INSTANTIATE_TEST_SUITE_P(Releases, PageAllocTest, ::testing::ValuesIn(kComparedReleases));

// --- boot ---

TEST_P(PageAllocTest, BootLeavesLargestBlocksAscendingSince510AndDescendingBefore) {
  if (GetParam() >= Release::v5_10)
    EXPECT_THAT(list(5, Migratetype::movable), ElementsAre(0, 32, 64, 96, 128, 160, 192, 224));
  else
    EXPECT_THAT(list(5, Migratetype::movable), ElementsAre(224, 192, 160, 128, 96, 64, 32, 0));
  EXPECT_EQ(buddy.zone(0).managed, 256U);
  EXPECT_EQ(buddy.zone(0).nr_free_pages, 256);
}

TEST_P(PageAllocTest, BootCutsBlocksAtReservationsHolesAndTheEnd) {
  Geometry g = tiny_geometry(GetParam());
  g.memory = {0, 61};
  g.reserved = {{5, 7}};
  g.holes = {{32, 40}};
  const std::unique_ptr<Machine> m = make_machine(g);
  EXPECT_EQ(free_blocks(*m, {0, 61}),
            (std::vector<Block>{{0, 2}, {4, 0}, {7, 0}, {8, 3}, {16, 4}, {40, 3}, {48, 3}, {56, 2}, {60, 0}}));
  EXPECT_EQ(m->buddy.zone(0).managed, 51U);
  EXPECT_EQ(m->buddy.zone(0).present, 53U);
  EXPECT_TRUE(m->map.page(5).has(kPageReserved));
}

TEST_P(PageAllocTest, BootEndsOnce) {
  EXPECT_THROW(buddy.free_boot_range({0, 16}), AssertionFailure);
  EXPECT_THROW(buddy.free_cma_pageblock(0), AssertionFailure);
  EXPECT_THROW(buddy.set_up_watermarks(), AssertionFailure);
}

TEST(BootLayout, AnAreaIsOneRunOfLargestBlocksHighestFirst) {
  for (Release release : kComparedReleases) {
    const std::unique_ptr<Machine> machine = make_machine(worked_example_geometry(release));
    EXPECT_THAT(free_list(*machine, 10, Migratetype::cma), ElementsAre(0x10c00, 0x10800, 0x10400, 0x10000));
    EXPECT_THAT(free_list(*machine, 9, Migratetype::cma), IsEmpty());
    EXPECT_EQ(machine->buddy.zone(0).nr_free_cma, 4096);
    EXPECT_EQ(machine->buddy.zone(0).nr_free_pages, 0x12000);
    EXPECT_EQ(machine->buddy.zone(0).managed, 0x12000U);
  }
}

// --- preparing pages ---

TEST_P(PageAllocTest, ANewPageHasOneReferenceAndNothingElse) {
  const Pfn pfn = buddy.alloc_pages(kGfpKernel, 0);
  EXPECT_EQ(map.page(pfn).ref, 1);
  EXPECT_EQ(map.page(pfn).flags, 0U);
  EXPECT_EQ(map.page(pfn).map, 0);
}

TEST_P(PageAllocTest, ACompoundRequestMarksHeadAndTails) {
  const Pfn pfn = buddy.alloc_pages(kGfpKernel | kGfpComp, 2);
  EXPECT_EQ(map.page(pfn).flags, kPageHead);
  EXPECT_EQ(map.page(pfn).order, 2);
  for (Pfn tail = pfn + 1; tail < pfn + 4; ++tail) {
    EXPECT_EQ(map.page(tail).flags, kPageTail);
    EXPECT_EQ(map.page(tail).ref, 0);
  }
  run_now(buddy.free_pages(pfn, 2));
  for (Pfn p = pfn; p < pfn + 4; ++p) EXPECT_FALSE(map.page(p).has(kPageHead | kPageTail));
}

TEST_P(PageAllocTest, OrdersAboveTheLargestAreRefused) {
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 6), kNoPfn);
  EXPECT_NE(buddy.alloc_pages(kGfpKernel, 5), kNoPfn);
}

TEST_P(PageAllocTest, AllocationIsTracedEvenWhenItFails) {
  machine->trace.set_page_events(true);
  buddy.alloc_pages(kGfpKernel, 5);
  while (buddy.alloc_pages(kGfpKernel, 5) != kNoPfn) {
  }
  const std::vector<std::string> traces = traced(*machine, Event::mm_page_alloc);
  ASSERT_EQ(traces.size(), 9U);
  EXPECT_THAT(traces.back(), AnyOf(HasSubstr("pfn=0x0 order=5"), HasSubstr("pfn=0 order=5")));
}

// --- freeing ---

TEST_P(PageAllocTest, OnlyTheLastReferenceFrees) {
  const Pfn pfn = buddy.alloc_pages(kGfpKernel, 4);
  map.edit(pfn).ref = 2;
  map.edit(pfn).flags = kPageHead;
  run_now(buddy.free_pages(pfn, 4));
  EXPECT_EQ(map.page(pfn).ref, 1);
  EXPECT_EQ(buddy.zone(0).nr_free_pages, 240);
  run_now(buddy.free_pages(pfn, 4));
  EXPECT_EQ(buddy.zone(0).nr_free_pages, 256);
}

TEST_P(PageAllocTest, ABlockWhoseHeadIsHeldFreesItsOtherPages) {
  const Pfn pfn = buddy.alloc_pages(kGfpKernel, 4);
  ++map.edit(pfn).ref;  // a momentary reference
  run_now(buddy.free_pages(pfn, 4));
  EXPECT_EQ(free_blocks(*machine, {pfn, pfn + 16}),
            (std::vector<Block>{{pfn + 1, 0}, {pfn + 2, 1}, {pfn + 4, 2}, {pfn + 8, 3}}));
  run_now(buddy.free_pages(pfn, 0));
  run_now(buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  EXPECT_EQ(buddy.zone(0).nr_free_pages, 256);
}

TEST_P(PageAllocTest, SpeculativeLeakLosesThem) {
  machine->bugs.switch_on(Bug::speculative_leak);
  const Pfn pfn = buddy.alloc_pages(kGfpKernel, 4);
  ++map.edit(pfn).ref;
  run_now(buddy.free_pages(pfn, 4));
  run_now(buddy.free_pages(pfn, 0));
  run_now(buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  EXPECT_EQ(buddy.zone(0).nr_free_pages, 256 - 15);
  EXPECT_EQ(machine->bugs.times_reached(Bug::speculative_leak), 1U);
}

TEST_P(PageAllocTest, APageInABadStateIsReportedAndLeaked) {
  struct Spoil {
    const char* what;
    void (*spoil)(Page&);
  };
  const Spoil spoils[] = {
      {"mapped", [](Page& page) { page.map = 1; }},
      {"referenced", [](Page& page) { page.ref = 1; }},
      {"owned", [](Page& page) { page.owner = 7; }},
      {"lru", [](Page& page) { page.flags |= kPageLru; }},
      {"locked", [](Page& page) { page.flags |= kPageLocked; }},
      {"private", [](Page& page) { page.flags |= kPagePrivate; }},
      {"writeback", [](Page& page) { page.flags |= kPageWriteback; }},
      {"slab", [](Page& page) { page.flags |= kPageSlab; }},
      {"active", [](Page& page) { page.flags |= kPageActive; }},
      {"unevictable", [](Page& page) { page.flags |= kPageUnevictable; }},
      {"mlocked", [](Page& page) { page.flags |= kPageMlocked; }},
      {"reserved", [](Page& page) { page.flags |= kPageReserved; }},
  };
  for (const Spoil& spoil : spoils) {
    const Pfn pfn = buddy.alloc_pages(kGfpKernel, 0);
    const std::int64_t free = buddy.zone(0).nr_free_pages;
    map.edit(pfn).ref = 0;
    spoil.spoil(map.edit(pfn));
    const std::size_t before = machine->trace.records().size();
    buddy.free_now(pfn, 0);
    EXPECT_TRUE(map.page(pfn).has(kPageLeaked)) << spoil.what;
    EXPECT_EQ(buddy.zone(0).nr_free_pages, free) << spoil.what;
    EXPECT_THAT(log_lines(*machine, before), ElementsAre("BUG: Bad page state in process cmacheck  pfn:000" +
                                                         std::string(pfn < 16 ? "0" : "") + hex(pfn)));
  }
}

TEST_P(PageAllocTest, ABadTailSpoilsItsBlock) {
  const Pfn pfn = buddy.alloc_pages(kGfpKernel, 2);
  map.edit(pfn).ref = 0;
  map.edit(pfn + 3).map = 1;
  buddy.free_now(pfn, 2);
  for (Pfn p = pfn; p < pfn + 4; ++p) EXPECT_TRUE(map.page(p).has(kPageLeaked));
}

TEST_P(PageAllocTest, MarkersOfAnonymousAndMovablePagesAreClearedFirst) {
  const Pfn pfn = buddy.alloc_pages(kGfpKernel, 0);
  map.edit(pfn).ref = 0;
  map.edit(pfn).owner = 3;
  map.edit(pfn).flags = kPageAnon | kPageSwapbacked | kPageUptodate;
  map.edit(pfn).token = 99;
  buddy.free_now(pfn, 0);
  run_now(buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  EXPECT_EQ(buddy.zone(0).nr_free_pages, 256);
  EXPECT_EQ(map.page(pfn).token, 0U);
  EXPECT_EQ(map.page(pfn).owner, 0U);
}

TEST_P(PageAllocTest, APendingFreeIsCommittedOnce) {
  static_assert(!std::is_copy_constructible_v<Buddy::PendingFree> && !std::is_copy_assignable_v<Buddy::PendingFree>);
  const Pfn pfn = buddy.alloc_pages(kGfpKernel, 0);
  map.edit(pfn).ref = 0;
  Buddy::PendingFree pending = buddy.prepare_free(pfn, 0);
  buddy.commit_free(std::move(pending));
  buddy.commit_free(std::move(pending));  // NOLINT(bugprone-use-after-move): nothing is left to free
  run_now(buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  EXPECT_EQ(buddy.zone(0).nr_free_pages, 256);
}

TEST_P(PageAllocTest, FreeingAFreePageIsAnError) {
  const Pfn head = list(5, Migratetype::movable).front();
  EXPECT_THROW(static_cast<void>(buddy.prepare_free(head, 5)), AssertionFailure);
}

// --- zones ---

TEST_P(PageAllocTest, FlagsChooseTheHighestZoneAndRequestsFallDown) {
  Geometry g = tiny_geometry(GetParam());
  g.memory = {0, 256};
  g.zones = {{"DMA", {0, 32}}, {"DMA32", {32, 64}}, {"Normal", {64, 128}}, {"HighMem", {128, 256}}};
  struct Request {
    Gfp gfp;
    std::size_t zone;
  };
  const Request requests[] = {{kGfpKernel | kGfpDma, 0},     {kGfpKernel | kGfpDma32, 1},   {kGfpKernel, 2},
                              {kGfpKernel | kGfpMovable, 2}, {kGfpKernel | kGfpHighmem, 3}, {kGfpHighuserMovable, 3}};
  for (const Request& request : requests) {
    const std::unique_ptr<Machine> m = make_machine(g);
    EXPECT_EQ(m->map.page(m->buddy.alloc_pages(request.gfp, 0)).zone, request.zone) << gfp_text(request.gfp);
  }
  const std::unique_ptr<Machine> m = make_machine(g);
  for (Pfn pfn : {96U, 64U, 32U}) EXPECT_EQ(align_down(m->buddy.alloc_pages(kGfpKernel, 5), 64), align_down(pfn, 64));
}

TEST_P(PageAllocTest, AMovableZoneServesOnlyHighMovableRequests) {
  Geometry g = geometry();
  g.zones = {{"Normal", {0, 64}}, {"Movable", {64, 256}}};
  const std::unique_ptr<Machine> m = make_machine(g);
  EXPECT_EQ(m->map.page(m->buddy.alloc_pages(kGfpHighuserMovable, 0)).zone, 1);
  EXPECT_EQ(m->map.page(m->buddy.alloc_pages(kGfpKernel | kGfpHighmem, 0)).zone, 0);
  EXPECT_EQ(m->map.page(m->buddy.alloc_pages(kGfpKernel | kGfpMovable, 0)).zone, 0);
}

// Zone Normal has half a pageblock of another type, and DMA32 half a pageblock of the request's.
TEST_P(PageAllocTest, Since51TheZoneBelowServesBeforeTypesAreMixedInAPageblock) {
  Geometry g = bare_geometry(GetParam());
  g.zones = {{"DMA32", {0, 128}}, {"Normal", {128, 256}}};
  const std::unique_ptr<Machine> m = make_machine(g);
  give_block(*m, 160, 3, Migratetype::movable);
  give_block(*m, 32, 3, Migratetype::unmovable);
  std::vector<unsigned> zones;
  for (int i = 0; i < 4; ++i) zones.push_back(m->map.page(m->buddy.alloc_pages(kGfpKernel, 2)).zone);
  if (GetParam() >= Release::v5_1)
    EXPECT_THAT(zones, ElementsAre(0, 0, 1, 1));
  else
    EXPECT_THAT(zones, ElementsAre(1, 1, 0, 0));
}

TEST_P(PageAllocTest, AWholePageblockOfAnotherTypeServesInItsZone) {
  Geometry g = bare_geometry(GetParam());
  g.zones = {{"DMA32", {0, 128}}, {"Normal", {128, 256}}};
  const std::unique_ptr<Machine> m = make_machine(g);
  give_block(*m, 160, 4, Migratetype::movable);
  give_block(*m, 32, 3, Migratetype::unmovable);
  EXPECT_EQ(m->buddy.alloc_pages(kGfpKernel, 2), 160U);
}

// --- watermarks and reserves ---

TEST_P(PageAllocTest, BelowTheLowWatermarkTheMinStillServes) {
  Zone& zone = buddy.zone(0);
  zone.watermark = {100, 1000, 2000};
  EXPECT_NE(buddy.alloc_pages(kGfpKernel, 4), kNoPfn);
  zone.watermark = {240, 1000, 2000};
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 4), kNoPfn);
  EXPECT_NE(buddy.alloc_pages(kGfpAtomic, 4), kNoPfn) << "atomic requests go below the min";
}

TEST_P(PageAllocTest, MemallocTakesTheLastPageUnlessItMayNot) {
  Zone& zone = buddy.zone(0);
  zone.watermark = {100'000, 100'000, 100'000};
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel | kGfpHigh, 0), kNoPfn);
  EXPECT_NE(buddy.alloc_pages(kGfpKernel | kGfpMemalloc, 0), kNoPfn);
  EXPECT_NE(buddy.alloc_pages(kGfpAtomic | kGfpMemalloc, 4), kNoPfn);
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel | kGfpMemalloc | kGfpNomemalloc, 0), kNoPfn);
}

TEST_P(PageAllocTest, ATaskThatFreesMemoryTakesTheLastPageUnlessItsRequestMayNot) {
  Zone& zone = buddy.zone(0);
  zone.watermark = {100'000, 100'000, 100'000};
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 0), kNoPfn);
  machine->engine.flags().scope = ReclaimScope::noreclaim;
  EXPECT_NE(buddy.alloc_pages(kGfpKernel, 0), kNoPfn);
  EXPECT_NE(buddy.alloc_pages(kGfpKswapdReclaim, 4), kNoPfn);
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel | kGfpNomemalloc, 0), kNoPfn);
}

// Since 4.14 it has half of what must stay, and up to 4.13 all.
TEST_P(PageAllocTest, AVictimOfTheOomKillerGoesBelowTheMinWatermarkUnlessItsRequestMayNot) {
  Zone& zone = buddy.zone(0);
  zone.watermark = {300, 1000, 2000};
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 4), kNoPfn);
  machine->engine.flags().scope = ReclaimScope::victim;
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel | kGfpNomemalloc, 4), kNoPfn);
  EXPECT_NE(buddy.alloc_pages(kGfpKernel, 4), kNoPfn);
  zone.watermark[0] = 600;
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 4) != kNoPfn, GetParam() < Release::v4_14);
}

// Up to 6.2 its requests count as atomic, with __GFP_NOMEMALLOC too, and make a reserve. Since then as urgent.
TEST_P(PageAllocTest, ARealTimeTaskGoesBelowTheMinWatermark) {
  Zone& zone = buddy.zone(0);
  zone.watermark = {250, 1000, 2000};
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 4), kNoPfn);
  machine->engine.flags().scope = ReclaimScope::realtime;
  EXPECT_NE(buddy.alloc_pages(kGfpKernel | kGfpNomemalloc, 4), kNoPfn);
  const bool as_atomic = GetParam() < Release::v6_1;
  EXPECT_EQ(zone.nr_reserved_highatomic != 0, as_atomic);
  EXPECT_EQ(buddy.alloc_pages(kGfpKswapdReclaim, 4) != kNoPfn, as_atomic) << "one that cannot wait";
}

// The tracepoint has the flags that the request was served with: of the first attempt up to 5.12, those asked for.
TEST_P(PageAllocTest, AScopeTakesFlagsAwayFromTheFirstAttemptSince513) {
  machine->trace.set_page_events(true);
  const bool at_once = GetParam() >= Release::v5_13;
  for (const auto& [scope, expected] : {std::pair{ReclaimScope::none, "GFP_KERNEL"},
                                        {ReclaimScope::nofs, "GFP_NOFS"},
                                        {ReclaimScope::noio, "GFP_NOIO"}}) {
    machine->engine.flags().scope = scope;
    const std::size_t before = machine->trace.records().size();
    ASSERT_NE(buddy.alloc_pages(kGfpKernel, 0), kNoPfn);
    std::string lines;
    for (std::size_t i = before; i < machine->trace.records().size(); ++i)
      lines += machine->trace.format(machine->trace.records()[i]) + "\n";
    EXPECT_THAT(lines, ::testing::HasSubstr(std::string("gfp_flags=") + (at_once ? expected : "GFP_KERNEL") + "\n"));
  }
}

// A request that the first attempt refuses is without them on every release.
TEST_P(PageAllocTest, AScopeTakesFlagsAwayInTheSlowPath) {
  machine->trace.set_page_events(true);
  Zone& zone = buddy.zone(0);
  zone.watermark = {0, 100'000, 100'000};
  machine->engine.flags().scope = ReclaimScope::nofs;
  const std::size_t before = machine->trace.records().size();
  ASSERT_NE(buddy.alloc_pages(kGfpKernel, 0), kNoPfn);
  std::string lines;
  for (std::size_t i = before; i < machine->trace.records().size(); ++i)
    lines += machine->trace.format(machine->trace.records()[i]) + "\n";
  EXPECT_THAT(lines, ::testing::HasSubstr("gfp_flags=GFP_NOFS\n"));
}

// Up to 4.14 a CPU's lists are filled and emptied from their ends for such a request.
TEST_P(PageAllocTest, AColdPageIsTheOneThatTheCpuFreedFirst) {
  Geometry g = geometry();
  g.pcp_batch = 2;
  g.pcp_high = 6;
  const std::unique_ptr<Machine> m = make_machine(g);
  const Pfn first = m->buddy.alloc_pages(kGfpKernel, 0);
  const Pfn second = m->buddy.alloc_pages(kGfpKernel, 0);
  run_now(m->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  run_now(m->buddy.free_pages(first, 0));
  run_now(m->buddy.free_pages(second, 0));
  const bool chooses = GetParam() < Release::v4_15;
  EXPECT_EQ(m->buddy.alloc_pages(kGfpKernel | kGfpCold, 0), chooses ? first : second);
}

// A request is atomic if it says so (4.4 to 6.2), and by having no right to wait (before and after).
TEST_P(PageAllocTest, ARequestThatCanWaitIsNotAtomic) {
  Zone& zone = buddy.zone(0);
  const auto free = static_cast<std::uint64_t>(zone.nr_free_pages);
  // Single pages may leave three quarters of the mark, urgent ones half, both together three eighths.
  zone.watermark = {free + free / 4, 100'000, 100'000};
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 0), kNoPfn);
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel | kGfpAtomicBit, 0), kNoPfn);
  const bool by_reclaim = GetParam() < Release::v4_4;
  const bool only_urgent = GetParam() >= Release::v6_1;
  EXPECT_EQ(buddy.alloc_pages(kGfpKswapdReclaim, 0) != kNoPfn, by_reclaim);
  EXPECT_EQ(buddy.alloc_pages(kGfpKswapdReclaim | kGfpAtomicBit, 0) != kNoPfn, !only_urgent);
  EXPECT_NE(buddy.alloc_pages(kGfpKswapdReclaim | kGfpHigh, 0), kNoPfn);
  EXPECT_EQ(buddy.alloc_pages(kGfpKswapdReclaim | kGfpAtomicBit | kGfpNomemalloc, 0), kNoPfn);
}

TEST_P(PageAllocTest, AnAtomicBlockBelowTheLowWatermarkReservesItsPageblock) {
  Zone& zone = buddy.zone(0);
  zone.watermark = {0, 1000, 2000};
  const Pfn pfn = buddy.alloc_pages(kGfpAtomic, 4);
  EXPECT_EQ(map.pageblock_type(pfn), Migratetype::highatomic);
  EXPECT_EQ(zone.nr_reserved_highatomic, 8U);
  const Pfn second = buddy.alloc_pages(kGfpAtomic, 4);
  EXPECT_EQ(zone.nr_reserved_highatomic, 16U) << "256 / 100 + 8 is above what is reserved";
  const Pfn third = buddy.alloc_pages(kGfpAtomic, 4);
  EXPECT_EQ(zone.nr_reserved_highatomic, 16U);
  EXPECT_EQ(map.pageblock_type(second), Migratetype::highatomic);
  EXPECT_NE(map.pageblock_type(third), Migratetype::highatomic);
}

// Until then law `lists` does not expect it to have merged.
TEST_P(PageAllocTest, APageblockThatLeftTheReserveIsNotedUntilAFreeMergesIt) {
  Zone& zone = buddy.zone(0);
  zone.watermark = {0, 1000, 2000};
  const Pfn pfn = buddy.alloc_pages(kGfpAtomic, 2);
  ASSERT_EQ(map.pageblock_type(pfn), Migratetype::highatomic);
  const PageRequest request = buddy.requests().begin(kGfpKernel, 0, 0);
  ASSERT_TRUE(buddy.requests().unreserve_highatomic(request, /*force=*/true));
  ASSERT_NE(map.pageblock_type(pfn), Migratetype::highatomic);
  std::vector<Pfn> noted;
  if (GetParam() >= Release::v5_18) noted.push_back(align_down(pfn, 8));
  EXPECT_EQ(zone.left_highatomic, noted);
  map.edit(pfn).ref = 0;
  buddy.free_now(pfn, 2);
  run_now(buddy.per_cpu().drain_all_pages(0));
  EXPECT_EQ(zone.left_highatomic, std::vector<Pfn>());
}

// 6.8: 1 % of the zone, if that is a pageblock. 6.10: all pageblocks of a larger block.
TEST(PageAllocOf612, TheReserveIsAHundredthOfTheZone) {
  Geometry g = tiny_geometry(Release::v6_12);
  g.memory = {0, 768};
  const std::unique_ptr<Machine> small = make_machine(g);
  small->buddy.zone(0).watermark = {0, 4000, 4000};
  EXPECT_NE(small->buddy.alloc_pages(kGfpAtomic, 4), kNoPfn);
  EXPECT_EQ(small->buddy.zone(0).nr_reserved_highatomic, 0U) << "7 pages are less than a pageblock";
  g.memory = {0, 1024};
  const std::unique_ptr<Machine> machine = make_machine(g);
  Zone& zone = machine->buddy.zone(0);
  zone.watermark = {0, 4000, 4000};
  const Pfn pfn = machine->buddy.alloc_pages(kGfpAtomic, 4);
  EXPECT_EQ(zone.nr_reserved_highatomic, 16U);
  EXPECT_EQ(machine->map.pageblock_type(pfn), Migratetype::highatomic);
  EXPECT_EQ(machine->map.pageblock_type(pfn + 8), Migratetype::highatomic);
  EXPECT_NE(machine->buddy.alloc_pages(kGfpAtomic, 4), kNoPfn);
  EXPECT_EQ(zone.nr_reserved_highatomic, 16U) << "10 pages, rounded up to pageblocks";
}

// Since 6.3 an urgent request that can wait counts the reserve as free; only free pages of it are left out since 6.12.
TEST_P(PageAllocTest, AnUrgentRequestCountsTheReserve) {
  Zone& zone = buddy.zone(0);
  zone.watermark = {220, 220, 300};
  zone.nr_reserved_highatomic = 160;
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel | kGfpHigh, 4) != kNoPfn, GetParam() >= Release::v6_1);
}

TEST_P(PageAllocTest, ASingleAtomicPageMayComeFromTheReserveIfNothingElseIsFreeSince60) {
  Zone& zone = buddy.zone(0);
  zone.watermark = {0, 1000, 2000};
  ASSERT_NE(buddy.alloc_pages(kGfpAtomic, 2), kNoPfn);
  ASSERT_FALSE(list(2, Migratetype::highatomic).empty());
  while (buddy.alloc_pages(kGfpAtomic, 0) != kNoPfn) {
  }
  EXPECT_EQ(list(2, Migratetype::highatomic).empty(), GetParam() >= Release::v6_0);
}

TEST_P(PageAllocTest, AreaAndIsolatedPageblocksAreNeverReserved) {
  Geometry g = geometry();
  g.areas = {{"all", 0, 256, 0}};
  const std::unique_ptr<Machine> m = make_machine(g);
  m->buddy.zone(0).watermark = {0, 1000, 2000};
  EXPECT_NE(m->buddy.alloc_pages(kGfpAtomic | kGfpMovable, 4), kNoPfn);
  EXPECT_EQ(m->buddy.zone(0).nr_reserved_highatomic, 0U);
}

TEST_P(PageAllocTest, TheReserveServesAtomicBlocksFirst) {
  Zone& zone = buddy.zone(0);
  zone.watermark = {0, 1000, 2000};
  const Pfn first = buddy.alloc_pages(kGfpAtomic, 2);
  const std::vector<Pfn> reserved = list(2, Migratetype::highatomic);
  ASSERT_FALSE(reserved.empty());
  EXPECT_EQ(align_down(reserved.front(), 8), align_down(first, 8));
  EXPECT_NE(buddy.alloc_pages(kGfpKernel, 2), reserved.front());
  zone.pcp[0].lists = {};
  zone.pcp[0].count = 0;
  EXPECT_NE(buddy.alloc_pages(kGfpAtomic, 4), kNoPfn);
}

TEST_P(PageAllocTest, ReservedPagesDoNotCountForOthers) {
  Zone& zone = buddy.zone(0);
  zone.watermark = {200, 200, 300};
  zone.nr_reserved_highatomic = 56;
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 4), kNoPfn);
  zone.nr_reserved_highatomic = 40;
  EXPECT_NE(buddy.alloc_pages(kGfpKernel, 4), kNoPfn);
}

TEST_P(PageAllocTest, TheFastTestForgetsTheReserveUntil59) {
  Zone& zone = buddy.zone(0);
  zone.watermark = {220, 220, 300};
  zone.nr_reserved_highatomic = 56;
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 0) == kNoPfn, GetParam() >= Release::v5_9);
}

TEST_P(PageAllocTest, ABoostDoesNotStopAnAtomicPageAtTheMinWatermark) {
  if (GetParam() < Release::v5_0) GTEST_SKIP() << "watermarks are not boosted";
  Zone& zone = buddy.zone(0);
  zone.watermark = {100, 200, 300};
  zone.watermark_boost = 600;
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 0), kNoPfn);
  EXPECT_NE(buddy.alloc_pages(kGfpAtomic, 0), kNoPfn);
  EXPECT_EQ(buddy.alloc_pages(kGfpAtomic, 4), kNoPfn) << "order 0 only";
}

TEST_P(PageAllocTest, RequestsThatMayNotUseAreasSeeTheirPagesAsUsed) {
  Geometry g = geometry();
  g.areas = {{"area", 128, 128, 0}};
  const std::unique_ptr<Machine> m = make_machine(g);
  m->buddy.zone(0).watermark = {120, 120, 300};
  EXPECT_NE(m->buddy.alloc_pages(kGfpKernel, 2), kNoPfn);
  m->buddy.zone(0).watermark = {128, 128, 300};
  EXPECT_EQ(m->buddy.alloc_pages(kGfpKernel, 0), kNoPfn);
  EXPECT_NE(m->buddy.alloc_pages(kGfpKernel | kGfpMovable, 0), kNoPfn);
}

// --- freeing in runs, and what is no plain page ---

TEST_P(PageAllocTest, ARunOfPlainPagesEndsAtTheFirstThatIsNone) {
  struct Case {
    const char* what;
    void (*change)(Page&);
  };
  const Case cases[] = {{"two references", [](Page& page) { page.ref = 2; }},
                        {"a flag", [](Page& page) { page.flags = kPageDirty; }},
                        {"a mapping", [](Page& page) { page.map = 1; }},
                        {"an owner", [](Page& page) { page.owner = 1; }}};
  for (const Case& one : cases) {
    const std::unique_ptr<Machine> m = make_machine(geometry());
    for (Pfn pfn = 64; pfn < 68; ++pfn) claim_frame(*m, pfn);
    one.change(m->map.edit(66));
    EXPECT_EQ(m->buddy.free_plain_run(64, 4), 2U) << one.what;
    EXPECT_EQ(m->map.page(65).ref, 0) << one.what;
    EXPECT_GT(m->map.page(66).ref, 0) << one.what;
    EXPECT_EQ(m->buddy.free_plain_run(66, 2), 0U) << one.what;
  }
}

TEST_P(PageAllocTest, NoRunIsFreedDuringBootOrWhileSinglePagesAreWatched) {
  Machine unbooted(geometry());
  EXPECT_EQ(unbooted.buddy.free_plain_run(0, 1), 0U);
  claim_frame(*machine, 64);
  machine->trace.set_page_events(true);
  EXPECT_EQ(buddy.free_plain_run(64, 1), 0U);
  machine->trace.set_page_events(false);
  EXPECT_EQ(buddy.free_plain_run(64, 1), 1U);
}

// The marker of a driver's page is on the first page of a block; what the others carry is not the marker's.
TEST_P(PageAllocTest, AMarkerClearsTheOwnerOfItsPageAlone) {
  for (const bool second_has_owner : {false, true}) {
    const Pfn pfn = buddy.alloc_pages(kGfpKernel, 1);
    map.edit(pfn).flags = kPageMovableOps;
    map.edit(pfn).owner = 5;
    map.edit(pfn + 1).owner = second_has_owner ? 7 : 0;
    map.edit(pfn).ref = 0;
    buddy.free_now(pfn, 1);
    EXPECT_EQ(map.page(pfn).has(kPageLeaked), second_has_owner);
  }
}

// As shipped, the head flag is read after the reference is dropped. It does no harm while the other holder keeps it.
TEST_P(PageAllocTest, AHeadThatIsReadLateIsMostlyStillThere) {
  machine->bugs.switch_on(Bug::head_read_late);
  const Pfn pfn = buddy.alloc_pages(kGfpKernel | kGfpComp, 2);
  machine->lru.references().get_page(pfn);
  run_now(buddy.free_pages(pfn, 2));
  EXPECT_EQ(map.page(pfn).ref, 1);
  EXPECT_TRUE(map.page(pfn).has(kPageHead));
  EXPECT_TRUE(map.page(pfn + 3).has(kPageTail));
  EXPECT_EQ(machine->bugs.times_reached(Bug::head_read_late), 0U);
}

// A caller that is about to free memory may have the last page, unless it asks not to.
TEST_P(PageAllocTest, TheLastAttemptOfACallerThatFreesMemoryKnowsNoWatermark) {
  EXPECT_EQ(buddy.requests().last_attempt_flags(kGfpKernel | kGfpMemalloc, 0) & kAllocNoWatermarks, kAllocNoWatermarks);
  EXPECT_EQ(buddy.requests().last_attempt_flags(kGfpKernel | kGfpMemalloc | kGfpNomemalloc, 0) & kAllocNoWatermarks,
            0U);
}

// Since 6.3, which 6.1 follows, a request that cannot wait has blocks of the reserve only if it is urgent.
TEST_P(PageAllocTest, ARequestThatCannotWaitHasTheReserveIfItIsUrgent) {
  EXPECT_NE(buddy.requests().last_attempt_flags(kGfpAtomic, 1) & kAllocHighatomic, 0U);
  EXPECT_EQ(buddy.requests().last_attempt_flags(Gfp{kGfpKswapdReclaim}, 1) & kAllocHighatomic, 0U);
  const bool by_reclaim = GetParam() >= Release::v6_1;
  EXPECT_EQ((buddy.requests().last_attempt_flags(Gfp{kGfpKswapdReclaim}, 1) & kAllocHarder) != 0, by_reclaim);
}

TEST_P(PageAllocTest, FreeListsChangeUnderTheZoneLock) {
  claim_frame(*machine, 64);
  EXPECT_THROW(free_lists_of(buddy).free_one_block(buddy.zone(0), 64, 0, Migratetype::movable), AssertionFailure);
}

}  // namespace
}  // namespace cma
