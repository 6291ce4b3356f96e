// Whether a zone as a report has it would grant a request for pages: the watermark test (mm/page_alloc.c,
// zone_watermark_ok) with the printed figures, term by term, and the blocks that the request may take.
//
// The state that is printed is later than the failure. Watermark::terms does the same for a machine of the model. Used
// by the explanation of requests for pages. Cost: a few additions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "allocator/base/gfp.h"
#include "allocator/base/release.h"
#include "properties/logs/memory_report.h"

namespace cma::logs {

// A request for 2^order pages.
struct PageRequest {
  unsigned order = 0;
  Gfp flags = kGfpKernel;
  Release release = Release::v6_1;
  std::uint64_t page_kb = 4;  // the size of a page of the machine
  // Whether the flags are only assumed: what a zone keeps for requests that cannot use higher ones is left out.
  bool flags_assumed = false;
};

// All in pages.
struct GrantTest {
  std::int64_t free = 0;
  std::int64_t of_areas = 0;    // of them, those of areas, if the request may not have them
  std::int64_t highatomic = 0;  // kept for urgent requests, if it is none
  std::int64_t block = 0;       // the pages of the request itself but one
  std::int64_t mark = 0;        // min, lowered by what its flags allow
  std::int64_t reserve = 0;     // kept for requests that cannot use higher zones
  // Whether the report leaves out what is kept from the request: free pages of areas (up to 3.6), or the pages kept for
  // urgent requests (4.4 to 4.19), or whether these are kept from it depends on the day of the kernel (5.15, 6.1).
  // usable() may be less then.
  bool at_most = false;
  bool areas_unknown = false;       // of these: free pages of areas
  bool highatomic_unknown = false;  // and pages kept for urgent requests
  bool enough = false;
  // The smallest order with a block that it may take; nullopt if there is none.
  std::optional<unsigned> block_order;
  // Blocks that are large enough, and only on lists that are closed to it: of areas, or kept for urgent requests.
  std::uint64_t blocks_of_areas = 0;
  std::uint64_t blocks_kept = 0;
  std::uint64_t blocks_of_either = 0;  // the line does not tell how many are which
  bool blocks_known = false;           // the log has the free blocks with their letters, up to the last order

  std::int64_t usable() const { return free - of_areas - highatomic - block; }
  std::int64_t needed() const { return mark + reserve; }
};

// Returns whether a request of these flags may use a zone of this name at all.
bool may_use_zone(Gfp flags, std::string_view zone);
// Returns the zone that flags ask for by name, "DMA" or "DMA32": the request may use no higher one. Empty if they do
// not. Of kernels without this zone it means nothing.
std::string_view zone_asked(Gfp flags);
// Returns whether it may have pages of areas.
bool may_use_areas(Gfp flags);
// Returns whether the request may go below the mark that others must keep: only for such ones does a higher mark keep
// pages free.
bool goes_below_mark(const PageRequest& request);
// Returns the result for a zone whose state is known. `high_memory`: whether the machine has some.
GrantTest test_grant(const ZoneReport& zone, const PageRequest& request, bool high_memory);
// Returns the letters of the lists that the request may take from: "UME", with H and C if it may.
std::string usable_letters(const PageRequest& request);

}  // namespace cma::logs
