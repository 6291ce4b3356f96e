// Watermarks: how many pages a zone must keep free, and whether a request may take some (mm/page_alloc.c).
//
// A part of Buddy, which hands it out. Zones are passed in; the class itself holds settings only. Locks: none are
// needed, as nothing can run between two looks at a zone.
//
// Cost: a test of order 0 is a few additions. One of a higher order also looks at the free lists from that order on, up
// to 4.3 at those below it instead.
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
  bool binding = true;  // whether the request must leave so much: not with kAllocNoWatermarks
  // Returns whether enough pages are free, in whatever blocks, or no watermark binds the request.
  bool enough() const { return !binding || usable() > needed(); }
};

class Watermarks {
 public:
  explicit Watermarks(const Core& core);

  // Computes watermarks and lowmem reserves of all zones from what is managed now, and sets the boosts that they have
  // at boot.
  void set_up(Zones& zones) const;

  // Returns whether the zone, with `free` pages free, may serve the request (__zone_watermark_ok). Without the
  // request's pages but one, without those that it may not have, there must be more than `mark`, lowered by the
  // request's rights, and the lowmem reserve of its ceiling. That is all for a single page. For a larger block:
  // - since 4.4 there must be one that is large enough, on a list that the request may use;
  // - up to 4.3 no block is looked for, but enough must be left without the smaller ones: with each order that is left
  //   out, more than half of what had to be left before.
  bool zone_watermark_ok(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request,
                         std::int64_t free) const;
  // Returns whether the zone may serve the request with all that is free, as the allocator asks (zone_watermark_fast).
  // Passes wherever zone_watermark_ok() does, and for single pages also
  // - if more than the mark as it stands and the lowmem reserve is free for it; up to 5.8 that counts what is kept for
  //   atomic requests;
  // - at the min watermark, if a request that is urgent (atomic; since 6.3 __GFP_HIGH) would pass without the boost.
  bool zone_watermark_fast(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request) const;
  // Returns the terms of zone_watermark_ok() with all that is free. With kAllocNoWatermarks, for which no caller tests,
  // enough() is true whatever the terms are. Without, that test passes if there are enough() pages and blocks.
  WatermarkTerms terms(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request) const;
  static std::uint64_t watermark(const Zone& zone, Watermark mark) {
    return zone.watermark[static_cast<unsigned>(mark)] + zone.watermark_boost;
  }

  // Raises all watermarks of a zone by a pageblock, because types were mixed in a pageblock (5.0; callers check the
  // release). Stops at most_boost(). Only kswapd lowers them again.
  void boost(Zone& zone) const;
  // Returns by how many pages the watermarks of a zone may be raised: watermark_boost_factor / 10,000 of the high
  // watermark, at least a pageblock. 0 if that product is less than a page, or the zone has fewer than four pageblocks.
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
