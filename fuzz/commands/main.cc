// The command line, cmacheck.

#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "fuzz/commands/command.h"

int main(int argc, char** argv) {
  int exit_code = cma::kNothingFound;
  try {
    exit_code = cma::run_command_line(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "cmacheck: {}\n", error.what());
    exit_code = cma::kEnvironment;
  }
  // What was printed must have got somewhere: a full disk is not a passed run.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    fmt::print(stderr, "cmacheck: the standard output cannot be written\n");
    return cma::kEnvironment;
  }
  return exit_code;
}
