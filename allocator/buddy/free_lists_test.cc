#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/buddy/buddy.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Migratetype U = Migratetype::unmovable;
constexpr Migratetype M = Migratetype::movable;
constexpr Migratetype E = Migratetype::reclaimable;
constexpr Migratetype H = Migratetype::highatomic;
constexpr Migratetype C = Migratetype::cma;
constexpr Migratetype I = Migratetype::isolate;
constexpr Gfp kMovableOnly = kGfpKernel | kGfpMovable;
constexpr Gfp kReclaimableKernel = kGfpKernel | kGfpReclaimable;

// A machine whose free lists a test builds by hand: 256 pages, pageblock order 4, largest order 6. Nothing is free at
// the start.
class FreeListsTest : public ::testing::TestWithParam<Release> {
 protected:
  static Geometry bare_geometry() {
    Geometry g;
    g.release = GetParam();
    g.memory = {0, 256};
    g.pageblock_order = 4;
    g.largest_order = 6;
    g.reserved = {{0, 256}};
    g.pcp_batch = 1;
    g.pcp_high = 0;
    g.min_free_kbytes = 0;
    return g;
  }
  // Types decide about merging wherever they differ, not only at Isolate boundaries.
  static bool merges_by_type() { return GetParam() >= Release::v5_18; }

  // Frees a block as memory of this type; its pageblocks get the type.
  void give(Pfn pfn, unsigned order, Migratetype type) {
    for (Pfn p = pfn; p < pfn + order_pages(order); ++p) {
      machine->map.edit(p).flags = 0;
      machine->map.edit(p).ref = 0;
      machine->map.set_pageblock_type(p, type);
    }
    free_block(*machine, pfn, order, type);
  }
  static void free_block(Machine& machine, Pfn pfn, unsigned order, Migratetype type) {
    const SpinGuard zone_lock(machine.engine);
    machine.buddy.free_lists().free_one_block(machine.buddy.zone(0), pfn, order, type);
  }
  bool isolate_free_page(Pfn pfn) {
    const SpinGuard zone_lock(machine->engine);
    return buddy.free_lists().isolate_free_page(buddy.zone_of(pfn), pfn);
  }
  FreeLists::Moved move_freepages_block(Pfn pfn, Migratetype type) {
    const SpinGuard zone_lock(machine->engine);
    return buddy.free_lists().move_freepages_block(zone, pfn, type);
  }
  std::vector<Pfn> list(unsigned order, Migratetype type) const { return free_list(*machine, order, type); }

  std::unique_ptr<Machine> machine = make_machine(bare_geometry());
  Buddy& buddy = machine->buddy;
  Zone& zone = machine->buddy.zone(0);
};

INSTANTIATE_TEST_SUITE_P(Releases, FreeListsTest, ::testing::ValuesIn(kComparedReleases));

// --- insertion ---

TEST_P(FreeListsTest, ABlockGoesToTheHeadOfItsList) {
  for (Pfn pfn : {0U, 4U, 8U}) give(pfn, 0, M);
  EXPECT_THAT(list(0, M), ElementsAre(8, 4, 0));
  EXPECT_EQ(zone.area[0].nr_free, 3U);
  EXPECT_EQ(zone.nr_free_pages, 3);
}

TEST_P(FreeListsTest, ABlockWhoseParentMayMergeSoonGoesToTheTail) {
  give(0, 0, M);
  give(4, 1, M);
  give(6, 0, M);  // with 7 it would form the order-1 block that 4 waits for
  EXPECT_THAT(list(0, M), ElementsAre(0, 6));
}

TEST_P(FreeListsTest, TheParentMustHaveAFreeBuddyOfExactlyItsOrder) {
  give(0, 0, M);
  give(4, 2, M);  // 4..7, one order too large to be the buddy of 2..3's parent 0..3's half
  give(2, 0, M);
  EXPECT_THAT(list(0, M), ElementsAre(2, 0));
}

TEST_P(FreeListsTest, JustBelowTheLargestOrderAllGoesToTheHead) {
  give(192, 5, M);
  give(64, 6, M);
  give(0, 5, M);  // its parent's buddy, 64, is free; but there is no order above the parent
  EXPECT_THAT(list(5, M), ElementsAre(0, 192));
  give(128, 4, M);
  give(160, 5, M);
  give(144, 0, M);
  EXPECT_EQ(list(5, M).front(), 160U);
}

