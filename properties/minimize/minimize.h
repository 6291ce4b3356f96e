// The minimiser: from a program with a finding to the smallest one with the same finding.
//
// Smaller means, in this order: fewer operations, fewer stops and switches of actor, smaller and plainer arguments, a
// plainer machine (the default small one is the plainest). Candidates are cut down in stages, the cheapest cuts first,
// and all stages are repeated until none of them helps: the result is a fixpoint, and minimising it again gives it
// back. A candidate counts only if its finding has the same signature, so one bug never turns into another on the way.
//
// How a program is judged is the caller's: with all laws in user space, or with a real kernel in the loop. Used by the
// command line and by ci/fuzz. Deterministic: the same program and judge give the same result. Cost: one execution a
// candidate, some hundreds to thousands in all, never more than the budget; no candidate is executed twice.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "properties/program/finding.h"
#include "properties/program/program.h"

namespace cma {

// What is found when the program runs; nullopt if nothing is. Must give the same answer for the same program.
using Predicate = std::function<std::optional<Finding>(const Program&)>;

enum class MinimizeStage : std::uint8_t {
  after_violation,  // nothing after the violation
  needed,           // only what its operands need
  chunks,           // runs of operations, longest first
  units,            // an allocation with its releases and pins, and whatever else names its result
  ops,              // single operations
  stops,            // stops, resumes, actors
  arguments,        // arguments towards small and plain
  machine,          // the machine towards the default small one
  kCount
};
inline constexpr std::size_t kMinimizeStages = static_cast<std::size_t>(MinimizeStage::kCount);
std::string_view name_of(MinimizeStage stage);

// What a candidate's finding must have in common with the program's.
enum class Same : std::uint8_t {
  signature,  // one bug never turns into another on the way
  law,        // where it was noticed does not matter: findings that come down to the same program are one bug's
};

struct MinimizeOptions {
  Same same = Same::signature;
  // Thousands suffice for a program of some hundred operations; the bound is for judges that take long.
  std::uint64_t executions = 50'000;
};

struct Minimized {
  struct Count {
    std::uint64_t tried = 0;
    std::uint64_t accepted = 0;
  };
  Program program;
  Finding finding;
  std::uint64_t executions = 0;
  std::uint64_t repeats = 0;  // candidates that had been tried before
  bool complete = false;      // a fixpoint; false if the budget ran out before
  std::array<Count, kMinimizeStages> stages{};
};

// nullopt if nothing is found in the program itself.
std::optional<Minimized> minimize(const Program& program, const Predicate& finds, const MinimizeOptions& options = {});

}  // namespace cma
