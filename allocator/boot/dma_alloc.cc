#include "allocator/boot/dma_alloc.h"

#include <algorithm>

#include "allocator/base/assert.h"

namespace cma {

DmaAlloc::DmaAlloc(const Geometry& geometry, Buddy& buddy, Areas& areas, const DmaAreas& dma, unsigned cma_alignment)
    : geometry_(geometry), buddy_(buddy), areas_(areas), dma_(dma), cma_alignment_(cma_alignment) {}

std::uint64_t DmaAlloc::pages_of(std::uint64_t size) const {
  return align_up(size, geometry_.page_size) >> geometry_.page_shift();
}

// Returns the order of the smallest block that holds so many pages (get_order).
unsigned DmaAlloc::order_of(std::uint64_t pages) const { return pages <= 1 ? 0 : floor_log2(pages - 1) + 1; }

DmaAlloc::Tried DmaAlloc::areas_for(const DmaDevice& device, std::uint64_t pages, Gfp gfp) const {
  Tried tried;
  if ((gfp & kGfpDirectReclaim) == 0) return tried;
  if (device.area) {
    tried[0] = device.area;
    return tried;
  }
  // One page is as contiguous as any other.
  if (geometry_.release >= Release::v5_3 && pages <= 1) return tried;
  const bool near_node = device.node.has_value() && (gfp & (kGfpDma | kGfpDma32)) == 0;
  if (geometry_.release >= Release::v5_10 && near_node) {
    tried[0] = dma_.pernuma_area(*device.node);
    tried[1] = dma_.numa_area(*device.node);
  }
  tried[2] = dma_.default_area();
  return tried;
}

Task<Pfn> DmaAlloc::alloc(DmaDevice device, std::uint64_t size, Gfp gfp) {
  CMA_ASSERT(size != 0);
  const std::uint64_t pages = pages_of(size);
  const unsigned order = order_of(pages);
  const unsigned align = std::min(order, cma_alignment_);
  const bool no_warn = (gfp & kGfpNowarn) != 0;
  const Tried tried = areas_for(device, pages, gfp);
  for (const std::optional<AreaId>& area : tried) {
    if (!area) continue;
    const Pfn pfn = co_await areas_.cma_alloc(*area, pages, align, no_warn);
    if (pfn != kNoPfn) co_return pfn;
  }
  co_return buddy_.alloc_pages(gfp, order, device.node.value_or(0));
}

Task<void> DmaAlloc::free(DmaDevice device, Pfn pfn, std::uint64_t size) {
  const std::uint64_t pages = pages_of(size);
  // Each area is asked whether the buffer is its own.
  Tried asked = {device.area};
  if (!device.area) asked = areas_for(device, std::max<std::uint64_t>(pages, 2), kGfpKernel);
  for (const std::optional<AreaId>& area : asked) {
    if (!area) continue;
    const bool released = co_await areas_.cma_release(*area, pfn, pages);
    if (released) co_return;
  }
  co_await buddy_.free_pages(pfn, order_of(pages));
}

}  // namespace cma
