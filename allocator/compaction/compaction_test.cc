#include "allocator/compaction/compaction.h"
#include "allocator/buddy/compound.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "allocator/base/error.h"
#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::Le;

// 1,024 pages in pageblocks of 64; the area lies in the upper half.
class CompactionTest : public ::testing::TestWithParam<Release> {
 protected:
  static Geometry geometry() {
    Geometry g = default_small_geometry(GetParam());
    g.pageblock_order = 6;
    g.largest_order = 7;
    g.areas = {{"area", 512, 256, 0}};
    return g;
  }
  OwnerId own(Pfn pfn, PageKind kind) { return own_frame(*machine, pfn, kind); }
  Pfn where(OwnerId id) const { return machine->owners.owner(id).pfn; }
  void compact() { run_now(machine->compaction.compact_memory()); }
  CompactResult compact_for(unsigned order, CompactPriority priority, bool restarting = false) {
    return run_now(machine->compaction.compact_for(order, Migratetype::movable, priority, restarting));
  }
  // One page every `step` pages of a range, so that no large block is left.
  std::vector<OwnerId> scatter(Pfn start, Pfn end, Pfn step, PageKind kind) {
    std::vector<OwnerId> owners;
    for (Pfn pfn = start; pfn < end; pfn += step) owners.push_back(own(pfn, kind));
    return owners;
  }
  std::int64_t free_now() {
    run_now(machine->lru.drain().add_drain_all());
    run_now(machine->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
    return machine->buddy.zone(0).nr_free_pages;
  }

  std::unique_ptr<Machine> machine = make_machine(geometry());
};

INSTANTIATE_TEST_SUITE_P(Releases, CompactionTest, ::testing::ValuesIn(modelled_releases()));

TEST_P(CompactionTest, PagesGoFromTheBeginningOfTheZoneToFreePagesAtItsEnd) {
  const std::vector<OwnerId> low = scatter(64, 128, 8, PageKind::anonymous);
  const std::vector<OwnerId> high = scatter(896, 960, 8, PageKind::anonymous);
  const std::int64_t free = free_now();
  compact();
  for (const OwnerId id : low) EXPECT_GE(where(id), 128U);
  EXPECT_EQ(free_now(), free);
  EXPECT_EQ(machine->lru.lists().isolated_anon(), 0);
  const auto blocks = free_blocks(*machine, {0, 128});
  EXPECT_THAT(blocks, ::testing::ElementsAre(Block{0, 7})) << "the block they have left is free as a whole";
}

TEST_P(CompactionTest, APinnedOrUnmovablePageStaysWhereItIs) {
  scatter(896, 960, 8, PageKind::anonymous);
  const OwnerId pinned = own(70, PageKind::shmem);
  const OwnerId fixed = own(71, PageKind::unmovable);
  const OwnerId moves = own(72, PageKind::shmem);
  machine->lru.references().get_page(70);
  compact();
  EXPECT_EQ(where(pinned), 70U);
  EXPECT_EQ(where(fixed), 71U);
  EXPECT_NE(where(moves), 72U);
  EXPECT_EQ(machine->lru.lists().isolated_anon() + machine->lru.lists().isolated_file(), 0);
}

TEST_P(CompactionTest, AfterwardsItHoldsNoPages) {
  scatter(64, 512, 8, PageKind::anonymous);
  scatter(768, 1024, 8, PageKind::shmem);
  const std::int64_t free = free_now();
  compact();
  for (const CompactPriority priority : {CompactPriority::async, CompactPriority::light, CompactPriority::full})
    for (unsigned order = 1; order <= 7; ++order) compact_for(order, priority, order % 2 == 0);
  EXPECT_EQ(free_now(), free);
  for (const Page& page : machine->map.pages()) EXPECT_FALSE(page.has(kPageInFlight | kPageTaskList));
}

TEST_P(CompactionTest, AnAllocationThatWouldSucceedIsNotCompactedFor) {
  scatter(64, 128, 8, PageKind::anonymous);
  const std::size_t recorded = machine->trace.records().size();
  const CompactResult result = compact_for(3, CompactPriority::async);
  EXPECT_EQ(result, CompactResult::success);
  EXPECT_THAT(traced(*machine, Event::isolate_migratepages, recorded), IsEmpty());
}

TEST_P(CompactionTest, PageblocksOfTheAreaAreTargetsToo) {
  const OwnerId low = own(70, PageKind::anonymous);
  // All memory after the area is in use: the area's highest free pages are the targets.
  for (Pfn pfn = 768; pfn < 1024; ++pfn) own(pfn, PageKind::unmovable);
  own(512 + 192 + 63, PageKind::anonymous);
  own(512 + 192, PageKind::anonymous);
  compact();
  EXPECT_TRUE(where(low) >= 512 && where(low) < 768) << where(low);
}

// 4.7 brought skip_on_failure, 3.7 skip hints.
TEST_P(CompactionTest, OneFixedPageSpoilsTheGroupOfAnAsynchronousScan) {
  if (GetParam() < Release::v4_7) GTEST_SKIP() << "up to 4.6 the scan goes on to the end";
  own(64, PageKind::anonymous);
  own(65, PageKind::anonymous);
  own(66, PageKind::unmovable);
  own(72, PageKind::anonymous);
  scatter(896, 960, 8, PageKind::anonymous);
  class Nowhere final : public MigrationTargets {
   public:
    Task<Pfn> take(Pfn) override { co_return kNoPfn; }
    Task<void> give_back(Pfn) override { co_return; }
  } nowhere;
  Compacting compacting{nowhere};
  compacting.order = 3;
  compacting.direct = true;
  MigrateControl control;
  control.mode = MoveMode::async;
  control.compacting = &compacting;
  EXPECT_EQ(run_now(machine->scanner.isolate_block(control, 64, 128)), 0);
  EXPECT_THAT(pfns_of(machine->map, control.pages), ::testing::ElementsAre(72));
  EXPECT_EQ(control.next, 80U) << "a group that was taken whole is moved at once";
  run_now(machine->lru.drain().add_drain_all());
  EXPECT_TRUE(machine->map.page(64).has(kPageLru)) << "the others of the spoilt group are put back";
  run_now(machine->migration.putback(control));
}

// From 5.1 to 5.10 a page that is under writeback claims its pageblock before it is found to stay. 6.3 has any page
// that is taken claim it.
TEST_P(CompactionTest, APageThatIsNotWaitedForClaimsItsPageblockUpTo510) {
  own(64, PageKind::anonymous);
  own(72, PageKind::anonymous);
  run_now(machine->lru.drain().add_drain_all());
  machine->map.edit(64).flags |= kPageWriteback;
  class Nowhere final : public MigrationTargets {
   public:
    Task<Pfn> take(Pfn) override { co_return kNoPfn; }
    Task<void> give_back(Pfn) override { co_return; }
  } nowhere;
  Compacting compacting{nowhere};
  compacting.order = 3;
  compacting.direct = true;
  MigrateControl control;
  control.mode = MoveMode::async;
  control.compacting = &compacting;
  EXPECT_EQ(run_now(machine->scanner.isolate_block(control, 64, 128)), 0);
  EXPECT_THAT(pfns_of(machine->map, control.pages), ::testing::ElementsAre(72));
  const Release release = GetParam();
  const bool by_waiting = release >= Release::v5_1 && release < Release::v5_11;
  EXPECT_EQ(machine->scanner.hints().skips(64), by_waiting || release >= Release::v6_3);
  machine->map.edit(64).flags &= ~kPageWriteback;
  run_now(machine->migration.putback(control));
}

TEST_P(CompactionTest, APageblockVisitedInVainIsSkippedUntilTheHintsAreCleared) {
  if (GetParam() < Release::v3_7) GTEST_SKIP() << "3.7 brought skip hints";
  // No free block of order 2 and above: every other pair has a page that cannot move.
  for (Pfn pfn = 0; pfn < 1024; pfn += 4)
    if (machine->buddy.free_lists().covering_block(pfn) != kNoPfn) own(pfn, PageKind::unmovable);
  compact_for(3, CompactPriority::light);
  compact_for(3, CompactPriority::light);
  EXPECT_TRUE(machine->scanner.hints().skips(64));
  EXPECT_TRUE(machine->scanner.hints().zone(0).flush) << "the scanners have met";
  const std::size_t recorded = machine->trace.records().size();
  compact_for(3, CompactPriority::light);
  EXPECT_THAT(traced(*machine, Event::isolate_migratepages, recorded), ::testing::SizeIs(Le(1)));
  compact_for(3, CompactPriority::light, /*restarting=*/true);
  EXPECT_FALSE(machine->scanner.hints().zone(0).flush && machine->scanner.hints().skips(1000));
}

// A quirk of 5.1 to 6.2: contiguous ranges set the skip bit of a pageblock in which there was nothing to take.
TEST_P(CompactionTest, ContiguousAllocationsLeaveHintsOnlyFrom51To62) {
  EXPECT_EQ(run_now(machine->contig.alloc_contig_range(512, 640, Migratetype::cma)), 0);
  const bool quirk = GetParam() >= Release::v5_1 && GetParam() < Release::v6_3;
  EXPECT_EQ(machine->scanner.hints().skips(512), quirk);
  if (!quirk) {
    EXPECT_THAT(machine->scanner.hints().skip_bits(), Each(0));
  }
  EXPECT_EQ(machine->scanner.hints().zone(0), make_machine(geometry())->scanner.hints().zone(0));
}

TEST_P(CompactionTest, FullPriorityTakesFreePagesOutOfIsolatedPageblocks) {
  if (GetParam() < Release::v4_9) GTEST_SKIP() << "4.9 brought full priority";
  // A fixed page keeps the isolated pageblock from being free as a whole, and all other targets are used up.
  for (Pfn pfn = 768; pfn < 1024; ++pfn) own(pfn, PageKind::unmovable);
  // Quick searches begin halfway between the scanners: the pages to move lie where they do not lead past it.
  scatter(0, 576, 4, PageKind::unmovable);
  scatter(576, 640, 4, PageKind::anonymous);
  scatter(640, 704, 4, PageKind::unmovable);
  own(704, PageKind::anonymous);
  EXPECT_EQ(run_now(machine->isolation.start_isolate_page_range(704, 768, Migratetype::cma)), 0);
  const auto before = free_blocks(*machine, {704, 768});
  // So that no quick search leads the free scanner past it.
  machine->scanner.hints().edit_zone(0).init_free = 1023;
  compact_for(7, CompactPriority::light);
  EXPECT_EQ(free_blocks(*machine, {704, 768}), before) << "lower priorities leave them alone";
  compact_for(7, CompactPriority::full);
  EXPECT_NE(free_blocks(*machine, {704, 768}), before);
  run_now(machine->isolation.undo_isolate_page_range(704, 768, Migratetype::cma));
}

// A zone [64, 256) that begins in the middle of a pageblock of 128 pages, with 40 pages to move at its beginning. No
// free page is on a Movable list, so that quick searches find none. `hole`: the zone's last frame does not exist.
class CutZone {
 public:
  CutZone(Release release, bool hole) : machine_(make_machine(geometry(release, hole))) {
    for (Pfn pfn = kFirst; pfn < kFree; ++pfn) give(pfn);
    for (Pfn pfn = kFirst; pfn < kFree; ++pfn) pages_.push_back(own_frame(*machine_, pfn, PageKind::anonymous));
    for (Pfn pfn = kFree; pfn < kBlockEnd; ++pfn)
      if (pfn % 8 != 0) give(pfn);
  }
  // Returns how many pages a compaction for eight pages moves within the pageblock.
  std::ptrdiff_t moved_by_compaction() {
    run_now(machine_->compaction.compact_for(3, Migratetype::movable, CompactPriority::full, false));
    return std::ranges::count_if(pages_, [&](OwnerId page) {
      const Pfn pfn = machine_->owners.owner(page).pfn;
      return pfn >= kFree && pfn < kBlockEnd;
    });
  }

