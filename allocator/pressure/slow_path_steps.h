// How a request goes through the slow path: the steps that releases share, and a class for each of its two forms.
//
// Included by slow_path*.cc only. What a run requires and returns stands in slow_path.h.
//
// Words of the tables below, each of which holds from top to bottom: the first row that fits a request decides.
//   small, large    a block up to kCostlyOrder, one above
//   insists         has __GFP_RETRY_MAYFAIL (before 4.13 __GFP_REPEAT)
//   must not fail   has __GFP_NOFAIL
//   has hope        a zone would have enough if all that is reclaimable were free
//   again           another turn follows; the number of them is bounded
//   without limit   another turn follows, an endless one
//   the killer      what follows stands with may_kill()
#pragma once

#include <cstdint>

#include "allocator/base/gfp.h"
#include "allocator/base/pfn.h"
#include "allocator/buddy/buddy.h"
#include "allocator/frames/core.h"
#include "allocator/pressure/endless_turns.h"
#include "allocator/pressure/process_killer.h"
#include "allocator/pressure/relief.h"
#include "allocator/pressure/slow_path.h"

namespace cma {

class SlowPathSteps {
 public:
  // Refers to `buddy`, `request` and what `helpers` names, which outlive it.
  SlowPathSteps(const Core& core, Buddy& buddy, const SlowPathHelpers& helpers, PageRequest& request);
  virtual ~SlowPathSteps() = default;
  SlowPathSteps(const SlowPathSteps&) = delete;
  SlowPathSteps& operator=(const SlowPathSteps&) = delete;

  // Does what run_slow_path() states. Requires: called once.
  virtual Task<Pfn> run() = 0;

 protected:
  // What follows a turn.
  enum class Next : std::uint8_t { done, again, fails };

  // --- the steps of a turn, for a request that is not served ---
  // Makes one attempt. Returns whether it has served the request.
  bool attempt(AllocAttempt attempt);
  // Takes down whether the task has a right to the reserves (has_rights()).
  void take_rights();
  // Sets which attempt reclaim() and compact() repeat; at first that at the min watermark.
  void repeat(AllocAttempt kind) { kind_ = kind; }
  // Frees pages (freed()), and repeats the attempt if there were any (__alloc_pages_direct_reclaim).
  Task<void> reclaim();
  // Compacts memory, and repeats the attempt (__alloc_pages_direct_compact). Returns whether it did the latter: up to
  // 5.9 not if nothing was compacted, since 5.13 not if nothing could be, and not if endless turns are given up. Does
  // nothing for a single page.
  Task<bool> compact(CompactPriority priority);
  // Ends a turn that nothing but another task can help.
  Task<Next> endless_turn();
  // Ends a turn that another one follows.
  Task<void> begin_again();

  // The end of the path: slow_path_end.cc.
  // Tries once more, well above what is kept free, and then calls the killer (__alloc_pages_may_oom).
  //   a large block, a zone below Normal, since 3.19 one node         fails; up to 4.11, if it must not fail, the
  //     only, since 4.13 one that insists                               killer is called all the same
  //   one node only, may fail (up to 3.18)                            without limit, nothing is killed
  //   a process was killed                                            again, turns are counted anew
  //   none was: a victim is about to die, or since 4.8 it is          without limit
  //     outside file systems (up to 4.11 a process is killed for
  //     one that must not fail)
  //   there is none to kill                                           fails; without limit if it must not
  // Since 4.4 one that must not fail tries for the last page after each call of the killer. Since 4.12 a victim that
  // has had what it may of the reserves fails after one.
  Task<Next> may_kill();
  // Since 4.12, where a request fails that must not: tries some of the reserves, and repeats it without limit.
  Task<Next> refuse_to_fail();

  // Begins to count turns anew, as the killer was called.
  virtual void begin_anew() = 0;
  // Returns a number for what is kept from one turn to the next.
  virtual std::uint64_t kept() const = 0;

  // --- looking ---
  const PageRequest& request() const { return request_; }
  bool served() const { return pfn_ != kNoPfn; }
  // Returns the first page that the request got; kNoPfn while it is not served.
  Pfn page() const { return pfn_; }
  bool has(Gfp flag) const { return (request_.gfp & flag) != 0; }
  // Returns whether its block is large.
  bool costly() const { return request_.order > kCostlyOrder; }
  bool must_not_fail() const { return has(kGfpNofail) && !core_.bugs.fires(Bug::nofail_fails); }
  bool given_up() const { return core_.engine.flags().given_up; }
  bool is_victim() const { return core_.engine.flags().is_oom_victim(); }
  ReclaimScope scope() const { return core_.engine.flags().scope; }
  // Returns whether the task had a right to the reserves at the last take_rights().
  bool has_rights() const { return reserves_; }
  // Returns the attempt that reclaim() and compact() repeat.
  AllocAttempt repeated() const { return kind_; }
  // Returns the pages that the last reclaim() freed, or 1 if it leaves the request to a compaction.
  std::uint64_t freed() const { return freed_; }
  // Returns the result of the last compact() that was for more than a single page; `skipped` if there was none.
  CompactResult compacted() const { return result_; }

