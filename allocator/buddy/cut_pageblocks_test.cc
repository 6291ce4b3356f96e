// Pageblocks that a border of zones or the end of memory cuts: what moves, and which type it leaves, on every release.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/buddy/buddy.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;

constexpr Migratetype U = Migratetype::unmovable;
constexpr Migratetype M = Migratetype::movable;
constexpr Migratetype H = Migratetype::highatomic;
constexpr std::size_t kLow = 0;
constexpr std::size_t kHigh = 1;

// Pageblocks of 16 pages. The border of the zones lies in the middle of [16, 32), and memory ends at 248, inside
// [240, 256). Nothing is free at the start.
class CutPageblocks : public ::testing::TestWithParam<Release> {
 protected:
  static Geometry geometry() {
    Geometry g = bare_geometry(GetParam());
    g.memory = {0, 248};
    g.zones = {{"DMA32", {0, 24}}, {"Normal", {24, 248}}};
    g.reserved = {{0, 248}};
    return g;
  }
  // Since 6.10 nothing is done to a pageblock by halves.
  static bool refused() { return GetParam() >= Release::v6_10; }
  static Gfp low_only(Gfp gfp) { return gfp | kGfpDma32; }

  void give(Pfn pfn, unsigned order, Migratetype type) { give_block(*machine, pfn, order, type); }
  PageblockTypes::Contents move(Pfn pfn, Migratetype type) {
    const SpinGuard zone_lock(machine->engine);
    return buddy.pageblock_types().move_freepages_block(pfn, type);
  }
  bool isolate_free_page(Pfn pfn) {
    const SpinGuard zone_lock(machine->engine);
    return buddy.pageblock_types().isolate_free_page(pfn);
  }
  std::vector<Pfn> list(unsigned order, Migratetype type, std::size_t zone) const {
    return free_list(*machine, order, type, zone);
  }
  // Lets atomic requests alone be served: those that go below the low watermark reserve what they get.
  void only_atomic() {
    for (const std::size_t zone : {kLow, kHigh}) {
      buddy.zone(zone).watermark = {0, 1000, 2000};
      // Enough for a reserve on each release.
      buddy.zone(zone).managed = 1600;
    }
  }

  std::unique_ptr<Machine> machine = make_machine(geometry());
  Buddy& buddy = machine->buddy;
  MemoryMap& map = machine->map;
};
INSTANTIATE_TEST_SUITE_P(Releases, CutPageblocks, ::testing::ValuesIn(modelled_releases()));

TEST_P(CutPageblocks, NothingMovesWhereTheZoneOrMemoryEnds) {
  give(16, 1, M);
  give(240, 1, M);
  EXPECT_EQ(move(16, U).free, 0U);
  EXPECT_EQ(move(240, U).free, 0U);
  EXPECT_THAT(list(1, M, kLow), ElementsAre(16));
  EXPECT_THAT(list(1, M, kHigh), ElementsAre(240));
}

TEST_P(CutPageblocks, WhereTheZoneBeginsWhatFollowsMovesUpTo69) {
  give(24, 1, M);
  give(28, 1, M);
  EXPECT_EQ(move(28, U).free, refused() ? 0U : 2U);
  EXPECT_THAT(list(1, M, kHigh).size(), refused() ? 2U : 1U);
  EXPECT_EQ(map.page(24).list_type, M);
}

TEST_P(CutPageblocks, AHalfThatIsTakenMakesThePageblockMovableUpTo69) {
  // A page more than the watermark wants to stay.
  give(0, 0, M);
  give(64, 0, M);
  for (const Pfn pfn : {16U, 24U, 240U}) {
    give(pfn, 3, U);
    EXPECT_TRUE(isolate_free_page(pfn));
    EXPECT_EQ(map.pageblock_type(pfn), refused() ? U : M) << pfn;
  }
}

TEST_P(CutPageblocks, AnAtomicBlockReservesItsPageblockFrom44To69) {
  if (GetParam() < Release::v4_4) GTEST_SKIP() << "there is no such reserve";
  const std::pair<Pfn, Gfp> requests[] = {{16, low_only(kGfpAtomic)}, {24, kGfpAtomic}, {240, kGfpAtomic}};
  only_atomic();
  for (const auto& [pfn, gfp] : requests) {
    Zone& zone = buddy.zone_of(pfn);
    // What an earlier request left behind is out of the way.
    zone.nr_reserved_highatomic = 0;
    zone.watermark_boost = 0;
    give(pfn, 2, M);
    give(pfn + 4, 1, M);
    EXPECT_EQ(buddy.alloc_pages(gfp, 2), pfn);
    EXPECT_EQ(map.pageblock_type(pfn), refused() ? M : H) << pfn;
    EXPECT_EQ(zone.nr_reserved_highatomic, refused() ? 0U : 16U) << pfn;
    // Only where the zone begins inside does a free block follow.
    EXPECT_EQ(map.page(pfn + 4).list_type, !refused() && pfn == 24 ? H : M) << pfn;
    const SpinGuard zone_lock(machine->engine);
    free_lists_of(buddy).take_block(zone, pfn + 4);
  }
}

