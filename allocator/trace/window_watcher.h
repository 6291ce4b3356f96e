// Who wants to know why a window failed: told of each page that a contiguous allocation could not have, at the moment
// and by the step that refused it.
//
// Whatever takes part in alloc_contig_range asks Trace for the watcher and tells it facts; nobody listening costs a
// branch on the way of a refusal, and nothing on the way of a page that can be had. Told as the actor that runs;
// several may be inside.
#pragma once

#include <cstdint>
#include <string_view>

#include "allocator/base/pfn.h"

namespace cma {

enum class Refusal : std::uint8_t {
  block_isolated,  // its pageblock has been isolated by somebody else
  area_block,      // its pageblock is an area's, and the request is not
  unmovable,       // has_unmovable_pages: in use, and neither on the LRU nor movable by a driver
  compound,        // part of a compound page, which the scan passes over
  tail,            // of a compound page, where the scan came upon it: it is taken by its first page only
  hugetlb,         // of the hugetlb pool: taken by somebody else, or no page to replace it by
  unreferenced,    // free, but on no free list: on a per-CPU list or on its way
  off_lru,         // in use, and not on the LRU
  pinned,          // anonymous, with more references than mappings
  taken,           // somebody else took it off the LRU first
  driver,          // the driver did not let it be isolated
  migration,       // migrate_pages gave an error
  capture,         // no free block begins there when it is to be captured
};

inline constexpr unsigned kRefusals = static_cast<unsigned>(Refusal::capture) + 1;

class WindowWatcher {
 public:
  virtual ~WindowWatcher() = default;
  // alloc_contig_range has been called for [start, end).
  virtual void window_begins(Pfn start, Pfn end) = 0;
  // `error` is negative for Refusal::migration and Refusal::hugetlb, else 0.
  virtual void page_refused(Pfn pfn, Refusal why, int error) = 0;
  // Whoever runs gives back a pageblock that another has isolated; its first frame.
  virtual void isolation_lost(Pfn block) = 0;
  // test_pages_isolated: the range from outer_start on was free up to `fin` only.
  virtual void test_failed(Pfn outer_start, Pfn end, Pfn fin) = 0;
  // 0 or a negative errno.
  virtual void window_ended(int error) = 0;
};

}  // namespace cma