  Release release_;
  Core core_;
  Buddy& buddy_;
  Relief& relief_;

 private:
  bool killing_is_no_help() const;
  bool victim_ends() const;
  Task<Killed> kill();

  PageRequest& request_;
  ProcessKiller* killer_;
  EndlessTurns& endless_;
  Pfn pfn_ = kNoPfn;
  AllocAttempt kind_ = AllocAttempt::min;
  bool took_rights_ = false;
  bool reserves_ = false;
  std::uint64_t freed_ = 0;
  CompactResult result_ = CompactResult::skipped;
};

// Up to 4.7: compaction comes before reclaim in each turn. Pages that were freed are counted, not turns.
//   a request                                                         after its turn
//   with a right to reserves, must not fail (up to 4.4)               the attempts alone, without limit
//   of a task that reclaims                                           fails; since 4.5 without limit if it must not
//   of a victim of the killer, may fail                               fails
//   without __GFP_KSWAPD_RECLAIM, whose compaction was put off or     fails before it reclaims, even if it must not
//     given up
//   freed no page, may enter file systems, no __GFP_NORETRY           the killer
//   with __GFP_NORETRY, or large and neither insists nor must not     compacts once more, and fails
//     fail
//   small, or must not fail: freed pages                              again; a large one without limit once all turns
//                                                                       have freed as many as it wants
//   small, or must not fail: freed no page                            without limit
//   insists: freed pages                                              again, until all turns have freed as many as it
//                                                                       wants; then as with __GFP_NORETRY
//   insists: freed no page                                            without limit
class SlowPathV3_5 final : public SlowPathSteps {
 public:
  using SlowPathSteps::SlowPathSteps;
  Task<Pfn> run() override;

 private:
  Task<Next> turn();
  Task<Next> high_priority();
  Task<Next> after_reclaim();
  bool should_alloc_retry() const;
  void begin_anew() override { restarts_ = true; }
  std::uint64_t kept() const override { return static_cast<std::uint64_t>(priority_); }

  CompactPriority priority_ = CompactPriority::async;  // of the next compaction
  std::uint64_t all_freed_ = 0;                        // pages freed in all turns
  // The next turn is the first, or follows a call of the killer, whatever came of that: up to 3.18 only these take
  // rights down.
  bool restarts_ = true;
};

// Since 4.8: compaction comes before all turns, where it may help, and after reclaim in each. Turns in vain and
// compactions are counted. Where a request fails that must not, refuse_to_fail() follows.
//   a request                                                         after its turn
//   of a task that reclaims                                           fails; up to 4.11 without limit if it must not
//   of a victim of the killer, may fail (up to 4.11)                  fails
//   with __GFP_NORETRY; large, and does not insist or, since 5.10,    fails
//     has no __GFP_IO
//   small, freed pages                                                again if a zone has hope; turns count anew
//   small, freed no page; or large                                    again up to 16 times if a zone has hope, in which
//                                                                       up to 4.9 less counts each time
//   a reserve for atomic requests is taken back (4.10)                again, after 16 turns; since 6.8, and in the
//                                                                       series of 6.1 and 6.6, also without hope
//   freed no page, or has no __GFP_IO (5.10)                          the killer
//   the compaction was skipped; up to 5.3 put off, given up,          again if one would have room in a zone, for as
//     skipped in part                                                   long as turns free pages
//   the compaction made a block, which another took                   again: 16 times at each priority, a large one 4
//   the compaction ended otherwise, or so often                       again at the next priority, a large one never
//   else                                                              the killer
// - A task that is about to die takes none of the rows of compactions since 5.14; each of its turns that sleeps neither
//   for I/O nor after a kill is an endless one.
// - A large one that insists and has made 17 turns is repeated without limit up to 5.9 if it has no __GFP_IO, or up to
//   4.9 no __GFP_FS: reclaim leaves it to a compaction that would have room, and none is made.
// - The rules of 5.10 on __GFP_IO came with 6.9; the long-term series from 5.10 on took them over.
class SlowPathV4_8 final : public SlowPathSteps {
 public:
  using SlowPathSteps::SlowPathSteps;
  Task<Pfn> run() override;

 private:
  Task<Next> first_compaction();
  Task<Next> turn();
  Task<Next> after_reclaim();
  void wake_kswapds();
  bool gives_up_early() const;
  bool may_compact() const;
  Task<bool> should_reclaim_retry();
  bool enough_if_reclaimed(const ZoneList::Entry& entry, std::uint64_t reclaimable) const;
  bool take_reserve();
  bool should_compact_retry();
  bool raise_priority();
  bool any_zone_has_room() const;
  void begin_anew() override { in_vain_ = 0; }
  std::uint64_t kept() const override;

  CompactPriority priority_ = CompactPriority::light;  // of the next compaction after reclaim
  unsigned in_vain_ = 0;                               // turns in a row that freed no page; for a large block all turns
  unsigned compactions_ = 0;                           // that have made a block for it, at this priority
  bool tries_anew_ = false;  // the next turn makes its attempt again: others may have run since the last one
};

}  // namespace cma
