// Buffers for devices: which area one comes from, and when it comes from the page allocator instead.
//
// Callers make one for a booted machine; it has no state of its own. Cost: that of the allocation in areas/ or
// pressure/. Locks: those of Areas::cma_alloc(). It stands on dma_areas.h, areas/, pressure/ and buddy/.
//
// Sources: dma_alloc_from_contiguous, dma_alloc_contiguous and dma_free_contiguous of kernel/dma/contiguous.c (up to
// 4.19 drivers/base/dma-contiguous.c), read at 3.4, 4.9, 5.10, 6.1 and 6.12; the callers' fallback as in
// dma_generic_alloc_coherent of arch/x86 (up to 4.15, recalled) and dma_direct_alloc (since then).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "allocator/areas/areas.h"
#include "allocator/base/gfp.h"
#include "allocator/boot/dma_areas.h"
#include "allocator/buddy/buddy.h"
#include "allocator/pressure/page_allocator.h"

namespace cma {

// A device: its own area, if a node of the tree gave it one, and the node that it is near.
struct DmaDevice {
  std::optional<AreaId> area;
  std::optional<unsigned> node;
};

// How a buffer is asked for: the areas in their order, and what each of them, or the page allocator, is asked for.
struct DmaRequest {
  std::vector<AreaId> areas;
  std::uint64_t pages = 0;
  unsigned align = 0;     // an order, of areas
  unsigned order = 0;     // of the block, if no area gives the buffer
  unsigned node = 0;      // of the block
  Warn warn = Warn::yes;  // of areas: whether they print a failure
};

// Returns how the DMA layer asks for a buffer of so many bytes (DmaAlloc::alloc() says of which areas). `areas`:
// nullptr for a machine without any but the device's own. Mistakes in `bugs` change the areas. Requires: size is not 0.
DmaRequest dma_request(const Geometry& geometry, BugSet& bugs, const DmaAreas* areas, const DmaDevice& device,
                       std::uint64_t size, Gfp gfp, unsigned cma_alignment = kCmaAlignment);

class DmaAlloc {
 public:
  // Refers to all of its arguments but the number. `cma_alignment` is CONFIG_CMA_ALIGNMENT: up to 3.16 only
  // kCmaAlignment has an effect, as Areas applies that.
  DmaAlloc(const Geometry& geometry, PageAllocator& page_allocator, Buddy& buddy, Areas& areas, const DmaAreas& dma,
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
  const Geometry& geometry_;
  PageAllocator& page_allocator_;
  Buddy& buddy_;
  Areas& areas_;
  const DmaAreas& dma_;
  unsigned cma_alignment_;
};

}  // namespace cma
