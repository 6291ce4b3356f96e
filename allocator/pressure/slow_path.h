// The slow path of a request for pages (__alloc_pages_slowpath, mm/page_alloc.c): what the kernel does when the first
// attempt has found nothing. It goes down to the min watermark and to reserves, compacts and reclaims memory, and
// begins again for as long as that may help. When nothing does, a process is killed, or the request fails.
//
// PageAllocator runs one for each request that needs it. Each attempt is Buddy's; reclaim and compaction are asked for
// by way of Relief, killing by way of ProcessKiller. Callers hold no spinlock: it passes a point wherever others may
// run, and sleeps. Cost: that of what it asks for.
//
// "Small" is a block up to kCostlyOrder, "large" one above. A request "insists" if it has __GFP_RETRY_MAYFAIL (before
// 4.13 __GFP_REPEAT). The killer "is called" if the other rows have no turn follow, and none says "never"; up to 4.7
// after each turn that freed no page, of a request that may enter file systems. It is not for a large block, a zone
// below Normal, memory of one node only, nor since 4.13 for a request that insists; up to 4.11 for these too if they
// must not fail.
//
// Which requests are repeated without limit. Nothing but another task can help them, so each such turn is an endless
// one (endless_turns.h). A turn makes the attempts, and reclaims unless the table excludes that.
//   request                                             releases    what follows the turn
//   must not fail, of a task with a right to reserves   to 4.4      the attempts; no reclaim
//   must not fail, of a task that reclaims              4.5 - 4.11  the attempts; no reclaim
//   small or must not fail, outside file systems,       to 4.7      the next turn
//     freed no page
//   large, insists, outside file systems, freed no      to 4.7      the next turn, until all turns together have freed
//     page                                                          as many pages as it wants
//   large, must not fail, has freed as many             to 4.7      the next turn
//   killer called, outside file systems                 since 4.8   the next turn, as if a process was killed; up to
//                                                                   4.11 one is if the request must not fail
//   killer called while a victim is about to die        all         the same, until the victim is gone
//   of one node only, else the killer would be called   to 3.18     the same
//   killer called, no process to kill, must not fail    all         since 4.4 the last page, if there is one; then the
//                                                                   next turn
//   large, insists, without I/O (up to 4.9 or outside   4.8 - 5.9   the next turn, for as long as reclaim leaves it to
//     file systems), has made 17 turns                              a compaction that would have room: none is made
//   must not fail, where any other would fail           since 4.12  some of the reserves; then the next turn, without
//                                                                   reclaim if the task itself reclaims
//   any, of a task about to die                         all         the next turn, bounded as below; an endless one but
//                                                                   after waiting for I/O, a reserve or a kill
// With __GFP_NORETRY only the first two and that of 4.12 hold.
//
// What bounds the turns of others. A zone "has hope" if it would have enough with all that is reclaimable.
//   after a turn                                        releases    another follows
//   __GFP_NORETRY; or of a task that reclaims           all         never
//   of a victim of the killer, may fail                 to 4.11     never
//   large, does not insist, may fail                    to 4.7      never
//   large, does not insist, or since 5.10 without I/O   since 4.8   never
//   small, freed pages                                  to 4.7      always
//   large, freed pages                                  to 4.7      until all turns have freed as many as it wants
//   small, freed pages                                  since 4.8   if a zone has hope; turns are counted anew
//   small, freed no page; or large                      since 4.8   16 times, if a zone has hope; up to 4.9 for less
//                                                                   each time, at last for no reclaimable page
//   not by these, but a reserve for atomic requests     since 4.10  if that freed pages: after 16 turns, since 6.8 (and
//     is taken back                                                 the series of 6.1 and 6.6) also without hope
//   not by these, freed pages, and a compaction was     since 4.8   if one would have room in a zone: without bound
//     skipped; up to 5.3 or put off, given up or                    but that turns free pages
//     skipped in part
//   the same, and it made a block, which another took   since 4.8   16 times at each priority, a large one 4 times
//   the same, and it ended otherwise, or was so often   since 4.8   once, at the highest priority; a large one never
//   killer called, a process was killed                 all         always; turns are counted anew
// The three of compactions hold since 5.10 only with I/O, and since 5.14 not for a task that is about to die. Rules of
// 5.10 on I/O came with 6.9; the long-term series from 5.10 on took them over.
//
// Where neither table has another turn follow, the request fails. So does one that may fail and for which a process
// would be killed, on a machine that kills none; and since 4.12 that of a victim for which the killer was called, once
// it has had what it may of the reserves.
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
