#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "allocator/buddy/buddy.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// --- sizes ---

struct Sizes {
  std::uint64_t pages;
  int batch;
  int high;
};

const PerCpuPages& first_pcp(const Machine& machine) { return machine.buddy.zone(0).pcp[0]; }

TEST(PcpSizes, Until513HighIsSixBatches) {
  constexpr Sizes kSizes[] = {{65536, 15, 90}, {131072, 31, 186}, {262144, 63, 378}, {1048576, 63, 378}, {1024, 1, 0}};
  for (const Sizes& sizes : kSizes) {
    Geometry g;
    g.release = Release::v4_19;
    g.memory = {0, sizes.pages};
    const std::unique_ptr<Machine> machine = make_machine(g);
    EXPECT_EQ(first_pcp(*machine).batch, sizes.batch) << sizes.pages;
    EXPECT_EQ(first_pcp(*machine).high, sizes.high) << sizes.pages;
  }
}

TEST(PcpSizes, Since514HighIsTheLowWatermark) {
  // Measured on a real 6.1 with one CPU.
  constexpr Sizes kSizes[] = {{14190, 3, 297},   {30326, 7, 435},    {62598, 15, 625},
                              {127142, 31, 891}, {256230, 63, 1268}, {855017, 63, 2704}};
  for (const Sizes& sizes : kSizes) {
    Geometry g;
    g.release = Release::v6_1;
    g.memory = {0, sizes.pages};
    const std::unique_ptr<Machine> machine = make_machine(g);
    EXPECT_EQ(first_pcp(*machine).batch, sizes.batch) << sizes.pages;
    EXPECT_EQ(first_pcp(*machine).high, sizes.high) << sizes.pages;
  }
}

TEST(PcpSizes, Since514CpusShareTheHigh) {
  Geometry g;
  g.release = Release::v6_1;
  g.memory = {0, 62598};
  g.cpus = 4;
  EXPECT_EQ(first_pcp(*make_machine(g)).high, 156);
  g.cpus = 8;
  EXPECT_EQ(first_pcp(*make_machine(g)).high, 78);
  g.memory = {0, 14190};
  EXPECT_EQ(first_pcp(*make_machine(g)).high, 37);
}

TEST(PcpSizes, OptionsOverrideTheFormulas) {
  for (Release release : kComparedReleases) {
    const std::unique_ptr<Machine> machine = make_machine(default_small_geometry(release));
    EXPECT_EQ(first_pcp(*machine).batch, 2);
    EXPECT_EQ(first_pcp(*machine).high, 6);
  }
}

// --- lists ---

class PcpTest : public ::testing::TestWithParam<Release> {
 protected:
  static Geometry geometry() {
    Geometry g;
    g.release = GetParam();
    g.memory = {0, 1024};
    g.pageblock_order = 4;
    g.largest_order = 6;
    g.cpus = 2;
    g.pcp_batch = 4;
    g.pcp_high = 12;
    g.min_free_kbytes = 0;
    g.areas = {{"area", 512, 256, 0}};
    return g;
  }
  // Lists hold orders above 0, and an overflow frees more the more follow each other.
  static bool scales() { return GetParam() >= Release::v5_14; }

  Pfn alloc(Gfp gfp, unsigned order = 0) { return buddy.alloc_pages(gfp, order); }
  void free(Pfn pfn, unsigned order = 0) {
    machine->map.edit(pfn).ref = 0;
    buddy.free_now(pfn, order);
  }
  const PerCpuPages& pcp(int cpu = 0) const { return machine->buddy.zone(0).pcp[static_cast<unsigned>(cpu)]; }
  std::vector<Pfn> list(unsigned index, int cpu = 0) const { return pfns_of(machine->map, pcp(cpu).lists[index]); }
  std::vector<Pfn> take(unsigned count, Gfp gfp = kGfpKernel) {
    std::vector<Pfn> pages;
    for (unsigned i = 0; i < count; ++i) pages.push_back(alloc(gfp));
    return pages;
  }

