// An area, as the kernel's struct cma, and the table of all areas that the parts of areas/ share. Plain data: it is
// written in this folder only, and read by way of Areas.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "allocator/base/bug.h"
#include "allocator/base/geometry.h"
#include "allocator/bitmap/bitmap.h"
#include "allocator/engine/mutex.h"

namespace cma {

using AreaId = std::uint32_t;

// CONFIG_CMA_ALIGNMENT: the largest alignment (an order) that the DMA layer asks for.
inline constexpr unsigned kCmaAlignment = 8;
// Returns the alignment that an allocation uses. Up to 3.16 the DMA layer is the allocator, and so its limit applies.
constexpr unsigned effective_align(unsigned align, Release release) {
  return release < Release::v3_17 && align > kCmaAlignment ? kCmaAlignment : align;
}

// Whether an allocation that fails is reported in the log: `no` is the kernel's no_warn.
enum class Warn : std::uint8_t { no, yes };

struct Area {
  std::string name;
  Pfn base = 0;
  std::uint64_t pages = 0;     // the kernel's cma->count; 0 once activation failed, unless Bug::inactive_alloc keeps it
  unsigned order_per_bit = 0;  // a bit stands for 2^order_per_bit pages
  Bitmap bitmap;               // empty until activated
  bool fail_bitmap = false;    // injected: its bitmap cannot be allocated
  bool activation_tried = false;
  Mutex lock{"cma->lock"};
  // Pages asked for in calls that succeeded and failed: since 5.13 all calls, since 6.9 those that could be tried.
  std::uint64_t nr_pages_succeeded = 0;
  std::uint64_t nr_pages_failed = 0;
  std::uint64_t nr_pages_released = 0;  // counted since 3.16, shown since 6.9
  // Allocations made through the debugfs file `alloc`, newest last.
  std::vector<std::pair<Pfn, std::uint64_t>> debugfs_buffers;

  bool active() const { return bitmap.size() != 0; }
  // Returns whether the page lies in the area, active or not.
  bool contains(Pfn pfn) const { return pfn >= base && pfn - base < pages; }
};

// Formats the runs of free bits: "number of available pages: 3@125+20@172=> 23 free of 4096 total pages".
std::string bitmap_report(const Area& area, BugSet& bugs);

struct AreaTable {
  std::vector<Area> areas;
  std::uint64_t total_pages = 0;  // totalcma_pages; up to 5.11 with areas that failed to be activated
  // The vm events cma_alloc_success and cma_alloc_fail: since 5.13 all calls, since 6.9 those that could be tried.
  std::uint64_t alloc_success = 0;
  std::uint64_t alloc_fail = 0;
  Mutex cma_mutex{"cma_mutex"};
  // Statistics of sweeps; no decision of the model depends on them.
  std::uint64_t sweeps = 0;             // begun since boot
  std::vector<ActorId> between_sweeps;  // actors between two sweeps of a call
  // The bit after the last window that was obtained. Only Bug::shared_search_hint reads it.
  std::uint64_t last_bit = 0;

  // Copies areas and counters, with all locks free and no sweep begun.
  void copy_from(const AreaTable& other);
};

// Returns whether the lines of CONFIG_CMA_DEBUG are printed. 6.9 dropped it: since then they need dynamic debug.
inline bool prints_debug(const Geometry& geometry) { return geometry.cma_debug && geometry.release < Release::v6_9; }

}  // namespace cma
