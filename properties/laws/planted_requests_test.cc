// Breaks on purpose what laws ask of requests and their answers: bitmap, contract, restored, policy, granted. Exactly
// that law fires.

#include <gtest/gtest.h>

#include "properties/laws/planted_testing.h"

namespace cma {
namespace {

// --- bitmap ---

class BitmapLaw : public PlantedTest {
 protected:
  Bitmap& bitmap(AreaId id) { return const_cast<Area&>(machine_.areas.area(id)).bitmap; }
};
INSTANTIATE_TEST_SUITE_P(Releases, BitmapLaw, ::testing::ValuesIn(modelled_releases()));

TEST_P(BitmapLaw, SeesAClearBitOfABuffer) {
  bitmap(0).clear_range(3, 1);
  EXPECT_EQ(audit(), "bitmap");
}

TEST_P(BitmapLaw, SeesASetBitWithoutABuffer) {
  bitmap(1).set_range(100, 1);
  EXPECT_EQ(audit(), "bitmap");
}

TEST_P(BitmapLaw, AllowsOneWindowOfARequestUnderWay) {
  watched_.start(1, watched_.cma_alloc(0, 10, 0), Point::cma_bitmap_marked);
  EXPECT_EQ(audit(), "");
  bitmap(0).set_range(200, 1);
  EXPECT_EQ(audit(), "bitmap");
}

// Where their windows lie is not known, but how many bits they have.
TEST_P(BitmapLaw, AllowsSeveralRequestsAsManyBitsAsTheyAskFor) {
  laws_.alloc_begins(0, 1, 0);
  laws_.alloc_begins(0, 1, 0);
  bitmap(0).set_range(100, 1);
  bitmap(0).set_range(200, 1);
  EXPECT_EQ(audit(), "");
  bitmap(0).set_range(150, 1);
  EXPECT_EQ(audit(), "bitmap");
}

TEST_P(BitmapLaw, AllowsTheBitsOfAReleaseUnderWay) {
  watched_.start(1, watched_.cma_release(0), Point::cma_release_pages_freed);
  EXPECT_EQ(audit(), "");
  watched_.finish();
  EXPECT_EQ(audit(), "");
}

// --- contract ---

TEST_P(PlantedTest, ContractSeesWhatABufferMustNotBe) {
  const auto law = [&](Pfn pfn, std::uint64_t count, unsigned align) {
    return law_broken_by([&] { laws_.buffer_allocated(1, pfn, count, align); });
  };
  EXPECT_EQ(law(0x2ff, 1, 0), "contract") << "outside";
  EXPECT_EQ(law(0x3fe, 4, 0), "contract") << "past the end";
  EXPECT_EQ(law(0x321, 1, 0), "contract") << "in the middle of a bit";
  EXPECT_EQ(law(0x322, 1, 2), "contract") << "misaligned";
  EXPECT_EQ(law(0x340, 1, 0), "contract") << "a free page";
}

TEST_P(PlantedTest, ContractWantsOneReferenceBesidesThoseOfPrograms) {
  const Pfn pfn = run_now(machine_.areas.cma_alloc(0, 2, 0, Warn::no));
  watched_.pin(pfn + 1);
  EXPECT_EQ(law_broken_by([&] { laws_.buffer_allocated(0, pfn, 2, 0); }), "");
  const Pfn other = run_now(machine_.areas.cma_alloc(0, 2, 0, Warn::no));
  machine_.lru.references().get_page(other);
  EXPECT_EQ(law_broken_by([&] { laws_.buffer_allocated(0, other, 2, 0); }), "contract");
}

// --- restored, policy, locks, balanced ---

TEST_P(PlantedTest, RestoredSeesAnAreasPageblockOfAnotherType) {
  machine_.map.set_pageblock_type(buffer(), Migratetype::movable);
  EXPECT_EQ(audit(), "restored");
}

TEST_P(PlantedTest, RestoredSeesAPageblockOfNoAreaThatIsCma) {
  machine_.map.set_pageblock_type(0x100, Migratetype::cma);
  EXPECT_EQ(audit(), "restored");
}

TEST_P(PlantedTest, RestoredSeesAnIsolatedPageblockAtRest) {
  ASSERT_EQ(run_now(machine_.isolation.start_isolate_page_range(0x340, 0x380, Migratetype::cma)), 0);
  EXPECT_EQ(audit(), "restored");
}

// Counters and lists are right; only the record of the isolating actor shows that it relies on the pageblocks.
TEST_P(PlantedTest, RestoredSeesAnIsolationThatAnotherActorEnds) {
  watched_.start(1, watched_.cma_alloc(0, 4, 0), Point::isolate_done);
  ASSERT_FALSE(machine_.isolation.isolators().held().empty());
  EXPECT_EQ(audit(), "");
  const Pfn block = machine_.isolation.isolators().held().front().block;
  machine_.engine.assume(kMainActor);
  run_now(machine_.isolation.undo_isolate_page_range(block, block + machine_.map.pageblock_pages(), Migratetype::cma));
  EXPECT_EQ(audit(), "restored");
}

TEST_P(PlantedTest, PolicySeesAnAreasPageGivenAsARange) {
  const Pfn pfn = run_now(machine_.areas.cma_alloc(0, 1, 0, Warn::no));
  EXPECT_EQ(law_broken_by([&] { laws_.range_allocated(pfn, 1); }), "policy");
}

TEST_P(PlantedTest, ContractAndExclusiveSeeWhatARangeMustNotBe) {
  const Pfn pfn = run_now(machine_.areas.cma_alloc(0, 1, 0, Warn::no));
  machine_.lru.references().get_page(pfn);
  EXPECT_EQ(law_broken_by([&] { laws_.range_allocated(pfn, 1); }), "contract");
  EXPECT_EQ(law_broken_by([&] { laws_.range_allocated(block(), 1); }), "exclusive");
  EXPECT_EQ(law_broken_by([&] { laws_.range_allocated(page_of(0), 1); }), "exclusive");
}

TEST_P(PlantedTest, ARangeHasAHolderUntilItIsFreed) {
  const Pfn start = 0x100;
  ASSERT_EQ(run_now(machine_.contig.alloc_contig_range(start, start + 4, Migratetype::movable)), 0);
  EXPECT_EQ(audit(), "conserved") << "it has no holder";
  laws_.range_allocated(start, 4);
  EXPECT_EQ(audit(), "");
  laws_.range_freeing(start, 4);
  EXPECT_EQ(audit(), "conserved");
}

TEST_P(PlantedTest, PolicySeesAnAreasPageGivenToADriver) {
  const Pfn pfn = run_now(machine_.areas.cma_alloc(0, 1, 0, Warn::no));
  EXPECT_EQ(law_of_request(kGfpKernel, 0, pfn), "policy");
  EXPECT_EQ(law_of_request(kGfpHighuserMovable, 0, pfn), "");
}

TEST_P(PlantedTest, PolicySeesAnAreasPageGivenWhileItsRangeIsEmptied) {
  const Pfn pfn = run_now(machine_.areas.cma_alloc(0, 1, 0, Warn::no));
  machine_.map.set_pageblock_type(pfn, Migratetype::isolate);
  EXPECT_EQ(law_of_request(kGfpKernel, 0, pfn), "policy");
}

TEST_P(PlantedTest, PolicySeesAnAreasPageGivenToATaskThatPins) {
  const Pfn pfn = run_now(machine_.areas.cma_alloc(0, 1, 0, Warn::no));
  machine_.engine.flags().memalloc_pin = true;
  EXPECT_EQ(law_of_request(kGfpHighuserMovable, 0, pfn), GetParam() >= Release::v5_1 ? "policy" : "");
}

TEST_P(PlantedTest, PolicySeesThatTheReserveServesOthers) {
  machine_.map.edit(block()).list_type = Migratetype::highatomic;
  EXPECT_EQ(law_of_request(kGfpKernel, 3, block()), "policy");
  machine_.map.edit(page_of(0)).list_type = Migratetype::highatomic;
  EXPECT_EQ(law_of_request(kGfpHighuserMovable, 0, page_of(0)), "") << "it may come from a per-CPU list";
}

// A pageblock may be isolated for a range that is no area's.
TEST_P(PlantedTest, PolicyKnowsAnIsolatedPageOfNoArea) {
  machine_.map.set_pageblock_type(block(), Migratetype::isolate);
  EXPECT_EQ(law_of_request(kGfpKernel, 3, block()), "");
}

// --- granted ---

// Of the free memory, one block is large enough: one of the reserve.
TEST_P(PlantedTest, GrantedKnowsThatTheReserveIsForAtomicRequests) {
  Zone& zone = machine_.buddy.zone(0);
  for (unsigned order = 4; order <= machine_.buddy.largest_order(); ++order)
    for (PageList& list : zone.free_by_order[order].lists) list = {};
  EXPECT_EQ(law_of_request(kGfpKernel, 4, kNoPfn), "");
  EXPECT_EQ(law_of_request(kGfpHighuserMovable, 4, kNoPfn), "") << "and the areas have none";
  EXPECT_EQ(law_of_request(kGfpHighuserMovable | kGfpMemalloc, 4, kNoPfn), "") << "nor for one that may have all";
  EXPECT_EQ(law_of_request(kGfpAtomic, 4, kNoPfn), "") << "nor has the reserve yet";
  if (GetParam() < Release::v4_4) return;
  PageList& reserve = zone.free_by_order[4].lists[index_of(Migratetype::highatomic)];
  reserve.first = reserve.last = machine_.map.frame(block());
  EXPECT_EQ(law_of_request(kGfpKernel, 4, kNoPfn), "");
  EXPECT_EQ(law_of_request(kGfpAtomic, 4, kNoPfn), "granted");
}

TEST_P(PlantedTest, GrantedSeesARefusalAndAGrantAgainstTheArithmetic) {
  EXPECT_EQ(law_of_request(kGfpKernel, 0, kNoPfn), "granted");
  EXPECT_EQ(law_of_request(kGfpKernel, 0, block()), "");
  machine_.buddy.zone(0).watermark = {2000, 2000, 2000};
  EXPECT_EQ(law_of_request(kGfpKernel, 0, kNoPfn), "");
  EXPECT_EQ(law_of_request(kGfpKernel, 0, block()), "granted");
  EXPECT_EQ(law_of_request(kGfpKernel, machine_.buddy.largest_order() + 1, block()), "granted");
}

TEST_P(PlantedTest, GrantedSeesARequestThatFailsBeforeItsLastAttempt) {
  AllocationWatcher& watcher = *machine_.trace.allocations();
  const auto fails_after = [&](std::initializer_list<AllocAttempt> attempts) {
    return law_broken_by([&] {
      watcher.allocation_begins(kGfpKernel, 0, 0);
      for (const AllocAttempt attempt : attempts) {
        watcher.attempt_begins(attempt, kGfpKernel, 0, 0);
        watcher.attempt_ended(kNoPfn);
      }
      watcher.allocation_ended(kGfpKernel, 0, kNoPfn);
    });
  };
  machine_.buddy.zone(0).watermark = {2000, 2000, 2000};
  EXPECT_EQ(fails_after({}), "granted");
  EXPECT_EQ(fails_after({AllocAttempt::low}), "granted");
  EXPECT_EQ(fails_after({AllocAttempt::low, AllocAttempt::min}), "");
  machine_.engine.flags().scope = ReclaimScope::noreclaim;
  EXPECT_EQ(fails_after({AllocAttempt::low, AllocAttempt::min}), "granted");
}

// The kernel looks for the right as a turn begins. One that it was chosen in may end without.
TEST_P(PlantedTest, GrantedSeesAVictimThatGetsNothingOfTheReserves) {
  AllocationWatcher& watcher = *machine_.trace.allocations();
  constexpr unsigned kOrder = 4;
  const auto attempt = [&](AllocAttempt next) {
    watcher.attempt_begins(next, kGfpKernel, kOrder, 0);
    watcher.attempt_ended(kNoPfn);
  };
  const auto law = [&](bool asks, bool makes_attempt) {
    machine_.engine.flags().oom_victim = false;
    return law_broken_by([&] {
      watcher.allocation_begins(kGfpKernel, kOrder, 0);
      attempt(AllocAttempt::low);
      attempt(AllocAttempt::min);
      watcher.rights_taken();
      machine_.engine.flags().oom_victim = true;
      if (asks) watcher.rights_taken();
      if (makes_attempt) attempt(AllocAttempt::reserves);
      watcher.allocation_ended(kGfpKernel, kOrder, kNoPfn);
    });
  };
  for (BlocksOfOrder& blocks : machine_.buddy.zone(0).free_by_order)
    for (PageList& list : blocks.lists) list = {};
  EXPECT_EQ(law(false, false), "");
  EXPECT_EQ(law(true, true), "");
  EXPECT_EQ(law(true, false), "granted");
}

TEST_P(PlantedTest, GrantedKnowsHowLowEachAttemptGoes) {
  const auto had_at = [&](AllocAttempt attempt, Gfp gfp = kGfpKernel) {
    return law_of_request(gfp, 0, buffer(), attempt) == "" || law_of_request(gfp, 0, block(), attempt) == "";
  };
  const auto free =
      static_cast<std::uint64_t>(machine_.buddy.zone(0).nr_free_pages - machine_.buddy.zone(0).nr_free_cma);
  const std::uint64_t above = 2 * free;
  machine_.buddy.zone(0).watermark = {above, above, above};
  EXPECT_FALSE(had_at(AllocAttempt::min));
  EXPECT_FALSE(had_at(AllocAttempt::reserves)) << "no task that may have them";
  EXPECT_TRUE(had_at(AllocAttempt::last_page));
  machine_.buddy.zone(0).watermark = {free - 1, above, above};
  EXPECT_TRUE(had_at(AllocAttempt::min));
  EXPECT_FALSE(had_at(AllocAttempt::low));
  machine_.buddy.zone(0).watermark = {0, 0, above};
  EXPECT_TRUE(had_at(AllocAttempt::low));
  EXPECT_FALSE(had_at(AllocAttempt::high)) << "another has been killed, or none is";
  machine_.buddy.zone(0).watermark = {free + free / 5, above, above};
  EXPECT_FALSE(had_at(AllocAttempt::min));
  EXPECT_TRUE(had_at(AllocAttempt::helped)) << "a quarter less must stay, or half";
}

TEST(GrantedLaw, SeesTheWrongZone) {
  Geometry g = default_small_geometry(Release::v6_1);
  g.zones = {{"DMA32", {0, 256}}, {"Normal", {256, 1024}}};
  WatchedMachine watched(g);
  AllocationWatcher& watcher = *watched.machine().trace.allocations();
  const auto law = [&](Gfp gfp, Pfn pfn) {
    return law_broken_by([&] {
      watcher.attempt_begins(AllocAttempt::low, gfp, 0, 0);
      watcher.attempt_ended(pfn);
    });
  };
  EXPECT_EQ(law(kGfpKernel, 5), "granted");
  EXPECT_EQ(law(kGfpKernel, 300), "");
  EXPECT_EQ(law(kGfpKernel | kGfpDma32, 300), "granted");
  EXPECT_EQ(law(kGfpKernel | kGfpDma32, 5), "");
}

TEST_P(PlantedTest, PolicySeesALongTermPinInAnArea) {
  const std::string expected = GetParam() >= Release::v5_1 ? "policy" : "";
  EXPECT_EQ(law_broken_by([&] { laws_.reference_taken(buffer(), 1024, /*longterm=*/true); }), expected);
  EXPECT_EQ(law_broken_by([&] { laws_.reference_taken(buffer(), 1, /*longterm=*/false); }), "");
}

TEST_P(PlantedTest, PolicySeesALongTermPinInAnIsolatedPageblock) {
  machine_.map.set_pageblock_type(block(), Migratetype::isolate);
  const std::string expected = GetParam() >= Release::v5_19 ? "policy" : "";
  EXPECT_EQ(law_broken_by([&] { laws_.reference_taken(block(), 1024, /*longterm=*/true); }), expected);
}

TEST_P(PlantedTest, PolicySeesALongTermPinInAMovableZone) {
  Geometry g = default_small_geometry(GetParam());
  g.zones = {{"Normal", {0, 0x300}}, {"Movable", {0x300, 1024}}};
  g.areas.clear();
  WatchedMachine watched(g);
  const auto found = [&](Pfn pfn) {
    return broken_by([&] { watched.laws().reference_taken(pfn, 1024, /*longterm=*/true); });
  };
  EXPECT_EQ(found(0x2ff), "");
  const std::string in_movable = found(0x300);
  if (GetParam() < Release::v5_13) {
    EXPECT_EQ(in_movable, "");
  } else {
    EXPECT_TRUE(in_movable.starts_with("policy: ") && in_movable.ends_with(" of a Movable zone")) << in_movable;
  }
}

}  // namespace
}  // namespace cma
