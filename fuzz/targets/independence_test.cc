// The program target reuses its machines and tables. Every input must run as if it were the only one.

#include <gtest/gtest.h>

#include <vector>

#include "fuzz/mutation/input.h"
#include "fuzz/mutation/mutator.h"
#include "properties/laws/checked_run.h"
#include "properties/program/text.h"

namespace cma {
namespace {

struct Outcome {
  std::uint64_t trace_hash;
  std::uint64_t steps;
  std::uint64_t skipped;
  std::string finding;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome outcome_of(CheckedRun& run, const Program& program) {
  const RunResult result = run.run(program);
  return {result.trace_hash, result.steps, result.skipped,
          result.finding ? result.finding->signature() + result.finding->message : ""};
}

// Returns programs as a hunt meets them: generated, mutated, with and without bugs, so that some end in a finding.
std::vector<Program> inputs() {
  std::vector<Program> programs;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Program program = generate(seed);
    for (std::uint64_t step = 0; step < seed % 7; ++step) Mutator(seed * 100 + step).mutate(program);
    if (seed % 5 == 0) program.machine.bugs.switch_on(static_cast<Bug>(seed % kBugs));
    if (seed % 11 == 0) program.audit = Audit::points;
    programs.push_back(std::move(program));
  }
  return programs;
}

TEST(Independence, AnInputRunsTheSameAloneTwiceAndInAnotherOrder) {
  const std::vector<Program> programs = inputs();
  std::vector<Outcome> alone;
  for (const Program& program : programs) {
    CheckedRun fresh;
    alone.push_back(outcome_of(fresh, program));
  }
  CheckedRun reused;
  for (std::size_t i = 0; i < programs.size(); ++i) {
    ASSERT_EQ(outcome_of(reused, programs[i]), alone[i]) << print(programs[i]);
    ASSERT_EQ(outcome_of(reused, programs[i]), alone[i]) << "the second time:\n" << print(programs[i]);
  }
  for (std::size_t i = programs.size(); i-- > 0;)
    ASSERT_EQ(outcome_of(reused, programs[i]), alone[i]) << "in reverse:\n" << print(programs[i]);
}

}  // namespace
}  // namespace cma
