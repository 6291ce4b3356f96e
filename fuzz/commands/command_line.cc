#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <filesystem>

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
  add_hashes(app, exit_code);
}

}  // namespace

CLI::Validator whole_number(std::uint64_t least, std::uint64_t most) {
  return CLI::Validator(
      [least, most](const std::string& text) -> std::string {
        std::uint64_t value = 0;
        const char* const end = text.data() + text.size();
        const auto [read, error] = std::from_chars(text.data(), end, value);
        if (error == std::errc{} && read == end && least <= value && value <= most) return "";
        return fmt::format("'{}' is no whole number from {} to {}", text, least, most);
      },
      "");
}

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
  } catch (const std::filesystem::filesystem_error& error) {
    // A folder that was named and cannot be read.
    fmt::print(stderr, "cmacheck: {}: {}\n", error.path1().string(), error.code().message());
    return kBadInput;
  }
  return exit_code;
}

}  // namespace cma
