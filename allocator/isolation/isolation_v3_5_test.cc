#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/isolation/isolation.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;

class IsolationUpTo518 : public ::testing::Test {
 protected:
  std::unique_ptr<Machine> machine = make_machine(default_small_geometry(Release::v4_19));
  const Zone& zone = machine->buddy.zone(0);
};

TEST_F(IsolationUpTo518, EachPageblockIsFollowedByADrain) {
  // A page on a per-CPU list of another pageblock is gone from there after the first pageblock.
  claim_frame(*machine, 600);
  machine->map.edit(600).ref = 0;
  machine->buddy.free_now(600, 0);
  ASSERT_EQ(zone.pcp[0].count, 1);
  run_now(machine->isolation.start_isolate_page_range(512, 528, Migratetype::cma));
  EXPECT_EQ(zone.pcp[0].count, 0);
}

TEST_F(IsolationUpTo518, AFreeBlockOfSeveralPageblocksIsCountedWithItsFirst) {
  Engine& engine = machine->engine;
  const ActorId actor = engine.add_actor(0);
  Outcome<int> outcome;
  engine.begin(actor, keep_outcome(machine->isolation.start_isolate_page_range(512, 576, Migratetype::cma), &outcome));
  engine.stop_at(actor, Point::isolate_block, 1);
  engine.resume(actor);
  EXPECT_EQ(zone.nr_isolate_pageblock, 1U);
  EXPECT_EQ(zone.nr_free_cma, 512 - 64);
  run_to_rest(*machine);
  EXPECT_EQ(zone.nr_free_cma, 512 - 64);
  EXPECT_EQ(zone.nr_isolate_pageblock, 4U);
}

TEST_F(IsolationUpTo518, UnalignedEndsAreFatal) {
  EXPECT_THROW(run_now(machine->isolation.start_isolate_page_range(513, 576, Migratetype::cma)), AssertionFailure);
}

TEST_F(IsolationUpTo518, UndoTakesABlockOutSoThatItMergesWithItsNeighbour) {
  claim_frame(*machine, 512);
  run_now(machine->isolation.start_isolate_page_range(512, 576, Migratetype::cma));
  // 544 heads a block of two pageblocks; its buddy half holds the page in use, so nothing merges; 528 stays single.
  machine->map.edit(512).ref = 0;
  machine->buddy.free_now(512, 0);
  EXPECT_EQ(free_blocks(*machine, {512, 576}), (std::vector<Block>{{512, 6}}));
  run_now(machine->isolation.undo_isolate_page_range(512, 576, Migratetype::cma));
  EXPECT_EQ(free_blocks(*machine, {512, 576}), (std::vector<Block>{{512, 6}}));
  EXPECT_EQ(zone.nr_free_cma, 512);
}

TEST_F(IsolationUpTo518, WhileUndoHoldsABlockItIsNowhere) {
  // Pageblocks 512 and 528 with one page in use each half: 528 is a whole pageblock whose buddy is restored first.
  claim_frame(*machine, 520);
  run_now(machine->isolation.start_isolate_page_range(512, 576, Migratetype::cma));
  Engine& engine = machine->engine;
  const ActorId actor = engine.add_actor(0);
  engine.begin(actor, machine->isolation.undo_isolate_page_range(512, 576, Migratetype::cma));
  engine.stop_at(actor, Point::undo_taken, 1);
  engine.resume(actor);
  EXPECT_EQ(engine.look(actor).state, ActorState::ready);
  EXPECT_TRUE(machine->map.page(528).has(kPageInFlight));
  EXPECT_FALSE(machine->map.page(528).has(kPageBuddy));
  EXPECT_EQ(zone.nr_free_cma, 512 - 64 + 15) << "only the first pageblock is back";
  run_to_rest(*machine);
  EXPECT_EQ(zone.nr_free_cma, 511);
  EXPECT_EQ(recount_free(*machine), std::make_pair(zone.nr_free_pages, zone.nr_free_cma));
}

// Two pageblocks of one free block in a list that an earlier undo restored: as shipped, 4.19 counts them again.
TEST_F(IsolationUpTo518, AsShippedUndoMayCountABlockTwice) {
  for (const bool shipped : {false, true}) {
    Geometry g = default_small_geometry(Release::v4_19);
    if (shipped) g.bugs = BugSet::as_shipped(Release::v4_19);
    const std::unique_ptr<Machine> m = make_machine(g);
    run_now(m->isolation.start_isolate_page_range(512, 576, Migratetype::cma));
    Engine& engine = m->engine;
    const ActorId actor = engine.add_actor(0);
    engine.begin(actor, m->isolation.undo_isolate_page_range(512, 576, Migratetype::cma));
    engine.stop_at(actor, Point::undo_block, 1);
    engine.resume(actor);
    // The whole block is on the CMA list, three of its pageblocks are still Isolate. Its first half is allocated.
    engine.assume(kMainActor);
    ASSERT_EQ(free_list(*m, 6, Migratetype::cma).front(), 512U);
    claim_frame(*m, 512);
    run_to_rest(*m);
    const auto [free, cma] = recount_free(*m);
    EXPECT_EQ(m->buddy.zone(0).nr_free_cma == cma, !shipped) << m->buddy.zone(0).nr_free_cma << " against " << cma;
    EXPECT_EQ(m->bugs.times_reached(Bug::undo_counts_twice) > 0, shipped);
  }
}

}  // namespace
}  // namespace cma