TEST_P(FreeListsTest, OneOrderBelowTheHeuristicStillApplies) {
  give(64, 4, M);
  give(160, 5, M);
  give(128, 4, M);  // with 144 it would form the order-5 block next to 160
  EXPECT_THAT(list(4, M), ElementsAre(64, 128));
}

// --- merging ---

TEST_P(FreeListsTest, BuddiesMergeAllTheWayUp) {
  for (Pfn pfn = 0; pfn < 64; ++pfn) give(pfn, 0, M);
  EXPECT_THAT(list(6, M), ElementsAre(0));
  for (unsigned order = 0; order < 6; ++order) EXPECT_EQ(zone.area[order].nr_free, 0U);
  EXPECT_EQ(zone.nr_free_pages, 64);
}

TEST_P(FreeListsTest, TheLargestOrderDoesNotMerge) {
  give(0, 6, M);
  give(64, 6, M);
  EXPECT_THAT(list(6, M), ElementsAre(64, 0));
}

TEST_P(FreeListsTest, BlocksOfDifferentOrderDoNotMerge) {
  give(0, 1, M);
  give(2, 0, M);
  EXPECT_THAT(list(1, M), ElementsAre(0));
  EXPECT_THAT(list(0, M), ElementsAre(2));
}

TEST_P(FreeListsTest, BelowThePageblockOrderTypesAreNotLookedAt) {
  give(0, 3, C);
  machine->map.set_pageblock_type(0, C);
  free_block(*machine, 8, 3, M);  // a stale type: the pageblock is CMA
  EXPECT_THAT(list(4, M), ElementsAre(0));
  EXPECT_THAT(list(3, C), IsEmpty());
}

TEST_P(FreeListsTest, TypesDecideWhatMergesAcrossPageblocks) {
  const Migratetype types[] = {U, M, E, H, C, I};
  for (Migratetype first : types)
    for (Migratetype second : types) {
      std::unique_ptr<Machine> fresh = make_machine(bare_geometry());
      Zone& z = fresh->buddy.zone(0);
      z.nr_isolate_pageblock = (first == I ? 1U : 0U) + (second == I ? 1U : 0U);
      fresh->map.set_pageblock_type(0, first);
      fresh->map.set_pageblock_type(16, second);
      free_block(*fresh, 0, 4, first);
      free_block(*fresh, 16, 4, second);
      const bool only_one_isolated = (first == I) != (second == I);
      const bool both_ordinary = is_mergeable(first) && is_mergeable(second);
      const bool merges = merges_by_type() ? first == second || both_ordinary : !only_one_isolated;
      EXPECT_EQ(free_list(*fresh, 5, second).size(), merges ? 1U : 0U) << letter_of(first) << letter_of(second);
    }
}

TEST_P(FreeListsTest, Until517TypesDoNotMatterWhileNothingIsIsolated) {
  machine->map.set_pageblock_type(0, I);
  free_block(*machine, 0, 4, I);
  give(16, 4, M);
  EXPECT_EQ(list(5, M).size(), merges_by_type() ? 0U : 1U);
}

TEST_P(FreeListsTest, MergeIntoIsolatedLooksAtTheFreedBlockOnly) {
  if (merges_by_type()) GTEST_SKIP() << "the fault was repaired before";
  machine->bugs.switch_on(Bug::merge_into_isolated);
  zone.nr_isolate_pageblock = 1;
  machine->map.set_pageblock_type(0, I);
  free_block(*machine, 0, 4, I);
  give(16, 4, M);
  EXPECT_THAT(list(5, M), ElementsAre(0));
  EXPECT_EQ(machine->bugs.times_reached(Bug::merge_into_isolated), 1U);
}

TEST_P(FreeListsTest, AFreedIsolateBlockIsInNoCounter) {
  zone.nr_isolate_pageblock = 1;
  give(0, 2, I);
  EXPECT_EQ(zone.nr_free_pages, 0);
  EXPECT_EQ(zone.area[2].nr_free, 1U);
  give(16, 2, C);
  EXPECT_EQ(zone.nr_free_pages, 4);
  EXPECT_EQ(zone.nr_free_cma, 4);
}

