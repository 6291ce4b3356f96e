#include "allocator/reports/gather.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>

#include "allocator/machine_testing.h"

namespace cma {
namespace {

using ::testing::ElementsAre;

class FiguresTest : public testing::TestWithParam<Release> {
 protected:
  MemoryFigures figures() const { return machine->reports.figures(); }
  PageFigures pages() const { return figures().pages; }
  void drain() { run_now(machine->lru.drain().add_drain_all()); }
  // Returns a process that has written to so many pages of its own.
  SpaceId process_with(std::uint64_t count) {
    const SpaceId process = machine->processes.spawn();
    const MappingId mapping = machine->processes.mmap_anon(process, count);
    for (std::uint64_t i = 0; i < count; ++i) EXPECT_EQ(run_now(machine->processes.write(process, mapping, i)), 0);
    drain();
    return process;
  }

  std::unique_ptr<Machine> machine = make_machine(default_small_geometry(GetParam()));
};

INSTANTIATE_TEST_SUITE_P(Releases, FiguresTest, testing::ValuesIn(modelled_releases()));

TEST_P(FiguresTest, AgreeWithTheListsOfPages) {
  const FileId file = machine->files.open(FileMethod::ordered, false);
  for (std::uint64_t i = 0; i < 5; ++i) run_now(machine->files.read(file, i, false));
  process_with(3);
  const SpaceId locked = process_with(2);
  run_now(machine->processes.mlock(locked, 0));
  drain();
  const LruLists& lists = machine->lru.lists();
  const PageFigures found = pages();
  EXPECT_EQ(found.active_anon, lists.size(LruList::active_anon));
  EXPECT_EQ(found.inactive_anon, lists.size(LruList::inactive_anon));
  EXPECT_EQ(found.active_file, lists.size(LruList::active_file));
  EXPECT_EQ(found.inactive_file, lists.size(LruList::inactive_file));
  EXPECT_EQ(found.unevictable, lists.size(LruList::unevictable));
  EXPECT_EQ(found.unevictable, 2U);
  EXPECT_EQ(static_cast<std::int64_t>(found.mlocked), lists.mlocked());
  EXPECT_EQ(found.active_anon + found.inactive_anon, 3U);
  EXPECT_EQ(found.anon_mapped, 5U);
  EXPECT_EQ(found.active_file + found.inactive_file, 5U);
}

TEST_P(FiguresTest, CountIsolatedPagesByTheirList) {
  const SpaceId process = process_with(2);
  const FileId file = machine->files.open(FileMethod::ordered, false);
  const OwnerId page = run_now(machine->files.read(file, 0, false)).page;
  drain();
  ASSERT_TRUE(machine->lru.listed().isolate(machine->owners.owner(page).pfn));
  const OwnerId own = machine->processes.page_at(process, 0, 0);
  ASSERT_TRUE(machine->lru.listed().isolate(machine->owners.owner(own).pfn));
  const MemoryFigures found = figures();
  EXPECT_EQ(found.pages.isolated_anon, 1U);
  EXPECT_EQ(found.pages.isolated_file, 1U);
  EXPECT_EQ(found.nodes.front().pages.isolated_file, 1U);
  EXPECT_EQ(found.zones.front().pages.isolated_file, 1U);
}

TEST_P(FiguresTest, CountThePagesOfCaches) {
  const OwnerId shared = own_frame(*machine, 0x10, PageKind::shmem);
  const FileId file = machine->files.open(FileMethod::ordered, false);
  for (std::uint64_t i = 0; i < 3; ++i) run_now(machine->files.read(file, i, false));
  run_now(machine->files.write(machine->files.cached(file, 0)));
  const FileId device = machine->files.open(FileMethod::block_device, false);
  run_now(machine->files.read(device, 0, false));
  const SpaceId process = machine->processes.spawn();
  const MappingId mapping = machine->processes.mmap_shared(process, {shared, machine->files.cached(file, 1)});
  for (std::uint64_t i = 0; i < 2; ++i)
    ASSERT_EQ(run_now(machine->processes.touch_shared(process, mapping, i, /*write=*/false)), 0);
  const PageFigures found = pages();
  EXPECT_EQ(found.cached, 5U);
  EXPECT_EQ(found.buffers, 1U);
  EXPECT_EQ(found.shmem, 1U);
  EXPECT_EQ(found.mapped, 2U);
  EXPECT_EQ(found.dirty, 1U);
  EXPECT_EQ(found.writepending, 1U);
  EXPECT_EQ(found.anon_mapped, 0U);
}

TEST_P(FiguresTest, CountFreePagesAsTheZoneDoes) {
  machine->buddy.alloc_pages(kGfpKernel, 0);
  machine->buddy.alloc_pages(kGfpKernel | kGfpReclaimable, 0);
  machine->buddy.alloc_pages(kGfpKernel | kGfpMovable, 1);
  const auto [free, cma] = recount_free(*machine);
  const ZoneFigures zone = figures().zones.front();
  EXPECT_EQ(static_cast<std::int64_t>(zone.pages.free), free);
  EXPECT_EQ(static_cast<std::int64_t>(zone.pages.free_cma), cma);
  std::uint64_t in_blocks = 0;
  for (unsigned order = 0; order < kOrderLimit; ++order) {
    in_blocks += zone.blocks[order] << order;
    for (unsigned type = 0; type < kMigratetypes && order <= machine->buddy.largest_order(); ++type)
      EXPECT_EQ((zone.types[order] >> type & 1) != 0, !free_list(*machine, order, migratetype_at(type)).empty());
  }
  EXPECT_EQ(in_blocks, zone.pages.free);
  EXPECT_EQ(zone.pages.free_pcp, static_cast<std::uint64_t>(machine->buddy.zone(0).pcp[0].count));
  EXPECT_GT(zone.pages.free_pcp, 0U);
  EXPECT_EQ(zone.pages.local_pcp, zone.pages.free_pcp);
}

TEST_P(FiguresTest, CountIsolatedBlocksAmongTheBlocksOnly) {
  const std::uint64_t before = pages().free;
  ASSERT_EQ(run_now(machine->isolation.start_isolate_page_range(0x200, 0x240, Migratetype::cma)), 0);
  const ZoneFigures zone = figures().zones.front();
  std::uint64_t in_blocks = 0;
  for (unsigned order = 0; order < kOrderLimit; ++order) in_blocks += zone.blocks[order] << order;
  EXPECT_EQ(zone.pages.free, before - 0x40);
  EXPECT_EQ(in_blocks, before);
}

TEST_P(FiguresTest, CountPagesOfTheKernelByTheirUse) {
  const auto give = [&](KernelUse use, int count) {
    for (int i = 0; i < count; ++i) {
      const Pfn pfn = machine->buddy.alloc_pages(kGfpKernel, 0);
      machine->owners.set_use(run_now(machine->owners.adopt(pfn, PageKind::unmovable)), use);
    }
  };
  give(KernelUse::other, 5);
  give(KernelUse::slab, 4);
  give(KernelUse::reclaimable_slab, 3);
  give(KernelUse::page_table, 2);
  give(KernelUse::stack, 1);
  const PageFigures found = pages();
  EXPECT_EQ(found.slab_unreclaimable, 4U);
  EXPECT_EQ(found.slab_reclaimable, 3U);
  EXPECT_EQ(found.pagetables, 2U);
  EXPECT_EQ(found.kernel_stack_kb, 4U);
  EXPECT_EQ(figures().zones[0].pages.pagetables, 2U);
}

TEST_P(FiguresTest, CountThePoolOfHugePages) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(run_now(machine->hugetlb.grow()));
  machine->owners.adopt_hugetlb(machine->hugetlb.dequeue());
  const MemoryFigures found = figures();
  EXPECT_EQ(found.nodes.front().hugepages_total, 3U);
  EXPECT_EQ(found.nodes.front().hugepages_free, machine->hugetlb.free_pages());
  EXPECT_EQ(found.hugepage_kb, order_pages(machine->hugetlb.order()) * 4);
  EXPECT_EQ(found.pages.anon_mapped, 0U);
}

TEST_P(FiguresTest, EndWithWhatBootLeft) {
  Geometry geometry = default_small_geometry(GetParam());
  geometry.reserved = {{0x20, 0x28}};
  geometry.holes = {{0x40, 0x50}};
  machine = make_machine(geometry);
  const MemoryFigures found = figures();
  EXPECT_EQ(found.ram, 1024U - 0x10);
  EXPECT_EQ(found.reserved, 8U);
  EXPECT_EQ(found.ram_high, 0U);
  EXPECT_EQ(found.cma, 512U);
  EXPECT_EQ(found.pages.managed + found.reserved, found.ram);
}

// --- zones and nodes ---

// Returns a machine with zones DMA and Normal on node 0, and another zone Normal on node 1.
Geometry three_zones(Release release) {
  Geometry g = default_small_geometry(release);
  g.zones = {{"DMA", {0, 256}, 0}, {"Normal", {256, 512}, 0}, {"Normal", {512, 1024}, 1}};
  return g;
}

TEST_P(FiguresTest, OfNodesAreSumsOverTheirZones) {
  machine = make_machine(three_zones(GetParam()));
  for (const Pfn pfn : {0x10, 0x110, 0x310}) own_frame(*machine, pfn, PageKind::anonymous);
  const MemoryFigures found = figures();
  ASSERT_EQ(found.zones.size(), 3U);
  ASSERT_EQ(found.nodes.size(), 2U);
  for (const ZoneFigures& zone : found.zones) EXPECT_EQ(zone.pages.anon_mapped, 1U);
  EXPECT_EQ(found.nodes[0].pages.anon_mapped, 2U);
  EXPECT_EQ(found.nodes[1].pages.anon_mapped, 1U);
  EXPECT_EQ(found.nodes[0].pages.free, found.zones[0].pages.free + found.zones[1].pages.free);
  EXPECT_EQ(found.pages.free, found.nodes[0].pages.free + found.nodes[1].pages.free);
  EXPECT_TRUE(found.numa);
}

TEST_P(FiguresTest, ForARequestLeaveOutZonesThatItCannotHaveSince6_1) {
  machine = make_machine(three_zones(GetParam()));
  const MemoryFigures found = machine->reports.figures_for(kGfpKernel | kGfpDma);
  std::vector<std::string> names;
  for (const ZoneFigures& zone : found.zones) names.push_back(zone.name);
  if (GetParam() >= Release::v6_1) {
    EXPECT_THAT(names, ElementsAre("DMA"));
    EXPECT_EQ(found.nodes.size(), 1U);
    EXPECT_EQ(found.pages.free_pcp, found.zones.front().pages.free_pcp);
  } else {
    EXPECT_THAT(names, ElementsAre("DMA", "Normal", "Normal"));
    EXPECT_EQ(found.nodes.size(), 2U);
  }
}

TEST_P(FiguresTest, NameWhatEachZoneKeepsBackForEachZoneOfTheKernel) {
  Geometry g = worked_example_geometry(GetParam());
  g.zones = {{"DMA", {0, 0x8000}, 0}, {"HighMem", {0x8000, 0x12000}, 0}};
  machine = make_machine(g);
  const MemoryFigures found = figures();
  // For DMA, Normal, HighMem and Movable; two of them have no memory. A ratio of 256.
  EXPECT_THAT(found.zones[0].lowmem_reserve, ElementsAre(0U, 0U, 0xa000U / 256, 0xa000U / 256));
  EXPECT_EQ(found.ram_high, 0xa000U);
  EXPECT_TRUE(found.highmem);
}

TEST_P(FiguresTest, ANodeThatKswapdHasGivenUpIsUnreclaimableSince4_12) {
  NodeState& state = machine->reclaim.lruvecs().state(machine->reclaim.lruvecs().of_zone(0));
  for (const unsigned failures : {kMaxReclaimRetries - 1, kMaxReclaimRetries}) {
    state.kswapd_failures = failures;
    const bool given_up = GetParam() >= Release::v4_12 && failures == kMaxReclaimRetries;
    EXPECT_EQ(figures().nodes.front().all_unreclaimable, given_up) << failures << " failures";
  }
}

}  // namespace
}  // namespace cma