  std::unique_ptr<Machine> machine = make_machine(geometry());
  Buddy& buddy = machine->buddy;
};

INSTANTIATE_TEST_SUITE_P(Releases, PcpTest, ::testing::ValuesIn(kComparedReleases));

TEST_P(PcpTest, ARefillTakesABatchInAllocationOrder) {
  const Pfn first = alloc(kGfpKernel);
  EXPECT_EQ(pcp().count, 3);
  EXPECT_THAT(list(0), ElementsAre(first + 1, first + 2, first + 3));
  EXPECT_EQ(buddy.zone(0).nr_free_pages, 1024 - 4);
}

TEST_P(PcpTest, AFreedPageGoesToTheHeadAndComesBackFirst) {
  const std::vector<Pfn> pages = take(2);
  free(pages[0]);
  EXPECT_EQ(list(0).front(), pages[0]);
  EXPECT_EQ(alloc(kGfpKernel), pages[0]);
}

TEST_P(PcpTest, EachCpuHasItsOwnLists) {
  const ActorId other = machine->engine.add_actor(1);
  const Pfn page = alloc(kGfpKernel);
  machine->engine.assume(other);
  free(page);
  EXPECT_THAT(list(0, 1), ElementsAre(page));
  EXPECT_EQ(pcp(0).count, 3);
  EXPECT_EQ(pcp(1).count, 1);
}

TEST_P(PcpTest, AreaPagesRideOnTheMovableListAndKeepTheirType) {
  claim_frame(*machine, 600);
  free(600);
  EXPECT_THAT(list(1), ElementsAre(600));
  EXPECT_EQ(machine->map.page(600).list_type, Migratetype::cma);
  EXPECT_EQ(buddy.zone(0).nr_free_cma, 255);
  EXPECT_EQ(alloc(kGfpKernel | kGfpMovable), 600U) << "a movable request may get it";
}

TEST_P(PcpTest, PagesOfAnIsolatedPageblockGoStraightToTheFreeLists) {
  claim_frame(*machine, 600);
  machine->map.set_pageblock_type(600, Migratetype::isolate);
  buddy.zone(0).nr_isolate_pageblock = 1;
  free(600);
  EXPECT_EQ(pcp().count, 0);
  EXPECT_TRUE(machine->map.page(600).has(kPageBuddy) || machine->map.page(512).has(kPageBuddy));
}

TEST_P(PcpTest, TheTypeIsReadAgainUnderTheLockOnceSomethingIsIsolated) {
  claim_frame(*machine, 600);
  machine->map.edit(600).ref = 0;
  Buddy::PendingFree pending = buddy.prepare_free(600, 0);
  buddy.commit_free(std::move(pending));
  EXPECT_EQ(machine->map.page(600).list_type, Migratetype::cma) << "as it was read";
  machine->map.set_pageblock_type(600, Migratetype::isolate);
  buddy.zone(0).nr_isolate_pageblock = 1;
  buddy.per_cpu().drain_pages_zone(0, buddy.zone(0));
  EXPECT_THAT(free_list(*machine, 4, Migratetype::isolate), ElementsAre(592)) << "merged within its pageblock";
}

TEST_P(PcpTest, WithoutIsolationTheCachedTypeDecides) {
  // The type changed under a page on a per-CPU list: it still goes to the list of the type it was freed with.
  claim_frame(*machine, 300);
  free(300);
  machine->map.set_pageblock_type(300, Migratetype::reclaimable);
  buddy.per_cpu().drain_pages_zone(0, buddy.zone(0));
  Pfn head = 300;
  for (unsigned order = 1; !machine->map.page(head).has(kPageBuddy); ++order) head = align_order(300, order);
  EXPECT_EQ(machine->map.page(head).list_type, Migratetype::movable);
}

