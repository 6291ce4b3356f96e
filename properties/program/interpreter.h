// The interpreter: performs a program on a machine and tells the observer, who judges.
//
// Operations are performed in order. When an actor waits or is stopped, the next operation follows; actors that were
// woken run to their next wait or end before that, in the order of waking. An operation for an actor that is still
// inside one, or whose operand is gone, is skipped and counted. At the end every actor runs on until all are done; see
// README.md. Nothing depends on the host: the same program gives the same trace hash on every run, machine and
// compiler.
//
// An Interpreter keeps the machines it has booted and goes back to their booted state at the cost of what a program
// touched. Not thread safe; one per thread. README.md tells the measured speed.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "properties/program/finding.h"
#include "properties/program/observer.h"
#include "properties/program/program.h"
#include "properties/program/world.h"

namespace cma {

struct RunOptions {
  // Bounds of a stretch of one operation (README.md) are multiplied by this; 0 switches them off.
  std::uint64_t budget_factor = 1;
  // Expectations that are not met are findings. Fuzzers, whose programs expect at random, switch that off.
  bool expectations = true;
  // Keep what `cat` read, for output.
  bool keep_output = false;
  // Events about single pages are recorded too.
  bool page_events = false;
  // Made by CPU 0 when everything has come to its end, one after the other; each buffer is released again.
  std::span<const AreaRequest> at_the_end = {};
};

struct RunResult {
  std::optional<Finding> finding;
  // The program expects a finding of the law that was broken: such a run counts as passed.
  bool finding_expected = false;
  std::uint64_t skipped = 0;
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

  // The program must be settled and its machine possible.
  RunResult run(const Program& program, Observer* observer = nullptr, const RunOptions& options = {});

  // What the last run left behind, until the next one.
  const Machine& machine() const;
  const World& world() const;

 private:
  class Run;
  class Cache;
  // Operations left suspended know the world: it must outlive the machines.
  std::unique_ptr<World> world_;
  std::unique_ptr<Cache> cache_;
};

// The name of an actor of the engine as the program has it; "cpu0" and so on for a CPU's own.
std::string actor_name(const Program& program, ActorId actor);

// One run on a machine of its own.
RunResult run(const Program& program, Observer* observer = nullptr, const RunOptions& options = {});

}  // namespace cma
