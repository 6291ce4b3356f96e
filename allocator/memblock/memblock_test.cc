#include "allocator/memblock/memblock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "allocator/base/assert.h"

namespace cma {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Geometry geometry_with_a_hole() {
  Geometry g;
  g.memory = {0, 1024};
  g.holes = {{100, 110}};
  g.reserved = {{0, 16}};
  return g;
}

TEST(Memblock, BootKeepsTheReservationsOfTheGeometry) {
  const Memblock memblock(geometry_with_a_hole());
  EXPECT_THAT(memblock.reserved(), ElementsAre(PfnRange{0, 16}));
  EXPECT_THAT(memblock.free_ranges(), ElementsAre(PfnRange{16, 100}, PfnRange{110, 1024}));
}

TEST(Memblock, MemoryOutsideEveryZoneIsNotFree) {
  Geometry g;
  g.memory = {0, 1024};
  g.zones = {{"DMA", {8, 64}}, {"Normal", {128, 1000}}};
  EXPECT_THAT(Memblock(g).free_ranges(), ElementsAre(PfnRange{8, 64}, PfnRange{128, 1000}));
}

TEST(Memblock, ReservationsThatTouchOrOverlapBecomeOne) {
  Memblock memblock(geometry_with_a_hole());
  memblock.reserve({20, 30});
  memblock.reserve({40, 50});
  memblock.reserve({30, 35});
  EXPECT_THAT(memblock.reserved(), ElementsAre(PfnRange{0, 16}, PfnRange{20, 35}, PfnRange{40, 50}));
  memblock.reserve({10, 45});
  EXPECT_THAT(memblock.reserved(), ElementsAre(PfnRange{0, 50}));
}

TEST(Memblock, ReservedMeansEveryPageAndIntersectsMeansAny) {
  Memblock memblock(geometry_with_a_hole());
  memblock.reserve({200, 300});
  EXPECT_TRUE(memblock.is_region_reserved({200, 300}));
  EXPECT_TRUE(memblock.is_region_reserved({250, 260}));
  EXPECT_FALSE(memblock.is_region_reserved({199, 201}));
  EXPECT_FALSE(memblock.is_region_reserved({299, 301}));
  EXPECT_TRUE(memblock.is_region_intersects_reserved({199, 201}));
  EXPECT_TRUE(memblock.is_region_intersects_reserved({299, 301}));
  EXPECT_FALSE(memblock.is_region_intersects_reserved({100, 200}));
  EXPECT_FALSE(memblock.is_region_intersects_reserved({300, 400}));
}

TEST(Memblock, FreeingCutsReservations) {
  Memblock memblock(geometry_with_a_hole());
  memblock.reserve({200, 300});
  memblock.free({220, 240});
  EXPECT_THAT(memblock.reserved(), ElementsAre(PfnRange{0, 16}, PfnRange{200, 220}, PfnRange{240, 300}));
  memblock.free({0, 1024});
  EXPECT_THAT(memblock.reserved(), IsEmpty());
}

struct Placement {
  std::uint64_t pages;
  std::uint64_t align;
  Pfn low;
  Pfn high;
  Pfn top_down;
  Pfn bottom_up;
};

TEST(Memblock, AllocationTakesTheHighestOrTheLowestPlaceThatFits) {
  constexpr Placement kPlacements[] = {
      {64, 64, 0, 1024, 960, 128},       // 0 is reserved, 64 runs into the hole
      {64, 64, 0, 1000, 896, 128},       //
      {84, 1, 0, 101, 16, 16},           // exactly between reservation and hole
      {85, 1, 0, 110, kNoPfn, kNoPfn},   // one page too many
      {1, 1, 100, 110, kNoPfn, kNoPfn},  // the hole
      {914, 1, 0, 1024, 110, 110},       // all that lies above the hole
      {1024, 1024, 0, 1024, kNoPfn, kNoPfn},
      {64, 512, 1, 1024, 512, 512},        //
      {4, 4, 2000, 3000, kNoPfn, kNoPfn},  // outside the memory
      {4, 4, 500, 400, kNoPfn, kNoPfn},    // an empty window
      {0, 4, 0, 1024, kNoPfn, kNoPfn},
      {64, 64, 0, 0xffffffff, 960, 128},  // clipped to the memory
  };
  for (const Placement& p : kPlacements) {
    Memblock top(geometry_with_a_hole());
    EXPECT_EQ(top.alloc_range(p.pages, p.align, p.low, p.high, false), p.top_down) << p.pages << " in " << p.low;
    Memblock bottom(geometry_with_a_hole());
    EXPECT_EQ(bottom.alloc_range(p.pages, p.align, p.low, p.high, true), p.bottom_up) << p.pages << " in " << p.low;
    if (p.top_down != kNoPfn) {
      EXPECT_TRUE(top.is_region_reserved({p.top_down, p.top_down + p.pages}));
    }
  }
}

TEST(Memblock, AllocationsNeverOverlap) {
  Memblock memblock(geometry_with_a_hole());
  std::vector<PfnRange> taken;
  for (Pfn base = 0; (base = memblock.alloc_range(32, 32, 0, 1024, false)) != kNoPfn;) {
    const PfnRange range{base, base + 32};
    for (const PfnRange& other : taken) EXPECT_FALSE(range.overlaps(other));
    taken.push_back(range);
  }
  EXPECT_EQ(taken.size(), 30U);  // 32 places, less the one of the reservation and the one of the hole
}

TEST(Memblock, AnEmptyReservationIsAnError) {
  Memblock memblock(geometry_with_a_hole());
  EXPECT_THROW(memblock.reserve({5, 5}), AssertionFailure);
}

TEST(MemblockAlloc, WithinALimitThereMayBeNoAlignedRange) {
  Geometry g;
  g.memory = {16, 64};
  Memblock memblock(g);
  EXPECT_EQ(memblock.alloc_range(8, 32, 0, 36, false), kNoPfn) << "32 is aligned, and 40 is beyond the limit";
  EXPECT_EQ(memblock.alloc_range(8, 32, 0, 40, false), 32U);
}

TEST(Memblock, AReservationBeyondMemoryMakesNoMemoryFree) {
  Geometry g;
  g.memory = {16, 64};
  Memblock memblock(g);
  memblock.reserve({32, 40});
  memblock.reserve({96, 128});
  EXPECT_THAT(memblock.free_ranges(), ElementsAre(PfnRange{16, 32}, PfnRange{40, 64}));
}

}  // namespace
}  // namespace cma
