// Judges many programs on one kernel configuration, several kernels at a time, and sums up.
//
// Used by `cmacheck judge` and by the tests. Differences are minimised with the kernel in the loop, the first of each
// signature only. The summary does not depend on the number of jobs. Cost: 15 to 30 ms of one core a program.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "properties/judge/compare.h"
#include "properties/judge/kernel_coverage.h"

namespace cma::judge {

// A program to be judged: one that exists, or one that is made for the kernel when its turn comes.
struct NamedProgram {
  std::string name;
  std::function<Program(KernelJudge&)> make;
};

// A difference between model and kernel, and how many programs show it.
struct Difference {
  std::string first;  // name of the first program that showed it
  Outcome outcome;    // of the smallest program that shows it if it was minimised, else of the first
  std::uint64_t programs = 1;
};

// What came of a batch. All counts are of programs unless they say otherwise.
struct Summary {
  KernelConfig config;
  std::string missing;  // why nothing could be judged; empty if it could
  std::uint64_t programs = 0;
  std::uint64_t judged = 0;
  std::uint64_t transposed = 0;  // judged, but on another machine than their own
  std::uint64_t differing = 0;
  std::uint64_t operations = 0;
  std::uint64_t skipped = 0;      // operations
  std::uint64_t observables = 0;  // lines compared
  std::vector<Difference> differences;
  std::map<std::string, std::vector<std::string>> not_judgeable;  // names of programs by reason, in order
  std::uint64_t kernels = 0;                                      // kernels booted
  double seconds = 0;
  // What the kernels executed for the programs' operations, if they were asked to count it: a counter a point.
  Points points;
  std::vector<std::uint8_t> counters;
};

struct BatchOptions {
  unsigned jobs = 1;
  // Executions spent on minimising one difference; 0 leaves it as it was found.
  std::uint64_t minimize = 1000;
  // Asks kernels with coverage (kernel_pool.h).
  bool coverage = false;
  BugSet bugs;  // switched on in the model, on top of the release's own
  // Called from any thread, but never from two at once: after each program, and for the first difference of each
  // signature as it was found.
  std::function<void(const Summary&)> progress;
  std::function<void(const Difference&)> found;
};

// Judges the programs. If the kernel is not there or cannot run here, the summary's `missing` says why.
Summary judge_all(const KernelConfig& config, const std::vector<NamedProgram>& programs,
                  const BatchOptions& options = {});

// Returns `count` random programs (random_programs.h), with the seeds from `seed` on.
std::vector<NamedProgram> random_batch(std::uint64_t seed, std::uint64_t count, std::size_t ops);
NamedProgram named(std::string name, Program program);

}  // namespace cma::judge
