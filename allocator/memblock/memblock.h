// Boot-time reservations (mm/memblock.c): which ranges boot keeps back before the page allocator exists. CMA areas are
// carved out of it. Single threaded by nature: no locks, no points. Ranges are in pages; few, so linear.
#pragma once

#include <vector>

#include "allocator/base/geometry.h"
#include "allocator/base/pfn.h"

namespace cma {

class Memblock {
 public:
  explicit Memblock(const Geometry& geometry);

  const PfnRange& memory() const { return memory_; }
  // True if every page of the range is reserved.
  bool is_region_reserved(const PfnRange& range) const;
  // True if any page of the range is reserved.
  bool is_region_intersects_reserved(const PfnRange& range) const;

  // Adds a reservation. Overlapping ones merge, as memblock_reserve has it.
  void reserve(const PfnRange& range);
  void free(const PfnRange& range);

  // Finds and reserves `pages` aligned to `align` pages within [low, high), at the highest address that fits (top
  // down) or the lowest. kNoPfn when none fits.
  Pfn alloc_range(std::uint64_t pages, std::uint64_t align, Pfn low, Pfn high, bool bottom_up);

  // The reserved ranges, ascending and disjoint.
  const std::vector<PfnRange>& reserved() const { return reserved_; }
  // The ranges of memory that are neither holes nor reserved, ascending.
  std::vector<PfnRange> free_ranges() const;

 private:
  bool usable(const PfnRange& range) const;

  PfnRange memory_;
  std::vector<PfnRange> holes_;
  std::vector<PfnRange> reserved_;
};

}  // namespace cma
