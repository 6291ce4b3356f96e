#include <fmt/format.h>

#include <string>

#include "allocator/base/release.h"
#include "fuzz/commands/command.h"

namespace cma {
namespace {

std::string version_text(std::string_view commit) {
  std::string names;
  for (const Release release : releases_by_age()) names += (names.empty() ? "" : ", ") + name_of(release);
  return fmt::format("cmacheck {}\ncommit {}\nmodels Linux {}", CMACHECK_VERSION, commit, names);
}

}  // namespace

std::string written_by(std::string_view commit) {
  return fmt::format("cmacheck {}, commit {}", CMACHECK_VERSION, commit);
}

int run_command_line(int argc, const char* const* argv, std::string_view commit) {
  CommandLine line("cmacheck", "cmacheck: fuzzing and property testing for the Linux contiguous memory allocator",
                   "Exit codes: 0 nothing found, 1 a finding, 2 bad input or usage, 3 the environment lacks something.",
                   version_text(commit), written_by(commit));
  add_run(line);
  add_minimize(line);
  add_fmt(line);
  add_encode(line);
  add_decode(line);
  add_emit(line);
  add_laws(line);
  add_points(line);
  add_bugs(line);
  add_releases(line);
  add_study(line);
  add_judge(line);
  add_hashes(line);
  add_fit(line);
  add_explain(line);
  add_report(line);
  add_adopt(line);
  add_boot(line);
  add_completion(line);
  return line.run(argc, argv);
}

}  // namespace cma
