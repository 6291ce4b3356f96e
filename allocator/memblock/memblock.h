// Boot-time reservations (mm/memblock.c): the memory that boot keeps before there is a page allocator.
//
// Declaring an area takes its memory from here; the machine then hands free_ranges() to the page allocator, and later
// changes have no effect on it. Memory is kept in bytes, as the kernel keeps it: nodes of a device tree reserve less
// than a page. The calls in frames are those of areas, which have whole pages. Holes are the frames of the machine that
// do not exist or belong to no zone.
//
// Invariant: reserved ranges, holes and ranges without mapping are three lists, each ascending, of ranges that neither
// touch nor overlap. A reservation may cover holes.
//
// Cost, with n ranges in the lists: looking, free() and alloc_range() O(n^2), all others O(n log n) or less. n is
// small. Boot has one task, so there are no locks and no points. It stands on base/ alone.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "allocator/base/geometry.h"
#include "allocator/base/pfn.h"

namespace cma {

// The bytes from start up to, and without, end.
struct ByteRange {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t size() const { return end - start; }
  bool overlaps(const ByteRange& other) const { return start < other.end && other.start < end; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// Where alloc_bytes() looks: sizes and addresses in bytes.
struct BytesWanted {
  std::uint64_t size = 0;
  std::uint64_t align = 1;  // the kernel rounds with this number less one as a mask, power of two or not
  std::uint64_t low = 0;
  std::uint64_t high = ~std::uint64_t{0};
  bool bottom_up = false;
  std::optional<unsigned> node;  // nullopt: any
};

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
  // highest position that is free and without holes, or bottom_up the lowest. Never the first page of all, whose
  // address means failure in the kernel (memblock_find_in_range_node). Returns kNoPfn, and reserves nothing, if there
  // is none or `pages` is 0. With a node only its memory is looked at. Requires: `align` is a power of two.
  Pfn alloc_range(std::uint64_t pages, std::uint64_t align, Pfn low, Pfn high, bool bottom_up,
                  std::optional<unsigned> node = std::nullopt);

  // --- bytes, for what a device tree says ---
  // Adds a reservation, which ends at the largest address at the latest (memblock_cap_size); nothing for a size of 0.
  void reserve_bytes(std::uint64_t base, std::uint64_t size);
  // Ends the reservation of all bytes of the range (memblock_free); nothing for a size of 0.
  void free_bytes(std::uint64_t base, std::uint64_t size);
  // Returns whether any byte of the range is reserved (memblock_is_region_reserved).
  bool any_reserved(std::uint64_t base, std::uint64_t size) const;
  // Returns whether any byte of the range is memory (memblock_overlaps_region of the memory).
  bool any_memory(std::uint64_t base, std::uint64_t size) const;
  // Takes the range out of memory (memblock_remove); reservations stay.
  void remove(std::uint64_t base, std::uint64_t size);
  // Gives back what remove() took out of the range (memblock_add). The kernel would make memory of the rest, too, which
  // no board has.
  void add_again(std::uint64_t base, std::uint64_t size);
  // Marks memory as not to be mapped, or ends that (memblock_mark_nomap, memblock_clear_nomap). What is marked is still
  // memory, and is neither found by searches nor handed to the page allocator.
  void mark_nomap(std::uint64_t base, std::uint64_t size);
  void clear_nomap(std::uint64_t base, std::uint64_t size);
  // Reserves as alloc_range() does, and returns the address (memblock_alloc_range_nid). Returns nullopt, and reserves
  // nothing, if there is no place. A size of 0 finds a place and reserves nothing.
  std::optional<std::uint64_t> alloc_bytes(const BytesWanted& wanted);
  // Returns the same without reserving it (memblock_find_in_range).
  std::optional<std::uint64_t> find_bytes(const BytesWanted& wanted) const;

  // Returns the pages of all memory, marked or not: what is in whole pages, range by range (up to 5.9 the kernel sums
  // so), or all bytes together, rounded down.
  std::uint64_t pages_of_ranges() const;
  std::uint64_t pages_of_bytes() const;

  // Returns the pages that boot keeps, ascending and disjoint: reserved, taken out or not mapped, each if any byte is.
  std::vector<PfnRange> reserved() const;
  // Returns the reserved bytes, ascending and disjoint.
  const std::vector<ByteRange>& reserved_bytes() const { return reserved_; }
  // Returns the ranges of memory that are neither holes nor kept, in whole pages, ascending.
  std::vector<PfnRange> free_ranges() const;
  // Returns the same in bytes.
  std::vector<ByteRange> free_bytes_ranges() const;

 private:
  ByteRange capped(std::uint64_t base, std::uint64_t size) const;
  std::uint64_t address(Pfn pfn) const;
  ByteRange bytes_of(const PfnRange& range) const { return {address(range.start), address(range.end)}; }
  std::vector<ByteRange> memory_ranges() const;

  PfnRange memory_;
  unsigned shift_;  // of a page's size
  std::uint64_t phys_mask_;
  std::vector<std::pair<unsigned, ByteRange>> nodes_;
  std::vector<ByteRange> holes_;    // frames outside every zone too
  std::vector<ByteRange> removed_;  // memory that was taken out
  std::vector<ByteRange> nomap_;
  std::vector<ByteRange> reserved_;
};

}  // namespace cma
