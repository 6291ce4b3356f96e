// Memory that ends with the last address there is, and requests for nothing.

#include <gtest/gtest.h>

#include "allocator/memblock/memblock.h"

namespace cma {
namespace {

constexpr std::uint64_t kPageBytes = 4096;

// The last 16 frames that have an address.
Geometry last_frames() {
  Geometry g;
  g.memory = {(std::uint64_t{1} << 52) - 16, std::uint64_t{1} << 52};
  g.pageblock_order = 2;
  return g;
}

TEST(LastAddresses, MemoryEndsOneByteBeforeThereAreNone) {
  Memblock memblock(last_frames());
  ASSERT_EQ(memblock.free_bytes_ranges().size(), 1U);
  EXPECT_EQ(memblock.free_bytes_ranges()[0], (ByteRange{~std::uint64_t{0} << 16, ~std::uint64_t{0}}));
  EXPECT_EQ(memblock.free_ranges()[0].end, (std::uint64_t{1} << 52) - 1) << "the last page is not whole";
}

TEST(LastAddresses, AReservationUpToTheEndKeepsTheLastWholePage) {
  Memblock memblock(last_frames());
  const std::uint64_t base = ~std::uint64_t{0} - 3 * kPageBytes;
  memblock.reserve_bytes(base, ~std::uint64_t{0});
  const std::vector<PfnRange> kept = memblock.reserved();
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].start, base / kPageBytes);
  EXPECT_EQ(kept[0].end, ~std::uint64_t{0} / kPageBytes);
}

TEST(LastAddresses, AnAlignmentBeyondTheEndHasNoPlace) {
  Memblock memblock(last_frames());
  BytesWanted wanted{.size = 1, .align = std::uint64_t{1} << 63, .high = ~std::uint64_t{0}, .bottom_up = true};
  EXPECT_FALSE(memblock.find_bytes(wanted)) << "rounding up wraps to 0";
  wanted.align = kPageBytes;
  EXPECT_TRUE(memblock.find_bytes(wanted));
}

TEST(NoMemory, ToMarkIsNothingToDo) {
  Geometry g;
  g.memory = {0, 16};
  g.pageblock_order = 2;
  Memblock memblock(g);
  memblock.mark_nomap(3 * kPageBytes, 0);
  EXPECT_TRUE(memblock.reserved().empty());
  memblock.mark_nomap(3 * kPageBytes, 1);
  EXPECT_EQ(memblock.reserved().size(), 1U);
}

}  // namespace
}  // namespace cma
