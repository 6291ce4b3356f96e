// What cma_alloc promises of a buffer's alignment. Laws and properties use it, never the model.
//
// The kernel counts alignment in whole bits from the area's base rounded down to a bit. Since 6.9, and in the stable
// releases of 5.15, 6.1 and 6.6, an area that is made of reserved memory may have bits larger than the unit at which it
// begins. If its base is no multiple of a bit, all of its buffers lie as much higher than what was asked for (mm/cma.c:
// cma_bitmap_aligned_offset, cma_init_reserved_mem).
#pragma once

#include "allocator/areas/area.h"

namespace cma {

// Returns how many pages the area's base lies above a multiple of a bit.
inline std::uint64_t pages_above_a_bit(const Area& area) { return area.base % order_pages(area.order_per_bit); }

// Returns whether a buffer that begins at pfn, which is the first page of one of the area's bits, is aligned to 2^align
// pages as cma_alloc promises it.
inline bool is_aligned_in(const Area& area, Pfn pfn, unsigned align) {
  if (align <= area.order_per_bit) return true;
  const Pfn counted = pfn - pages_above_a_bit(area);
  // Frame 0 is a multiple of everything.
  return counted == 0 || (align < 64 && is_aligned(counted, order_pages(align)));
}

}  // namespace cma
