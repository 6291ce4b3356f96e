// The slow path of a request for pages (__alloc_pages_slowpath, mm/page_alloc.c): what the kernel does when the first
// attempt has found nothing. It goes down to the min watermark and to reserves, compacts and reclaims memory, and
// begins again for as long as that may help.
//
// PageAllocator runs one for each request that needs it. Each attempt is Buddy's; reclaim and compaction are asked for
// by way of Relief. Passes a point wherever others may run, and sleeps. Cost: that of what it asks for.
//
// What bounds the turns:
// - Since 4.8: 17 in a row that free no page; for a large block 17, whatever they free; fewer if no zone would have
//   enough with all that is reclaimable. Then another follows only if a reserve for atomic requests was taken back
//   (4.10); or, if the turn freed pages, for a compaction. One that was skipped (up to 5.3 also one that was put off or
//   given up, or that skipped a part) is repeated for as long as a zone would have room for it, which nothing here
//   bounds; one that made a block a bounded number of times at each priority. Where a process would have been killed
//   the count begins anew.
// - Up to 4.7: a small request is repeated while pages come free; a large one, if it asks for that, until as many came
//   free as it wants.
// What the kernel repeats without limit is an endless turn (endless_turns.h), as only another task can help: that of a
// request that must not fail, of one for which the killer waits until a process is dead, of a small one outside file
// systems, up to 5.9 of a large one that insists and may not be compacted for, up to 3.18 of one for a node only; and
// each that a dying task makes after another, unless it has waited for I/O or a reserve was taken back in between.
//
// Where nothing helps a process is killed (process_killer.h), and the request begins again. A machine that kills none
// fails it, if it may fail. One that must not fail begins again in any case, since 4.4 if there is no last page for it.
// So does one for which the killer does nothing and is believed to have done something: while a process is about to
// die, since 4.7 outside file systems, up to 3.18 for a node only. One for which the kernel does not call the killer
// fails if it may, which killing_is_no_help() decides.
#pragma once

#include <cstdint>

#include "allocator/base/geometry.h"
#include "allocator/base/gfp.h"
#include "allocator/engine/task_flags.h"
#include "allocator/frames/core.h"
#include "allocator/pressure/endless_turns.h"
#include "allocator/pressure/process_killer.h"
#include "allocator/pressure/relief.h"

namespace cma {

// What the kernel does next with a request that no attempt has served.
enum class AfterAttempts : std::uint8_t {
  fails,        // it fails the request
  tries_again,  // it repeats the same attempts, without limit: nothing but another task can help
  reclaims,     // it begins to compact or to reclaim memory
};

// Returns what the kernel does next with a request that a task with these flags makes, when all attempts have failed
// that do not reclaim. Requires: the request is not above the largest order.
AfterAttempts after_attempts(Gfp gfp, const TaskFlags& task, const Geometry& geometry);
// Returns whether the task is a victim of the OOM killer whose request may fail, and does once it has had what it may
// of the reserves (4.12). Up to 4.11 such a request does not come to reclaim.
bool victim_gives_up(Gfp gfp, const TaskFlags& task, Release release);

// What a slow path turns to.
struct SlowPathHelpers {
  Relief& relief;
  ProcessKiller* killer = nullptr;  // nullptr: no process is killed
  EndlessTurns& endless;
};

class SlowPath {
 public:
  // Refers to the buddy allocator, the request, and what core and helpers name, all of which outlive it.
  SlowPath(const Core& core, Buddy& buddy, const SlowPathHelpers& helpers, PageRequest& request);

  // Serves the request. Returns kNoPfn if the kernel fails it, if there is no process to kill for one that may fail, or
  // if endless turns are given up. Requires: called once; the first attempt, at the low watermark, has failed; the
  // flags have __GFP_DIRECT_RECLAIM (but for Bug::atomic_reclaims), and the caller may sleep.
  Task<Pfn> run();

 private:
  // What follows a turn.
  enum class Next : std::uint8_t { done, again, fails };

  // Side by side, oldest first: up to 4.7 compaction comes before reclaim in each turn. Since 4.8 it comes before all
  // turns, where it may help, and after reclaim in each.
  Task<void> run_v3_5();
  Task<void> run_v4_8();
  Task<Next> turn_v3_5();
  Task<Next> high_priority_v3_5();
  Task<Next> after_reclaim_v3_5();
  bool should_alloc_retry_v3_5() const;
  Task<Next> turn_v4_8();
  Task<Next> first_compaction();
  Task<Next> after_reclaim();
  Task<Next> may_kill();
  Task<Next> endless_turn();
  Task<void> begin_again();

  bool attempt(AllocAttempt attempt);
  bool served() const { return pfn_ != kNoPfn; }
  bool has(Gfp flag) const { return (request_.gfp & flag) != 0; }
  bool must_not_fail() const { return has(kGfpNofail) && !core_.bugs.fires(Bug::nofail_fails); }
  bool may_compact() const;
  bool killing_is_no_help() const;
  bool victim_ends() const;
  Task<Killed> kill();
  void take_rights();
  void wake_kswapds();
  bool given_up() const { return core_.engine.flags().given_up; }
  ReclaimScope scope() const { return core_.engine.flags().scope; }
  bool is_victim() const { return core_.engine.flags().is_oom_victim(); }
  Task<void> reclaim();
  Task<void> compact(CompactPriority priority);
  bool gives_up_early() const;
  bool take_reserve(Release first);
  Task<bool> should_reclaim_retry();
  bool enough_if_reclaimed(const ZoneList::Entry& entry, std::uint64_t reclaimable) const;
  bool should_compact_retry();
  bool raise_priority();
  bool any_zone_has_room() const;

  Release release_;
  Core core_;
  Buddy& buddy_;
  Relief& relief_;
  ProcessKiller* killer_;
  EndlessTurns& endless_;
  PageRequest& request_;
  bool costly_;
  Pfn pfn_ = kNoPfn;
  AllocAttempt kind_ = AllocAttempt::min;  // that of its attempts now
  bool slept_ = false;                     // others may have run since the last attempt
  std::uint64_t progress_ = 0;             // pages freed in this turn
  std::uint64_t freed_ = 0;                // pages freed in all turns
  CompactResult result_ = CompactResult::skipped;
  CompactPriority priority_ = CompactPriority::light;
  unsigned compactions_ = 0;  // that have made a block for it, at this priority
  unsigned in_vain_ = 0;      // turns in a row without progress, for a large block all turns; 0 up to 4.7
  bool restarts_ = true;  // the next turn is the first, or follows may_kill(): up to 3.18 only these take rights down
  bool took_rights_ = false;  // a turn has done so
  bool reserves_ = false;     // whether the task had a right to them then
};

}  // namespace cma
