// Interface of a listener that learns why a contiguous allocation could not have its range: each refused page, at the
// moment of the refusal and from the step that refused it.
//
// The steps of alloc_contig_range take the listener from Trace and call it as the actor that runs; several actors may
// be inside. Without a listener a refusal costs a branch, and a page that can be had costs nothing.
#pragma once

#include <cstdint>
#include <string_view>

#include "allocator/base/pfn.h"

namespace cma {

// Why a page was refused.
enum class Refusal : std::uint8_t {
  block_isolated,  // another actor has isolated its pageblock
  area_block,      // its pageblock is an area's, and the request is not
  unmovable,       // has_unmovable_pages: in use, and neither on the LRU nor movable by a driver
  compound,        // part of a compound page, which the scan passes over
  tail,            // the scan met it in the middle of a compound page, which is taken by its first page only
  hugetlb,         // of the hugetlb pool: another actor has taken it, or there is no page to replace it
  unreferenced,    // free, but on no free list: on a per-CPU list or on its way
  off_lru,         // in use, and not on the LRU
  pinned,          // anonymous, with more references than mappings
  taken,           // another actor took it off the LRU first
  driver,          // its driver did not let it be isolated
  migration,       // migrate_pages returned an error
  capture,         // no free block began there when the range was to be captured
  file_system,     // it has a mapping, and the caller must not enter a file system
};

class WindowWatcher {
 public:
  virtual ~WindowWatcher() = default;
  // alloc_contig_range was called for [start, end).
  virtual void window_begins(Pfn start, Pfn end) = 0;
  // The window cannot have the page. `error` is negative for Refusal::migration and Refusal::hugetlb, else 0.
  virtual void page_refused(Pfn pfn, Refusal why, int error) = 0;
  // The current actor gives back a pageblock that another has isolated; `block` is its first frame.
  virtual void isolation_lost(Pfn block) = 0;
  // test_pages_isolated was to find [outer_start, end) free, and found only [outer_start, fin) free.
  virtual void test_failed(Pfn outer_start, Pfn end, Pfn fin) = 0;
  // alloc_contig_range returns `error`: 0 or a negative errno.
  virtual void window_ended(int error) = 0;
};

}  // namespace cma
