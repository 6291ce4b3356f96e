// Boot-time reservations (mm/memblock.c): the ranges of page frames that boot keeps before there is a page allocator.
//
// Declaring an area takes its memory from here; the machine then hands free_ranges() to the page allocator, and later
// changes have no effect on it. Holes are the frames of the machine that do not exist or belong to no zone.
//
// Invariant: reserved ranges and holes are two lists, each ascending, of ranges that neither touch nor overlap. A
// reservation may cover holes.
//
// Cost, with n ranges in the lists: looking and free() O(n), reserve() O(n log n), free_ranges() O(n^2 log n).
// alloc_range() tries each aligned position: O(n) for each, and there are (high - low) / align of them at most. n is
// small. Boot has one task, so there are no locks and no points.
#pragma once

#include <vector>

#include "allocator/base/geometry.h"
#include "allocator/base/pfn.h"

namespace cma {

class Memblock {
 public:
  // Reserves what the geometry does. Requires: the geometry is possible (Geometry::impossible).
  explicit Memblock(const Geometry& geometry);

  // Returns the machine's frames from the first to the last, holes included.
  const PfnRange& memory() const { return memory_; }
  // Returns whether every page of the range is reserved. Requires: the range is not empty.
  bool is_region_reserved(const PfnRange& range) const;
  // Returns whether any page of the range is reserved. Requires: the range is not empty.
  bool is_region_intersects_reserved(const PfnRange& range) const;

  // Adds a reservation; ranges that touch or overlap merge (memblock_reserve). What it covers may be reserved already,
  // a hole or outside memory. Requires: the range is not empty.
  void reserve(const PfnRange& range);
  // Ends the reservation of all pages of the range; those not reserved stay so. Requires: the range is not empty.
  void free(const PfnRange& range);

  // Reserves `pages` pages from a multiple of `align` on, within [low, high) and memory, and returns the first: the
  // highest position that is free and without holes, or bottom_up the lowest. Returns kNoPfn, and reserves nothing, if
  // there is none or `pages` is 0. Requires: `align` is a power of two.
  Pfn alloc_range(std::uint64_t pages, std::uint64_t align, Pfn low, Pfn high, bool bottom_up);

  // Returns the reserved ranges, ascending and disjoint.
  const std::vector<PfnRange>& reserved() const { return reserved_; }
  // Returns the ranges of memory that are neither holes nor reserved, ascending.
  std::vector<PfnRange> free_ranges() const;

 private:
  // Requires: the range lies in memory.
  bool usable(const PfnRange& range) const;

  PfnRange memory_;
  std::vector<PfnRange> holes_;  // frames outside every zone too
  std::vector<PfnRange> reserved_;
};

}  // namespace cma