TEST(FreeListsZones, BlocksOfDifferentZonesNeverMerge) {
  for (Release release : kComparedReleases) {
    Geometry g = tiny_geometry(release);
    g.zones = {{"DMA", {0, 12}}, {"Normal", {12, 64}}};
    const std::unique_ptr<Machine> machine = make_machine(g);
    EXPECT_EQ(free_blocks(*machine, {0, 32}), (std::vector<Block>{{0, 3}, {8, 2}, {12, 2}, {16, 4}}));
    EXPECT_EQ(machine->map.page(8).zone, 0);
    EXPECT_EQ(machine->map.page(12).zone, 1);
  }
}

// --- splitting ---

TEST_P(FreeListsTest, ASplitReturnsTheLowestPageAndPutsTheUpperHalvesToTheHeads) {
  give(128, 0, U);
  give(130, 1, U);
  give(0, 6, U);
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 4), 0U);
  EXPECT_THAT(list(4, U), ElementsAre(16));
  EXPECT_THAT(list(5, U), ElementsAre(32));
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 0), 128U) << "the smallest block that fits goes first";
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 0), 130U);
  EXPECT_THAT(list(0, U), ElementsAre(131));
  EXPECT_EQ(zone.nr_free_pages, 1 + 48);
}

TEST_P(FreeListsTest, TheHeadOfAListGoesFirst) {
  for (Pfn pfn : {0U, 32U, 64U}) give(pfn, 4, U);
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 4), 64U);
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 4), 32U);
}

TEST_P(FreeListsTest, ARequestThatNoBlockSufficesForChangesNothing) {
  give(0, 3, U);
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 4), kNoPfn);
  EXPECT_THAT(list(3, U), ElementsAre(0));
  EXPECT_EQ(zone.nr_free_pages, 8);
}

// --- fallback ---

struct FallbackOrder {
  Gfp gfp;
  Migratetype preferred;
  Migratetype other;
};

TEST_P(FreeListsTest, FallbackTriesTypesInTheKernelsOrder) {
  const FallbackOrder orders[] = {{kGfpKernel, E, M}, {kReclaimableKernel, U, M}, {kMovableOnly, E, U}};
  for (const FallbackOrder& order : orders) {
    std::unique_ptr<Machine> fresh = make_machine(bare_geometry());
    std::swap(machine, fresh);
    Buddy& b = machine->buddy;
    const auto put = [&](Pfn pfn, Migratetype type) {
      for (Pfn p = pfn; p < pfn + 16; ++p) machine->map.edit(p).flags = 0, machine->map.edit(p).ref = 0;
      machine->map.set_pageblock_type(pfn, type);
      free_block(*machine, pfn, 4, type);
    };
    put(0, order.other);
    put(32, order.preferred);
    EXPECT_EQ(b.alloc_pages(order.gfp, 4), 32U);
    EXPECT_EQ(b.alloc_pages(order.gfp, 4), 0U);
    std::swap(machine, fresh);
  }
}

TEST_P(FreeListsTest, AreaIsolatedAndHighatomicBlocksAreNoFallback) {
  zone.nr_isolate_pageblock = 1;
  give(0, 4, C);
  give(32, 4, I);
  give(64, 4, H);
  for (Gfp gfp : {kGfpKernel, kReclaimableKernel}) EXPECT_EQ(buddy.alloc_pages(gfp, 0), kNoPfn);
  EXPECT_EQ(buddy.alloc_pages(kMovableOnly, 0), 0U) << "a movable request may use area memory";
}

TEST_P(FreeListsTest, FallbackTakesTheLargestBlock) {
  give(0, 2, M);
  give(64, 5, M);
  give(32, 3, M);
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 0), 64U);
  EXPECT_EQ(machine->map.pageblock_type(64), U) << "whole pageblocks change their type";
  EXPECT_EQ(machine->map.pageblock_type(80), U);
  EXPECT_EQ(machine->map.pageblock_type(0), M);
}

