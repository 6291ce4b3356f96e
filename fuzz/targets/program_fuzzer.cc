// Fuzz target: runs programs with every law watching. The input is a program in either form; operations are mutated.
//
// A finding is printed with its program and ends the process, as fuzzers expect. Machines and tables live as long as
// the process and return to their booted state for each input, which independence_test.cc checks.
//
//   CMACHECK_BUG=NAME,...          switches bugs on in every program: for canaries and hunts for planted bugs
//   CMACHECK_KNOWN=SIGNATURE,...   findings that do not end the process, so that a hunt continues after them

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "fuzz/mutation/input.h"
#include "fuzz/mutation/mutator.h"
#include "fuzz/targets/target.h"
#include "properties/laws/checked_run.h"
#include "properties/program/text.h"

namespace {

std::set<std::string> known_signatures() {
  const std::vector<std::string> words = cma::words_of("CMACHECK_KNOWN");
  return {words.begin(), words.end()};
}

// Takes an input to a program, to a run with all laws, and to what the fuzzer is to do with it.
class ProgramTarget {
 public:
  // What libFuzzer reads from the return value: whether an input with new coverage joins its corpus.
  enum Advice : int { kKeep = 0, kReject = -1 };

  Advice run(std::span<const std::uint8_t> input) {
    cma::program_from_input(program_, input);
    for (const cma::Bug bug : bugs_) program_.machine.bugs.switch_on(bug);
    const cma::RunResult result = run_.run(program_);
    if (result.passed()) return kKeep;
    if (!is_ignored(*result.finding)) report_and_abort(*result.finding);
    return kReject;
  }

 private:
  // Findings that do not end the process: known ones, and expectations that failed. Programs of the corpus expect what
  // they were written for, which holds only with the bugs that they name.
  bool is_ignored(const cma::Finding& finding) const {
    return finding.law == cma::Law::expect || known_.contains(finding.signature());
  }

  [[noreturn]] void report_and_abort(const cma::Finding& finding) const {
    fmt::print(stderr, "FINDING: {}\n{}\nat: {}\nprogram:\n{}\n", finding.signature(), finding.message,
               finding.op < program_.ops.size() ? cma::print_op(program_, program_.ops[finding.op]) : "the end",
               cma::print(program_));
    std::abort();
  }

  const std::vector<cma::Bug> bugs_ = cma::wanted_bugs();
  const std::set<std::string> known_ = known_signatures();
  cma::Program program_;
  cma::CheckedRun run_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Never destroyed: no destructor may run after the fuzzer has reported that it is done.
  static ProgramTarget& target = *new ProgramTarget;
  return target.run({data, size});
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  return cma::mutate_bytes(data, size, max_size, seed);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* first, std::size_t first_size,
                                                 const std::uint8_t* second, std::size_t second_size, std::uint8_t* out,
                                                 std::size_t max_size, unsigned int seed) {
  return cma::cross_bytes({first, first_size}, {second, second_size}, {out, max_size}, seed);
}