 private:
  static constexpr Pfn kFirst = 192;
  static constexpr Pfn kFree = kFirst + 40;
  static constexpr Pfn kBlockEnd = 256;
  static Geometry geometry(Release release, bool hole) {
    Geometry g = default_small_geometry(release);
    g.memory = {0, 384};
    g.zones = {{"DMA32", {0, kFirst}}, {"Normal", {kFirst, 384}}};
    g.pageblock_order = 7;
    g.largest_order = 7;
    g.reserved = {{0, hole ? 383U : 384U}};
    if (hole) g.holes = {{383, 384}};
    g.areas.clear();
    g.min_free_kbytes = 0;
    return g;
  }
  void give(Pfn pfn) {
    machine_->map.edit(pfn).flags = 0;
    machine_->map.edit(pfn).ref = 0;
    machine_->map.set_pageblock_type(pfn, Migratetype::unmovable);
    const SpinGuard zone_lock(machine_->engine);
    free_lists_of(machine_->buddy).free_one_block(machine_->buddy.zone(1), pfn, 0, Migratetype::unmovable);
  }

  std::unique_ptr<Machine> machine_;
  std::vector<OwnerId> pages_;
};

// After the first 32 pages the point halfway between the scanners lies in the first pageblock, whose first page is of
// another zone. That is looked at only where the zone has holes.
TEST_P(CompactionTest, AContiguousZoneIsSearchedFromTheBorderInsideItsFirstPageblock) {
  if (GetParam() < Release::v5_1) GTEST_SKIP() << "no quick searches";
  EXPECT_GT(CutZone(GetParam(), /*hole=*/false).moved_by_compaction(), 0);
  EXPECT_EQ(CutZone(GetParam(), /*hole=*/true).moved_by_compaction(), 0);
}

// From 5.1 to 6.3 only a scan that begins with a pageblock leaves a hint.
TEST_P(CompactionTest, ACutFirstPageblockVisitedInVainIsSkippedUpTo50AndSince64) {
  Geometry g = geometry();
  g.pageblock_order = 4;
  g.zones = {{"DMA32", {0, 24}}, {"Normal", {24, 1024}}};
  g.areas.clear();
  machine = make_machine(g);
  // No block of eight pages is free, and none could come to be.
  for (Pfn pfn = 4; pfn < 1024; pfn += 4) own(pfn, PageKind::unmovable);
  compact_for(3, CompactPriority::light);
  const Release release = GetParam();
  const bool before = release >= Release::v3_7 && release < Release::v5_1;
  EXPECT_EQ(machine->scanner.hints().skips(24), before || release >= Release::v6_4);
  EXPECT_EQ(machine->scanner.hints().skips(48), release >= Release::v3_7) << "a whole one";
}

// The samples of a zone that begins at no multiple of eight pages miss the first page of a huge page.
TEST_P(CompactionTest, AHugePageIsASourceByAnyOfItsPages) {
  if (GetParam() < Release::v5_1) GTEST_SKIP() << "no samples";
  Geometry g = geometry();
  g.zones = {{"DMA32", {0, 68}}, {"Normal", {68, 1024}}};
  g.areas.clear();
  machine = make_machine(g);
  for (Pfn pfn = 68; pfn < 1024; pfn += 4)
    if (pfn < 96 || pfn >= 128) own(pfn, PageKind::unmovable);
  for (Pfn pfn = 96; pfn < 128; ++pfn) claim_frame(*machine, pfn);
  prep_compound_page(machine->map, 96, 5);
  machine->map.edit(96).flags |= kPageLru;
  machine->scanner.hints().edit_zone(1).flush = true;
  compact_for(3, CompactPriority::light, /*restarting=*/true);
  EXPECT_EQ(machine->scanner.hints().zone(1).init_migrate, 68U);
}

// Memory without an area in which no block of 32 pages is free: of each 32 pages one in the middle cannot move.
class FragmentedTest : public CompactionTest {
 protected:
  FragmentedTest() { rebuild(geometry()); }
  static Geometry geometry() {
    Geometry g = CompactionTest::geometry();
    g.areas.clear();
    return g;
  }
  void rebuild(const Geometry& g) {
    machine = make_machine(g);
    sources.clear();
    // As if the zone had been compacted before: since 3.7 a free scanner that begins at frame 0 is done at once.
    if (g.release >= Release::v3_7) positions().free = machine->map.pageblock_start(g.memory.end - 1);
  }
  void fragment(Pfn start = 0) { scatter(start + 16, 1024, 32, PageKind::unmovable); }
  // Leaves no block of eight pages but where eight pages move. The list of blocks of four leads quick searches for
  // targets to blocks of the first quarter, and after `before` of them to those that are named.
  void fragment_by_eights(const std::vector<Pfn>& named, std::size_t before) {
    put_sources(64, 72);
    for (Pfn pfn = 4; pfn < 1024; pfn += 8)
      if (pfn != 68 && machine->map.present(pfn)) own(pfn, PageKind::unmovable);
    for (unsigned order = 0; order <= 2; ++order) {
      PageList& list = machine->buddy.zone(0).free_by_order[order].lists[index_of(Migratetype::movable)];
      std::vector<Pfn> blocks = pfns_of(machine->map, list);
      std::ranges::sort(blocks);
      for (const Pfn block : order == 2 ? named : std::vector<Pfn>{}) std::erase(blocks, block);
      if (order == 2) blocks.insert(blocks.begin() + static_cast<std::ptrdiff_t>(before), named.begin(), named.end());
      list = {};
      for (const Pfn pfn : blocks) list.push_front(machine->map, machine->map.frame(pfn));
    }
  }
  // Pages that move, in a row.
  void put_sources(Pfn start, Pfn end) {
    for (const OwnerId id : scatter(start, end, 1, PageKind::anonymous)) sources.push_back(id);
  }
  std::size_t sources_in(Pfn start, Pfn end) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(sources, [&](OwnerId id) { return where(id) >= start && where(id) < end; }));
  }
  ScannerPositions& positions() { return machine->scanner.hints().edit_zone(0); }

  std::vector<OwnerId> sources;
};