TEST_P(FreeListsTest, AMovableRequestThatCannotTakeThePageblockUsesTheSmallestBlock) {
  if (GetParam() < Release::v4_12) GTEST_SKIP() << "up to 4.11 the largest is always broken";
  give(0, 1, U);  // below half the pageblock order: not worth a pageblock
  give(32, 0, U);
  EXPECT_EQ(buddy.alloc_pages(kMovableOnly, 0), 32U);
  EXPECT_THAT(list(1, U), ElementsAre(0));
  EXPECT_EQ(machine->map.pageblock_type(32), U);
}

TEST_P(FreeListsTest, AnUnmovableRequestAlwaysStealsFromTheLargest) {
  give(0, 1, M);
  give(32, 0, M);
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 0), 0U);
}

struct Threshold {
  Gfp gfp;
  Migratetype old;
  unsigned free;     // pages given of the pageblock at 0, a multiple of 4
  unsigned movable;  // pages on the LRU or movable by a driver
  bool changes;
};

TEST_P(FreeListsTest, APageblockChangesWhenHalfOfItIsFreeOrAlike) {
  const Threshold thresholds[] = {
      {kGfpKernel, M, 4, 8, true},   // 4 free + 4 that are neither: 8 of 16
      {kGfpKernel, M, 4, 9, false},  // 7
      {kGfpKernel, E, 8, 0, true},   // between U and E only free pages count
      {kGfpKernel, E, 4, 0, false},   {kMovableOnly, U, 4, 4, true},
      {kMovableOnly, U, 4, 3, false}, {kMovableOnly, E, 8, 0, true},
  };
  const bool counts_alike = GetParam() >= Release::v4_12;
  for (const Threshold& t : thresholds) {
    std::unique_ptr<Machine> fresh = make_machine(bare_geometry());
    MemoryMap& map = fresh->map;
    map.set_pageblock_type(0, t.old);
    for (Pfn p = 0; p < 16; ++p) map.edit(p).flags = 0;
    for (unsigned i = 0; i < t.free; i += 4) {
      for (Pfn p = i; p < i + 4; ++p) map.edit(p).ref = 0;
      free_block(*fresh, i, 2, t.old);
    }
    for (Pfn p = 16 - t.movable; p < 16; ++p) map.edit(p).flags = p % 2 == 0 ? kPageLru : kPageMovableOps;
    EXPECT_EQ(fresh->buddy.alloc_pages(t.gfp, 0), 0U);
    // Before, pages in use did not count.
    const bool changes = counts_alike ? t.changes : t.free >= 8;
    EXPECT_EQ(map.pageblock_type(0) != t.old, changes) << letter_of(t.old) << t.free << "+" << t.movable;
    EXPECT_TRUE(free_list(*fresh, 2, t.old).empty()) << "its free blocks move in any case";
  }
}

TEST_P(FreeListsTest, BlocksThatChangeListsGoToTheTailSince510) {
  give(64, 1, U);
  give(0, 1, M);
  give(4, 1, M);
  give(8, 1, M);
  const FreeLists::Moved moved = move_freepages_block(5, U);
  EXPECT_EQ(moved.pages, 6U);
  EXPECT_EQ(moved.isolated, 0U);
  if (GetParam() >= Release::v5_10)
    EXPECT_THAT(list(1, U), ElementsAre(64, 0, 4, 8));
  else
    EXPECT_THAT(list(1, U), ElementsAre(8, 4, 0, 64));
  EXPECT_EQ(zone.nr_free_pages, 8) << "the caller counts";
}

TEST_P(FreeListsTest, MovingSeesOnlyBlocksWhoseHeadLiesInThePageblock) {
  give(0, 5, M);
  EXPECT_EQ(move_freepages_block(16, I).pages, 0U);
  EXPECT_EQ(move_freepages_block(0, I).pages, 32U);
  EXPECT_EQ(move_freepages_block(0, M).isolated, 32U);
}

TEST_P(FreeListsTest, AMixedPageblockBoostsTheWatermarkSince50) {
  zone.managed = 256;
  zone.watermark[2] = 40;
  give(0, 2, M);
  buddy.alloc_pages(kGfpKernel, 0);
  EXPECT_EQ(zone.watermark_boost, GetParam() >= Release::v5_0 ? 16U : 0U);
  give(128, 6, M);
  EXPECT_EQ(buddy.alloc_pages(kGfpKernel, 4), 128U);
  EXPECT_EQ(zone.watermark_boost, GetParam() >= Release::v5_0 ? 16U : 0U) << "taking a whole pageblock mixes nothing";
}

