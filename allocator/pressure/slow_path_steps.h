// How a request goes through the slow path: the steps that releases share, and a class for each of its two forms.
//
// Included by slow_path*.cc only. What a run requires and returns stands in slow_path.h, with the tables of its turns.
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

  bool attempt(AllocAttempt attempt);
  void take_rights();
  Task<void> reclaim();
  Task<bool> compact(CompactPriority priority);
  Task<Next> endless_turn();
  Task<void> begin_again();

  // The end of the path: slow_path_end.cc.
  Task<Next> may_kill();
  Task<Next> refuse_to_fail();

  // Begins to count turns anew, as the killer was called.
  virtual void begin_anew() = 0;
  // Returns a number for what is kept from one turn to the next.
  virtual std::uint64_t kept() const = 0;

  // --- looking ---
  bool served() const { return pfn_ != kNoPfn; }
  bool has(Gfp flag) const { return (request_.gfp & flag) != 0; }
  bool must_not_fail() const { return has(kGfpNofail) && !core_.bugs.fires(Bug::nofail_fails); }
  bool given_up() const { return core_.engine.flags().given_up; }
  bool is_victim() const { return core_.engine.flags().is_oom_victim(); }
  ReclaimScope scope() const { return core_.engine.flags().scope; }

  Release release_;
  Core core_;
  Buddy& buddy_;
  Relief& relief_;
  PageRequest& request_;
  bool costly_;  // its block is large
  Pfn pfn_ = kNoPfn;
  AllocAttempt kind_ = AllocAttempt::min;              // that of its attempts now
  bool reserves_ = false;                              // its right to the reserves, when last looked for
  std::uint64_t progress_ = 0;                         // pages freed in this turn
  CompactResult result_ = CompactResult::skipped;      // of the last compaction
  CompactPriority priority_ = CompactPriority::light;  // of the next one after reclaim

 private:
  bool killing_is_no_help() const;
  bool victim_ends() const;
  Task<Killed> kill();

  ProcessKiller* killer_;
  EndlessTurns& endless_;
  bool took_rights_ = false;  // it has looked for its rights
};

// Up to 4.7: compaction comes before reclaim in each turn. Pages that were freed are counted, not turns.
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

  std::uint64_t freed_ = 0;  // pages freed in all turns
  // The next turn is the first, or follows a call of the killer, whatever came of that: up to 3.18 only these take
  // rights down.
  bool restarts_ = true;
};

// Since 4.8: compaction comes before all turns, where it may help, and after reclaim in each. Turns in vain and
// compactions are counted.
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

  unsigned in_vain_ = 0;      // turns in a row that freed no page; for a large block all turns
  unsigned compactions_ = 0;  // that have made a block for it, at this priority
  bool tries_anew_ = false;   // the next turn makes its attempt again: others may have run since the last one
};

}  // namespace cma
