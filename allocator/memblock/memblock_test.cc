#include "allocator/memblock/memblock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

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

// --- bytes ---

constexpr std::uint64_t kPage = 4096;

Geometry plain_geometry() {
  Geometry g;
  g.memory = {0, 1024};
  return g;
}

TEST(MemblockBytes, APageOfWhichAByteIsReservedIsNotFree) {
  Memblock memblock(plain_geometry());
  memblock.reserve_bytes(16 * kPage + 100, 1);
  memblock.reserve_bytes(20 * kPage - 1, 2);
  EXPECT_THAT(memblock.reserved(), ElementsAre(PfnRange{16, 17}, PfnRange{19, 21}));
  EXPECT_THAT(memblock.free_ranges(), ElementsAre(PfnRange{0, 16}, PfnRange{17, 19}, PfnRange{21, 1024}));
  EXPECT_TRUE(memblock.any_reserved(16 * kPage + 100, 1));
  EXPECT_FALSE(memblock.any_reserved(16 * kPage, 100)) << "the bytes below";
  EXPECT_FALSE(memblock.is_region_reserved({16, 17})) << "a byte of its 4096";
}

TEST(MemblockBytes, SmallRequestsSharePages) {
  Memblock memblock(plain_geometry());
  EXPECT_EQ(memblock.alloc_bytes({.size = 64, .align = 64}), 1024 * kPage - 64);
  EXPECT_EQ(memblock.alloc_bytes({.size = 100, .align = 64}), 1024 * kPage - 192);
  EXPECT_THAT(memblock.reserved(), ElementsAre(PfnRange{1023, 1024}));
}

TEST(MemblockBytes, AnAlignmentThatIsNoPowerOfTwoIsUsedAsTheKernelUsesIt) {
  Memblock memblock(plain_geometry());
  // 0x400000 - 0x1000 with the bits of 0x2fff taken away.
  EXPECT_EQ(memblock.find_bytes({.size = 0x1000, .align = 0x3000}), 0x3fd000U);
}

TEST(MemblockBytes, TheFirstPageIsNeverFound) {
  Memblock memblock(plain_geometry());
  EXPECT_EQ(memblock.alloc_range(1024, 1, 0, 1024, false), kNoPfn);
  EXPECT_EQ(memblock.alloc_range(1023, 1, 0, 1024, false), 1U);
  EXPECT_EQ(memblock.find_bytes({.size = 1}), std::nullopt);
}

TEST(MemblockBytes, ASizeOfNothingFindsAPlaceAndReservesNothing) {
  Memblock memblock(plain_geometry());
  EXPECT_EQ(memblock.alloc_bytes({.size = 0, .align = 64}), 1024 * kPage);
  EXPECT_THAT(memblock.reserved(), IsEmpty());
}

TEST(MemblockBytes, AReservationEndsWhereAddressesEnd) {
  Geometry g = plain_geometry();
  g.phys_addr_bits = 32;
  Memblock memblock(g);
  memblock.reserve_bytes(0xfffff000, 0x2000);
  EXPECT_THAT(memblock.reserved_bytes(), ElementsAre(ByteRange{0xfffff000, 0xffffffff}));
  memblock.reserve_bytes(0x1000, 0);
  EXPECT_EQ(memblock.reserved_bytes().size(), 1U) << "nothing is reserved";
}

TEST(MemblockBytes, WhatIsTakenOutOfMemoryIsNotFoundUntilItComesBack) {
  Memblock memblock(plain_geometry());
  memblock.remove(512 * kPage, 512 * kPage + 100 * kPage);
  EXPECT_FALSE(memblock.any_memory(600 * kPage, 1));
  EXPECT_EQ(memblock.pages_of_bytes(), 512U);
  EXPECT_EQ(memblock.alloc_range(16, 1, 0, 1024, false), 496U);
  memblock.add_again(512 * kPage, 612 * kPage);
  EXPECT_TRUE(memblock.any_memory(600 * kPage, 1));
  EXPECT_EQ(memblock.pages_of_bytes(), 1024U) << "the pages beyond memory are none";
}

TEST(MemblockBytes, UnmappedMemoryIsStillMemoryAndNotFree) {
  Memblock memblock(plain_geometry());
  memblock.mark_nomap(1000 * kPage, 24 * kPage);
  EXPECT_TRUE(memblock.any_memory(1000 * kPage, 1));
  EXPECT_EQ(memblock.pages_of_bytes(), 1024U);
  EXPECT_THAT(memblock.free_ranges(), ElementsAre(PfnRange{0, 1000}));
  EXPECT_THAT(memblock.reserved(), ElementsAre(PfnRange{1000, 1024})) << "boot keeps it";
  EXPECT_FALSE(memblock.any_reserved(1000 * kPage, 1));
  memblock.clear_nomap(1000 * kPage, 24 * kPage);
  EXPECT_THAT(memblock.free_ranges(), ElementsAre(PfnRange{0, 1024}));
}