INSTANTIATE_TEST_SUITE_P(Releases, FragmentedTest, ::testing::ValuesIn(modelled_releases()));

// Since 5.1 pages move to a free block of the last quarter if the list of free blocks leads there.
TEST_P(FragmentedTest, AQuickSearchTakesABlockOfTheLastQuarter) {
  fragment_by_eights({904}, /*before=*/2);
  compact_for(3, CompactPriority::light);
  const bool quick = GetParam() >= Release::v5_1;
  EXPECT_EQ(sources_in(904, 908), quick ? 4U : 0U);
  EXPECT_EQ(sources_in(896, 960), quick ? 8U : 0U) << "the others lie around it";
  EXPECT_EQ(sources_in(960, 1024), quick ? 0U : 8U);
}

// One of the second half will do if none of the others that are looked at is better, the highest one: each that is
// higher than those before it halves the number of the others.
TEST_P(FragmentedTest, AQuickSearchContentsItselfWithABlockOfTheSecondHalf) {
  fragment_by_eights({600, 592}, /*before=*/2);
  compact_for(3, CompactPriority::light);
  const bool quick = GetParam() >= Release::v5_1;
  EXPECT_EQ(sources_in(600, 604), quick ? 4U : 0U);
  EXPECT_EQ(sources_in(960, 1024), quick ? 0U : 8U);
}

