// The minimiser: reduces a program with a finding to the smallest one with the same finding.
//
// Smaller means, in this order: fewer operations, fewer stops and switches of actor, smaller and plainer arguments, a
// plainer machine (the default small one is the plainest). The stages run in turn, the cheapest cuts first, and are
// repeated until none of them helps. So the result is a fixpoint: minimising it again returns it. A candidate is
// accepted only if its finding is the same (enum Same).
//
// The caller's predicate decides what a program shows: all laws in user space, or a real kernel. Used by the command
// line and by the judge. Deterministic: the same program and predicate give the same result. Cost: one execution a
// candidate, hundreds to thousands in all, never more than the budget; no candidate is executed twice.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "properties/program/finding.h"
#include "properties/program/program.h"

namespace cma {

// Returns what is found when the program runs; nullopt if nothing is. Gets settled programs. Must return the same for
// the same program. What it throws ends the minimisation.
using Predicate = std::function<std::optional<Finding>(const Program&)>;

// The stages, in the order in which they run.
enum class MinimizeStage : std::uint8_t {
  after_violation,  // removes what follows the violation
  needed,           // keeps only what the violating operation's operands need
  chunks,           // removes runs of operations, longest first
  units,            // removes an allocation with its releases, its pins and whatever else names its result
  ops,              // removes single operations
  stops,            // removes stops, resumes and actors
  arguments,        // makes arguments small and plain
  machine,          // brings the machine closer to the default small one
  kCount
};
inline constexpr std::size_t kMinimizeStages = static_cast<std::size_t>(MinimizeStage::kCount);
// Returns the stage as reports print it.
std::string_view name_of(MinimizeStage stage);

// What a candidate's finding must have in common with the program's.
enum class Same : std::uint8_t {
  signature,  // Finding::signature(): one bug never turns into another on the way
  law,        // only the law: findings that shrink to the same program are one bug, wherever they were noticed
};

struct MinimizeOptions {
  Same same = Same::signature;
  // The most executions. Thousands suffice for a program of some hundred operations; the bound is for slow predicates.
  std::uint64_t executions = 50'000;
};

// The smallest program found, with its finding, and how it was found.
struct Minimized {
  // Candidates of one stage that were executed, and those of them that were accepted.
  struct Count {
    std::uint64_t tried = 0;
    std::uint64_t accepted = 0;
  };
  Program program;
  Finding finding;
  std::uint64_t executions = 0;  // calls of the predicate, the one for the given program included
  std::uint64_t repeats = 0;     // candidates that had been tried before
  bool complete = false;         // whether it is a fixpoint; false if the budget ran out first
  std::array<Count, kMinimizeStages> stages{};
};

// Minimises the program. Returns nullopt if nothing is found in the program itself. Requires: the program is settled.
std::optional<Minimized> minimize(const Program& program, const Predicate& find, const MinimizeOptions& options = {});

}  // namespace cma
