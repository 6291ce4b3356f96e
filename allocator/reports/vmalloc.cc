#include "allocator/reports/vmalloc.h"

#include <algorithm>

#include "allocator/base/assert.h"

namespace cma {
namespace {

// GFP_RECLAIM_MASK: what the request for an array takes over from the one that it is for.
constexpr Gfp kReclaimMask = kGfpReclaim | kGfpHigh | kGfpIo | kGfpFs | kGfpNowarn | kGfpRetryMayfail | kGfpNofail |
                             kGfpNoretry | kGfpMemalloc | kGfpNomemalloc | kGfpAtomicBit;

constexpr std::uint64_t pages_for(std::uint64_t bytes, std::uint64_t page_size) {
  return (bytes + page_size - 1) / page_size;
}

}  // namespace

bool vmalloc_refuses(std::uint64_t bytes, std::uint64_t total, std::uint64_t page_size) {
  return bytes == 0 || bytes > total * page_size;
}

std::vector<VmallocStep> vmalloc_steps(std::uint64_t bytes, Gfp gfp, const Geometry& geometry) {
  CMA_ASSERT(bytes > 0);
  CMA_ASSERT(bytes >> 62 == 0);
  const std::uint64_t pointer_bytes = geometry.bits_per_long() / 8;
  std::vector<VmallocStep> steps = {{pages_for(bytes, geometry.page_size), bytes, gfp}};
  // Each array is 512 times smaller at least: these reach below a page from any size.
  constexpr int kMostArrays = 8;
  for (int array = 0; array < kMostArrays; ++array) {
    const std::uint64_t array_bytes = steps.back().pages * pointer_bytes;
    if (array_bytes <= geometry.page_size) break;
    steps.push_back({pages_for(array_bytes, geometry.page_size), array_bytes, (gfp & kReclaimMask) | kGfpZero});
  }
  std::ranges::reverse(steps);
  return steps;
}

// Since 4.12 all of vmalloc's pages may lie in high memory, unless they are asked for by a zone below; before, a caller
// says so.
Gfp vmalloc_page_gfp(Gfp gfp, Release release) {
  const bool low = (gfp & (kGfpDma | kGfpDma32)) != 0;
  return gfp | kGfpNowarn | (release >= Release::v4_12 && !low ? Gfp{kGfpHighmem} : Gfp{0});
}

std::optional<std::string> vmalloc_refusal(std::uint64_t bytes, Release release) {
  const std::string size = std::to_string(bytes);
  if (release < Release::v5_13) return "vmalloc: allocation failure: " + size + " bytes";
  // A size of 0 is reported as a fault of the caller's, by WARN_ON_ONCE.
  if (bytes == 0) return std::nullopt;
  return "vmalloc error: size " + size + ", exceeds total pages";
}

std::string vmalloc_shortage(const VmallocStep& step, std::uint64_t allocated, const Geometry& geometry) {
  const std::string got = std::to_string(allocated * geometry.page_size);
  // The size of the range, with the page after it that stays empty.
  const std::string range = std::to_string((step.pages + 1) * geometry.page_size);
  if (geometry.release < Release::v5_13)
    return "vmalloc: allocation failure, allocated " + got + " of " + range + " bytes";
  const std::string order = geometry.release < Release::v6_12 ? ", page order 0" : "";
  return "vmalloc error: size " + got + order + ", failed to allocate pages";
}

std::optional<std::string> vmemmap_shortage(unsigned order, Release release) {
  if (release < Release::v4_14) return std::nullopt;
  return "vmemmap alloc failure: order:" + std::to_string(order);
}

}  // namespace cma
