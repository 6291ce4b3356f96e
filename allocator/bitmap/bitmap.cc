#include "allocator/bitmap/bitmap.h"

#include <algorithm>
#include <bit>

#include "allocator/base/assert.h"

namespace cma {
namespace {

constexpr std::uint64_t kOnes = ~std::uint64_t{0};

// Returns a mask of those bits of word `w` that lie in [start, end).
constexpr std::uint64_t word_mask(std::uint64_t w, std::uint64_t start, std::uint64_t end) {
  std::uint64_t mask = kOnes;
  if (w * 64 < start) mask &= kOnes << (start - w * 64);
  if ((w + 1) * 64 > end) mask &= kOnes >> ((w + 1) * 64 - end);
  return mask;
}

}  // namespace

void Bitmap::change(std::uint64_t start, std::uint64_t count, bool value) {
  CMA_ASSERT(start <= bits_ && count <= bits_ - start);
  if (count == 0) return;
  const std::uint64_t end = start + count;
  for (std::uint64_t w = start / 64; w <= (end - 1) / 64; ++w) {
    const std::uint64_t mask = word_mask(w, start, end);
    if (value)
      words_[w] |= mask;
    else
      words_[w] &= ~mask;
  }
}

std::uint64_t Bitmap::next(std::uint64_t start, std::uint64_t end, std::uint64_t invert) const {
  if (start >= end) return end;
  std::uint64_t w = start / 64;
  std::uint64_t word = (words_[w] ^ invert) & (kOnes << (start % 64));
  const std::uint64_t last = (end - 1) / 64;
  for (; word == 0 && w < last; ++w) word = words_[w + 1] ^ invert;
  if (word == 0) return end;
  return std::min(end, w * 64 + static_cast<std::uint64_t>(std::countr_zero(word)));
}

std::uint64_t Bitmap::find_zero_area(std::uint64_t start, std::uint64_t count, std::uint64_t mask,
                                     std::uint64_t offset) const {
  // Each turn passes a bit that is set.
  for (std::uint64_t turn = 0; turn <= bits_; ++turn) {
    const std::uint64_t zero = next_zero(start, bits_);
    const std::uint64_t index = ((zero + offset + mask) & ~mask) - offset;
    // With a mask of all ones the next aligned position may lie beyond 2^64.
    if (index < zero) return kOnes;
    // Both additions may pass 2^64 with absurd masks or counts; there is no such run then.
    if (index >= bits_ || count > bits_ - index) return std::max(bits_, index + count < index ? kOnes : index + count);
    const std::uint64_t end = index + count;
    const std::uint64_t used = next_set(index, end);
    if (used >= end) return index;
    start = used + 1;
  }
  CMA_ASSERT(false);
  return kOnes;
}

std::uint64_t Bitmap::count_set() const {
  std::uint64_t count = 0;
  for (std::uint64_t word : words_) count += static_cast<std::uint64_t>(std::popcount(word));
  return count;
}

std::uint64_t Bitmap::longest_zero_run() const {
  std::uint64_t longest = 0;
  std::uint64_t end = 0;
  for (std::uint64_t start = next_zero(0, bits_); start < bits_; start = next_zero(end, bits_)) {
    end = next_set(start, bits_);
    longest = std::max(longest, end - start);
  }
  return longest;
}

std::uint64_t bitmap_aligned_mask(unsigned align, unsigned order_per_bit, BugSet& bugs) {
  if (align <= order_per_bit) return 0;
  const unsigned shift = align - order_per_bit;
  if (bugs.active(Bug::mask_exponent)) [[unlikely]] {
    // (1 << (align >> order_per_bit)) - 1
    if ((align >> order_per_bit) != shift) bugs.reached(Bug::mask_exponent);
    return (align >> order_per_bit) >= 64 ? kOnes : (std::uint64_t{1} << (align >> order_per_bit)) - 1;
  }
  return shift >= 64 ? kOnes : (std::uint64_t{1} << shift) - 1;
}

std::uint64_t bitmap_aligned_offset(Pfn base, unsigned align, unsigned order_per_bit, BugSet& bugs) {
  const std::uint64_t unit = align >= 64 ? 0 : std::uint64_t{1} << align;
  if (bugs.active(Bug::offset_upward)) [[unlikely]] {
    // The distance from the base up to the next aligned frame.
    const std::uint64_t upward = unit == 0 ? 0 : align_up(base, unit) - base;
    if (upward != (base & (unit - 1)) && align > order_per_bit) bugs.reached(Bug::offset_upward);
    return align <= order_per_bit ? 0 : upward >> order_per_bit;
  }
  return (base & (unit - 1)) >> order_per_bit;
}

}  // namespace cma
