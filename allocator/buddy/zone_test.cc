#include "allocator/buddy/zone.h"

#include <gtest/gtest.h>

#include "allocator/machine_testing.h"

namespace cma {
namespace {

TEST(ZoneKinds, KindsAreInTheKernelsOrder) {
  const char* const names[] = {"DMA", "DMA32", "Normal", "HighMem", "Movable"};
  for (std::size_t i = 0; i < std::size(names); ++i)
    EXPECT_EQ(static_cast<std::size_t>(zone_kind_from_name(names[i])), i) << names[i];
  EXPECT_EQ(zone_kind_from_name("Device"), ZoneKind::other);
}

TEST(Zones, AZoneOfAnotherNameServesOnlyHighMovableRequests) {
  Geometry g = tiny_geometry(Release::v6_1);
  g.zones = {{"Normal", {0, 32}}, {"Device", {32, 64}}};
  const std::unique_ptr<Machine> machine = make_machine(g);
  EXPECT_EQ(machine->buddy.zone(1).kind, ZoneKind::other);
  EXPECT_EQ(machine->buddy.zone_ceiling(kGfpHighuserMovable), 1U);
  EXPECT_EQ(machine->buddy.zone_ceiling(kGfpKernel | kGfpHighmem), 0U);
  EXPECT_EQ(machine->buddy.zone_ceiling(kGfpKernel), 0U);
}

TEST(Zones, AMachineWithoutTheZoneAskedForTakesNormalForIt) {
  Geometry g = tiny_geometry(Release::v6_1);
  g.zones = {{"DMA32", {0, 32}}, {"Normal", {32, 64}}};
  const std::unique_ptr<Machine> without_dma = make_machine(g);
  EXPECT_EQ(without_dma->buddy.zone_ceiling(kGfpKernel | kGfpDma), 1U);
  EXPECT_EQ(without_dma->buddy.zone_ceiling(kGfpKernel | kGfpDma | kGfpMovable), 1U);
  EXPECT_EQ(without_dma->buddy.zone_ceiling(kGfpKernel | kGfpDma32), 0U);
  g.zones = {{"DMA", {0, 32}}, {"HighMem", {32, 64}}};
  const std::unique_ptr<Machine> without_normal = make_machine(g);
  EXPECT_EQ(without_normal->buddy.zone_ceiling(kGfpKernel), 0U);
  EXPECT_EQ(without_normal->buddy.zone_ceiling(kGfpKernel | kGfpDma32), 0U);
  EXPECT_EQ(without_normal->buddy.zone_ceiling(kGfpUser | kGfpHighmem), 1U);
}

TEST(Zones, CountingAreaPagesChangesBothCounters) {
  Zone zone;
  zone.mod_freepage_state(8, Migratetype::cma);
  zone.mod_freepage_state(-2, Migratetype::movable);
  EXPECT_EQ(zone.nr_free_pages, 6);
  EXPECT_EQ(zone.nr_free_cma, 8);
}

// Two nodes: DMA32 and Normal, and Normal alone.
Geometry two_nodes(Release release) {
  Geometry g = tiny_geometry(release);
  g.zones = {{"DMA32", {0, 16}}, {"Normal", {16, 32}}, {"Normal", {32, 64}, 1}};
  return g;
}

std::vector<std::pair<unsigned, unsigned>> tried(const Buddy& buddy, Gfp gfp, unsigned node) {
  std::vector<std::pair<unsigned, unsigned>> zones;
  for (const auto& [zone, ceiling] : buddy.zonelist(gfp, node)) zones.emplace_back(zone, ceiling);
  return zones;
}

TEST(Nodes, ARequestGoesDownTheZonesOfItsNodeAndThenToOthers) {
  const std::unique_ptr<Machine> machine = make_machine(two_nodes(Release::v6_1));
  using Tried = std::vector<std::pair<unsigned, unsigned>>;
  EXPECT_EQ(tried(machine->buddy, kGfpKernel, 0), (Tried{{1, 1}, {0, 1}, {2, 2}}));
  EXPECT_EQ(tried(machine->buddy, kGfpKernel, 1), (Tried{{2, 2}, {1, 1}, {0, 1}}));
  EXPECT_EQ(tried(machine->buddy, kGfpKernel | kGfpDma32, 1), (Tried{{0, 0}})) << "node 1 has no such zone";
  EXPECT_EQ(machine->buddy.zone_title(1), "Normal of node 0");
  EXPECT_EQ(machine->buddy.zone_title(2), "Normal of node 1");
  EXPECT_EQ(machine->buddy.zone_name(2), "Normal");
}

TEST(Nodes, AMachineOfOneNodeTriesAllZonesUpToTheCeiling) {
  Geometry g = tiny_geometry(Release::v6_1);
  g.zones = {{"DMA32", {0, 32}}, {"Normal", {32, 64}}};
  const std::unique_ptr<Machine> machine = make_machine(g);
  EXPECT_EQ(tried(machine->buddy, kGfpKernel, 0).size(), 2U);
  EXPECT_EQ(machine->buddy.zone_title(1), "Normal");
}

TEST(Nodes, LowerZonesKeepMemoryFromHigherOnesOfTheirNodeOnly) {
  Geometry g;
  g.memory = {0, 0x18000};
  g.zones = {{"DMA32", {0, 0x8000}}, {"Normal", {0x8000, 0x10000}}, {"Normal", {0x10000, 0x18000}, 1}};
  const std::unique_ptr<Machine> machine = make_machine(g);
  EXPECT_EQ(machine->buddy.zone(0).lowmem_reserve[1], 0x8000U / 256);
  EXPECT_EQ(machine->buddy.zone(0).lowmem_reserve[2], 0U);
  EXPECT_EQ(machine->buddy.zone(1).lowmem_reserve[2], 0U);
}

TEST(Nodes, PagesComeFromNode0UntilItIsExhausted) {
  for (const Release release : kComparedReleases) {
    const std::unique_ptr<Machine> machine = make_machine(two_nodes(release));
    std::vector<unsigned> nodes;
    for (int i = 0; i < 3; ++i) nodes.push_back(machine->buddy.zone_of(machine->buddy.alloc_pages(kGfpKernel, 4)).node);
    EXPECT_EQ(nodes, (std::vector<unsigned>{0, 0, 1})) << name_of(release);
    EXPECT_EQ(machine->buddy.zone_of(machine->buddy.alloc_pages(kGfpKernel, 4, 1)).node, 1U);
    EXPECT_EQ(machine->buddy.alloc_pages(kGfpKernel, 4), kNoPfn);
  }
}

TEST(Nodes, ThisnodeKeepsARequestOnItsNode) {
  for (const Release release : kComparedReleases) {
    const std::unique_ptr<Machine> machine = make_machine(two_nodes(release));
    for (const unsigned node : {0U, 0U, 1U})
      EXPECT_EQ(machine->buddy.zone_of(machine->buddy.alloc_pages(kGfpKernel | kGfpThisnode, 4, node)).node, node);
    EXPECT_EQ(machine->buddy.alloc_pages(kGfpKernel | kGfpThisnode, 4), kNoPfn) << name_of(release);
    EXPECT_NE(machine->buddy.alloc_pages(kGfpKernel, 4), kNoPfn) << "node 1 has a block";
  }
}

// GFP_THISNODE of slab up to 4.0: another node's memory costs less than what lies below the low watermark.
TEST(Nodes, UpTo40SlabsRequestsForANodeLeaveTheLowWatermark) {
  for (const Release release : {Release::v3_6, Release::v4_9}) {
    const std::unique_ptr<Machine> machine = make_machine(two_nodes(release));
    for (std::size_t z = 0; z < machine->buddy.zones(); ++z) machine->buddy.zone(z).watermark = {0, 1000, 2000};
    const Gfp slabs = kGfpThisnode | kGfpNoretry | kGfpNowarn;
    EXPECT_EQ(machine->buddy.alloc_pages(kGfpKernel | slabs, 0) != kNoPfn, release >= Release::v4_1)
        << name_of(release);
    EXPECT_NE(machine->buddy.alloc_pages(kGfpKernel | kGfpThisnode, 0), kNoPfn) << name_of(release);
  }
}

// All CPUs are of node 0, and all memory is of another one: requests of any node are served.
TEST(Zones, TheOnlyNodeWithMemoryMayHaveAnyNumber) {
  Geometry g = tiny_geometry(Release::v6_1);
  g.zones = {{"DMA32", {0, 32}, 1}, {"Normal", {32, 64}, 1}};
  const std::unique_ptr<Machine> machine = make_machine(g);
  EXPECT_EQ(machine->buddy.zone_ceiling(kGfpKernel), 1U);
  EXPECT_EQ(machine->buddy.zone_ceiling(kGfpKernel | kGfpDma32), 0U);
  EXPECT_NE(machine->buddy.alloc_pages(kGfpKernel, 0), kNoPfn);
}

}  // namespace
}  // namespace cma
