// The slow path of a request for pages (__alloc_pages_slowpath, mm/page_alloc.c): what the kernel does when the first
// attempt has found nothing. It goes down to the min watermark and to reserves, compacts and reclaims memory, and
// begins again for as long as that may help. When nothing does, a process is killed, or the request fails.
//
// PageAllocator runs one for each request that needs it. Each attempt is Buddy's; reclaim and compaction are asked for
// by way of Relief, killing by way of ProcessKiller. Callers hold no spinlock: it passes a point wherever others may
// run, and sleeps. Cost: that of what it asks for.
//
// A request is repeated by rules that changed as a whole in 4.8: slow_path_steps.h has a table of them with the class
// of each form. Some turns are repeated without limit, as nothing but another task can help the request; they are
// endless turns (endless_turns.h), which a scheduler may give up.
#pragma once

#include "allocator/base/pfn.h"
#include "allocator/buddy/buddy.h"
#include "allocator/engine/task.h"
#include "allocator/frames/core.h"
#include "allocator/pressure/endless_turns.h"
#include "allocator/pressure/process_killer.h"
#include "allocator/pressure/relief.h"

namespace cma {

// What a slow path turns to.
struct SlowPathHelpers {
  Relief& relief;
  ProcessKiller* killer = nullptr;  // nullptr: no process is killed
  EndlessTurns& endless;
};

// Serves the request. Returns kNoPfn if the kernel fails it, if there is no process to kill for one that may fail, or
// if endless turns are given up. Refers to its arguments until it has ended. Requires: the first attempt, at the low
// watermark, has failed; the flags have __GFP_DIRECT_RECLAIM (but for Bug::atomic_reclaims), and the caller may sleep.
Task<Pfn> run_slow_path(const Core& core, Buddy& buddy, const SlowPathHelpers& helpers, PageRequest& request);

}  // namespace cma
