#include "allocator/pressure/after_attempts.h"

namespace cma {
namespace {

// Returns whether no watermark binds the last of the attempts before reclaim.
bool ignores_watermarks(Gfp gfp, const TaskFlags& task) {
  const bool entitled = (gfp & kGfpMemalloc) != 0 || task.scope == ReclaimScope::noreclaim || task.is_oom_victim();
  return entitled && (gfp & kGfpNomemalloc) == 0;
}

}  // namespace

AfterAttempts after_attempts(Gfp gfp, const TaskFlags& task, const Geometry& geometry) {
  const Release release = geometry.release;
  const bool nofail = (gfp & kGfpNofail) != 0;
  // GFP_THISNODE: slab takes pages of another node before the last ones of this.
  constexpr Gfp kSlabs = kGfpThisnode | kGfpNoretry | kGfpNowarn;
  if (release < Release::v4_1 && geometry.several_nodes() && (gfp & kSlabs) == kSlabs) return AfterAttempts::fails;
  // __alloc_pages_high_priority, up to 4.4.
  if (release < Release::v4_5 && nofail && ignores_watermarks(gfp, task)) return AfterAttempts::tries_again;
  if ((gfp & kGfpDirectReclaim) == 0) return AfterAttempts::fails;
  // A task that reclaims does not reclaim on behalf of its own requests.
  if (task.scope == ReclaimScope::noreclaim)
    return nofail && release >= Release::v4_5 ? AfterAttempts::tries_again : AfterAttempts::fails;
  // Since 4.12 a victim of the OOM killer reclaims once.
  if (task.is_oom_victim() && !nofail && release < Release::v4_12) return AfterAttempts::fails;
  return AfterAttempts::reclaims;
}

bool victim_has_its_share(Gfp gfp, const TaskFlags& task, Release release) {
  if (!task.is_oom_victim() || release < Release::v4_12) return false;
  // Since 4.14 one of a task that is about to free memory has more of them, and is repeated.
  return (gfp & kGfpNomemalloc) != 0 || (gfp & kGfpMemalloc) == 0 || release < Release::v4_14;
}

bool victim_gives_up(Gfp gfp, const TaskFlags& task, Release release) {
  return (gfp & kGfpNofail) == 0 && victim_has_its_share(gfp, task, release);
}

}  // namespace cma
