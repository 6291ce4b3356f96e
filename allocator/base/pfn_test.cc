#include "allocator/base/pfn.h"

#include <gtest/gtest.h>

namespace cma {
namespace {

TEST(Pfn, AlignmentRoundsToMultiplesOfTheUnit) {
  for (std::uint64_t unit = 1; unit <= 64; unit *= 2)
    for (std::uint64_t x = 0; x <= 200; ++x) {
      EXPECT_EQ(align_down(x, unit), x / unit * unit);
      EXPECT_EQ(align_up(x, unit), (x + unit - 1) / unit * unit);
      EXPECT_EQ(is_aligned(x, unit), x % unit == 0);
    }
}

TEST(Pfn, AligningUpWrapsAtTheTopOfTheRange) {
  EXPECT_EQ(align_up(~std::uint64_t{0}, 2), 0U);
  EXPECT_EQ(align_up(~std::uint64_t{0}, 1), ~std::uint64_t{0});
  EXPECT_EQ(align_down(~std::uint64_t{0}, 1024), ~std::uint64_t{0} - 1023);
}

TEST(Pfn, PowersOfTwoHaveOneBit) {
  EXPECT_FALSE(is_power_of_two(0));
  for (unsigned bit = 0; bit < 64; ++bit) {
    const std::uint64_t power = std::uint64_t{1} << bit;
    EXPECT_TRUE(is_power_of_two(power));
    EXPECT_EQ(floor_log2(power), bit);
    EXPECT_EQ(lowest_bit(power), bit);
    if (bit > 0) {
      EXPECT_FALSE(is_power_of_two(power | 1));
      EXPECT_EQ(floor_log2(power | 1), bit);
      EXPECT_EQ(lowest_bit(power | 1), 0U);
    }
  }
}

TEST(Pfn, ABlockAndItsBuddyFormTheBlockOfTheNextOrder) {
  for (unsigned order = 0; order < 6; ++order)
    for (Pfn pfn = 0; pfn < 256; pfn += order_pages(order)) {
      const Pfn buddy = buddy_pfn(pfn, order);
      EXPECT_EQ(buddy_pfn(buddy, order), pfn);
      EXPECT_EQ(pfn > buddy ? pfn - buddy : buddy - pfn, order_pages(order));
      EXPECT_EQ(pfn & buddy, align_order(pfn, order + 1));
    }
}

TEST(PfnRange, RangesThatTouchDoNotOverlap) {
  const PfnRange range{4, 8};
  EXPECT_EQ(range.pages(), 4U);
  EXPECT_FALSE(range.contains(3));
  EXPECT_TRUE(range.contains(4));
  EXPECT_TRUE(range.contains(7));
  EXPECT_FALSE(range.contains(8));
  EXPECT_FALSE(range.overlaps({0, 4}));
  EXPECT_TRUE(range.overlaps({0, 5}));
  EXPECT_TRUE(range.overlaps({5, 6}));
  EXPECT_TRUE(range.overlaps({7, 9}));
  EXPECT_FALSE(range.overlaps({8, 9}));
}

}  // namespace
}  // namespace cma
