#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/buddy/buddy.h"
#include "allocator/buddy/compound.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace type_letters;

constexpr Gfp kMovableOnly = kGfpKernel | kGfpMovable;
constexpr Gfp kReclaimableKernel = kGfpKernel | kGfpReclaimable;

class FreeListsTest : public ::testing::TestWithParam<Release> {
 protected:
  // Types decide about merging wherever they differ, not only at Isolate boundaries.
  static bool merges_by_type() { return GetParam() >= Release::v5_18; }

  void give(Pfn pfn, unsigned order, Migratetype type) { give_block(*machine, pfn, order, type); }
  std::vector<Pfn> list(unsigned order, Migratetype type) const { return free_list(*machine, order, type); }

  std::unique_ptr<Machine> machine = make_machine(bare_geometry(GetParam()));
  Buddy& buddy = machine->buddy;
  Zone& zone = machine->buddy.zone(0);
};

INSTANTIATE_TEST_SUITE_P(Releases, FreeListsTest, ::testing::ValuesIn(kComparedReleases));

// --- insertion ---

TEST_P(FreeListsTest, ABlockGoesToTheHeadOfItsList) {
  for (Pfn pfn : {0U, 4U, 8U}) give(pfn, 0, M);
  EXPECT_THAT(list(0, M), ElementsAre(8, 4, 0));
  EXPECT_EQ(zone.free_by_order[0].nr_free, 3U);
  EXPECT_EQ(zone.nr_free_pages, 3);
}

