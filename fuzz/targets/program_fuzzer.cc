// Fuzz target: programs, with every law watching. Input is a program in either form; mutation works on operations.
//
// A finding is printed as a program and ends the process, as fuzzers expect. Machines and tables live as long as the
// process and go back to their booted state for each input; the tests beside this file hold them to that.
//
//   CMACHECK_BUG=NAME,...          switches bugs on in every program: canaries and hunts for planted bugs
//   CMACHECK_KNOWN=SIGNATURE,...   findings that do not end the process, so that a hunt gets past what it has found

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/mutation/input.h"
#include "fuzz/mutation/mutator.h"
#include "properties/laws/checked_run.h"
#include "properties/program/text.h"

namespace {

std::vector<std::string> words_of(const char* variable) {
  std::vector<std::string> words;
  const char* value = std::getenv(variable);
  std::string_view left = value == nullptr ? "" : value;
  while (!left.empty()) {
    const std::size_t comma = left.find(',');
    if (comma != 0) words.emplace_back(left.substr(0, comma));
    left.remove_prefix(comma == std::string_view::npos ? left.size() : comma + 1);
  }
  return words;
}

std::vector<cma::Bug> wanted_bugs() {
  std::vector<cma::Bug> bugs;
  for (const std::string& name : words_of("CMACHECK_BUG")) {
    const auto bug = cma::bug_from_name(name);
    if (!bug) {
      fmt::print(stderr, "CMACHECK_BUG: there is no bug '{}'; `cmacheck bugs` lists them\n", name);
      std::exit(2);
    }
    bugs.push_back(*bug);
  }
  return bugs;
}

class ProgramTarget {
 public:
  // 0: keep the input if it shows something new; -1: do not.
  int run(std::span<const std::uint8_t> input) {
    cma::program_from_input(program_, input);
    for (const cma::Bug bug : bugs_) program_.machine.bugs.switch_on(bug);
    const cma::RunResult result = run_.run(program_);
    if (result.passed()) return 0;
    // Programs of the corpus expect what they were written for, and hold with the bugs that they name only.
    const bool about_the_program = result.finding->law == cma::Law::expect;
    if (!about_the_program && !known_.contains(result.finding->signature())) report_and_abort(*result.finding);
    return -1;
  }

 private:
  [[noreturn]] void report_and_abort(const cma::Finding& finding) const {
    fmt::print(stderr, "FINDING: {}\n{}\nat: {}\nprogram:\n{}\n", finding.signature(), finding.message,
               finding.op < program_.ops.size() ? cma::print_op(program_, program_.ops[finding.op]) : "the end",
               cma::print(program_));
    std::abort();
  }

  const std::vector<cma::Bug> bugs_ = wanted_bugs();
  const std::vector<std::string> known_words_ = words_of("CMACHECK_KNOWN");
  const std::set<std::string> known_{known_words_.begin(), known_words_.end()};
  cma::Program program_;
  cma::CheckedRun run_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Never destroyed: nothing may run after the fuzzer has said that it is done.
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
