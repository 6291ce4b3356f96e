// Taking free pages off the free lists, a pageblock at a time (mm/compaction.c isolate_freepages_block): for the
// capture of a contiguous range, which wants every page, and for compaction, which wants as many as it has pages to
// move.
//
// Used by contig/ and by this layer. zone->lock is taken for each block of free pages and dropped every 32 pfns, which
// is a point. Cost: O(pages scanned).
#pragma once

#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"

namespace cma {

// One call. What was taken comes off the free lists as blocks of the order they were free with, in the task's hands.
struct FreeScan {
  Pfn start = 0;
  Pfn end = 0;
  PageList* lists = nullptr;  // where the blocks go, at the back
  bool by_order = false;      // `lists` is an array, one list an order (6.11)
  bool strict = false;        // ends at the first page that is not free, and then has taken nothing, it says
  Pfn stride = 1;             // how far to go from a page that was looked at (5.1)
  std::uint64_t wanted = 0;   // not strict: enough when `held` is as much
  std::uint64_t held = 0;     // pages in the task's hands, those it came with included
  Pfn reached = 0;            // the page behind the last one looked at
  bool contended = false;     // a fatal signal has ended the scan
};

class FreeScanner {
 public:
  FreeScanner(const Core& core, Buddy& buddy) : release_(core.geometry.release), core_(core), buddy_(buddy) {}

  // isolate_freepages_block: the number of pages taken.
  Task<std::uint64_t> isolate_block(FreeScan& scan);

 private:
  Release release_;
  Core core_;
  Buddy& buddy_;
};

}  // namespace cma
