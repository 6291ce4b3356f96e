#include "allocator/bitmap/bitmap.h"

#include <gtest/gtest.h>

#include "allocator/base/assert.h"
#include "allocator/base/pfn.h"

namespace cma {
namespace {

// Every bitmap of up to this many bits is searched exhaustively.
#if defined(__SANITIZE_ADDRESS__)
constexpr unsigned kExhaustiveBits = 9;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr unsigned kExhaustiveBits = 9;
#else
constexpr unsigned kExhaustiveBits = 12;
#endif
#else
constexpr unsigned kExhaustiveBits = 12;
#endif

Bitmap bitmap_of(unsigned bits, std::uint64_t content) {
  Bitmap bitmap(bits);
  for (unsigned bit = 0; bit < bits; ++bit)
    if ((content >> bit) & 1) bitmap.set_range(bit, 1);
  return bitmap;
}

// Returns the positions at which `count` zero bits of `content` begin, as a set of bits. Requires count >= 1.
std::uint64_t runs_of_zeros(unsigned bits, std::uint64_t content, unsigned count) {
  if (count > bits) return 0;
  std::uint64_t runs = ~content & ((std::uint64_t{1} << bits) - 1);
  for (unsigned i = 1; i < count; ++i) runs &= runs >> 1;
  return runs;
}

// Returns the positions for which position + offset is a multiple of mask + 1, as a set of bits.
std::uint64_t aligned_positions(unsigned bits, unsigned mask, unsigned offset) {
  std::uint64_t positions = 0;
  for (unsigned bit = 0; bit < bits; ++bit)
    if (((bit + offset) & mask) == 0) positions |= std::uint64_t{1} << bit;
  return positions;
}

// Searches one bitmap with every count and start under one mask and offset; reports the first disagreement.
void check_all_searches(unsigned bits, std::uint64_t content, const Bitmap& bitmap, unsigned mask, unsigned offset) {
  const std::uint64_t aligned = aligned_positions(bits, mask, offset);
  for (unsigned count = 1; count <= bits + 1; ++count) {
    const std::uint64_t fits = runs_of_zeros(bits, content, count) & aligned;
    for (unsigned start = 0; start <= bits; ++start) {
      const std::uint64_t left = start >= bits ? 0 : fits >> start << start;
      const std::uint64_t found = bitmap.find_zero_area(start, count, mask, offset);
      const bool right = left != 0 ? found == lowest_bit(left) : found >= bits;
      ASSERT_TRUE(right) << bits << " bits " << content << ", count " << count << ", mask " << mask << ", offset "
                         << offset << ", start " << start << ": " << found;
    }
  }
}

TEST(BitmapSearch, AgreesWithTheDefinitionForEverySmallBitmap) {
  for (unsigned bits = 1; bits <= kExhaustiveBits; ++bits) {
    // The largest mask exceeds the bitmap: at most one position is aligned then.
    for (std::uint64_t content = 0; content < (std::uint64_t{1} << bits); ++content) {
      const Bitmap bitmap = bitmap_of(bits, content);
      for (unsigned mask = 0; mask < 16; mask = 2 * mask + 1)
        for (unsigned offset = 0; offset <= mask; ++offset) {
          check_all_searches(bits, content, bitmap, mask, offset);
          if (HasFatalFailure()) return;
        }
    }
  }
}

TEST(BitmapSearch, RunsAcrossWordBoundariesAreFound) {
  for (std::uint64_t first : {60U, 62U, 63U, 64U, 65U, 126U, 127U, 128U})
    for (std::uint64_t count : {1U, 2U, 3U, 63U, 64U, 65U, 70U, 128U, 130U}) {
      Bitmap bitmap(320);
      bitmap.set_range(0, 320);
      bitmap.clear_range(first, count);
      EXPECT_EQ(bitmap.find_zero_area(0, count, 0, 0), first);
      EXPECT_GE(bitmap.find_zero_area(0, count + 1, 0, 0), 320U);
      EXPECT_GE(bitmap.find_zero_area(first + 1, count, 0, 0), 320U);
      bitmap.set_range(first + count / 2, 1);
      EXPECT_GE(bitmap.find_zero_area(0, count, 0, 0), 320U);
    }
}

TEST(BitmapSearch, TheLastPartialWordEndsWithTheBitmap) {
  for (std::uint64_t bits : {1U, 63U, 64U, 65U, 127U, 129U}) {
    const Bitmap bitmap(bits);
    EXPECT_EQ(bitmap.find_zero_area(0, bits, 0, 0), 0U);
    EXPECT_GE(bitmap.find_zero_area(0, bits + 1, 0, 0), bits);
    EXPECT_EQ(bitmap.next_set(0, bits), bits);
  }
}

TEST(BitmapSearch, CountsAndMasksOf64BitsFindNothingAndNeverWrap) {
  const Bitmap bitmap(4096);
  const std::uint64_t all = ~std::uint64_t{0};
  for (std::uint64_t count : {std::uint64_t{4097}, std::uint64_t{1} << 32, (std::uint64_t{1} << 32) + 1, all - 1, all})
    for (std::uint64_t start : {0U, 1U, 4095U, 4096U}) {
      EXPECT_GE(bitmap.find_zero_area(start, count, 0, 0), 4096U) << count;
      EXPECT_GE(bitmap.find_zero_area(start, count, 0xff, 3), 4096U) << count;
    }
  EXPECT_EQ(bitmap.find_zero_area(0, 1, all, 0), 0U);
  EXPECT_GE(bitmap.find_zero_area(1, 1, all, 0), 4096U);
  EXPECT_GE(bitmap.find_zero_area(0, 1, all, 1), 4096U);
}

TEST(BitmapSearch, AnEmptyBitmapHasNoRoom) { EXPECT_GE(Bitmap().find_zero_area(0, 1, 0, 0), 0U); }

TEST(Bitmap, SettingAndClearingChangeTheirRangeOnly) {
  for (std::uint64_t start = 0; start < 140; start += 7)
    for (std::uint64_t count : {0U, 1U, 5U, 63U, 64U, 65U}) {
      if (start + count > 200) continue;
      Bitmap set(200);
      set.set_range(start, count);
      Bitmap cleared(200);
      cleared.set_range(0, 200);
      cleared.clear_range(start, count);
      for (std::uint64_t bit = 0; bit < 200; ++bit) {
        const bool inside = bit >= start && bit < start + count;
        EXPECT_EQ(set.test(bit), inside);
        EXPECT_EQ(cleared.test(bit), !inside);
      }
      EXPECT_EQ(set.count_set(), count);
      EXPECT_EQ(cleared.count_set(), 200 - count);
    }
}

TEST(Bitmap, RangesBeyondItsEndAreAnError) {
  Bitmap bitmap(100);
  EXPECT_THROW(bitmap.set_range(99, 2), AssertionFailure);
  EXPECT_THROW(bitmap.clear_range(101, 0), AssertionFailure);
  EXPECT_THROW(bitmap.set_range(1, ~std::uint64_t{0}), AssertionFailure);
  EXPECT_THROW(bitmap.test(100), AssertionFailure);
}

TEST(Bitmap, TheLongestRunOfZerosMayLieAnywhere) {
  Bitmap bitmap(200);
  EXPECT_EQ(bitmap.longest_zero_run(), 200U);
  bitmap.set_range(100, 1);
  EXPECT_EQ(bitmap.longest_zero_run(), 100U);
  bitmap.set_range(10, 1);
  EXPECT_EQ(bitmap.longest_zero_run(), 99U);
  bitmap.set_range(0, 200);
  EXPECT_EQ(bitmap.longest_zero_run(), 0U);
  bitmap.clear_range(199, 1);
  EXPECT_EQ(bitmap.longest_zero_run(), 1U);
}

}  // namespace
}  // namespace cma
