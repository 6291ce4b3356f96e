// The arithmetic between the pages, the orders and the bits of an area (mm/cma.c): a bit of its bitmap stands for
// 2^order_per_bit pages. A request is turned into bits, a mask and an offset here, and Bitmap::find_zero_area()
// searches for those. Each function is O(1), and keeps nothing but which bug was reached.
#pragma once

#include <cstdint>

#include "allocator/base/bug.h"
#include "allocator/base/pfn.h"

namespace cma {

// Returns the mask for an alignment to 2^align pages, in bits (cma_bitmap_aligned_mask): 0 if one bit is at least that
// large. From align - order_per_bit = 64 on the mask is all ones, and only a multiple of 2^64 is aligned. With
// Bug::mask_exponent the mask has `align >> order_per_bit` ones. Notes in `bugs` that a bug changed the result.
// Requires: order_per_bit < 32.
std::uint64_t bitmap_aligned_mask(unsigned align, unsigned order_per_bit, BugSet& bugs);
// Returns how far the area's base lies above the last frame aligned to 2^align pages, in bits
// (cma_bitmap_aligned_offset); from align = 64 on above frame 0. With Bug::offset_upward, how far it lies below the
// next such frame, 0 from align = 64 on. Notes in `bugs` that the bug changed the result. Requires: order_per_bit < 32.
std::uint64_t bitmap_aligned_offset(Pfn base, unsigned align, unsigned order_per_bit, BugSet& bugs);
// Returns the number of bits for that many pages, rounded up (cma_bitmap_pages_to_bits). Exact for counts up to
// 2^64 - 2^order_per_bit; wraps for larger ones, as the kernel's does. Requires: order_per_bit < 64.
constexpr std::uint64_t bitmap_pages_to_bits(std::uint64_t pages, unsigned order_per_bit) {
  return align_up(pages, order_pages(order_per_bit)) >> order_per_bit;
}

}  // namespace cma
