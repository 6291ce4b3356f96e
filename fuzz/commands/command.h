// What the commands of `cmacheck` share: exit codes, and how a command joins the command line.
//
// Each command stands in a file of its own and is listed here and in command_line.cc. A command parses its options with
// CLI11, does its work when parsing has succeeded, and says how it ended through `exit_code`.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>

namespace cma {

// As every script in ci/ has them. Of several outcomes the largest counts.
enum ExitCode : int {
  kNothingFound = 0,
  kFindings = 1,
  kBadInput = 2,     // or bad usage
  kEnvironment = 3,  // a full or broken disk, a kernel that is missing
};

// What an option takes that is a number: nothing but digits, within these bounds.
CLI::Validator whole_number(std::uint64_t least = 0, std::uint64_t most = ~std::uint64_t{0});

// The whole of `cmacheck`, as tests call it too: the exit code.
int run_command_line(int argc, const char* const* argv);

void add_run(CLI::App& app, int& exit_code);
void add_fmt(CLI::App& app, int& exit_code);
void add_encode(CLI::App& app, int& exit_code);
void add_decode(CLI::App& app, int& exit_code);
void add_minimize(CLI::App& app, int& exit_code);
void add_emit(CLI::App& app, int& exit_code);
void add_laws(CLI::App& app, int& exit_code);
void add_points(CLI::App& app, int& exit_code);
void add_bugs(CLI::App& app, int& exit_code);
void add_study(CLI::App& app, int& exit_code);
void add_judge(CLI::App& app, int& exit_code);
void add_hashes(CLI::App& app, int& exit_code);

}  // namespace cma
