#include "allocator/bitmap/bitmap.h"

#include <algorithm>
#include <bit>

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

}  // namespace cma
