#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/base/error.h"
#include "allocator/isolation/isolation.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;

class IsolationSince519 : public ::testing::Test {
 protected:
  int start(Pfn from, Pfn to) {
    return run_now(machine->isolation.start_isolate_page_range(from, to, Migratetype::cma));
  }
  void undo(Pfn from, Pfn to) { run_now(machine->isolation.undo_isolate_page_range(from, to, Migratetype::cma)); }

  std::unique_ptr<Machine> machine = make_machine(default_small_geometry(Release::v6_1));
  const Zone& zone = machine->buddy.zone(0);
};

TEST_F(IsolationSince519, OnePageblockIsCutOutOfALargerFreeBlock) {
  EXPECT_EQ(start(530, 540), 0);
  EXPECT_EQ(zone.nr_isolate_pageblock, 1U);
  EXPECT_EQ(machine->map.pageblock_type(528), Migratetype::isolate);
  EXPECT_EQ(free_blocks(*machine, {512, 576}), (std::vector<Block>{{512, 4}, {528, 4}, {544, 5}}));
  EXPECT_EQ(zone.nr_free_cma, 512 - 16);
  EXPECT_THAT(free_list(*machine, 4, Migratetype::isolate), ElementsAre(528));
}

TEST_F(IsolationSince519, UndoMergesItBackToTheTail) {
  start(530, 540);
  undo(530, 540);
  EXPECT_EQ(free_blocks(*machine, {512, 576}), (std::vector<Block>{{512, 6}}));
  EXPECT_EQ(free_list(*machine, 6, Migratetype::cma).back(), 512U);
  EXPECT_EQ(zone.nr_free_cma, 512);
  EXPECT_EQ(zone.nr_isolate_pageblock, 0U);
}

// As on real machines, the largest block is two pageblocks.
TEST_F(IsolationSince519, EveryRangeIsCutAndHealed) {
  Geometry g = default_small_geometry(Release::v6_1);
  g.pageblock_order = 5;
  const std::unique_ptr<Machine> m = make_machine(g);
  const Zone& z = m->buddy.zone(0);
  for (Pfn from = 512; from < 640; from += 16)
    for (Pfn to = from + 16; to <= 640; to += 16) {
      ASSERT_EQ(run_now(m->isolation.start_isolate_page_range(from, to, Migratetype::cma)), 0);
      const Pfn first = align_down(from, 32);
      const Pfn last = align_up(to, 32);
      EXPECT_EQ(z.nr_free_cma, 512 - static_cast<std::int64_t>(last - first));
      for (const auto& [pfn, order] : free_blocks(*m, {512, 640}))
        for (Pfn end : {first, last}) EXPECT_FALSE(pfn < end && end < pfn + order_pages(order)) << from << " " << to;
      run_now(m->isolation.undo_isolate_page_range(from, to, Migratetype::cma));
      EXPECT_EQ(recount_free(*m), std::make_pair(std::int64_t{1024}, std::int64_t{512}));
      EXPECT_EQ(z.nr_free_cma, 512);
      EXPECT_EQ(z.free_by_order[6].nr_free, 16U) << from << " " << to;
    }
}

TEST_F(IsolationSince519, NoDrainFollows) {
  claim_frame(*machine, 600);
  machine->map.edit(600).ref = 0;
  machine->buddy.free_now(600, 0);
  start(512, 528);
  EXPECT_EQ(zone.pcp[0].count, 1);
}

TEST_F(IsolationSince519, ACompoundPageAcrossTheEndIsRefusedAndNothingStaysIsolated) {
  // Frames 524..531 as one compound page would not be aligned; 512..543 is.
  {
    const SpinGuard zone_lock(machine->engine);
    free_lists_of(machine->buddy).take_block(machine->buddy.zone(0), 512);
    free_lists_of(machine->buddy).free_one_block(machine->buddy.zone(0), 544, 5, Migratetype::cma);
  }
  for (Pfn pfn = 512; pfn < 544; ++pfn) machine->map.edit(pfn).flags = kPageTail;
  machine->map.edit(512).flags = kPageHead;
  machine->map.edit(512).order = 5;
  machine->map.edit(512).ref = 1;
  EXPECT_EQ(start(528, 544), -kEBUSY);
  EXPECT_EQ(start(512, 528), -kEBUSY);
  EXPECT_EQ(zone.nr_isolate_pageblock, 0U);
  EXPECT_EQ(start(512, 544), 0) << "whole, it crosses no end";
  undo(512, 544);
  EXPECT_EQ(recount_free(*machine), std::make_pair(zone.nr_free_pages, zone.nr_free_cma));
}

TEST_F(IsolationSince519, ABlockThatChangesBeforeItIsSplitIsLookedAtAgain) {
  Engine& engine = machine->engine;
  const ActorId actor = engine.add_actor(0);
  Outcome<int> outcome;
  engine.begin(actor, keep_outcome(machine->isolation.start_isolate_page_range(528, 544, Migratetype::cma), &outcome));
  engine.stop_at(actor, Point::isolate_peek, 1);
  engine.resume(actor);
  engine.assume(kMainActor);
  claim_frame(*machine, 575);  // the order-6 block seen is gone, an order-5 block crosses the end now
  run_to_rest(*machine);
  EXPECT_EQ(outcome.value, 0);
  EXPECT_EQ(free_blocks(*machine, {512, 560}), (std::vector<Block>{{512, 4}, {528, 4}, {544, 4}}));
  EXPECT_EQ(zone.nr_free_cma, 512 - 1 - 16);
}

}  // namespace
}  // namespace cma
