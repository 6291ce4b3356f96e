// Which blocks follow their pageblock, and which pageblocks follow a block; cut_pageblocks_test.cc has those that a
// border cuts.

#include "allocator/buddy/pageblock_types.h"
#include "allocator/buddy/compound.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using namespace type_letters;

class PageblockTypesTest : public ::testing::TestWithParam<Release> {
 protected:
  void give(Pfn pfn, unsigned order, Migratetype type) { give_block(*machine, pfn, order, type); }
  bool isolate_free_page(Pfn pfn) {
    const SpinGuard zone_lock(machine->engine);
    return buddy.pageblock_types().isolate_free_page(pfn);
  }
  PageblockTypes::Contents move_freepages_block(Pfn pfn, Migratetype type) {
    const SpinGuard zone_lock(machine->engine);
    return buddy.pageblock_types().move_freepages_block(pfn, type);
  }
  std::vector<Pfn> list(unsigned order, Migratetype type) const { return free_list(*machine, order, type); }

  std::unique_ptr<Machine> machine = make_machine(bare_geometry(GetParam()));
  Buddy& buddy = machine->buddy;
  Zone& zone = machine->buddy.zone(0);
};

INSTANTIATE_TEST_SUITE_P(Releases, PageblockTypesTest, ::testing::ValuesIn(kComparedReleases));

// --- moving ---

TEST_P(PageblockTypesTest, BlocksThatChangeListsGoToTheTailSince510) {
  give(64, 1, U);
  give(0, 1, M);
  give(4, 1, M);
  give(8, 1, M);
  const PageblockTypes::Contents moved = move_freepages_block(5, U);
  EXPECT_EQ(moved.free, 6U);
  EXPECT_EQ(moved.isolated, 0U);
  if (GetParam() >= Release::v5_10)
    EXPECT_THAT(list(1, U), ElementsAre(64, 0, 4, 8));
  else
    EXPECT_THAT(list(1, U), ElementsAre(8, 4, 0, 64));
  EXPECT_EQ(zone.nr_free_pages, 8) << "the caller counts";
}

TEST_P(PageblockTypesTest, MovingSeesOnlyBlocksWhoseHeadLiesInThePageblock) {
  give(0, 5, M);
  EXPECT_EQ(move_freepages_block(16, I).free, 0U);
  EXPECT_EQ(move_freepages_block(0, I).free, 32U);
  EXPECT_EQ(move_freepages_block(0, M).isolated, 32U);
}

TEST_P(PageblockTypesTest, LookingSeesWhatMovingWouldMove) {
  give(0, 1, M);
  give(4, 2, M);
  zone.nr_isolate_pageblock = 1;
  give(8, 0, I);
  machine->map.edit(10).flags = kPageLru;
  machine->map.edit(11).flags = kPageMovableOps;
  prep_compound_page(machine->map, 12, 2);
  machine->map.edit(12).flags |= kPageLru;
  const Zone before = zone;
  const PageblockTypes::Contents seen = buddy.pageblock_types().contents(5);
  EXPECT_EQ(seen.free, 7U);
  EXPECT_EQ(seen.isolated, 1U);
  EXPECT_EQ(seen.movable, 6U) << "every page of the compound page";
  EXPECT_EQ(zone, before);
  const PageblockTypes::Contents moved = move_freepages_block(5, U);
  EXPECT_EQ(moved.free, seen.free);
  EXPECT_EQ(moved.isolated, seen.isolated);
  EXPECT_EQ(moved.movable, seen.movable);
}

// --- what changing a type requires ---

TEST_P(PageblockTypesTest, NoTypeChangesWithoutTheLock) {
  EXPECT_THROW(buddy.pageblock_types().set_type(64, U), AssertionFailure);
  EXPECT_THROW(buddy.pageblock_types().isolate(64), AssertionFailure);
  const SpinGuard zone_lock(machine->engine);
  buddy.pageblock_types().set_type(64, U);
  EXPECT_EQ(machine->map.pageblock_type(64), U);
}

TEST_P(PageblockTypesTest, OnlyAnIsolatedPageblockIsGivenBack) {
  const SpinGuard zone_lock(machine->engine);
  EXPECT_THROW(buddy.pageblock_types().give_back(64, M), AssertionFailure);
  buddy.pageblock_types().isolate(64);
  buddy.pageblock_types().give_back(64, M);
  EXPECT_EQ(machine->map.pageblock_type(64), M);
  EXPECT_THROW(buddy.pageblock_types().give_back_taken(64, M), AssertionFailure);
}

TEST_P(PageblockTypesTest, IsolatedPageblocksAreCounted) {
  const SpinGuard zone_lock(machine->engine);
  machine->map.set_pageblock_type(80, H);
  buddy.pageblock_types().isolate(64);
  buddy.pageblock_types().isolate(80);
  EXPECT_EQ(buddy.zone(0).nr_isolate_pageblock, 2U);
  EXPECT_EQ(buddy.zone(0).lost_highatomic, 16U) << "of the pageblock that was reserved";
  buddy.pageblock_types().give_back(80, M);
  EXPECT_EQ(buddy.zone(0).nr_isolate_pageblock, 1U);
  buddy.pageblock_types().give_back(64, M);
  EXPECT_EQ(buddy.zone(0).nr_isolate_pageblock, 0U);
}

