// The judge: performs a program on a real kernel and on the model, and compares what can be observed after each
// operation: tracepoints and log lines in order, result, bitmap, pageblock types, free blocks, pages in use, free-list
// order, counters, per-CPU and LRU figures, and where owned pages are.
//
// Each program gets a kernel of its own, freshly booted. All questions are sent at once, which is five times faster
// than one by one; answers after the first difference are not read. A difference is a finding of law `judge`, with the
// operation's verb in place of the function and the observable in place of the point. A kernel that dies, falls silent
// or complains is a finding of law `splat`.
//
// Thread safety: none; each thread needs a KernelJudge of its own. Cost: 15 to 30 ms a program of 100 operations.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "properties/judge/kernel_start.h"
#include "properties/judge/translate.h"

namespace cma::judge {

// What came of one program.
struct Outcome {
  enum class Kind : std::uint8_t { agrees, differs, not_judgeable };
  Kind kind = Kind::agrees;
  std::string reason;              // not_judgeable: why
  std::optional<Finding> finding;  // differs
  std::string both_sides;          // differs: the line of each side, one below the other
  std::string console;             // what the kernel wrote to its console, if it failed
  Program program;                 // as it was judged
  bool transposed = false;         // on another machine than its own
  std::uint64_t operations = 0;    // performed on both sides
  std::uint64_t skipped = 0;       // on both sides
  std::uint64_t observables = 0;   // lines compared
};

class KernelPool;
class KernelProcess;
struct KernelAnswer;

class KernelJudge {
 public:
  // Throws NoKernel if ci/judge-kernel has not built the program.
  explicit KernelJudge(const KernelConfig& config);
  // Takes the kernels of a pool, and lets them count what they execute for a program's operations: its preparations are
  // left out. Requires that the pool is of this configuration and outlives the judge.
  KernelJudge(const KernelConfig& config, KernelPool& pool);

  // Fits the program to the kernel (fit.h), performs it on both sides and compares. `bugs` are switched on in the model
  // on top of those that the release was shipped with.
  Outcome judge(const Program& program, const BugSet& bugs = {});
  // Returns the finding of a program that is fitted already; nullopt too if the kernel cannot have its machine. For
  // minimising, where no other machine may take the place of the program's own.
  std::optional<Finding> find(const Program& program, const BugSet& bugs = {});

  // Returns a fitted program on the machine that the model takes for the kernel's, or nothing if the kernel cannot have
  // that machine.
  std::optional<Program> modelled(const Program& fitted, const BugSet& bugs = {});

  // Returns the program without the operations that cannot be judged; if its machine cannot be had, without any.
  Program judgeable_part(Program program);
  // Returns whether a kernel boots with the memory and areas of a machine, and can take out what shares their blocks.
  bool boots_with(const Geometry& machine);

  const KernelConfig& config() const { return config_; }
  std::uint64_t kernels_booted() const { return booted_; }

 private:
  // Figures of a kernel with a program's machine and preparations, or why it cannot be given them.
  using Prepared = std::expected<KernelFigures, NotJudgeable>;
  const Prepared& prepare(const Program& program);
  Prepared ask_for_figures(const Program& program, const std::vector<std::string>& setup);
  bool boots_at_all();
  bool is_own(const Geometry& machine) const;
  KernelProcess boot(const Geometry& machine);
  std::vector<KernelAnswer> perform(KernelProcess& kernel, const std::vector<std::string>& questions,
                                    std::size_t preparations);
  void run(Outcome& outcome, const Translation& translation);

  KernelConfig config_;
  std::string program_;
  KernelPool* pool_ = nullptr;
  Interpreter interpreter_;
  // By machine and preparations.
  std::map<std::string, Prepared> prepared_;
  std::uint64_t booted_ = 0;
};

}  // namespace cma::judge