// 4.9 claims what it finds there, the reserve of atomic requests included.
TEST(FreeListsOf49, ClaimingAReservedPageblockIsAFault) {
  for (const bool fault : {false, true}) {
    Geometry g = tiny_geometry(Release::v4_9);
    if (fault) g.bugs.switch_on(Bug::steal_takes_reserve);
    const std::unique_ptr<Machine> machine = make_machine(g);
    // A block of the reserve that is on an ordinary list still: it was there when the pageblock was reserved.
    const Pfn first = free_list(*machine, 5, Migratetype::movable).front();
    machine->map.set_pageblock_type(first, Migratetype::highatomic);
    machine->buddy.alloc_pages(kGfpKernel, 5);
    EXPECT_EQ(machine->map.pageblock_type(first) == Migratetype::highatomic, !fault);
    EXPECT_EQ(machine->bugs.times_reached(Bug::steal_takes_reserve), fault ? 1U : 0U);
  }
}

// The pages taken are the requester's, the rest of the block goes to its lists, and the pageblock stays what it was.
TEST(FreeListsOf49, ABlockIsBrokenWhetherItsPageblockIsClaimedOrNot) {
  Geometry g = tiny_geometry(Release::v4_9);
  const std::unique_ptr<Machine> machine = make_machine(g);
  claim_frame(*machine, 1);
  claim_frame(*machine, 5);
  while (!free_list(*machine, 3, Migratetype::movable).empty() ||
         !free_list(*machine, 4, Migratetype::movable).empty() ||
         !free_list(*machine, 5, Migratetype::movable).empty()) {
    for (unsigned order : {5U, 4U, 3U}) machine->buddy.alloc_pages(kGfpHighuserMovable, order);
  }
  // Pages 0, 2, 3, 4, 6, 7 are left: blocks of orders 0 and 1, six of eight pages free.
  const Pfn page = machine->buddy.alloc_pages(kGfpKernel, 0);
  EXPECT_LT(page, 8U);
  EXPECT_EQ(machine->map.pageblock_type(0), Migratetype::unmovable);
  EXPECT_TRUE(free_list(*machine, 1, Migratetype::movable).empty()) << "claimed as a whole";
}

// --- area memory ---

TEST_P(FreeListsTest, MovableRequestsUseAreaMemoryEarlySince58) {
  give(0, 4, M);
  give(64, 5, C);
  EXPECT_EQ(buddy.alloc_pages(kMovableOnly, 0), GetParam() >= Release::v5_8 ? 64U : 0U)
      << "area memory is more than half of what is free";
}

TEST_P(FreeListsTest, HalfIsNotMoreThanHalf) {
  give(0, 4, M);
  give(64, 4, C);
  EXPECT_EQ(buddy.alloc_pages(kMovableOnly, 4), 0U);
  EXPECT_EQ(buddy.alloc_pages(kMovableOnly, 4), 64U);
}

TEST_P(FreeListsTest, AreaMemoryComesBeforeStealing) {
  give(0, 4, U);
  give(64, 2, C);
  EXPECT_EQ(buddy.alloc_pages(kMovableOnly, 0), 64U);
}

// --- taking blocks out ---

TEST_P(FreeListsTest, IsolatingAFreeBlockNeedsTheWatermarkUnlessItIsIsolate) {
  give(0, 2, M);
  give(64, 3, M);
  zone.watermark[0] = 8;
  EXPECT_FALSE(isolate_free_page(0)) << "12 free pages are not above 8 + 4";
  zone.watermark[0] = 7;
  EXPECT_TRUE(isolate_free_page(0));
  EXPECT_EQ(zone.nr_free_pages, 8);
  EXPECT_TRUE(machine->map.page(0).has(kPageInFlight));
  zone.watermark[0] = 1000;
  zone.nr_isolate_pageblock = 1;
  give(128, 2, I);
  EXPECT_TRUE(isolate_free_page(128));
}