TEST_P(PageblockTypesTest, ABlockThatWasTakenIsGivenBackAndPutBack) {
  give(64, 4, M);
  const SpinGuard zone_lock(machine->engine);
  buddy.pageblock_types().isolate(64);
  EXPECT_EQ(buddy.zone(0).nr_free_pages, 0);
  ASSERT_TRUE(buddy.pageblock_types().isolate_free_page(64));
  buddy.pageblock_types().give_back_taken(64, U);
  EXPECT_EQ(buddy.zone(0).nr_isolate_pageblock, 0U);
  EXPECT_EQ(machine->map.pageblock_type(64), U);
  EXPECT_EQ(buddy.zone(0).nr_free_pages, 0) << "it is on no list yet";
  buddy.pageblock_types().put_back_taken(64, U);
  EXPECT_THAT(list(4, U), ElementsAre(64));
  EXPECT_EQ(buddy.zone(0).nr_free_pages, 16);
}

TEST_P(PageblockTypesTest, ThePiecesOfABlockGoToTheListsOfTheirPageblocks) {
  if (GetParam() < Release::v5_19) GTEST_SKIP() << "5.19 brought the split";
  give(64, 5, M);
  const SpinGuard zone_lock(machine->engine);
  EXPECT_THROW(buddy.pageblock_types().split_free_block(64, 0), AssertionFailure);
  EXPECT_THROW(buddy.pageblock_types().split_free_block(64, 32), AssertionFailure);
  machine->map.set_pageblock_type(80, I);
  buddy.pageblock_types().split_free_block(64, 16);
  EXPECT_THAT(list(4, M), ElementsAre(64));
  EXPECT_THAT(list(4, I), ElementsAre(80));
  EXPECT_EQ(buddy.zone(0).nr_free_pages, 16);
}

TEST(PageblockTypesOf612, NoTypeChangesBelowAFreeBlock) {
  const std::unique_ptr<Machine> machine = make_machine(bare_geometry(Release::v6_12));
  give_block(*machine, 0, 4, M);
  const SpinGuard zone_lock(machine->engine);
  EXPECT_THROW(machine->buddy.pageblock_types().set_type(0, U), AssertionFailure);
}

// --- taking blocks out ---

TEST_P(PageblockTypesTest, IsolatingAFreeBlockNeedsTheWatermarkUnlessItIsIsolate) {
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

TEST_P(PageblockTypesTest, ALargeIsolatedBlockMakesItsPageblockMovableButNotAnAreas) {
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
TEST(PageblockTypesOf612, ALargeIsolatedBlockTakesTheOthersOfItsPageblockAlong) {
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
      free_lists_of(machine->buddy).free_one_block(machine->buddy.zone(0), pfn, order, type);
    };
    give(8, 1, U);
    give(12, 0, U);
    give(0, 3, U);
    give(64, 1, M);
    give(40, 1, M);
    give(32, 3, M);
    {
      const SpinGuard zone_lock(machine->engine);
      EXPECT_TRUE(machine->buddy.pageblock_types().isolate_free_page(0));
      EXPECT_TRUE(machine->buddy.pageblock_types().isolate_free_page(32));
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

TEST(PageblockTypesOfPairs, ASinglePageLeavesItsPageblockAlone) {
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
      free_lists_of(machine->buddy).move_block(machine->buddy.zone(0), pfn + 1, U);
    EXPECT_TRUE(machine->buddy.pageblock_types().isolate_free_page(pfn + 1));
    EXPECT_EQ(machine->map.pageblock_type(pfn), U);
  }
}

TEST_P(PageblockTypesTest, ACapturedBlockBecomesSinglePagesWithOneReferenceEach) {
  give(0, 3, M);
  isolate_free_page(0);
  split_captured(machine->map, 0, 3);
  for (Pfn pfn = 0; pfn < 8; ++pfn) {
    const Page& page = machine->map.page(pfn);
    EXPECT_EQ(page.ref, 1);
    EXPECT_EQ(page.flags, 0U);
    EXPECT_EQ(page.order, 0);
  }
}

TEST(IsolateFreePage, AReservedPageblockStaysReserved) {
  for (const Release release : modelled_releases()) {
    const std::unique_ptr<Machine> machine = make_machine(bare_geometry(release));
    give_block(*machine, 0, 4, Migratetype::highatomic);
    give_block(*machine, 64, 5, Migratetype::movable);
    {
      const SpinGuard zone_lock(machine->engine);
      EXPECT_TRUE(machine->buddy.pageblock_types().isolate_free_page(0));
    }
    EXPECT_EQ(machine->map.pageblock_type(0), Migratetype::highatomic) << name_of(release);
    EXPECT_TRUE(machine->map.page(0).has(kPageInFlight));
  }
}

TEST(PageblockContents, FreePagesAndThoseThatMoveAreCounted) {
  const std::unique_ptr<Machine> machine = make_machine(default_small_geometry(Release::v6_1));
  own_frame(*machine, 65, PageKind::anonymous);
  own_frame(*machine, 66, PageKind::movable_ops);
  own_frame(*machine, 67, PageKind::unmovable);
  const Buddy& buddy = machine->buddy;
  const PageblockTypes::Contents contents = buddy.pageblock_types().contents(64);
  EXPECT_EQ(contents.free, 13U);
  EXPECT_EQ(contents.isolated, 0U);
  EXPECT_EQ(contents.movable, 2U);
}

}  // namespace
}  // namespace cma
