// Makes compound pages, for requests with __GFP_COMP and for tasks that have captured single pages.
//
// Cost: linear in the pages. Locks: none; the pages are the caller's.
#pragma once

#include "allocator/frames/memory_map.h"

namespace cma {

// Makes 2^order pages a compound page (prep_compound_page): the first keeps its reference, the others lose theirs.
// Requires: the caller has all of them.
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

}  // namespace cma
