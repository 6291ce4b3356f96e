// Judging many programs on one kernel: files and random ones, with several kernels at work at once, and what came of
// it.
//
// Used by `cmacheck judge` and by the tests. Differences are minimised with the kernel in the loop, the first of each
// signature only. What is reported does not depend on the number of jobs. Cost: 15 to 30 ms of one core a program.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "properties/judge/compare.h"

namespace cma::judge {

// One program to be judged: from a file, or made for this kernel.
struct Case {
  std::string name;
  std::function<Program(KernelJudge&)> program;
};

struct Difference {
  std::string name;  // of the first case that showed it
  Verdict verdict;   // of the smallest program that shows it, where minimising was wanted
  std::uint64_t cases = 1;
};

struct Tally {
  Seat seat;
  std::string missing;  // why nothing could be judged
  std::uint64_t programs = 0;
  std::uint64_t judged = 0;
  std::uint64_t transposed = 0;  // judged, but on another machine than their own
  std::uint64_t operations = 0;
  std::uint64_t skipped = 0;
  std::uint64_t observables = 0;
  std::uint64_t differing = 0;  // programs
  std::vector<Difference> differences;
  std::map<std::string, std::vector<std::string>> not_judgeable;  // names of cases by reason, in order
  std::uint64_t kernels = 0;                                      // booted
  double seconds = 0;
};

struct DocketOptions {
  unsigned jobs = 1;
  // Executions spent on one difference; 0: as it was found.
  std::uint64_t minimize = 1000;
  BugSet bugs;  // of the model, on top of the release's own
  // Called from any thread but never from two at once: after each case, and for the first of each signature that
  // differs, as it was found.
  std::function<void(const Tally&)> progress;
  std::function<void(const Difference&)> found;
};

Tally judge_all(const Seat& seat, const std::vector<Case>& cases, const DocketOptions& options = {});

// `count` random programs; seeds from `seed` on.
std::vector<Case> random_cases(std::uint64_t seed, std::uint64_t count, std::size_t ops);
Case case_of(std::string name, Program program);

}  // namespace cma::judge
