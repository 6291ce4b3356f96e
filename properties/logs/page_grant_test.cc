#include "properties/logs/page_grant.h"

#include <gtest/gtest.h>

namespace cma::logs {
namespace {

// Returns a zone with these figures in kB, and blocks of order 0 to 2: 4 (U), 2 (C), 1 (H).
ZoneReport zone_with(std::uint64_t free, std::uint64_t min, std::uint64_t of_areas) {
  ZoneReport zone;
  zone.name = "Normal";
  zone.has_state = true;
  zone.free = free;
  zone.min = min;
  zone.of_areas = of_areas;
  zone.highatomic = 40;
  zone.reserve = {0, 0, 0, 0};
  zone.blocks = {{4, "U", false}, {2, "C", false}, {1, "H", false}};
  zone.blocks_sum = 48;
  return zone;
}

TEST(PageGrant, CountsWhatTheRequestMayUse) {
  const ZoneReport zone = zone_with(1000, 400, 200);
  const GrantTest kernel = test_grant(zone, {0, kGfpKernel, Release::v4_19}, false);
  EXPECT_EQ(kernel.usable(), 250 - 50 - 10);
  EXPECT_EQ(kernel.needed(), 100);
  EXPECT_TRUE(kernel.enough);
  const GrantTest movable = test_grant(zone, {0, kGfpHighuserMovable, Release::v4_19}, false);
  EXPECT_EQ(movable.usable(), 250 - 10);
}

TEST(PageGrant, LowersTheMarkForAnUrgentRequest) {
  const ZoneReport zone = zone_with(1000, 400, 200);
  const GrantTest old = test_grant(zone, {0, kGfpAtomic, Release::v4_19}, false);
  EXPECT_EQ(old.mark, 38);  // 100, then half, then three quarters of it, rounded up
  EXPECT_EQ(old.highatomic, 0);
  // Since 6.3 only one that cannot wait and is urgent gets the last quarter.
  const GrantTest waits = test_grant(zone, {0, kGfpHigh | kGfpDirectReclaim, Release::v6_6}, false);
  EXPECT_EQ(waits.mark, 50);
  const GrantTest lazy = test_grant(zone, {0, kGfpKswapdReclaim, Release::v6_6}, false);
  EXPECT_EQ(lazy.mark, 100);
}

// Long-term kernels of 5.15 and 6.1 took the rules of 6.3 over, which give more requests the reserve.
TEST(PageGrant, SaysAtMostWhereTheReserveMayCount) {
  const ZoneReport zone = zone_with(1000, 400, 200);
  for (const Release release : {Release::v5_15, Release::v6_1}) {
    const GrantTest lazy = test_grant(zone, {0, kGfpKswapdReclaim, release}, false);
    EXPECT_TRUE(lazy.at_most);
    EXPECT_EQ(lazy.highatomic, 0);
  }
  EXPECT_FALSE(test_grant(zone, {0, kGfpKernel, Release::v6_1}, false).at_most);
  EXPECT_FALSE(test_grant(zone, {0, kGfpKswapdReclaim, Release::v6_6}, false).at_most);
}

TEST(PageGrant, HoldsNoMarkAgainstOneWhoFreesMemoryByIt) {
  const ZoneReport zone = zone_with(1000, 4000, 200);
  EXPECT_FALSE(test_grant(zone, {0, kGfpKernel, Release::v6_1}, false).enough);
  EXPECT_TRUE(test_grant(zone, {0, kGfpKernel | kGfpMemalloc, Release::v6_1}, false).enough);
  EXPECT_FALSE(test_grant(zone, {0, kGfpKernel | kGfpMemalloc | kGfpNomemalloc, Release::v6_1}, false).enough);
}

TEST(PageGrant, TakesBlocksOfItsListsOnly) {
  const ZoneReport zone = zone_with(1000, 4, 0);
  const GrantTest kernel = test_grant(zone, {1, kGfpKernel, Release::v4_19}, false);
  EXPECT_TRUE(kernel.enough);
  EXPECT_EQ(kernel.block_order, std::nullopt);
  EXPECT_EQ(kernel.blocks_of_areas, 2U);
  EXPECT_EQ(test_grant(zone, {1, kGfpHighuserMovable, Release::v4_19}, false).block_order, 1U);
  EXPECT_EQ(test_grant(zone, {1, kGfpAtomic, Release::v4_19}, false).block_order, 2U);
}

TEST(PageGrant, TakesSinglePagesOfTheUrgentReserveSince63) {
  ZoneReport zone = zone_with(1000, 4, 0);
  zone.blocks[0].letters = "HC";
  EXPECT_EQ(test_grant(zone, {0, kGfpAtomic, Release::v4_19}, false).block_order, std::nullopt);
  EXPECT_EQ(test_grant(zone, {0, kGfpAtomic, Release::v6_6}, false).block_order, 0U);
  EXPECT_EQ(test_grant(zone, {0, kGfpKernel, Release::v6_6}, false).block_order, std::nullopt);
  // One that cannot wait and is not urgent may have single pages of it only.
  EXPECT_EQ(test_grant(zone, {0, kGfpKswapdReclaim, Release::v6_6}, false).block_order, 0U);
  zone.blocks[0].count = 0;
  EXPECT_EQ(test_grant(zone, {1, kGfpKswapdReclaim, Release::v6_6}, false).block_order, std::nullopt);
}

TEST(PageGrant, KeepsTheReserveOfItsCeiling) {
  ZoneReport zone = zone_with(1000, 4, 0);
  zone.name = "DMA";
  zone.reserve = {0, 7, 11, 11};
  EXPECT_EQ(test_grant(zone, {0, kGfpKernel | kGfpDma, Release::v6_1}, false).reserve, 0);
  EXPECT_EQ(test_grant(zone, {0, kGfpKernel | kGfpDma32, Release::v6_1}, false).reserve, 7);
  EXPECT_EQ(test_grant(zone, {0, kGfpKernel, Release::v6_1}, false).reserve, 11);
  // With high memory the zones are DMA, Normal, HighMem, Movable.
  EXPECT_EQ(test_grant(zone, {0, kGfpKernel, Release::v6_1}, true).reserve, 7);
}

TEST(PageGrant, UsesZonesUpToItsCeiling) {
  EXPECT_TRUE(may_use_zone(kGfpKernel, "Node 0 DMA32"));
  EXPECT_FALSE(may_use_zone(kGfpKernel, "HighMem"));
  EXPECT_FALSE(may_use_zone(kGfpKernel | kGfpDma, "Normal"));
  EXPECT_TRUE(may_use_zone(kGfpHighuserMovable, "Node 1 Movable"));
}

}  // namespace
}  // namespace cma::logs
