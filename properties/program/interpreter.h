// The interpreter: performs a program on a machine, and reports to an observer what it does.
//
// Operations are performed in order. When an actor waits or is stopped, the next operation follows; before that, actors
// that were woken run to their next wait or end, in the order of waking. An operation whose actor is inside another
// one, or whose operand is gone, is skipped and counted. At the end all actors run on until they are done; see
// README.md. Nothing depends on the host: a program gives the same trace hash on every run, machine and compiler.
//
// An Interpreter keeps the machines that it has booted; to restore one costs what the program touched. README.md has
// the measured speed. Thread safety: none; use one Interpreter a thread.
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
  // A factor for the step bounds (README.md); 0 switches them off.
  std::uint64_t budget_factor = 1;
  // Expectations that are not met are findings. Fuzzers, whose programs expect at random, switch this off.
  bool expectations = true;
  // World::output keeps what `cat` reads.
  bool keep_output = false;
  // The trace has events about single pages too.
  bool page_events = false;
  // Requests of CPU 0 when all actors are done, one after the other; each buffer is released again.
  std::span<const AreaRequest> at_the_end = {};
};

struct RunResult {
  std::optional<Finding> finding;
  // The program expects a finding of this law: the run has passed.
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

  // Performs a program. Requires that the program is settled and its machine possible.
  RunResult run(const Program& program, Observer* observer = nullptr, const RunOptions& options = {});

  // The machine and the results that the last run left, until the next one.
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

// Performs a program on a machine of its own.
RunResult run(const Program& program, Observer* observer = nullptr, const RunOptions& options = {});

}  // namespace cma
