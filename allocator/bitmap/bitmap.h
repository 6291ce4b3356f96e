// The allocation bitmap of an area, and its aligned search for a run of zero bits (bitmap_find_next_zero_area_off). It
// knows bits only: what a bit stands for is the matter of its area (areas/bit_arithmetic.h).
//
// Bits are stored in 64-bit words and scanned by the word: one pass costs O(words), a search O(words + runs of set
// bits). The bitmap takes no lock: its area's cma->lock protects it, up to 3.15 cma_mutex.
#pragma once

#include <cstdint>
#include <vector>

#include "allocator/base/assert.h"

namespace cma {

class Bitmap {
 public:
  // Makes a bitmap of no bits.
  Bitmap() = default;
  // Makes a bitmap of `bits` zero bits.
  explicit Bitmap(std::uint64_t bits) : bits_(bits), words_((bits + 63) / 64, 0) {}

  std::uint64_t size() const { return bits_; }
  // Returns whether the bit is set. Requires: bit < size().
  bool test(std::uint64_t bit) const {
    CMA_ASSERT(bit < bits_);
    return (words_[bit / 64] >> (bit % 64)) & 1;
  }
  // Set or clear [start, start + count), which may be empty. Require: the range lies inside the bitmap.
  void set_range(std::uint64_t start, std::uint64_t count) { change(start, count, true); }
  void clear_range(std::uint64_t start, std::uint64_t count) { change(start, count, false); }

  // Return the first zero (set) bit at or after start and before end; `end` if there is none, also where start >= end.
  // Require: end <= size().
  std::uint64_t next_zero(std::uint64_t start, std::uint64_t end) const { return next(start, end, ~std::uint64_t{0}); }
  std::uint64_t next_set(std::uint64_t start, std::uint64_t end) const { return next(start, end, 0); }

  // Returns the lowest bit i >= start such that i + offset is a multiple of mask + 1 and `count` bits from i on are
  // zero; if there is none, some value >= size(), as in the kernel. `start` may lie beyond the end. With `count` 0,
  // that is the first aligned bit from the first zero one on. Requires: the mask is of the form 2^k - 1.
  std::uint64_t find_zero_area(std::uint64_t start, std::uint64_t count, std::uint64_t mask,
                               std::uint64_t offset) const;

  // Returns the number of set bits.
  std::uint64_t count_set() const;
  // Returns the length of the longest run of zero bits, 0 if all are set.
  std::uint64_t longest_zero_run() const;

  // Returns the words, lowest bits first. The bits after the last one are zero.
  const std::vector<std::uint64_t>& words() const { return words_; }
  friend bool operator==(const Bitmap&, const Bitmap&) = default;

 private:
  std::uint64_t next(std::uint64_t start, std::uint64_t end, std::uint64_t invert) const;
  void change(std::uint64_t start, std::uint64_t count, bool value);

  std::uint64_t bits_ = 0;
  std::vector<std::uint64_t> words_;
};

}  // namespace cma