TEST_P(FreeListsTest, ABlockCoversItsPagesOnly) {
  give(32, 4, M);
  const FreeLists& lists = machine->buddy.free_lists();
  for (const Pfn pfn : {32U, 33U, 47U}) EXPECT_EQ(lists.covering_block(pfn), 32U);
  for (const Pfn pfn : {0U, 31U, 48U}) EXPECT_EQ(lists.covering_block(pfn), kNoPfn);
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
  for (unsigned order = 0; order < 6; ++order) EXPECT_EQ(zone.free_by_order[order].nr_free, 0U);
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
      std::unique_ptr<Machine> fresh = make_machine(bare_geometry(GetParam()));
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
      const bool both_isolated = first == I && second == I;
      EXPECT_EQ(fresh->buddy.free_lists().may_stay_apart(first, second), !merges || both_isolated)
          << letter_of(first) << letter_of(second);
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
  EXPECT_EQ(zone.free_by_order[2].nr_free, 1U);
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
    std::unique_ptr<Machine> fresh = make_machine(bare_geometry(GetParam()));
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
    std::unique_ptr<Machine> fresh = make_machine(bare_geometry(GetParam()));
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

struct HugeThreshold {
  Gfp gfp;
  Migratetype old;
  unsigned huge_order;  // of the huge page at the end of the pageblock at 0
  unsigned others;      // small pages on the LRU in front of it
  bool changes;
};

// PageLRU of a tail is that of its head: each page of a huge page is one that may be moved.
TEST(FallbackOfHugePages, EachPageOfAHugePageIsMovable) {
  const HugeThreshold thresholds[] = {
      {kGfpKernel, M, 3, 0, true},     // 4 free + 4 that are not movable: 8 of 16
      {kGfpKernel, M, 3, 1, false},    // 4 + 3
      {kMovableOnly, U, 2, 0, true},   // 4 free + 4 movable
      {kMovableOnly, U, 1, 1, false},  // 4 + 3
  };
  for (const Release release : modelled_releases())
    for (const HugeThreshold& t : thresholds) {
      const std::unique_ptr<Machine> machine = make_machine(bare_geometry(release));
      MemoryMap& map = machine->map;
      map.set_pageblock_type(0, t.old);
      for (Pfn p = 0; p < 16; ++p) map.edit(p).flags = 0;
      for (Pfn p = 0; p < 4; ++p) map.edit(p).ref = 0;
      free_block(*machine, 0, 2, t.old);
      const Pfn head = 16 - order_pages(t.huge_order);
      prep_compound_page(machine->map, head, t.huge_order);
      map.edit(head).flags |= kPageLru;
      for (unsigned i = 1; i <= t.others; ++i) map.edit(head - i).flags = kPageLru;
      EXPECT_EQ(machine->buddy.alloc_pages(t.gfp, 0), 0U);
      // Before, only free pages counted.
      const bool changes = release >= Release::v4_12 && t.changes;
      EXPECT_EQ(map.pageblock_type(0) != t.old, changes) << letter_of(t.old) << t.huge_order << "+" << t.others;
    }
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

// --- lists that lag behind their pageblocks ---

// A block is on the list that it was on before its pageblock got another type. 6.10 brought lists that never lag.
TEST(LaggingLists, AFallbackLeavesIsolatedAndReservedPageblocksAlone) {
  for (const Release release : modelled_releases()) {
    if (release >= Release::v6_10) continue;
    for (const Migratetype type : {Migratetype::isolate, Migratetype::highatomic}) {
      const std::unique_ptr<Machine> machine = make_machine(bare_geometry(release));
      give_block(*machine, 0, 3, Migratetype::unmovable);
      machine->map.set_pageblock_type(0, type);
      EXPECT_LT(machine->buddy.alloc_pages(kReclaimableKernel, 0), 8U) << "it may have the block";
      EXPECT_EQ(machine->map.pageblock_type(0), type) << name_of(release);
    }
  }
}

// A block of two pageblocks is claimed as a whole, and the reserve goes on counting what was its own.
TEST(LaggingLists, AReservedPageblockInsideAClaimedBlockIsLostToTheReserve) {
  for (const Release release : modelled_releases()) {
    if (release >= Release::v6_10) continue;
    const std::unique_ptr<Machine> machine = make_machine(bare_geometry(release));
    give_block(*machine, 0, 5, Migratetype::unmovable);
    machine->map.set_pageblock_type(16, Migratetype::highatomic);
    EXPECT_NE(machine->buddy.alloc_pages(kReclaimableKernel, 0), kNoPfn);
    EXPECT_EQ(machine->map.pageblock_type(16), Migratetype::reclaimable) << name_of(release);
    EXPECT_EQ(machine->buddy.zone(0).lost_highatomic, 16U) << name_of(release);
  }
}

// Up to 6.9 a block that leaves the list of isolated ones by a merge is counted as free again.
TEST(LaggingLists, ABlockThatMergesOffTheIsolatedListIsCountedUpTo69) {
  for (const Release release : modelled_releases()) {
    const std::unique_ptr<Machine> machine = make_machine(bare_geometry(release));
    give_block(*machine, 8, 3, Migratetype::isolate);
    machine->map.set_pageblock_type(8, Migratetype::movable);
    ASSERT_EQ(machine->buddy.zone(0).nr_free_pages, 0);
    give_block(*machine, 0, 3, Migratetype::movable);
    EXPECT_EQ(free_blocks(*machine, {0, 16}), (std::vector<Block>{{0, 4}}));
    EXPECT_EQ(machine->buddy.zone(0).nr_free_pages, release >= Release::v6_10 ? 8 : 16) << name_of(release);
  }
}

// What compaction asks: a movable request takes small blocks of other types, and leaves their pageblocks.
TEST(CanBeClaimed, AMovableRequestClaimsHalvesOfPageblocksOrMore) {
  const std::unique_ptr<Machine> machine = make_machine(bare_geometry(Release::v6_1));
  give_block(*machine, 0, 1, Migratetype::unmovable);
  give_block(*machine, 32, 3, Migratetype::unmovable);
  const Fallback& fallback = machine->buddy.fallback();
  const Zone& zone = machine->buddy.zone(0);
  EXPECT_FALSE(fallback.can_be_claimed(zone.free_by_order[0], 0, Migratetype::movable)) << "there is none";
  EXPECT_FALSE(fallback.can_be_claimed(zone.free_by_order[1], 1, Migratetype::movable));
  EXPECT_TRUE(fallback.can_be_claimed(zone.free_by_order[3], 3, Migratetype::movable));
  EXPECT_TRUE(fallback.can_be_claimed(zone.free_by_order[1], 1, Migratetype::reclaimable));
}

}  // namespace
}  // namespace cma
