#include "allocator/pressure/page_allocator.h"

namespace cma {

Task<Pfn> PageAllocator::alloc_pages(Gfp gfp, unsigned order, unsigned node) {
  CMA_ASSERT((gfp & kGfpDirectReclaim) == 0 || !core_.engine.spinlocks().any_held());
  const Pfn pfn = buddy_.alloc_pages(gfp, order, node);
  CMA_ASSERT(pfn == kNoPfn || core_.map.page(pfn).ref == 1);
  co_return pfn;
}

}  // namespace cma
