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

}  // namespace
}  // namespace cma
