#include "allocator/boot/dma_alloc.h"

#include <algorithm>

#include "allocator/base/assert.h"

namespace cma {
namespace {

// Returns how many pages a size is (PAGE_ALIGN): 0 if it wraps round.
std::uint64_t pages_of(const Geometry& geometry, std::uint64_t size) {
  return align_up(size, geometry.page_size) >> geometry.page_shift();
}

// Returns the order of the smallest block that holds so many pages (get_order): for none, that of all that an address
// can reach.
unsigned order_of(const Geometry& geometry, std::uint64_t pages) {
  if (pages == 0) return geometry.bits_per_long() - geometry.page_shift();
  return pages == 1 ? 0 : floor_log2(pages - 1) + 1;
}

std::vector<AreaId> areas_for(Release release, BugSet& bugs, const DmaAreas* areas, const DmaDevice& device,
                              std::uint64_t pages, Gfp gfp) {
  if ((gfp & kGfpDirectReclaim) == 0 && !bugs.fires(Bug::atomic_from_area)) return {};
  if (device.area && (areas == nullptr || !bugs.fires(Bug::device_area_ignored))) return {*device.area};
  if (areas == nullptr) return {};
  // One page is as contiguous as any other.
  if (release >= Release::v5_3 && pages <= 1 && !bugs.fires(Bug::single_page_from_area)) return {};
  std::vector<AreaId> tried;
  const auto add = [&](std::optional<AreaId> area) {
    if (area) tried.push_back(*area);
  };
  const bool near_node = device.node.has_value() && (gfp & (kGfpDma | kGfpDma32)) == 0;
  if (release >= Release::v5_10 && near_node) {
    add(areas->pernuma_area(*device.node));
    add(areas->numa_area(*device.node));
  }
  add(areas->default_area());
  if (tried.size() > 1 && areas->default_area() && bugs.fires(Bug::default_area_first))
    std::rotate(tried.begin(), tried.end() - 1, tried.end());
  return tried;
}

}  // namespace

DmaRequest dma_request(const Geometry& geometry, BugSet& bugs, const DmaAreas* areas, const DmaDevice& device,
                       std::uint64_t size, Gfp gfp, unsigned cma_alignment) {
  CMA_ASSERT(size != 0);
  DmaRequest request;
  request.pages = pages_of(geometry, size);
  request.order = order_of(geometry, request.pages);
  request.align = std::min(request.order, cma_alignment);
  request.node = device.node.value_or(0);
  request.warn = (gfp & kGfpNowarn) != 0 ? Warn::no : Warn::yes;
  request.areas = areas_for(geometry.release, bugs, areas, device, request.pages, gfp);
  return request;
}

DmaAlloc::DmaAlloc(const Geometry& geometry, PageAllocator& page_allocator, Buddy& buddy, Areas& areas,
                   const DmaAreas& dma, unsigned cma_alignment)
    : geometry_(geometry),
      page_allocator_(page_allocator),
      buddy_(buddy),
      areas_(areas),
      dma_(dma),
      cma_alignment_(cma_alignment) {}

Task<Pfn> DmaAlloc::alloc(DmaDevice device, std::uint64_t size, Gfp gfp) {
  const DmaRequest asked = dma_request(geometry_, dma_.bugs(), &dma_, device, size, gfp, cma_alignment_);
  for (const AreaId area : asked.areas) {
    const Pfn pfn = co_await areas_.cma_alloc(area, asked.pages, asked.align, asked.warn);
    if (pfn != kNoPfn) co_return pfn;
  }
  const Pfn pfn = co_await page_allocator_.alloc_pages(gfp, asked.order, asked.node);
  co_return pfn;
}

Task<void> DmaAlloc::free(DmaDevice device, Pfn pfn, std::uint64_t size) {
  const std::uint64_t pages = pages_of(geometry_, size);
  // Each area is asked whether the buffer is its own, whatever mistakes choose one for a request.
  BugSet none;
  const std::vector<AreaId> asked =
      areas_for(geometry_.release, none, &dma_, device, std::max<std::uint64_t>(pages, 2), kGfpKernel);
  for (const AreaId area : asked) {
    const bool released = co_await areas_.cma_release(area, pfn, pages);
    if (released) co_return;
  }
  co_await buddy_.free_pages(pfn, order_of(geometry_, pages));
}

}  // namespace cma
