// What the scope of a task takes away from its requests for pages. Plain functions, for the page allocator and reclaim.
#pragma once

#include "allocator/base/gfp.h"
#include "allocator/engine/task_flags.h"

namespace cma {

// Returns the flags without those that the scope forbids (memalloc_noio_flags, since 4.12 current_gfp_context).
constexpr Gfp gfp_in_scope(Gfp gfp, ReclaimScope scope) {
  switch (scope) {
    case ReclaimScope::none:
    case ReclaimScope::noreclaim:
    case ReclaimScope::realtime:
    case ReclaimScope::victim: return gfp;
    case ReclaimScope::nofs: return gfp & ~Gfp{kGfpFs};
    case ReclaimScope::noio: return gfp & ~Gfp{kGfpIo | kGfpFs};
  }
  return gfp;
}

}  // namespace cma
