// The flags that an actor's task has in the kernel. The engine keeps them by actor, over any number of operations, and
// clears them in reset() only; it reads none of them.
#pragma once

#include <cstdint>

#include "allocator/base/release.h"

namespace cma {

// What a task is meanwhile, as far as that changes what its requests for pages may do. Between memalloc_nofs_save
// (4.12) or memalloc_noio_save (3.9) and its restore they may not enter file systems, or start no I/O and thus enter no
// file system either. A task with PF_MEMALLOC (`noreclaim`: memalloc_noreclaim_save, up to 4.11 by hand) is about to
// free memory: it may have the last page, and reclaims for none. A real-time task may go below the min watermark, and a
// victim of the OOM killer further.
enum class ReclaimScope : std::uint8_t { none, nofs, noio, noreclaim, realtime, victim };
// Returns whether requests in a scope may not enter a file system.
constexpr bool forbids_fs(ReclaimScope scope) { return scope == ReclaimScope::nofs || scope == ReclaimScope::noio; }
// Returns the version that brought a scope.
constexpr Release first_with(ReclaimScope scope) {
  switch (scope) {
    case ReclaimScope::none: return Release::v3_5;
    case ReclaimScope::nofs: return Release::v4_12;
    case ReclaimScope::noio: return Release::v3_9;
    case ReclaimScope::noreclaim:
    case ReclaimScope::realtime:
    case ReclaimScope::victim: return Release::v3_5;
  }
  return Release::v3_5;
}

struct TaskFlags {
  // A fatal signal is pending. Loops that look for one end early, most of them with -EINTR; the actor may begin further
  // operations, which see it too. A plain call sees the flag of the actor that is current, as an operation does.
  bool fatal_signal = false;
  // No flag of the kernel's. A request for pages of the task, or a compaction, was shown never to end: what it waits
  // for lets it go, and it fails (pressure/page_allocator.h, compaction/compaction.h).
  bool given_up = false;
  // The OOM killer has chosen the task or its process (TIF_MEMDIE), until its operation ends; and the signal that is
  // pending is the killer's.
  bool oom_victim = false;
  bool oom_signal = false;
  // The task may not allocate from areas: PF_MEMALLOC_PIN, before 5.13 PF_MEMALLOC_NOCMA. A long-term pin sets it for
  // as long as it moves pages.
  bool memalloc_pin = false;
  // PF_MEMALLOC_NOFS, PF_MEMALLOC_NOIO, PF_MEMALLOC, a real-time policy, or what the OOM killer has set (TIF_MEMDIE;
  // its signal is fatal_signal). Requires: the release has the scope.
  ReclaimScope scope = ReclaimScope::none;

  // Returns whether the task is a victim of the OOM killer (tsk_is_oom_victim), by its scope or since it was chosen.
  bool is_oom_victim() const { return oom_victim || scope == ReclaimScope::victim; }
};

}  // namespace cma
