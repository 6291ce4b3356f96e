// The hints that one compaction leaves for the next: the skip bit of each pageblock, and for each zone where its two
// scanners begin (include/linux/mmzone.h compact_cached_*, compact_init_*, compact_blockskip_flush).
//
// Read and written without a lock. Used by the scan for pages to move and by compaction/. A look-up is an index into a
// flat array; a copy costs nothing unless one of the two was written.
#pragma once

#include <array>
#include <vector>

#include "allocator/base/geometry.h"

namespace cma {

// Where the scanners of a zone begin. After boot all are 0, a frame outside most zones.
// (Up to 3.6 the free scanner begins at the zone's end.)
struct ScannerPositions {
  std::array<Pfn, 2> migrate{};  // of asynchronous and of synchronous compaction
  Pfn free = 0;
  // Since 5.1: found when the skip bits were last cleared: the first source, the last target.
  Pfn init_migrate = 0;
  Pfn init_free = 0;
  // Whether the scanners have met in a direct compaction, so that the bits may be cleared.
  bool flush = false;
  friend bool operator==(const ScannerPositions&, const ScannerPositions&) = default;
};

class CompactionHints {
 public:
  explicit CompactionHints(const Geometry& geometry)
      : pageblock_order_(geometry.pageblock_order),
        first_block_(geometry.memory.start >> geometry.pageblock_order),
        skip_((((geometry.memory.end - 1) >> geometry.pageblock_order) + 1) - first_block_) {}

  // Returns the skip bit of the pageblock that holds `pfn`. Requires that it is a page of the machine.
  bool skips(Pfn pfn) const { return skip_[(pfn >> pageblock_order_) - first_block_] != 0; }
  void set_skip(Pfn pfn, bool skip = true) {
    touched_ = true;
    skip_[(pfn >> pageblock_order_) - first_block_] = skip ? 1 : 0;
  }
  const ScannerPositions& zone(std::size_t zone) const { return zones_[zone]; }
  ScannerPositions& edit_zone(std::size_t zone) {
    touched_ = true;
    return zones_[zone];
  }

  // Sets where a zone's free scanner begins, while booting.
  void set_boot_free(std::size_t zone, Pfn free) { zones_[zone].free = free; }

  // Returns whether anything was written since boot.
  bool touched() const { return touched_; }
  const std::vector<std::uint8_t>& skip_bits() const { return skip_; }
  void copy_from(const CompactionHints& other) {
    if (touched_ || other.touched_) *this = other;
  }

 private:
  unsigned pageblock_order_;
  std::uint64_t first_block_;
  bool touched_ = false;
  std::vector<std::uint8_t> skip_;
  std::array<ScannerPositions, kMaxZones> zones_{};
};

}  // namespace cma
