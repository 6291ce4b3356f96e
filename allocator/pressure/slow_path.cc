#include "allocator/pressure/slow_path.h"

namespace cma {
namespace {

// Returns whether no watermark binds the last of those attempts.
bool ignores_watermarks(Gfp gfp, const TaskFlags& task) {
  const bool entitled =
      (gfp & kGfpMemalloc) != 0 || task.scope == ReclaimScope::noreclaim || task.scope == ReclaimScope::victim;
  return entitled && (gfp & kGfpNomemalloc) == 0;
}

}  // namespace

SlowPathEnd end_of_slow_path(Gfp gfp, const TaskFlags& task, const Geometry& geometry) {
  const Release release = geometry.release;
  const bool nofail = (gfp & kGfpNofail) != 0;
  // GFP_THISNODE: slab takes pages of another node before the last ones of this.
  constexpr Gfp kSlabs = kGfpThisnode | kGfpNoretry | kGfpNowarn;
  if (release < Release::v4_1 && geometry.several_nodes() && (gfp & kSlabs) == kSlabs) return SlowPathEnd::fails;
  // __alloc_pages_high_priority, up to 4.4.
  if (release < Release::v4_5 && nofail && ignores_watermarks(gfp, task)) return SlowPathEnd::tries_again;
  if ((gfp & kGfpDirectReclaim) == 0) return SlowPathEnd::fails;
  // A task that reclaims does not reclaim on behalf of its own requests.
  if (task.scope == ReclaimScope::noreclaim)
    return nofail && release >= Release::v4_5 ? SlowPathEnd::tries_again : SlowPathEnd::fails;
  // Since 4.12 a victim of the OOM killer reclaims once.
  if (task.scope == ReclaimScope::victim && !nofail && release < Release::v4_12) return SlowPathEnd::fails;
  return SlowPathEnd::reclaims;
}

}  // namespace cma