// Once the free scanner has left the pageblock where targets were found last, quick searches look at fewer blocks: from
// 5.1 to 5.11 at one.
TEST_P(FragmentedTest, ALaterQuickSearchLooksAtFewerBlocks) {
  fragment_by_eights({904}, /*before=*/2);
  positions().init_free = 1023;
  compact_for(3, CompactPriority::light);
  const bool quick = GetParam() >= Release::v5_12;
  EXPECT_EQ(sources_in(904, 908), quick ? 4U : 0U);
  EXPECT_EQ(sources_in(896, 960), quick ? 8U : 0U) << "the others lie around it";
  EXPECT_EQ(sources_in(960, 1024), quick ? 0U : 8U);
}

// Where the list leads to the first half only, 5.1 to 5.18 take targets there. Since 5.19 they begin in the middle.
TEST_P(FragmentedTest, AQuickSearchThatSeesLowBlocksOnlyTakesTheHighestOfThemUpTo518) {
  fragment_by_eights({}, /*before=*/0);
  compact_for(3, CompactPriority::light);
  const bool low = GetParam() >= Release::v5_1 && GetParam() < Release::v5_19;
  EXPECT_EQ(sources_in(128, 384), low ? 8U : 0U);
  EXPECT_EQ(sources_in(448, 640), GetParam() >= Release::v5_19 ? 8U : 0U);
  EXPECT_EQ(sources_in(960, 1024), GetParam() < Release::v5_1 ? 8U : 0U);
}

// Both ends of that pageblock must exist for others to be taken around the block.
TEST_P(FragmentedTest, AQuickSearchTakesNothingAroundABlockNearAHole) {
  if (GetParam() < Release::v5_1) GTEST_SKIP() << "no quick searches";
  Geometry g = geometry();
  g.holes = {{1020, 1024}};
  rebuild(g);
  fragment_by_eights({968}, /*before=*/0);
  compact_for(3, CompactPriority::light);
  EXPECT_EQ(sources_in(968, 972), 4U);
  EXPECT_EQ(sources_in(960, 1020), 4U);
  EXPECT_EQ(sources_in(64, 72), 0U);
}

// Since 5.1 a pageblock that has a large free block already is looked at first. Up to 6.2 the search itself sets the
// skip bit, so that the scan passes the pageblock over.
TEST_P(FragmentedTest, AQuickSearchForASourceHidesWhatItFindsUpTo62) {
  for (Pfn pfn = 16; pfn < 1024; pfn += 32)
    if (pfn < 128 || pfn >= 192) own(pfn, PageKind::unmovable);
  put_sources(161, 167);
  compact_for(6, CompactPriority::light);
  const bool hides = GetParam() >= Release::v5_1 && GetParam() < Release::v6_3;
  EXPECT_EQ(sources_in(161, 167), hides ? 6U : 0U);
}

// A compaction that stops at `stop`. Then `meanwhile` happens. Returns its result.
class InterruptedTest : public FragmentedTest {
 protected:
  std::optional<CompactResult> compact_with(Point stop, const std::function<void(ActorId)>& meanwhile) {
    const ActorId actor = machine->engine.add_actor(0);
    Outcome<CompactResult> outcome;
    Task<CompactResult> task =
        machine->compaction.compact_for(3, Migratetype::movable, CompactPriority::light, /*restarting=*/false);
    machine->engine.begin(actor, keep_outcome(std::move(task), &outcome));
    machine->engine.stop_at(actor, stop, 1);
    machine->engine.resume(actor);
    EXPECT_FALSE(outcome.value) << "it has stopped";
    if (outcome.value) return {};
    meanwhile(actor);
    machine->engine.resume(actor);
    for (const Page& page : machine->map.pages()) EXPECT_FALSE(page.has(kPageInFlight | kPageTaskList));
    return outcome.value;
  }
};

INSTANTIATE_TEST_SUITE_P(Releases, InterruptedTest, ::testing::ValuesIn(modelled_releases()));

