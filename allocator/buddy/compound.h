// Prepares a block that was taken off the free lists for its use: as one compound page, or as single pages.
//
// Cost: linear in the pages. Locks: none; the pages are the caller's.
#pragma once

#include "allocator/frames/memory_map.h"

namespace cma {

// Makes 2^order pages a compound page (prep_compound_page): the first keeps its reference, the others lose theirs.
// Requires: the caller has all of them; pfn is aligned to the order.
inline void prep_compound_page(MemoryMap& map, Pfn pfn, unsigned order) {
  Page& head = map.edit(pfn);
  head.flags = kPageHead;
  head.order = static_cast<std::uint8_t>(order);
  for (Pfn tail = pfn + 1; tail < pfn + order_pages(order); ++tail) {
    Page& page = map.edit(tail);
    page.flags = kPageTail;
    page.ref = 0;
  }
}

// Makes a block single pages with one reference each (split_map_pages). Requires: the block is on no list.
inline void split_captured(MemoryMap& map, Pfn pfn, unsigned order) {
  for (Page& page : map.edit_run(pfn, order_pages(order))) {
    page.ref = 1;
    page.order = 0;
    page.flags = 0;
    page.owner = 0;
  }
}

}  // namespace cma
