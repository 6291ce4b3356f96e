#include "allocator/areas/bit_arithmetic.h"

#include <gtest/gtest.h>

#include "allocator/bitmap/bitmap.h"

namespace cma {
namespace {

struct AlignmentCase {
  Pfn base;
  unsigned align;
  unsigned order_per_bit;
  std::uint64_t mask;
  std::uint64_t offset;
};

constexpr AlignmentCase kAlignment[] = {
    {0x10000, 8, 0, 0xff, 0},        //
    {0x10000, 0, 0, 0, 0},           //
    {0x10000, 3, 3, 0, 0},           // align equal to the bit
    {0x10000, 2, 3, 0, 0},           // finer than a bit
    {0x10000, 5, 3, 3, 0},           //
    {0x10400, 12, 0, 0xfff, 0x400},  // aligned coarser than the area's base
    {0x10400, 12, 1, 0x7ff, 0x200},
    {0x8f000, 16, 0, 0xffff, 0xf000},
    {0xffffffff, 64, 0, ~std::uint64_t{0}, 0xffffffff},
    {0xffffffff, 70, 3, ~std::uint64_t{0}, 0x1fffffff},
};

TEST(BitArithmetic, MaskAndOffsetAreInBits) {
  BugSet none;
  for (const AlignmentCase& c : kAlignment) {
    EXPECT_EQ(bitmap_aligned_mask(c.align, c.order_per_bit, none), c.mask) << c.base << " " << c.align;
    EXPECT_EQ(bitmap_aligned_offset(c.base, c.align, c.order_per_bit, none), c.offset) << c.base << " " << c.align;
  }
}

TEST(BitArithmetic, AnAlignedBitIsAnAlignedFrame) {
  BugSet none;
  for (unsigned order_per_bit = 0; order_per_bit < 4; ++order_per_bit)
    for (unsigned align = order_per_bit; align < 10; ++align)
      for (Pfn base = 0x400; base < 0x1000; base += 0x100) {
        const std::uint64_t mask = bitmap_aligned_mask(align, order_per_bit, none);
        const std::uint64_t offset = bitmap_aligned_offset(base, align, order_per_bit, none);
        const std::uint64_t bit = Bitmap(4096).find_zero_area(1, 1, mask, offset);
        EXPECT_TRUE(is_aligned(base + (bit << order_per_bit), order_pages(align))) << base << " " << align;
      }
}

TEST(BitArithmetic, PagesRoundUpToWholeBits) {
  for (std::uint64_t pages = 0; pages < 100; ++pages)
    for (unsigned order = 0; order < 5; ++order)
      EXPECT_EQ(bitmap_pages_to_bits(pages, order), (pages + order_pages(order) - 1) / order_pages(order));
  EXPECT_EQ(bitmap_pages_to_bits((std::uint64_t{1} << 33) + 1, 1), (std::uint64_t{1} << 32) + 1);
}

TEST(BitArithmeticBugs, MaskExponentShiftsTheExponent) {
  BugSet bugs;
  bugs.switch_on(Bug::mask_exponent);
  EXPECT_EQ(bitmap_aligned_mask(8, 2, bugs), 3U);  // 1 << (8 >> 2) instead of 1 << (8 - 2)
  EXPECT_EQ(bugs.times_reached(Bug::mask_exponent), 1U);
  EXPECT_EQ(bitmap_aligned_mask(8, 0, bugs), 0xffU);  // right where a bit is a page
  EXPECT_EQ(bugs.times_reached(Bug::mask_exponent), 1U);
}

TEST(BitArithmeticBugs, OffsetUpwardIsTheDistanceToTheNextBoundary) {
  BugSet bugs;
  bugs.switch_on(Bug::offset_upward);
  EXPECT_EQ(bitmap_aligned_offset(0x10400, 12, 0, bugs), 0xc00U);
  EXPECT_EQ(bugs.times_reached(Bug::offset_upward), 1U);
  EXPECT_EQ(bitmap_aligned_offset(0x10800, 12, 0, bugs), 0x800U);  // half way, both agree
  EXPECT_EQ(bitmap_aligned_offset(0x11000, 12, 0, bugs), 0U);
  EXPECT_EQ(bugs.times_reached(Bug::offset_upward), 1U);
}

TEST(BitArithmeticBugs, MaskExponentMayShiftBeyondAWord) {
  BugSet bugs;
  bugs.switch_on(Bug::mask_exponent);
  EXPECT_EQ(bitmap_aligned_mask(130, 1, bugs), ~std::uint64_t{0});  // 1 << (130 >> 1)
  EXPECT_EQ(bitmap_aligned_mask(126, 1, bugs), ~std::uint64_t{0} >> 1);
}

TEST(BitArithmeticBugs, OffsetUpwardDoesNothingToAnAlignmentWithinABit) {
  BugSet bugs;
  bugs.switch_on(Bug::offset_upward);
  EXPECT_EQ(bitmap_aligned_offset(0x10401, 3, 4, bugs), 0U);
  EXPECT_EQ(bugs.times_reached(Bug::offset_upward), 0U);
}

}  // namespace
}  // namespace cma
