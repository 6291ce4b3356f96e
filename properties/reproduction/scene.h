// The smallest state of an area in which a sweep fails as the log has it: which pages were in the way.
//
// A window [START, END) with the printed head H needs a page in the way in it, and START in a free block that begins at
// H. All bits of the area but those of the windows count as taken, so a block cannot reach beyond them. Used by the
// program writer. Cost: windows times candidates, each a look at a few blocks.
#pragma once

#include <optional>
#include <vector>

#include "allocator/base/pfn.h"

namespace cma::reproduction {

// A window that failed, and what is known of its free blocks.
struct WantedWindow {
  PfnRange range;
  std::optional<Pfn> head;        // where the free block begins that covers its start; the start itself if none does
  std::optional<Pfn> stopped_at;  // the first page that was not free, from the head on
};

struct Scene {
  PfnRange free;          // the pages whose bits are free
  std::vector<Pfn> busy;  // of them, those that cannot be moved; ascending
  bool explains = true;   // otherwise some window would be printed with another head, or not fail
};

// Returns the head that alloc_contig_range prints for a window that begins at `start`.
Pfn printed_head(const Scene& scene, Pfn start);
// Returns a scene for the windows of one sweep. Pages from `busy_end` on must stay usable, for a window that succeeds.
// Requires: there are windows, which lie in `free`.
Scene scene_of(const std::vector<WantedWindow>& windows, const PfnRange& free, Pfn busy_end);

}  // namespace cma::reproduction