TEST(MemblockBytes, MemoryIsCountedInWholePagesOfEachRangeOrInAllBytes) {
  Memblock memblock(plain_geometry());
  memblock.remove(100 * kPage + 10, 20);
  EXPECT_EQ(memblock.pages_of_ranges(), 1023U);
  EXPECT_EQ(memblock.pages_of_bytes(), 1023U);
  memblock.remove(200 * kPage + 10, kPage - 20);
  EXPECT_EQ(memblock.pages_of_ranges(), 1022U);
  EXPECT_EQ(memblock.pages_of_bytes(), 1023U) << "what is left of the two is a page";
}

TEST(MemblockNodes, ARequestForANodeLiesInItsMemory) {
  Geometry g = plain_geometry();
  g.zones = {{"Normal", {0, 512}, 0}, {"Normal", {512, 1024}, 1}};
  Memblock memblock(g);
  EXPECT_EQ(memblock.alloc_range(16, 16, 0, 1024, false, 0U), 496U);
  EXPECT_EQ(memblock.alloc_range(16, 16, 0, 1024, false, 1U), 1008U);
  EXPECT_EQ(memblock.alloc_range(16, 16, 0, 1024, true, 1U), 512U);
  EXPECT_EQ(memblock.alloc_range(512, 1, 0, 1024, false, 1U), kNoPfn) << "the node has less left";
  EXPECT_EQ(memblock.alloc_range(16, 16, 0, 1024, false, 2U), kNoPfn) << "there is no such node";
}

// A memory of 16 pages of which each byte is known.
class ByteMap {
 public:
  enum Mark : unsigned char { kReserved = 1, kRemoved = 2, kNomap = 4 };
  static constexpr std::uint64_t kSize = 16 * kPage;

  void set(std::uint64_t base, std::uint64_t size, Mark mark, bool on) {
    for (std::uint64_t byte = base; byte < std::min(kSize, base + size); ++byte)
      bytes_[byte] = static_cast<unsigned char>(on ? bytes_[byte] | mark : bytes_[byte] & ~mark);
  }
  bool is_free(std::uint64_t base, std::uint64_t size) const {
    return std::all_of(bytes_.begin() + static_cast<std::ptrdiff_t>(base),
                       bytes_.begin() + static_cast<std::ptrdiff_t>(base + size),
                       [](unsigned char b) { return b == 0; });
  }
  // Returns the highest or lowest place, by looking at each.
  std::optional<std::uint64_t> place(const BytesWanted& wanted) const {
    std::optional<std::uint64_t> found;
    const std::uint64_t high = std::min(wanted.high, kSize);
    for (std::uint64_t base = align_up(std::max(wanted.low, kPage), wanted.align); base + wanted.size <= high;
         base += wanted.align) {
      if (!is_free(base, wanted.size)) continue;
      found = base;
      if (wanted.bottom_up) break;
    }
    return found;
  }

 private:
  std::vector<unsigned char> bytes_ = std::vector<unsigned char>(kSize, 0);
};

TEST(MemblockBytes, AnyMixtureOfCallsAgreesWithAMapOfBytes) {
  std::uint64_t state = 17;
  const auto below = [&](std::uint64_t end) {
    state = state * 6364136223846793005 + 1442695040888963407;
    return (state >> 33) % end;
  };
  for (int round = 0; round < 20; ++round) {
    Geometry g;
    g.memory = {0, 16};
    g.pageblock_order = 2;
    Memblock memblock(g);
    ByteMap map;
    for (int step = 0; step < 40; ++step) {
      const std::uint64_t base = below(ByteMap::kSize);
      const std::uint64_t size = 1 + below(3 * kPage);
      const BytesWanted wanted{.size = size,
                               .align = order_pages(static_cast<unsigned>(below(14))),
                               .low = base,
                               .high = base + below(ByteMap::kSize),
                               .bottom_up = below(2) == 0};
      std::optional<std::uint64_t> place;
      switch (below(8)) {
        case 0:
          memblock.reserve_bytes(base, size / 8 + 1);
          map.set(base, size / 8 + 1, ByteMap::kReserved, true);
          break;
        case 1:
          memblock.free_bytes(base, size);
          map.set(base, size, ByteMap::kReserved, false);
          break;
        case 2:
          memblock.remove(base, size / 8 + 1);
          map.set(base, size / 8 + 1, ByteMap::kRemoved, true);
          break;
        case 3:
          memblock.add_again(base, size);
          map.set(base, size, ByteMap::kRemoved, false);
          break;
        case 4:
          memblock.mark_nomap(base, size / 8 + 1);
          map.set(base, size / 8 + 1, ByteMap::kNomap, true);
          break;
        case 5:
          memblock.clear_nomap(base, size);
          map.set(base, size, ByteMap::kNomap, false);
          break;
        default:
          place = map.place(wanted);
          ASSERT_EQ(memblock.alloc_bytes(wanted), place) << "round " << round << ", step " << step;
          if (place) map.set(*place, size, ByteMap::kReserved, true);
      }
      for (const PfnRange& range : memblock.free_ranges())
        ASSERT_TRUE(map.is_free(range.start * kPage, range.pages() * kPage)) << "round " << round << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace cma
