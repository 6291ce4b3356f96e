// Takes free pages off the free lists, a pageblock at a time (mm/compaction.c isolate_freepages_block): for the capture
// of a contiguous range, which needs every page, and for compaction, which needs as many as it has pages to move.
//
// Used by contig/ and by this layer. zone->lock is taken for each block of free pages and dropped every 32 pfns, which
// is a point. Cost: O(pages scanned).
#pragma once

#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"

namespace cma {

// One call. The free blocks it takes keep their order; the task that called holds them.
struct FreeScan {
  Pfn start = 0;
  Pfn end = 0;
  PageList* lists = nullptr;  // where the blocks go, at the back
  bool by_order = false;      // `lists` is an array, one list an order (since 6.9)
  bool strict = false;        // ends at the first page that is not free, and then reports 0 pages taken
  Pfn stride = 1;             // the step from a page that was looked at (since 5.1)
  std::uint64_t wanted = 0;   // not strict: ends when `held` is as much
  std::uint64_t held = 0;     // pages that the task holds, those before the call included
  Pfn reached = 0;            // the page after the last one looked at
  bool contended = false;     // a fatal signal has ended the scan
};

class FreeScanner {
 public:
  FreeScanner(const Core& core, Buddy& buddy) : release_(core.geometry.release), core_(core), buddy_(buddy) {}

  // isolate_freepages_block: takes the free blocks of [scan.start, scan.end). Returns the number of pages taken.
  Task<std::uint64_t> isolate_block(FreeScan& scan);

 private:
  bool passes_over_compound(const FreeScan& scan, const Page& page, Pfn& pfn, std::uint64_t& scanned) const;

  Release release_;
  Core core_;
  Buddy& buddy_;
};

}  // namespace cma