// The watermark rises after compaction has begun. A block that was found stays where it is.
TEST_P(InterruptedTest, NothingIsTakenBelowTheWatermark) {
  fragment_by_eights({904}, /*before=*/0);
  const auto raise = [&](ActorId) { machine->buddy.zone(0).watermark = {2000, 2000, 2000}; };
  EXPECT_EQ(compact_with(Point::compact_begin, raise), CompactResult::contended) << "there are no targets";
  EXPECT_EQ(sources_in(64, 72), 8U);
  EXPECT_TRUE(machine->map.page(904).has(kPageBuddy));
}

TEST_P(InterruptedTest, AFatalSignalDuringTheScanEndsIt) {
  fragment_by_eights({904}, /*before=*/0);
  const auto kill = [&](ActorId actor) { machine->engine.flags(actor).fatal_signal = true; };
  EXPECT_EQ(compact_with(Point::scan_batch, kill), CompactResult::contended);
  EXPECT_EQ(sources_in(64, 72), 8U);
}

TEST_P(InterruptedTest, AFatalSignalDuringTheSearchForTargetsEndsIt) {
  fragment_by_eights({904}, /*before=*/0);
  const auto kill = [&](ActorId actor) { machine->engine.flags(actor).fatal_signal = true; };
  EXPECT_EQ(compact_with(Point::capture_batch, kill), CompactResult::contended);
}

// All free pages are of unmovable pageblocks: no list of movable ones leads anywhere, whatever the order.
TEST_P(FragmentedTest, AQuickSearchTriesEachOrderOnceForThePagesOfOtherTypes) {
  rebuild(bare_geometry(GetParam()));
  for (Pfn pfn = 16; pfn < 20; ++pfn) give_block(*machine, pfn, 0, Migratetype::movable);
  for (Pfn pfn = 16; pfn < 20; ++pfn) sources.push_back(own(pfn, PageKind::anonymous));
  for (Pfn pfn = 129; pfn < 256; pfn += 2) give_block(*machine, pfn, 0, Migratetype::unmovable);
  compact_for(1, CompactPriority::light);
  // Where a quick search finds nothing it goes on in the middle; up to 6.7 it did not ask whether pages may move there.
  const bool forgets_to_ask = GetParam() >= Release::v5_1 && GetParam() < Release::v6_8;
  EXPECT_EQ(sources_in(16, 20), forgets_to_ask ? 0U : 4U);
  EXPECT_EQ(sources_in(129, 256), forgets_to_ask ? 4U : 0U);
}

// --- whether to begin, and when it is over ---

// Five blocks of 64 pages: memory is short, not in pieces.
TEST_P(FragmentedTest, NothingIsCompactedWhereMemoryIsShort) {
  for (Pfn block = 0; block < 1024; block += 64)
    for (Pfn pfn = block; pfn < block + 64; ++pfn)
      if (block < 128 || block % 128 == 0 || block > 720) own(pfn, PageKind::anonymous);
  ASSERT_EQ(free_blocks(*machine, {0, 1024}).size(), 5U);
  const std::size_t recorded = machine->trace.records().size();
  EXPECT_EQ(compact_for(7, CompactPriority::light), CompactResult::skipped);
  EXPECT_THAT(traced(*machine, Event::isolate_migratepages, recorded), IsEmpty());
}

// What moves out of the area leaves a block of 64 pages there. Up to 3.6 any block of a whole pageblock will do.
TEST_P(FragmentedTest, AMovableRequestIsContentWithABlockOfAnArea) {
  rebuild(CompactionTest::geometry());
  fragment(/*start=*/768);
  for (Pfn pfn = 16; pfn < 512; pfn += 32) own(pfn, PageKind::unmovable);
  for (Pfn pfn = 512 + 16; pfn < 768; pfn += 32) sources.push_back(own(pfn, PageKind::anonymous));
  const auto movable = [&] { return compact_for(6, CompactPriority::light); };
  EXPECT_EQ(movable(), CompactResult::success);
  EXPECT_FALSE(free_list(*machine, 6, Migratetype::cma).empty() && free_list(*machine, 7, Migratetype::cma).empty());
  EXPECT_TRUE(free_list(*machine, 6, Migratetype::movable).empty());
}

// From 4.12 to 5.0 a synchronous compaction for a request that is not movable goes on to the pageblock's end if the
// block will be claimed from another type.
TEST_P(FragmentedTest, APageblockFromWhichABlockIsClaimedIsFinishedIn419) {
  if (GetParam() != Release::v4_19) GTEST_SKIP() << "since 5.1 it always is";
  struct Case {
    Migratetype wanted;
    Migratetype pageblock;
    bool finishes;
  };
  for (const Case& one : {Case{Migratetype::unmovable, Migratetype::movable, true},
                          Case{Migratetype::movable, Migratetype::movable, false},
                          Case{Migratetype::movable, Migratetype::unmovable, false}}) {
    Geometry g = geometry();
    g.pageblock_order = 7;
    rebuild(g);
    for (Pfn pfn = 16; pfn < 1024; pfn += 32)
      if (pfn < 128 || pfn >= 256) own(pfn, PageKind::unmovable);
    put_sources(128, 228);
    own(250, PageKind::unmovable);
    machine->map.set_pageblock_type(128, one.pageblock);
    EXPECT_EQ(run_now(machine->compaction.compact_for(5, one.wanted, CompactPriority::light, false)),
              CompactResult::success);
    EXPECT_EQ(sources_in(128, 160), 0U);
    EXPECT_EQ(sources_in(160, 228), one.finishes ? 0U : 68U) << name_of(one.wanted) << ' ' << name_of(one.pageblock);
  }
}

// 3.6 begins where the last compaction ended, and once more at the zone's end.
TEST_P(FragmentedTest, In36AScannerThatBeganInTheMiddleGoesOnAtTheEnd) {
  if (GetParam() != Release::v3_6) GTEST_SKIP() << "3.7 keeps positions of both scanners";
  fragment();
  put_sources(321, 327);
  positions().free = 256;
  EXPECT_EQ(compact_for(6, CompactPriority::light), CompactResult::complete);
  EXPECT_EQ(sources_in(896, 1024), 6U);
}