TEST_P(PcpTest, ADrainEmptiesTheListsOfTheCpusThatHoldSomething) {
  const ActorId other = machine->engine.add_actor(1);
  take(1);
  machine->engine.assume(other);
  const Pfn page = alloc(kGfpKernel);
  free(page);
  machine->engine.assume(kMainActor);
  run_now(buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  EXPECT_EQ(pcp(0).count, 0);
  EXPECT_EQ(pcp(1).count, 0);
  EXPECT_FALSE(buddy.per_cpu().drain_mutex().held());
  EXPECT_EQ(recount_free(*machine), std::make_pair(buddy.zone(0).nr_free_pages, buddy.zone(0).nr_free_cma));
  EXPECT_EQ(buddy.zone(0).nr_free_pages, 1023);
}

TEST_P(PcpTest, Until513AnOverflowFreesABatchOfTheOldestPages) {
  if (scales()) GTEST_SKIP() << "frees otherwise";
  const std::vector<Pfn> pages = take(12);
  ASSERT_EQ(pcp().count, 0);
  for (std::size_t i = 0; i < 11; ++i) free(pages[i]);
  EXPECT_EQ(pcp().count, 11);
  free(pages[11]);
  EXPECT_EQ(pcp().count, 8) << "at high, one batch goes";
  EXPECT_THAT(list(0), ElementsAre(pages[11], pages[10], pages[9], pages[8], pages[7], pages[6], pages[5], pages[4]));
}

TEST_P(PcpTest, Until513ListsAreFreedInTurnBeginningWithMovable) {
  if (scales()) GTEST_SKIP() << "frees otherwise";
  machine->trace.set_page_events(true);
  // Six pages of each of two types, pageblock types chosen by hand; high is never reached.
  buddy.zone(0).pcp[0].high = 100;
  std::vector<Pfn> freed;
  for (Pfn pfn : {16U, 18U, 20U, 32U, 34U, 36U}) {
    claim_frame(*machine, pfn);
    machine->map.set_pageblock_type(pfn, pfn < 32 ? Migratetype::unmovable : Migratetype::movable);
    free(pfn);
  }
  machine->trace.clear();
  buddy.per_cpu().drain_pages_zone(0, buddy.zone(0));
  std::vector<std::uint64_t> order;
  for (const Record& r : machine->trace.records())
    if (r.event == Event::mm_page_pcpu_drain) order.push_back(r.a);
  // M: a burst of one. E is empty, so U gets a burst of two. M again with one, and so on.
  EXPECT_THAT(order, ElementsAre(32, 16, 18, 34, 20, 36));
}

TEST_P(PcpTest, Since514AnOverflowDoublesWithEveryOverflowInARow) {
  if (!scales()) GTEST_SKIP() << "lists are simpler";
  buddy.zone(0).pcp[0].high = 40;
  const std::vector<Pfn> pages = take(200);
  run_now(buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  buddy.zone(0).pcp[0].free_factor = 0;
  std::vector<int> freed_at_once;
  for (Pfn page : pages) {
    const int before = pcp().count;
    free(page);
    if (pcp().count <= before) freed_at_once.push_back(before + 1 - pcp().count);
  }
  // batch << factor, at most high - batch.
  EXPECT_THAT(freed_at_once, ElementsAre(4, 8, 16, 32, 36, 36, 36));
}

TEST_P(PcpTest, Since514AllocatingHalvesTheFreeFactor) {
  if (!scales()) GTEST_SKIP() << "lists are simpler";
  buddy.zone(0).pcp[0].free_factor = 5;
  const Pfn page = alloc(kGfpKernel);
  EXPECT_EQ(pcp().free_factor, 2);
  free(page);
  EXPECT_EQ(pcp().free_factor, 2);
  alloc(kGfpKernel);
  alloc(kGfpKernel);
  EXPECT_EQ(pcp().free_factor, 0);
}

TEST_P(PcpTest, Since518AnOverflowBeginsWithTheListJustFreedToAndItsOldestPage) {
  if (GetParam() < Release::v5_18) GTEST_SKIP() << "takes from the lists in turn";
  const std::vector<Pfn> unmovable = take(4);
  const std::vector<Pfn> movable = take(8, kGfpKernel | kGfpMovable);
  for (Pfn page : unmovable) free(page);
  for (Pfn page : movable) free(page);  // the twelfth page reaches high
  EXPECT_EQ(pcp().count, 8);
  EXPECT_EQ(list(0).size() + list(1).size(), 8U);
  const unsigned last = machine->map.pageblock_type(movable[7]) == Migratetype::unmovable ? 0 : 1;
  EXPECT_EQ(list(last).front(), movable[7]);
}

TEST_P(PcpTest, Since514AHighBelowTheBatchFreesOneAtATime) {
  if (!scales()) GTEST_SKIP() << "lists are simpler";
  buddy.zone(0).pcp[0].high = 0;
  const Pfn page = alloc(kGfpKernel);
  EXPECT_EQ(pcp().count, 3);
  free(page);
  EXPECT_EQ(pcp().count, 3);
}

TEST_P(PcpTest, Since514OrdersUpToThreeAreListed) {
  for (unsigned order = 0; order <= 6; ++order)
    EXPECT_EQ(buddy.per_cpu().allowed_order(order), scales() ? order <= 3 : order == 0) << order;
  const Pfn block = alloc(kGfpKernel, 2);
  free(block, 2);
  EXPECT_EQ(list(6).size(), scales() ? 2U : 0U) << "a refill of order 2 takes max(batch >> 2, 2) blocks";
  if (scales()) {
    EXPECT_EQ(list(6).front(), block);
  }
  EXPECT_EQ(pcp().count, scales() ? 8 : 0);
}

TEST_P(PcpTest, Since518FreeingAHigherOrderAfterAnOverflowEmptiesTheLists) {
  if (GetParam() < Release::v5_18) GTEST_SKIP() << "knows only how many there are";
  const Pfn block = alloc(kGfpKernel, 1);
  buddy.zone(0).pcp[0].free_factor = 1;
  free(block, 1);
  EXPECT_EQ(pcp().count, 0);
}

// Lists 1 to 11 come before list 0: one block of two pages, then all single pages that are wanted.
TEST(PcpOverflow, From514To517BlocksOfAllOrdersAreTakenInTurn) {
  Geometry g = default_small_geometry(Release::v5_15);
  g.pcp_batch = 4;
  g.pcp_high = 12;
  const std::unique_ptr<Machine> machine = make_machine(g);
  const auto free = [&](Pfn pfn, unsigned order) {
    machine->map.edit(pfn).ref = 0;
    machine->buddy.free_now(pfn, order);
  };
  std::vector<Pfn> pages;
  for (int i = 0; i < 10; ++i) pages.push_back(machine->buddy.alloc_pages(kGfpKernel, 0));
  const Pfn pair = machine->buddy.alloc_pages(kGfpKernel, 1);
  run_now(machine->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  for (Pfn page : pages) free(page, 0);
  ASSERT_EQ(first_pcp(*machine).count, 10);
  free(pair, 1);
  EXPECT_EQ(first_pcp(*machine).count, 8);
  EXPECT_TRUE(first_pcp(*machine).lists[3].empty());
  EXPECT_EQ(pfns_of(machine->map, first_pcp(*machine).lists[0]).back(), pages[2]);
}

TEST(PcpLists, Until518HugePagesHaveAListForEachType) {
  Geometry g = default_small_geometry(Release::v5_15);
  g.transparent_hugepages = true;
  const std::unique_ptr<Machine> machine = make_machine(g);
  EXPECT_EQ(machine->buddy.per_cpu().lists_in_use(), 15U);
  EXPECT_EQ(machine->buddy.per_cpu().list_order(14), 4U);
}

TEST(PcpLists, IndexAndOrderAreInverse) {
  Geometry g = default_small_geometry(Release::v6_1);
  g.transparent_hugepages = true;
  const std::unique_ptr<Machine> machine = make_machine(g);
  EXPECT_EQ(machine->buddy.per_cpu().lists_in_use(), 14U);
  for (unsigned list = 0; list < 12; ++list) EXPECT_EQ(machine->buddy.per_cpu().list_order(list), list / 3);
  EXPECT_EQ(machine->buddy.per_cpu().list_order(12), 4U);
  EXPECT_EQ(machine->buddy.per_cpu().list_order(13), 4U);
  EXPECT_TRUE(machine->buddy.per_cpu().allowed_order(4));
  EXPECT_FALSE(machine->buddy.per_cpu().allowed_order(5));
}

// Measured on a real 6.1: batch 15, high 625, 700 pages of an area allocated on drained lists and released.
TEST(PcpOverflow, SevenHundredPagesLeaveWhatTheRealKernelKeeps) {
  Geometry g;
  g.release = Release::v6_1;
  g.memory = {0, 62976};
  g.areas = {{"area", 0x8000, 4096, 0}};
  g.pcp_batch = 15;
  g.pcp_high = 625;
  const std::unique_ptr<Machine> machine = make_machine(g);
  const Pfn base = run_now(machine->areas.cma_alloc(0, 700, 0, Warn::no));
  ASSERT_EQ(base, 0x8000U);
  run_now(machine->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  run_now(machine->areas.cma_release(0, base, 700));
  const PerCpuPages& pcp = first_pcp(*machine);
  EXPECT_EQ(pcp.count, 595);
  EXPECT_EQ(pcp.free_factor, 3);
  std::vector<Pfn> expected(595);
  std::iota(expected.rbegin(), expected.rend(), base + 105);
  EXPECT_EQ(pfns_of(machine->map, pcp.lists[1]), expected);
}

TEST(PcpDrain, ASecondDrainOfAllZonesDoesNotWaitForTheFirst) {
  const std::unique_ptr<Machine> machine = make_machine(default_small_geometry(Release::v4_19));
  Engine& engine = machine->engine;
  const ActorId first = engine.add_actor(0);
  const ActorId all = engine.add_actor(0);
  const ActorId one = engine.add_actor(1);
  engine.begin(first, machine->buddy.per_cpu().drain_all_pages(0));
  engine.stop_at(first, Point::drain_pcp_begin, 1);
  engine.resume(first);
  engine.begin(all, machine->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
  engine.resume(all);
  EXPECT_EQ(engine.look(all).state, ActorState::idle);
  engine.begin(one, machine->buddy.per_cpu().drain_all_pages(0));
  engine.resume(one);
  EXPECT_EQ(engine.look(one).state, ActorState::waiting);
  run_to_rest(*machine);
}

TEST(PcpDrain, WorkersUpTo420DrainAllZonesOfASelectedCpuOthersTheNamedOne) {
  for (Release release : kComparedReleases) {
    Geometry g = default_small_geometry(release);
    g.areas.clear();
    g.zones = {{"DMA", {0, 256}}, {"Normal", {256, 1024}}};
    const std::unique_ptr<Machine> machine = make_machine(g);
    machine->buddy.alloc_pages(kGfpKernel, 0);
    machine->buddy.alloc_pages(kGfpKernel | kGfpDma, 0);
    ASSERT_GT(machine->buddy.zone(0).pcp[0].count, 0);
    ASSERT_GT(machine->buddy.zone(1).pcp[0].count, 0);
    run_now(machine->buddy.per_cpu().drain_all_pages(0));
    EXPECT_EQ(machine->buddy.zone(0).pcp[0].count, 0);
    EXPECT_EQ(machine->buddy.zone(1).pcp[0].count == 0, release >= Release::v4_11 && release < Release::v5_0);
  }
}

}  // namespace
}  // namespace cma