// The zone that gives the pageblock up subtracts what it has counted itself (unreserve_highatomic_pageblock).
TEST_P(CutPageblocks, AReserveThatTheOtherZoneGivesUpStaysCountedFrom410To69) {
  if (GetParam() < Release::v4_10 || refused()) GTEST_SKIP() << "no such pageblock is reserved, or any is given up";
  only_atomic();
  give(24, 2, M);
  ASSERT_EQ(buddy.alloc_pages(kGfpAtomic, 2), 24U);
  ASSERT_EQ(map.pageblock_type(16), H);
  give(16, 1, H);
  PageRequest request;
  request.gfp = low_only(kGfpKernel);
  request.zonelist = buddy.zonelist(request.gfp);
  buddy.requests().unreserve_highatomic(request, /*force=*/true);
  EXPECT_EQ(map.pageblock_type(16), U);
  EXPECT_EQ(buddy.zone(kHigh).nr_reserved_highatomic, 16U);
  EXPECT_EQ(buddy.zone(kLow).nr_reserved_highatomic, 0U);
  EXPECT_EQ(buddy.zone(kLow).lost_highatomic + buddy.zone(kHigh).lost_highatomic, 16U);
}

// A pageblock of one zone alone that is given up uncounted is no such loss: the recount notices it.
TEST_P(CutPageblocks, AReserveThatItsOwnZoneGivesUpIsLostNowhere) {
  if (GetParam() < Release::v4_10 || refused()) GTEST_SKIP() << "no such pageblock is reserved, or any is given up";
  give(64, 1, H);
  map.set_pageblock_type(64, H);
  PageRequest request;
  request.gfp = kGfpKernel;
  request.zonelist = buddy.zonelist(request.gfp);
  buddy.zone(kHigh).nr_reserved_highatomic = 0;
  EXPECT_TRUE(buddy.requests().unreserve_highatomic(request, /*force=*/true));
  EXPECT_EQ(map.pageblock_type(64), U);
  EXPECT_EQ(buddy.zone(kHigh).lost_highatomic, 0U);
}

TEST_P(CutPageblocks, ACutPageblockIsClaimedUpTo69AndOnlyWhereTheZoneBegins) {
  const std::pair<Pfn, Gfp> requests[] = {{16, low_only(kGfpKernel)}, {24, kGfpKernel}, {240, kGfpKernel}};
  for (const auto& [pfn, gfp] : requests) {
    give(pfn, 3, M);
    EXPECT_EQ(buddy.alloc_pages(gfp, 2), pfn);
    const bool claimed = !refused() && pfn == 24;
    EXPECT_EQ(map.pageblock_type(pfn), claimed ? U : M) << pfn;
    // Since 6.10 the block is broken as it is; before, its rest has changed lists, with its pageblock or alone.
    EXPECT_EQ(map.page(pfn + 4).list_type, refused() ? M : U) << pfn;
    EXPECT_EQ(buddy.alloc_pages(gfp, 2), pfn + 4);
  }
}

TEST_P(CutPageblocks, CountersAgreeWithTheListsAfterwards) {
  only_atomic();
  for (const Pfn pfn : {16U, 24U, 240U}) {
    give(pfn, 2, U);
    give(pfn + 4, 1, U);
  }
  buddy.alloc_pages(low_only(kGfpAtomic), 1);
  buddy.alloc_pages(kGfpAtomic, 1);
  buddy.alloc_pages(kGfpAtomic | kGfpMovable, 2);
  for (const std::size_t zone : {kLow, kHigh})
    EXPECT_EQ(recount_free(*machine, zone).first, buddy.zone(zone).nr_free_pages);
}

TEST_P(CutPageblocks, IsolationSince610RefusesThem) {
  if (!refused()) GTEST_SKIP() << "such a pageblock is isolated, and what does not move stays on its list";
  give(16, 3, M);
  give(24, 3, M);
  for (const Pfn pfn : {16U, 24U}) EXPECT_FALSE(buddy.pageblock_types().spans_pageblock(pfn));
  EXPECT_NE(run_now(machine->isolation.start_isolate_page_range(16, 32, M)), 0);
  EXPECT_EQ(map.pageblock_type(16), M);
  EXPECT_THAT(list(3, M, kLow), ElementsAre(16));
  EXPECT_THAT(list(3, M, kHigh), ElementsAre(24));
  EXPECT_TRUE(buddy.pageblock_types().spans_pageblock(32));
}

}  // namespace
}  // namespace cma
