// Kills a process when a request finds no memory and nothing is left to reclaim (out_of_memory, mm/oom_kill.c).
//
// The machine has one; the page allocator calls it by ProcessKiller, if the machine's kernel kills. A process is an
// address space: its tasks are the actors inside calls on its behalf. One without any ends at once, by its exit, which
// the killing task performs. Tasks inside the kernel become victims: a fatal signal is pending, and they have a part of
// the reserves, until their operation ends; the last of them performs the exit (task_returns()).
//
// Cost: O(entries of all processes), the report of the memory, and the exit. Locks: callers hold none. Passes the
// points of exit and munmap.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "allocator/frames/core.h"
#include "allocator/oom/oom_text.h"
#include "allocator/pressure/process_killer.h"
#include "allocator/processes/processes.h"
#include "allocator/reports/reports.h"
#include "allocator/trace/rate_limit.h"

namespace cma {

class OomKiller final : public ProcessKiller {
 public:
  // Refers to its arguments, which outlive it.
  OomKiller(const Core& core, const Buddy& buddy, Processes& processes, MemoryReports& reports)
      : core_(core), buddy_(buddy), processes_(processes), reports_(reports) {}

  Task<Killed> out_of_memory(const PageRequest& request) override;
  // The current actor returns from the kernel: it is no victim any more, and killed processes without a task inside the
  // kernel end.
  Task<void> task_returns();

  // Returns the process that would be chosen: that with most pages, of several the first, since 5.3 the last. nullopt
  // if there is none: all are dead or about to be.
  std::optional<SpaceId> worst() const;
  // Returns how many were killed since boot.
  std::uint64_t kills() const { return kills_; }
  // Returns how often a kernel would have panicked since boot, as there was none to kill.
  std::uint64_t panics() const { return panics_; }
  // Returns a number for the processes that are about to die; 0 if there is none.
  std::uint64_t digest() const;

  // Takes the state of a machine of the same geometry at rest.
  void copy_from(const OomKiller& other) {
    kills_ = other.kills_;
    panics_ = other.panics_;
    limit_ = other.limit_;
    condemned_.clear();
    ending_ = 0;
  }

 private:
  // Whether its private memory is taken away. It is passed over once it has been (MMF_OOM_SKIP).
  enum class Reaping : std::uint8_t { not_begun, under_way, done };
  // A process that was killed while one of its tasks was inside the kernel.
  struct Condemned {
    SpaceId process = 0;
    Reaping reaping = Reaping::not_begun;
  };

  bool killable(SpaceId process) const;
  unsigned killable_processes() const;
  std::uint64_t badness(SpaceId process) const;
  SpaceId sacrificed_for(SpaceId chosen) const;
  OomProcess figures_of(SpaceId process) const;
  OomKernel kernel() const { return {core_.geometry.release, core_.geometry.page_size}; }
  void log(const std::vector<std::string>& lines);
  void dump_header(const OomRequest& request);
  void report(const OomRequest& request, SpaceId chosen, SpaceId victim);
  void mark(ActorId actor);
  void set_reaping(SpaceId process, Reaping reaping);
  bool will_free_memory() const;
  Task<Killed> kill_worst(const PageRequest& request);
  Task<void> kill(SpaceId victim);
  Task<void> reap(SpaceId process);
  Task<void> end_those_outside();
  bool is_own(SpaceId process) const;

  Core core_;
  const Buddy& buddy_;
  Processes& processes_;
  MemoryReports& reports_;
  RateLimit limit_;  // of the report, at 10 in 5 s
  std::uint64_t kills_ = 0;
  std::uint64_t panics_ = 0;
  std::vector<Condemned> condemned_;
  unsigned ending_ = 0;  // exits under way
};

}  // namespace cma
