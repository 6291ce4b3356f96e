// Buffers for devices: which area one comes from, and when it comes from the page allocator instead.
//
// Callers make one for a booted machine; it has no state of its own. Cost: that of the allocation in areas/ or buddy/.
// Locks: those of Areas::cma_alloc(). It stands on dma_areas.h, areas/ and buddy/.
//
// Sources: dma_alloc_from_contiguous, dma_alloc_contiguous and dma_free_contiguous of kernel/dma/contiguous.c (up to
// 4.19 drivers/base/dma-contiguous.c), read at 3.4, 4.9, 5.10, 6.1 and 6.12; the callers' fallback as in
// dma_generic_alloc_coherent of arch/x86 (up to 4.15, recalled) and dma_direct_alloc (since then).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "allocator/areas/areas.h"
#include "allocator/base/gfp.h"
#include "allocator/boot/dma_areas.h"
#include "allocator/buddy/buddy.h"

namespace cma {

// A device: its own area, if a node of the tree gave it one, and the node that it is near.
struct DmaDevice {
  std::optional<AreaId> area;
  std::optional<unsigned> node;
};

class DmaAlloc {
 public:
  // Refers to all of its arguments but the number. `cma_alignment` is CONFIG_CMA_ALIGNMENT: up to 3.16 only
  // kCmaAlignment has an effect, as Areas applies that.
  DmaAlloc(const Geometry& geometry, Buddy& buddy, Areas& areas, const DmaAreas& dma,
           unsigned cma_alignment = kCmaAlignment);

  // Allocates so many bytes, rounded up to whole pages, aligned to their size up to cma_alignment. Returns the first
  // page, kNoPfn on failure; the pages belong to the caller until free(). A request that may sleep is tried
  //   - in the device's own area, if it has one, and in no other area;
  //   - else, since 5.3 if it is larger than a page: since 5.10, for a device near a node and a request without GFP_DMA
  //     and GFP_DMA32, in the areas of that node;
  //   - then in the default area.
  // What no area gives, and what may not sleep, is a block of the page allocator's. Requires: size is not 0. Sleeps if
  // the flags say so.
  Task<Pfn> alloc(DmaDevice device, std::uint64_t size, Gfp gfp);
  // Gives a buffer back, to the area that it came from or to the page allocator. Requires: alloc() returned it for the
  // same device and size.
  Task<void> free(DmaDevice device, Pfn pfn, std::uint64_t size);

 private:
  static constexpr std::size_t kMostAreas = 3;
  // The areas that are tried, in order; the rest is empty.
  using Tried = std::array<std::optional<AreaId>, kMostAreas>;
  Tried areas_for(const DmaDevice& device, std::uint64_t pages, Gfp gfp) const;
  std::uint64_t pages_of(std::uint64_t size) const;
  unsigned order_of(std::uint64_t pages) const;

  const Geometry& geometry_;
  Buddy& buddy_;
  Areas& areas_;
  const DmaAreas& dma_;
  unsigned cma_alignment_;
};

}  // namespace cma
