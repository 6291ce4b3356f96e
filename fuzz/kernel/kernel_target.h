// Performs a fuzzer's input on the model and on a real kernel that counts what it executes, and keeps what differs, and
// laws that both break.
//
// An input is a program in either form. It is brought to a machine that the kernel can have, and loses what cannot be
// judged, as random programs for the judge do (properties/judge/random_programs.h). Used by kernel_fuzzer.cc and tests.
// Cost: README.md has the rate.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>

#include "properties/judge/compare.h"
#include "properties/judge/kernel_pool.h"
#include "properties/laws/checked_run.h"
#include "properties/program/random.h"

namespace cma {

struct KernelTargetOptions {
  judge::KernelConfig kernel;
  BugSet bugs;                  // switched on in the model
  std::set<std::string> known;  // signatures that are passed over
  std::string folder;           // where findings are kept; empty: nowhere
  std::string written_by;       // what a finding that is kept names as its writer
  // The most executions spent on making a finding small: some seconds, as fuzzers end an input that takes long.
  std::uint64_t minimize = 200;
};

// Returns the kernel that a word like "6.12-p9" names; without a word the newest one that is built. Fails if
// there is none, with the reason.
std::expected<judge::KernelConfig, std::string> kernel_for_target(const std::string& word);

// Returns the program that an input stands for on this kernel: confined, but not yet judgeable.
Program kernel_program(std::span<const std::uint8_t> input, const judge::KernelConfig& kernel);

// Returns what of it the kernel performs: on another machine if the kernel does not boot with its own, without what
// cannot be judged; maybe nothing.
Program judged_program(std::span<const std::uint8_t> input, judge::KernelJudge& judge);

// What came of one input.
struct KernelVerdict {
  bool judged = false;  // false if nothing was left that could be judged, or the finding is a known one
  std::optional<judge::Outcome> finding;
  std::string report;  // of the finding
  std::string file;    // where it is kept
};

class KernelTarget {
 public:
  // Throws NoKernel if the kernel with coverage is not there.
  explicit KernelTarget(const KernelTargetOptions& options);

  std::size_t points() const { return pool_.points().points.size(); }
  // Performs the input. `counters` gets what the kernel executed for its operations, one a point. Throws NoKernel if
  // the kernel does not run, or does not count.
  KernelVerdict run(std::span<const std::uint8_t> input, std::span<std::uint8_t> counters);

 private:
  judge::Outcome examine(const Program& program);
  std::optional<Finding> broken_law(const Program& program);
  KernelVerdict report(judge::Outcome outcome);
  void make_small(judge::Outcome& outcome);
  std::string confirmation(const judge::Outcome& outcome);
  std::string keep(const judge::Outcome& outcome, const std::string& confirmed) const;

  KernelTargetOptions options_;
  judge::KernelPool pool_;
  judge::KernelJudge judge_;
  CheckedRun laws_;
};

// The hooks of libFuzzer for these inputs. Both return the new size.
std::size_t mutate_for_kernel(std::span<std::uint8_t> room, std::size_t size, std::uint64_t seed,
                              const judge::KernelConfig& kernel);
std::size_t cross_for_kernel(std::span<const std::uint8_t> first, std::span<const std::uint8_t> second,
                             std::span<std::uint8_t> out, std::uint64_t seed, const judge::KernelConfig& kernel);

}  // namespace cma
