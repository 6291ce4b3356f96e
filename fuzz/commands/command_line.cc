#include <fmt/format.h>

#include <cstdio>

#include "fuzz/commands/command.h"

namespace cma {
namespace {

void add_commands(CLI::App& app, int& exit_code) {
  add_run(app, exit_code);
  add_minimize(app, exit_code);
  add_fmt(app, exit_code);
  add_encode(app, exit_code);
  add_decode(app, exit_code);
  add_emit(app, exit_code);
  add_laws(app, exit_code);
  add_points(app, exit_code);
  add_bugs(app, exit_code);
  add_study(app, exit_code);
  add_judge(app, exit_code);
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  CLI::App app("cmacheck: fuzzing and property testing for the Linux contiguous memory allocator", "cmacheck");
  app.footer("Exit codes: 0 nothing found, 1 a finding, 2 bad input or usage, 3 the environment lacks something.");
  app.require_subcommand(1);
  int exit_code = kNothingFound;
  add_commands(app, exit_code);
  const auto is_wanted = [&](const CLI::App* sub) { return sub->get_name() == argv[1]; };
  if (argc > 1 && argv[1][0] != '-' && app.get_subcommands(is_wanted).empty()) {
    fmt::print(stderr, "cmacheck: there is no command '{}'; `cmacheck --help` lists them\n", argv[1]);
    return kBadInput;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kNothingFound : kBadInput;
  }
  return exit_code;
}

}  // namespace cma
