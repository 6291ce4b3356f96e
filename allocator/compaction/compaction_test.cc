#include "allocator/compaction/compaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

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
    run_now(machine->lru.add_drain_all());
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
  machine->lru.get_page(70);
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
  run_now(machine->lru.add_drain_all());
  EXPECT_TRUE(machine->map.page(64).has(kPageLru)) << "the others of the spoilt group are put back";
  run_now(machine->migration.putback(control));
}

TEST_P(CompactionTest, APageblockVisitedInVainIsSkippedUntilTheHintsAreCleared) {
  if (GetParam() < Release::v3_7) GTEST_SKIP() << "3.7 brought skip hints";
  // No free block of order 2 and above: every other pair has a page that cannot move.
  for (Pfn pfn = 0; pfn < 1024; pfn += 4)
    if (machine->map.page(pfn).has(kPageBuddy) || machine->buddy.free_lists().covering_block(pfn) != pfn)
      own(pfn, PageKind::unmovable);
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
    machine_->buddy.free_lists().free_one_block(machine_->buddy.zone(1), pfn, 0, Migratetype::unmovable);
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
  machine->buddy.prep_compound_page(96, 5);
  machine->map.edit(96).flags |= kPageLru;
  machine->scanner.hints().edit_zone(1).flush = true;
  compact_for(3, CompactPriority::light, /*restarting=*/true);
  EXPECT_EQ(machine->scanner.hints().zone(1).init_migrate, 68U);
}

}  // namespace
}  // namespace cma