TEST_P(FreeListsTest, ALargeIsolatedBlockMakesItsPageblockMovableButNotAnAreas) {
  give(0, 3, U);
  give(32, 2, U);
  give(64, 3, C);
  give(128, 4, M);
  for (Pfn pfn : {0U, 32U, 64U}) EXPECT_TRUE(isolate_free_page(pfn));
  EXPECT_EQ(machine->map.pageblock_type(0), M);
  EXPECT_EQ(machine->map.pageblock_type(32), U) << "less than half a pageblock";
  EXPECT_EQ(machine->map.pageblock_type(64), C);
}

// Before, only the type changes: the other free blocks stay where they are.
TEST(FreeListsOf612, ALargeIsolatedBlockTakesTheOthersOfItsPageblockAlong) {
  for (const Release release : modelled_releases()) {
    Geometry g = default_small_geometry(release);
    g.areas.clear();
    g.reserved = {{0, 1024}};
    g.min_free_kbytes = 0;
    const std::unique_ptr<Machine> machine = make_machine(g);
    const auto give = [&](Pfn pfn, unsigned order, Migratetype type) {
      for (Pfn p = pfn; p < pfn + order_pages(order); ++p) {
        machine->map.edit(p).flags = 0;
        machine->map.edit(p).ref = 0;
      }
      machine->map.set_pageblock_type(pfn, type);
      const SpinGuard zone_lock(machine->engine);
      machine->buddy.free_lists().free_one_block(machine->buddy.zone(0), pfn, order, type);
    };
    give(8, 1, U);
    give(12, 0, U);
    give(0, 3, U);
    give(64, 1, M);
    give(40, 1, M);
    give(32, 3, M);
    {
      const SpinGuard zone_lock(machine->engine);
      EXPECT_TRUE(machine->buddy.free_lists().isolate_free_page(machine->buddy.zone_of(0), 0));
      EXPECT_TRUE(machine->buddy.free_lists().isolate_free_page(machine->buddy.zone_of(32), 32));
    }
    EXPECT_EQ(machine->map.pageblock_type(0), M);
    const bool together = release >= Release::v6_10;
    // A pageblock that is Movable already is moved, too: to the end of the list.
    EXPECT_EQ(free_list(*machine, 1, M), (together ? std::vector<Pfn>{64, 8, 40} : std::vector<Pfn>{40, 64}));
    EXPECT_EQ(free_list(*machine, 0, M), (together ? std::vector<Pfn>{12} : std::vector<Pfn>{}));
    EXPECT_EQ(free_list(*machine, 1, U), (together ? std::vector<Pfn>{} : std::vector<Pfn>{8}));
    EXPECT_EQ(recount_free(*machine).first, machine->buddy.zone(0).nr_free_pages);
  }
}

TEST(FreeListsOfPairs, ASinglePageLeavesItsPageblockAlone) {
  for (const Release release : modelled_releases()) {
    Geometry g = tiny_geometry(release);
    g.pageblock_order = 1;
    g.min_free_kbytes = 0;
    const std::unique_ptr<Machine> machine = make_machine(g);
    const Pfn pfn = machine->buddy.alloc_pages(kGfpKernel, 0);
    ASSERT_TRUE(machine->map.page(pfn + 1).has(kPageBuddy));
    machine->map.set_pageblock_type(pfn, U);
    const SpinGuard zone_lock(machine->engine);
    if (machine->map.page(pfn + 1).list_type != U)
      machine->buddy.free_lists().move_to_list(machine->buddy.zone(0), pfn + 1, U);
    EXPECT_TRUE(machine->buddy.free_lists().isolate_free_page(machine->buddy.zone_of(pfn + 1), pfn + 1));
    EXPECT_EQ(machine->map.pageblock_type(pfn), U);
  }
}

TEST_P(FreeListsTest, ACapturedBlockBecomesSinglePagesWithOneReferenceEach) {
  give(0, 3, M);
  isolate_free_page(0);
  buddy.split_captured(0, 3);
  for (Pfn pfn = 0; pfn < 8; ++pfn) {
    const Page& page = machine->map.page(pfn);
    EXPECT_EQ(page.ref, 1);
    EXPECT_EQ(page.flags, 0U);
    EXPECT_EQ(page.order, 0);
  }
}

}  // namespace
}  // namespace cma