// It is over when the free scanner comes back to where it began.
TEST_P(FragmentedTest, In36AScannerThatComesBackToItsBeginningIsDone) {
  if (GetParam() != Release::v3_6) GTEST_SKIP() << "3.7 keeps positions of both scanners";
  const auto has_room = [](Pfn pfn) { return (pfn >= 384 && pfn < 448) || (pfn >= 704 && pfn < 768); };
  const auto is_source = [](Pfn pfn) { return (pfn >= 261 && pfn < 267) || (pfn >= 453 && pfn < 459); };
  for (Pfn pfn = 0; pfn < 1024; ++pfn) {
    if (is_source(pfn))
      put_sources(pfn, pfn + 1);
    else if (!has_room(pfn) || pfn % 2 == 0)
      own(pfn, PageKind::unmovable);
  }
  positions().free = 768;
  EXPECT_EQ(compact_for(3, CompactPriority::light), CompactResult::complete);
  EXPECT_EQ(sources_in(704, 768), 12U) << "those that it found in the middle first have moved again";
}

// A block of the order wanted is free, on the list of another type.
TEST_P(FragmentedTest, In36ABlockOfAnotherTypeIsNoSuccess) {
  if (GetParam() != Release::v3_6) GTEST_SKIP() << "later releases ask whether it can be claimed";
  for (Pfn pfn = 4; pfn < 1024; pfn += 8)
    if (pfn < 64 || pfn >= 128) own(pfn, PageKind::unmovable);
  put_sources(64, 128);
  for (Pfn pfn = 64; pfn < 128; ++pfn) machine->map.set_pageblock_type(pfn, Migratetype::unmovable);
  EXPECT_EQ(compact_for(3, CompactPriority::light), CompactResult::complete);
  EXPECT_EQ(sources_in(64, 128), 0U);
  EXPECT_TRUE(machine->buddy.zone(0).free_by_order[6].lists[index_of(Migratetype::movable)].empty());
}

// --- what ends it early ---

// An asynchronous compaction does not wait while most pages are isolated.
TEST_P(FragmentedTest, AnAsynchronousCompactionIsGivenUpWhileTooManyPagesAreIsolated) {
  fragment();
  put_sources(65, 71);
  for (const Pfn pfn : {66, 67, 68, 69}) machine->lru.listed().isolate(pfn);
  EXPECT_EQ(compact_for(6, CompactPriority::async), CompactResult::contended);
  EXPECT_EQ(sources_in(65, 71), 6U);
}

// --- where targets are not ---

TEST_P(FragmentedTest, NoTargetsAreTakenFromIsolatedPageblocks) {
  put_sources(65, 71);
  own(880, PageKind::unmovable);
  ASSERT_EQ(run_now(machine->isolation.start_isolate_page_range(896, 1024, Migratetype::movable)), 0);
  const auto isolated = free_blocks(*machine, {896, 1024});
  compact();
  EXPECT_EQ(free_blocks(*machine, {896, 1024}), isolated);
  run_now(machine->isolation.undo_isolate_page_range(896, 1024, Migratetype::movable));
}

// Since 3.7 both ends of a pageblock must be pages of the zone.
TEST_P(FragmentedTest, APageblockThatEndsInAHoleIsNoTarget) {
  Geometry g = geometry();
  g.holes = {{1020, 1024}};
  rebuild(g);
  fragment();
  put_sources(65, 71);
  compact();
  EXPECT_EQ(sources_in(960, 1024), GetParam() < Release::v3_7 ? 6U : 0U);
  EXPECT_EQ(sources_in(896, 960), GetParam() < Release::v3_7 ? 0U : 6U);
}

// --- hints ---

// 5.1 clears the skip bits from both ends only as far as there are sources and targets, and begins there.
TEST_P(FragmentedTest, ClearedHintsLeadToTheFirstSourceAndTheLastTarget) {
  if (GetParam() < Release::v5_1) GTEST_SKIP() << "all bits are cleared";
  fragment();
  put_sources(72, 73);
  put_sources(136, 137);
  for (Pfn pfn = 0; pfn < 1024; pfn += 64) machine->scanner.hints().set_skip(pfn);
  positions().flush = true;
  compact_for(6, CompactPriority::light, /*restarting=*/true);
  EXPECT_EQ(positions().init_migrate, 64U);
  EXPECT_EQ(positions().init_free, 1023U);
}

// Holes and huge pages have no bits to clear: nothing in such a pageblock is worth a visit.
TEST_P(FragmentedTest, NoHintIsClearedForAHoleOrAHugePage) {
  if (GetParam() < Release::v4_9) GTEST_SKIP() << "3.7 brought the hints, 4.15 asks for huge pages";
  Geometry g = geometry();
  g.holes = {{128, 192}};
  rebuild(g);
  for (Pfn pfn = 208; pfn < 1024; pfn += 32)
    if (pfn < 256 || pfn >= 320) own(pfn, PageKind::unmovable);
  for (Pfn pfn = 0; pfn < 128; pfn += 16) own(pfn + 8, PageKind::unmovable);
  for (Pfn pfn = 256; pfn < 320; ++pfn) claim_frame(*machine, pfn);
  prep_compound_page(machine->map, 256, 6);
  for (Pfn pfn = 0; pfn < 1024; pfn += 64) machine->scanner.hints().set_skip(pfn);
  positions().flush = true;
  compact_for(6, CompactPriority::light, /*restarting=*/true);
  EXPECT_TRUE(machine->scanner.hints().skips(128));
  EXPECT_TRUE(machine->scanner.hints().skips(256) || GetParam() < Release::v4_15);
}

TEST_P(FragmentedTest, In36ThereAreNoHintsToClear) {
  if (GetParam() != Release::v3_6) GTEST_SKIP() << "3.7 brought the hints";
  fragment();
  machine->scanner.hints().set_skip(64);
  positions().flush = true;
  compact_for(6, CompactPriority::light, /*restarting=*/true);
  EXPECT_TRUE(positions().flush);
  EXPECT_TRUE(machine->scanner.hints().skips(64));
}

