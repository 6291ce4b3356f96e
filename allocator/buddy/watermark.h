// Watermarks: how many pages a zone must keep free, and whether a request may take some (mm/page_alloc.c).
//
// Used by allocation up to the point where the kernel would begin to reclaim, by isolation of free blocks and by
// compaction. Zones are passed in; the class itself holds settings only. Locks: none are needed, as nothing can run
// between two looks at a zone.
//
// Cost: a test of order 0 is a few additions; one of a higher order looks at the free lists from that order on.
#pragma once

#include <array>
#include <optional>

#include "allocator/base/gfp.h"
#include "allocator/buddy/zone.h"
#include "allocator/frames/core.h"

namespace cma {

// The flags ALLOC_* of mm/internal.h, by their names up to 6.2.
enum AllocFlags : std::uint32_t {
  kAllocWmarkMin = 0,
  kAllocWmarkLow = 1,
  kAllocWmarkHigh = 2,
  kAllocWmarkMask = 3,
  kAllocNoWatermarks = 0x4,
  kAllocOom = 0x8,
  kAllocHarder = 0x10,  // since 6.3 ALLOC_NON_BLOCK
  kAllocHigh = 0x20,    // since 6.3 ALLOC_MIN_RESERVE
  kAllocCma = 0x80,
  kAllocNoFragment = 0x100,  // types are not mixed in a pageblock
  kAllocHighatomic = 0x200,  // before 6.3, kAllocHarder with an order above 0
  kAllocKswapd = 0x800,
  // No flag of the kernel's there: __GFP_COLD, up to 4.14.
  kAllocCold = 0x10000,
};

// The part of a request that a watermark depends on. By default: a single page, without privileges.
struct WatermarkRequest {
  unsigned order = 0;
  std::size_t class_zone = 0;  // the request's zone ceiling, whose lowmem reserve is added to the mark
  std::uint32_t flags = 0;     // AllocFlags
  Gfp gfp = 0;                 // read by zone_watermark_fast() only
};

// What the test of a watermark adds and subtracts, in pages. For explanations.
struct WatermarkTerms {
  std::int64_t free = 0;            // of the zone
  std::int64_t of_areas = 0;        // of them, those of areas, if the request may not have them
  std::int64_t reserved = 0;        // kept for atomic requests, if the request is none
  std::int64_t block = 0;           // the pages of the request itself but one
  std::int64_t mark = 0;            // the watermark, lowered by the rights of the request
  std::int64_t lowmem_reserve = 0;  // kept for requests that cannot use higher zones
  std::int64_t usable() const { return free - of_areas - reserved - block; }
  std::int64_t needed() const { return mark + lowmem_reserve; }
  bool binding = true;  // whether the request must leave so much
  // Returns whether enough pages are free, in whatever blocks.
  bool enough() const { return !binding || usable() > needed(); }
};

class Watermarks {
 public:
  explicit Watermarks(const Core& core);

  // Computes watermarks and lowmem reserves of all zones from what is managed now.
  void set_up(Zones& zones) const;

  // Returns whether, with `free` pages free, the zone stays above `mark` and has a block the request may use.
  bool zone_watermark_ok(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request,
                         std::int64_t free) const;
  // As zone_watermark_ok with all that is free, with a shortcut for order 0.
  bool zone_watermark_fast(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request) const;
  // Returns the terms of zone_watermark_ok with all that is free. The test passes if there are enough() pages and a
  // block that the request may use.
  WatermarkTerms terms(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request) const;
  static std::uint64_t watermark(const Zone& zone, Watermark mark) {
    return zone.watermark[static_cast<unsigned>(mark)] + zone.watermark_boost;
  }

  // Raises all watermarks of a zone by a pageblock, because types were mixed in a pageblock (5.0; callers check the
  // release). Stops at most_boost(). Without reclaim nothing lowers it again.
  void boost(Zone& zone) const;
  // Returns by how many pages the watermarks of a zone may be raised: watermark_boost_factor of the high watermark, at
  // least a pageblock. 0 for a zone of fewer than four pageblocks.
  std::uint64_t most_boost(const Zone& zone) const;

  // Returns whether the release follows the rules of 6.3 on who may use reserves. The long-term series of 6.1 does.
  static bool has_rules_v6_3(Release release) { return release >= Release::v6_1; }

 private:
  bool is_highmem(const Zone& zone, bool machine_has_highmem) const;
  std::uint64_t reserve_ratio(const Zone& zone) const;
  std::int64_t reserve_of(const Zone& zone) const;
  bool may_use_reserve(std::uint32_t flags) const;
  std::int64_t lowered(std::int64_t min, std::uint32_t flags) const;
  bool blocks_suffice_v3_5(const Zone& zone, unsigned order, std::int64_t free, std::int64_t min) const;
  bool blocks_suffice_v4_4(const Zone& zone, unsigned order, std::uint32_t flags) const;

  Release release_;
  unsigned largest_order_;
  std::uint64_t pageblock_pages_;
  std::optional<std::uint64_t> min_free_kbytes_;
  std::uint64_t extra_free_kbytes_;
  std::uint64_t scale_factor_;
  std::uint64_t boost_factor_;
  std::uint64_t boost_at_boot_;
  std::optional<std::array<std::uint16_t, 4>> reserve_ratios_;
  Core core_;
};

}  // namespace cma
