// Boot-time reservations (mm/memblock.c): the ranges that boot keeps before there is a page allocator. Declaring an
// area takes its memory from here. Boot has one task, so there are no locks and no points. Ranges are in pages; there
// are few, so all operations are linear in their number.
#pragma once

#include <vector>

#include "allocator/base/geometry.h"
#include "allocator/base/pfn.h"

namespace cma {

class Memblock {
 public:
  explicit Memblock(const Geometry& geometry);

  const PfnRange& memory() const { return memory_; }
  // Returns whether every page of the range is reserved.
  bool is_region_reserved(const PfnRange& range) const;
  // Returns whether any page of the range is reserved.
  bool is_region_intersects_reserved(const PfnRange& range) const;

  // Adds a reservation; ranges that touch or overlap merge (memblock_reserve). Requires at least one page.
  void reserve(const PfnRange& range);
  // Ends the reservation of all pages of the range; those not reserved stay so.
  void free(const PfnRange& range);

  // Reserves `pages` pages, aligned to `align` pages, within [low, high) and returns the first: the highest that fits,
  // or bottom_up the lowest. Returns kNoPfn if none fits.
  Pfn alloc_range(std::uint64_t pages, std::uint64_t align, Pfn low, Pfn high, bool bottom_up);

  // Returns the reserved ranges, ascending and disjoint.
  const std::vector<PfnRange>& reserved() const { return reserved_; }
  // Returns the ranges of memory that are neither holes nor reserved, ascending.
  std::vector<PfnRange> free_ranges() const;

 private:
  bool usable(const PfnRange& range) const;

  PfnRange memory_;
  std::vector<PfnRange> holes_;
  std::vector<PfnRange> reserved_;
};

}  // namespace cma