// An asynchronous scan that found nothing takes the position of the other scanner along, if both stood at one place.
TEST_P(FragmentedTest, AnAsynchronousScanTakesTheOtherPositionAlongOnce) {
  if (GetParam() < Release::v5_1) GTEST_SKIP() << "5.1 brought this";
  for (const bool together : {true, false}) {
    rebuild(geometry());
    fragment();
    positions().migrate = {64, together ? 64U : 128U};
    const ActorId actor = machine->engine.add_actor(0);
    machine->engine.begin(actor, [](Machine& m) -> Task<void> {
      co_await m.compaction.compact_for(6, Migratetype::movable, CompactPriority::async, false);
    }(*machine));
    machine->engine.stop_at(actor, Point::compact_block, 6);
    machine->engine.resume(actor);
    ASSERT_EQ(machine->engine.look(actor).state, ActorState::ready);
    const ScannerPositions after = positions();
    run_to_rest(*machine);
    EXPECT_GT(after.migrate[0], 64U);
    EXPECT_EQ(after.migrate[1] == after.migrate[0], together) << after.migrate[0] << ' ' << after.migrate[1];
  }
}

// 6.3 goes on to the end of a pageblock that a page could not leave. A page of shared memory that is pinned is found
// out when it should move. Here the rest of the pageblock has one as well.
TEST_P(FragmentedTest, APageThatCannotLeaveDoesNotKeepTheOthers) {
  for (const unsigned order : {5U, 6U}) {
    rebuild(geometry());
    fragment(/*start=*/128);
    own(16, PageKind::unmovable);
    own(48, PageKind::unmovable);
    put_sources(64, 70);
    put_sources(71, 112);
    std::vector<OwnerId> pinned;
    for (const Pfn pfn : {70, 112}) {
      pinned.push_back(own(pfn, PageKind::shmem));
      machine->lru.references().get_page(pfn);
    }
    const std::size_t recorded = machine->trace.records().size();
    compact_for(order, CompactPriority::light);
    EXPECT_EQ(where(pinned[0]), 70U);
    EXPECT_EQ(where(pinned[1]), 112U);
    EXPECT_EQ(sources_in(64, 128), 0U);
    EXPECT_EQ(machine->lru.lists().isolated_anon() + machine->lru.lists().isolated_file(), 0);
    const std::vector<std::string> scans = traced(*machine, Event::isolate_migratepages, recorded);
    const auto rest = std::ranges::count_if(
        scans, [](const std::string& line) { return line.find("range=(0x60 ~ 0x80)") != std::string::npos; });
    if (GetParam() >= Release::v6_3) {
      EXPECT_EQ(rest, 1) << "the rest in one scan";
    }
  }
}

TEST_P(FragmentedTest, AZoneWithoutMemoryIsPassedOver) {
  Geometry g = geometry();
  g.zones = {{"DMA32", {0, 128}}, {"Normal", {128, 1024}}};
  g.holes = {{0, 128}};
  ASSERT_EQ(g.impossible(), std::nullopt);
  rebuild(g);
  fragment(/*start=*/128);
  const std::uint64_t runs = machine->compaction.runs();
  compact();
  EXPECT_EQ(machine->compaction.runs(), runs + 1);
  compact_for(6, CompactPriority::light);
  EXPECT_EQ(machine->compaction.runs(), runs + 2);
}

// --- pages of other sizes ---

// Pageblocks of 1,024 pages, which a huge page of 512 does not fill.
class HugeSourceTest : public ::testing::TestWithParam<Release> {
 protected:
  HugeSourceTest() {
    Geometry g = default_small_geometry(GetParam());
    g.memory = {0, 8192};
    g.pageblock_order = 10;
    g.largest_order = 10;
    g.transparent_hugepages = true;
    g.areas.clear();
    machine = make_machine(g);
    process = machine->processes.spawn();
    machine->processes.mmap_huge(process, 1);
    for (Pfn pfn = kHuge; pfn < kHuge + 512; ++pfn) claim_frame(*machine, pfn);
    prep_compound_page(machine->map, kHuge, 9);
    run_now(machine->processes.fault_in_huge(process, 0, 0, kHuge));
    run_now(machine->lru.drain().add_drain_all());
    // A pageblock that is free as a whole is no target.
    for (Pfn block = 2048; block < 8192; block += 1024) own_frame(*machine, block + 100, PageKind::unmovable);
  }
  Pfn where() const { return machine->owners.owner(machine->processes.page_at(process, 0, 0)).pfn; }

  static constexpr Pfn kHuge = 1024;
  std::unique_ptr<Machine> machine;
  SpaceId process = 0;
};

INSTANTIATE_TEST_SUITE_P(Releases, HugeSourceTest, ::testing::ValuesIn(modelled_releases()));

// Since 6.9 it moves as a whole, to a block of its size.
TEST_P(HugeSourceTest, AHugePageSmallerThanAPageblockMovesSince69) {
  run_now(machine->compaction.compact_memory());
  EXPECT_EQ(where() != kHuge, GetParam() >= Release::v6_9);
  EXPECT_TRUE(machine->map.page(where()).has(kPageHead));
  EXPECT_EQ(machine->map.page(where()).order, 9);
  for (const Page& page : machine->map.pages()) EXPECT_FALSE(page.has(kPageInFlight | kPageTaskList));
}

// Nor does one move that has the size of what is wanted.
TEST_P(HugeSourceTest, AHugePageIsNoObstacleToABlockOfItsSize) {
  for (Pfn block = 0; block < 8192; block += 256)
    if (block < kHuge || block >= kHuge + 512) {
      if (machine->map.page(block + 128).has(kPageBuddy) || machine->map.page(block + 128).ref == 0)
        own_frame(*machine, block + 128, PageKind::unmovable);
    }
  if (GetParam() >= Release::v3_7) machine->scanner.hints().edit_zone(0).free = 7168;
  run_now(machine->compaction.compact_for(9, Migratetype::movable, CompactPriority::light, false));
  EXPECT_EQ(where(), kHuge);
}

