// What one compaction leaves behind for the next: the skip bit of each pageblock, and for each zone where its two
// scanners shall begin (include/linux/mmzone.h compact_cached_*, compact_init_*, compact_blockskip_flush).
//
// Hints only: read and written without a lock. Used by the scan for pages to move and by compaction/. Looking one up is
// an index into a flat array; copying back what nobody has touched costs nothing.
#pragma once

#include <array>
#include <vector>

#include "allocator/base/geometry.h"

namespace cma {

// Where the scanners of a zone begin; all 0 after boot, which lies outside every zone but one that begins with page 0.
// (3.6 begins at the zone's end.)
struct ScannerPositions {
  std::array<Pfn, 2> migrate{};  // of asynchronous and of synchronous compaction
  Pfn free = 0;
  // 5.1: the first source and the last target that the last clearing of the skip bits found.
  Pfn init_migrate = 0;
  Pfn init_free = 0;
  // The scanners have met in a direct compaction: the bits may be cleared.
  bool flush = false;
  friend bool operator==(const ScannerPositions&, const ScannerPositions&) = default;
};

class CompactionHints {
 public:
  explicit CompactionHints(const Geometry& geometry)
      : pageblock_order_(geometry.pageblock_order),
        first_block_(geometry.memory.start >> geometry.pageblock_order),
        skip_((((geometry.memory.end - 1) >> geometry.pageblock_order) + 1) - first_block_) {}

  // Of the pageblock that holds `pfn`, which is a page of the machine.
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

  // While booting: where a zone's free scanner begins.
  void set_boot_free(std::size_t zone, Pfn free) { zones_[zone].free = free; }

  // Whether anything was written since boot.
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
