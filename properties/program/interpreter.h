// The interpreter: performs a program on a machine, and reports to an observer what it does.
//
// Operations are performed in order. When an actor waits or is stopped, the next operation follows; before that, actors
// that were woken run to their next wait, stop or end, in the order of waking. An operation that cannot be performed is
// skipped and counted. For example: its actor is inside another one or not stopped, its operand is gone, boot has
// finished, the release lacks it, or the model does (World::skip). At the end all actors run on until they are done;
// see README.md. Nothing depends on the host: a program gives the same trace hash on every run, machine and compiler,
// with the same RunOptions (keep_output aside). An observer changes it only by ending the run.
//
// An Interpreter keeps booted machines by geometry, within bounds (geometry_cache.h); to restore one costs what the
// program touched. README.md has the measured speed. Thread safety: none; use one Interpreter a thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "properties/program/finding.h"
#include "properties/program/observer.h"
#include "properties/program/program.h"
#include "properties/program/world.h"

namespace cma {

struct RunOptions {
  // A factor for the step bounds (README.md); 0 switches them off.
  std::uint64_t budget_factor = 1;
  // What they are divided by. A run that exceeds a part of its bound may well be within the whole.
  std::uint64_t budget_divisor = 1;
  // Whether expectations that are not met are findings. Off for fuzzers, whose programs expect at random.
  bool expectations = true;
  // Whether World::output keeps what `cat` reads.
  bool keep_output = false;
  // Whether the trace, and so its hash, has events about single pages too.
  bool page_events = false;
  // Requests of CPU 0 when all actors are done, one after the other; each buffer is released again. Must outlive run().
  std::span<const AreaRequest> at_the_end = {};
};

struct RunResult {
  // What ended the run, or the finding that the program expected in vain; nullopt if there is neither.
  std::optional<Finding> finding;
  // Whether the program expects a finding of this law (`expect finding`); false if expectations are off.
  bool finding_expected = false;
  // The number of operations skipped.
  std::uint64_t skipped = 0;
  // Of the machine's trace, and of its engine; 0 if the machine could not boot.
  std::uint64_t trace_hash = 0;
  std::uint64_t steps = 0;
  bool passed() const { return !finding || finding_expected; }
};

class Interpreter {
 public:
  Interpreter();
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  // Performs a program and returns the verdict. A broken law, a failed assertion of the model, a fault of the engine,
  // and a machine that cannot boot are findings, not exceptions. Requires: the program is settled (program.h), its
  // machine is possible, and it and the observer live as long as world() is used. Without an observer `audit=points`
  // has no effect.
  RunResult run(const Program& program, Observer* observer = nullptr, const RunOptions& options = {});

  // Return the machine and the results that the last run left, until the next one. Require: run() was called, and its
  // machine could boot.
  const Machine& machine() const;
  const World& world() const;

 private:
  class Run;
  class Cache;
  // Suspended operations refer to the world: it must outlive the machines.
  std::unique_ptr<World> world_;
  std::unique_ptr<Cache> cache_;
};

// Returns the name of an actor of the engine: the program's, or "cpu0" and so on for that of a CPU.
std::string actor_name(const Program& program, ActorId actor);

// Performs a program on a machine of its own, which is gone afterwards.
RunResult run(const Program& program, Observer* observer = nullptr, const RunOptions& options = {});

}  // namespace cma