// The target goes back as it came, unless another has found it meanwhile: then it is that one's to free.
TEST_P(HugeSourceTest, ATargetThatIsNotNeededGoesBack) {
  if (GetParam() < Release::v6_9) GTEST_SKIP() << "huge pages stay";
  for (const bool found_by_another : {false, true}) {
    const std::int64_t free = machine->buddy.zone(0).nr_free_pages;
    const ActorId actor = machine->engine.add_actor(0);
    machine->engine.begin(actor, machine->compaction.compact_memory());
    machine->engine.stop_at(actor, Point::migrate_unmapped, 1);
    machine->engine.resume(actor);
    while (machine->engine.look(actor).state == ActorState::ready && !machine->map.page(kHuge).has(kPageLocked)) {
      machine->engine.stop_at(actor, Point::migrate_unmapped, 1);
      machine->engine.resume(actor);
    }
    ASSERT_TRUE(machine->map.page(kHuge).has(kPageLocked));
    machine->lru.references().get_page(kHuge);
    Pfn target = kNoPfn;
    for (Pfn pfn = 0; pfn < 8192; ++pfn)
      if (pfn != kHuge && machine->map.page(pfn).has(kPageHead)) target = pfn;
    ASSERT_NE(target, kNoPfn);
    if (found_by_another) machine->lru.references().get_page(target);
    machine->engine.resume(actor);
    run_to_rest(*machine);
    EXPECT_EQ(where(), kHuge);
    run_now(machine->lru.references().put_page(kHuge));
    if (found_by_another) {
      EXPECT_EQ(machine->map.page(target).ref, 1);
      run_now(machine->lru.references().put_page(target));
    }
    run_now(machine->lru.drain().add_drain_all());
    run_now(machine->buddy.per_cpu().drain_all_pages(PerCpuLists::kAllZones));
    EXPECT_GE(machine->buddy.zone(0).nr_free_pages, free);
    for (const Page& page : machine->map.pages()) EXPECT_FALSE(page.has(kPageInFlight | kPageTaskList));
  }
}

// --- rounds without end ---

// Pageblocks of 16 pages, and a page in the way of each block of 64. In [192, 256) it is a driver's that refuses to
// move, beside a free block of 8 pages, by which a quick search finds it.
class EndlessRound : public CompactionTest {
 protected:
  EndlessRound() {
    Geometry g = default_small_geometry(GetParam());
    g.memory = {0, 256};
    g.areas.clear();
    g.pageblock_order = 4;
    g.largest_order = 6;
    g.min_free_kbytes = 4;
    machine = make_machine(g);
    refusing_ = own(201, PageKind::movable_ops);
    for (const Pfn pfn : {0U, 64U, 128U}) own(pfn, PageKind::unmovable);
    free_now();
  }
  // Begins a compaction whose scanners do not start at the zone's ends: the one before it has met.
  ActorId begin() {
    compact_for(6, CompactPriority::light);
    const ActorId actor = machine->engine.add_actor(0);
    machine->engine.begin(actor, [](Machine& m, CompactResult& result) -> Task<void> {
      result = co_await m.compaction.compact_for(6, Migratetype::movable, CompactPriority::light, false);
    }(*machine, result_));
    machine->engine.resume(actor);
    return actor;
  }
  void refuse(std::int64_t times) { machine->owners.refuse(refusing_, times, -kEIO); }
  bool between(ActorId actor) const { return machine->page_allocator.endless().between(actor); }
  void wake(ActorId actor) {
    machine->engine.advance_to(machine->engine.look(actor).wake_time);
    machine->engine.resume(actor);
  }

  OwnerId refusing_ = 0;
  CompactResult result_ = CompactResult::go_on;
};
INSTANTIATE_TEST_SUITE_P(Releases, EndlessRound, ::testing::ValuesIn(modelled_releases()));

TEST_P(EndlessRound, ADriversPageThatRefusesKeepsACompactionGoingSince63) {
  refuse(-1);
  const ActorId actor = begin();
  const bool endless = GetParam() >= Release::v6_3;
  ASSERT_EQ(between(actor), endless);
  if (!endless) return;
  const std::uint64_t locals = machine->page_allocator.endless().locals(actor);
  for (int turn = 0; turn < 100; ++turn) {
    wake(actor);
    ASSERT_TRUE(between(actor)) << turn;
    EXPECT_EQ(machine->page_allocator.endless().locals(actor), locals);
  }
  EXPECT_TRUE(machine->page_allocator.endless().compacts(actor));
  machine->engine.flags(actor).given_up = true;
  wake(actor);
  EXPECT_EQ(machine->engine.look(actor).state, ActorState::idle);
  EXPECT_EQ(result_, CompactResult::contended);
  for (const Page& page : machine->map.pages()) EXPECT_FALSE(page.has(kPageInFlight | kPageIsolated));
}

TEST_P(EndlessRound, EndsOnceTheDriverRefusesNoMore) {
  refuse(100);
  const ActorId actor = begin();
  for (int turn = 0; turn < 100 && between(actor); ++turn) wake(actor);
  EXPECT_EQ(machine->engine.look(actor).state, ActorState::idle);
  EXPECT_EQ(machine->owners.owner(refusing_).refusals == 0, GetParam() >= Release::v6_3);
}

TEST_P(EndlessRound, EndsWithAFatalSignal) {
  refuse(-1);
  const ActorId actor = begin();
  if (!between(actor)) return;
  machine->engine.flags(actor).fatal_signal = true;
  wake(actor);
  EXPECT_EQ(result_, CompactResult::contended);
}

}  // namespace
}  // namespace cma
