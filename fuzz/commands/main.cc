// The main function of cmacheck.

#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "fuzz/commands/command.h"

int main(int argc, char** argv) {
  int exit_code = cma::kNothingFound;
  try {
    exit_code = cma::run_command_line(argc, argv, cma::kCommit);
  } catch (const std::exception& error) {
    fmt::print(stderr, "cmacheck: {}\n", error.what());
    exit_code = cma::kEnvironment;
  }
  // The output must have been written: a run whose report is lost on a full disk has not passed.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    fmt::print(stderr, "cmacheck: the standard output cannot be written\n");
    return cma::kEnvironment;
  }
  return exit_code;
}
