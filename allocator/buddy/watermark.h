// Whether a request may take pages of a zone, or must leave them free (mm/page_alloc.c). A watermark is how many pages
// must stay free; WatermarkSetup computes those of each zone.
//
// A part of Buddy, which hands it out. Zones are passed in, and not changed. Locks: none are needed, as nothing can run
// between two looks at a zone.
//
// Cost: a test of order 0 is a few additions. One of a higher order also looks at the free lists from that order on, up
// to 4.3 at those below it instead.
#pragma once

#include "allocator/base/gfp.h"
#include "allocator/buddy/alloc_flags.h"
#include "allocator/buddy/zone.h"
#include "allocator/frames/core.h"

namespace cma {

// The part of a request that a watermark depends on. By default: a single page, without privileges.
struct WatermarkRequest {
  unsigned order = 0;
  std::size_t class_zone = 0;  // the request's zone ceiling: what the tested zone reserves against it is added
  std::uint32_t flags = 0;     // AllocFlags
  Gfp gfp = 0;                 // read by zone_watermark_fast() only
};

// What the test of a watermark adds and subtracts, in pages. The test is made of it; explanations show it.
struct WatermarkTerms {
  std::int64_t free = 0;            // of the zone
  std::int64_t of_areas = 0;        // of them, those of areas, if the request may not have them
  std::int64_t reserved = 0;        // for atomic requests, up to 6.11 used or not; 0 if the request has a right to it
  std::int64_t block = 0;           // the pages of the request itself but one
  std::int64_t mark = 0;            // the watermark, lowered by the rights of the request
  std::int64_t lowmem_reserve = 0;  // kept for requests that cannot use higher zones
  std::int64_t usable() const { return free - of_areas - reserved - block; }
  std::int64_t needed() const { return mark + lowmem_reserve; }
  // Returns whether enough pages are free, in whatever blocks.
  bool enough() const { return usable() > needed(); }
};

// `mark` is a number of pages: a watermark as watermark() returns it, and what the caller wants left beside it. No test
// looks at kAllocNoWatermarks: Buddy does not test attempts with this flag. Compaction and the slow path, which
// estimate for one, test as if it were not there.
class Watermarks {
 public:
  explicit Watermarks(const Core& core);

  // Returns whether the zone, with `free` pages free, may serve the request (__zone_watermark_ok): with these the
  // terms() must be enough(). That is all for a single page. For a larger block:
  // - since 4.4 there must be one that is large enough, on a list that the request may use;
  // - up to 4.3 no block is looked for. The blocks of each smaller order are subtracted in turn, and each time more
  //   must be left than half of what had to be left before. That begins with the lowered mark, without the lowmem
  //   reserve; what is left includes pages of areas.
  bool zone_watermark_ok(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request,
                         std::int64_t free) const;
  // Returns whether the zone may serve the request with all that is free, as the allocator asks (zone_watermark_fast).
  // Passes wherever zone_watermark_ok() does, and for single pages also
  // - up to 5.8, if more is free for it than the mark, which is not lowered, and the lowmem reserve: what is kept for
  //   atomic requests counts here;
  // - if the zone is boosted, and the request names the min watermark, is urgent (__GFP_ATOMIC; since 6.3 __GFP_HIGH)
  //   and passes zone_watermark_ok() at that watermark without the boost.
  bool zone_watermark_fast(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request) const;
  // Returns the terms of zone_watermark_ok() with all that is free.
  WatermarkTerms terms(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request) const;
  // Returns a watermark of a zone with the zone's boost, in pages.
  static std::uint64_t watermark(const Zone& zone, Watermark mark) {
    return zone.watermark[static_cast<unsigned>(mark)] + zone.watermark_boost;
  }

  // Returns whether the release follows the rules of 6.3 on who may use reserves. The long-term series of 6.1 does, and
  // so it is said of all from 6.1 on.
  static bool has_rules_v6_3(Release release) { return release >= Release::v6_1; }

 private:
  WatermarkTerms terms_of(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request,
                          bool areas_count) const;
  bool passes_unlowered(const Zone& zone, std::uint64_t mark, const WatermarkRequest& request) const;
  std::int64_t reserve_of(const Zone& zone) const;
  bool may_use_reserve(std::uint32_t flags) const;
  std::int64_t lowered(std::int64_t min, std::uint32_t flags) const;
  bool blocks_suffice_v3_5(const Zone& zone, unsigned order, std::int64_t free, std::int64_t min) const;
  bool blocks_suffice_v4_4(const Zone& zone, unsigned order, std::uint32_t flags) const;

  Release release_;
  unsigned largest_order_;
  BugSet& bugs_;
};

}  // namespace cma
