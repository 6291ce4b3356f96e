// `cmacheck hashes`: prints what programs do as hashes, one line per program. Two builds that print the same lines
// behave the same on these programs, down to every event; `ci/check/refactoring` compares the lists of two commits.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/commands/command.h"
#include "fuzz/commands/files.h"
#include "properties/laws/checked_run.h"
#include "properties/program/generator.h"
#include "properties/program/text.h"

namespace cma {
namespace {

struct HashesCommand {
  std::vector<std::string> paths;
  std::uint64_t random = 0;
  std::uint64_t seed = 1;
};

// Returns FNV-1a of a text.
std::uint64_t text_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char letter : text) hash = (hash ^ static_cast<std::uint8_t>(letter)) * 0x100000001b3ULL;
  return hash;
}

// Prints hashes of the program, of the trace with the events about single pages and of the last state; steps, skipped
// operations and the finding.
void print_hashes(CheckedRun& run, const Program& program, std::string_view name) {
  const RunResult result = run.run(program, {.page_events = true});
  fmt::print("{} program={:016x} trace={:016x} state={:016x} steps={} skipped={} {}\n", name, text_hash(print(program)),
             result.trace_hash, run.machine().state_hash(), result.steps, result.skipped,
             result.finding ? result.finding->signature() : "ok");
}

int print_all(const HashesCommand& command) {
  const std::vector<std::string> files = program_files(command.paths);
  if (files.empty() && command.random == 0) {
    fmt::print(stderr, "cmacheck hashes: no program is named; give files, folders or --random N\n");
    return kBadInput;
  }
  CheckedRun run;
  int exit_code = kNothingFound;
  for (const std::string& file : files) {
    const auto loaded = load_program(file);
    if (loaded)
      print_hashes(run, loaded->program, file);
    else
      exit_code = std::max(exit_code, report_failure(loaded.error()));
  }
  GeneratorOptions options;
  options.max_ops = 48;
  options.longest = kLongestProgram;
  for (std::uint64_t i = 0; i < command.random; ++i) {
    const std::uint64_t seed = command.seed + i;
    Program program = generate(seed, options);
    // Every second program runs with the bugs of its release, so that these are compared too.
    if (seed % 2 == 0) program.machine.bugs = BugSet::as_shipped(program.machine.release);
    print_hashes(run, program, fmt::format("seed-{}", seed));
  }
  return exit_code;
}

}  // namespace

void add_hashes(CommandLine& line) {
  auto command = std::make_shared<HashesCommand>();
  Command sub = line.add("hashes", "Prints what programs do as hashes, a line a program");
  sub.texts("PATH", command->paths, "Programs, or folders of them (*.cma)");
  sub.number("--random", command->random, "This many random programs as well", {0, 100'000'000});
  sub.number("--seed", command->seed, "Seed of the first random program; the next has the next number");
  sub.footer(
      "program: of the canonical text; trace: of all events, those about single pages included (as with `run "
      "--page-events`); state: of the machine at the end. Every second random program runs with the bugs of its "
      "release. Equal lines are equal behaviour. Exit: 0 all were performed, 2 a program cannot be read.");
  sub.action([command] { return print_all(*command); });
}

}  // namespace cma
