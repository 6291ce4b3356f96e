// How large an area must be for given requests, in the unit that areas are made of, and why.
//
// The answer is for an area whose pages are all free or can be moved: what other holders keep in the way comes on top.
// It is computed on a bitmap (first_fit.h, best_order.h) and then checked on a machine of that size, and on one that is
// a unit smaller. Used by `cmacheck fit`. Cost: the search for the best order, and six machines.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "allocator/areas/area.h"
#include "allocator/base/geometry.h"
#include "properties/sizing/best_order.h"
#include "properties/sizing/demand.h"

namespace cma::sizing {

// The largest area that is checked on a machine: 16 GiB with pages of 4 KiB.
inline constexpr std::uint64_t kMostChecked = std::uint64_t{1} << 22;

struct Setting {
  // Release, pageblock order and largest order; nothing else of it counts.
  Geometry shape;
  // CONFIG_CMA_ALIGNMENT of the kernel that made the requests.
  unsigned cma_alignment = kCmaAlignment;
  // Whether requests without an alignment get that of dma_alloc_contiguous.
  bool dma = false;
  // Where the area begins, instead of what the demand says.
  std::optional<Pfn> base;
};

// Where the pages of an area go. The sum is its size.
struct Share {
  std::uint64_t asked = 0;          // pages asked for
  std::uint64_t whole_bits = 0;     // requests end on whole bits
  std::uint64_t alignment = 0;      // gaps before aligned buffers that no order (of those found) fills
  std::uint64_t fragmentation = 0;  // gaps that the best order found fills
  std::uint64_t whole_units = 0;    // the area ends on a whole unit
};

struct Size {
  std::uint64_t units = 0;
  std::uint64_t pages = 0;
  Share share;
  // The order of the requests, by index.
  std::vector<std::size_t> order;
  // The place of each request's buffer, by index: pages from the area's base on.
  std::vector<std::uint64_t> places;
  // The request that fails in one unit less; nullopt if there is no such area.
  std::optional<std::size_t> fails_below;
  // Whether a machine of that size performed all requests, and a smaller one failed at `fails_below`.
  bool checked = false;
};

// What is known of other orders than the best one found.
enum class Proof : std::uint8_t { all_orders, bound, none };

// The sizes with another CONFIG_CMA_ALIGNMENT.
struct Alternative {
  unsigned cma_alignment = 0;
  std::uint64_t given_units = 0;
  std::uint64_t best_units = 0;
  bool best_proved = false;
};

struct Answer {
  std::uint64_t unit = 0;    // pages
  unsigned page_shift = 12;  // log2 of a page's bytes
  Pfn base = 0;
  bool base_assumed = false;  // the base is a multiple of each alignment
  unsigned order_per_bit = 0;
  // The requests with the alignment that the search sees.
  std::vector<Request> requests;
  Size given;
  Size best;
  Proof proof = Proof::none;
  std::uint64_t least_units = 0;  // what every order needs
  // With the releases of the program, if it has any.
  std::optional<Size> released;
  std::size_t largest = 0;          // the request that alone needs the largest area
  std::uint64_t largest_alone = 0;  // pages up to its end
  std::vector<Alternative> alternatives;
  std::size_t beyond_cma_alignment = 0;  // requests that no CONFIG_CMA_ALIGNMENT changes
};

// Returns the least order of a block of that many pages (get_order).
unsigned order_for(std::uint64_t pages);
// Returns the values that CONFIG_CMA_ALIGNMENT may have: 4 to 9 as it came, to 12 since 3.16, from 2 since 5.10.
std::pair<unsigned, unsigned> cma_alignments(Release release);
// Returns the alignment of a request that was made with one CONFIG_CMA_ALIGNMENT as it would be with another. The DMA
// layer aligns a buffer to its own order or to that limit, whichever is less, and limits an explicit alignment too
// (dma_alloc_contiguous, dma_alloc_from_contiguous): so a request at its limit, or below it, follows. One above it has
// not come by way of that layer since 3.17, and stays; before, the layer is the allocator.
unsigned align_with(const Request& request, unsigned made_with, unsigned other, Release release);

// Returns the answer. Fails if no area can hold the requests, if the base is no multiple of the unit, if the bits are
// larger than it, or (with a reason that begins "the model disagrees") if a machine behaves otherwise than the bitmap.
std::expected<Answer, BadDemand> area_size(const Demand& demand, const Setting& setting);

}  // namespace cma::sizing
