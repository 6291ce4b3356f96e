// The hints that one compaction leaves for the next: the skip bit of each pageblock, and for each zone where its two
// scanners begin (include/linux/mmzone.h compact_cached_*, compact_init_*, compact_blockskip_flush).
//
// MigrateScanner has them; its scans and compaction/ use them. A pageblock is named by any of its pages.
//
// Cost: O(1); a copy costs nothing unless one of the two was written. Locks: none, in the kernel neither.
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

  // --- skip bits ---
  // Returns whether compaction may pass over the pageblock: it found nothing there, or since 5.1 another one is at it.
  // Requires, here and below: the pageblock has a page in Geometry::memory.
  bool skips(Pfn pfn) const { return skip_[(pfn >> pageblock_order_) - first_block_] != 0; }
  // Sets or clears its skip bit (set_pageblock_skip, clear_pageblock_skip).
  void set_skip(Pfn pfn, bool skip = true) {
    touched_ = true;
    skip_[(pfn >> pageblock_order_) - first_block_] = skip ? 1 : 0;
  }
  // Returns all skip bits as 0 and 1, by pageblock from the first of the memory on.
  const std::vector<std::uint8_t>& skip_bits() const { return skip_; }

  // --- positions. Require: the machine has the zone ---
  // Returns where the scanners of a zone begin.
  const ScannerPositions& zone(std::size_t zone) const { return zones_[zone]; }
  // Returns the same for writing, which counts as done.
  ScannerPositions& edit_zone(std::size_t zone) {
    touched_ = true;
    return zones_[zone];
  }

  // Sets where a zone's free scanner begins, while booting: that does not count as written.
  void set_boot_free(std::size_t zone, Pfn free) { zones_[zone].free = free; }

  // Returns whether anything was written since boot.
  bool touched() const { return touched_; }
  // Takes the hints of a machine of the same geometry and boot.
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
