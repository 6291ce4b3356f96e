// `cmacheck minimize`: the smallest program with the same finding.

#include "properties/minimize/minimize.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "fuzz/commands/command.h"
#include "fuzz/commands/files.h"
#include "fuzz/commands/finding_file.h"
#include "fuzz/commands/report.h"
#include "properties/laws/checked_run.h"
#include "properties/minimize/isolated.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// This is hours of work: a small program runs about 100,000 times a second.
constexpr std::uint64_t kMostExecutions = 1'000'000'000;

struct MinimizeCommand {
  std::string file;
  std::string out;
  std::string into;
  std::vector<std::string> bugs;
  std::uint64_t executions = MinimizeOptions{}.executions;
  std::string same = "signature";
  bool as_fuzzed = false;
  bool statistics = false;
};

void print_statistics(const Minimized& minimized) {
  fmt::print(stderr, "{:<16} {:>8} {:>8}\n", "stage", "tried", "accepted");
  for (std::size_t i = 0; i < kMinimizeStages; ++i)
    fmt::print(stderr, "{:<16} {:>8} {:>8}\n", name_of(static_cast<MinimizeStage>(i)), minimized.stages[i].tried,
               minimized.stages[i].accepted);
  fmt::print(stderr, "{} executions, {} candidates were known already\n", minimized.executions, minimized.repeats);
}

int write_result(const MinimizeCommand& command, const Minimized& minimized, const Predicate& find) {
  const auto shows = [&](const std::string& file) {
    const auto loaded = load_program(file);
    const std::optional<Finding> shown = loaded ? find(loaded->program) : std::nullopt;
    return shown && shown->signature() == minimized.finding.signature();
  };
  FindingPlace place{command.out, false};
  if (!command.into.empty()) place = place_for(command.into, minimized.finding, shows);
  if (!place.there) {
    const auto written = write_file(place.file, finding_text(minimized.finding, minimized.program));
    if (!written) return report_failure(written.error());
  }
  if (!command.into.empty()) fmt::print("{}\n", place.file);
  return kNothingFound;
}

// Checks before the work begins that its result can be written.
std::expected<void, Failure> check_output(const MinimizeCommand& command) {
  if (command.into.empty()) return check_writable(command.out);
  return check_writable((std::filesystem::path(command.into) / "finding.cma").string());
}

int minimize_file(const MinimizeCommand& command) {
  auto loaded = load_program(command.file, {.as_fuzzed = command.as_fuzzed});
  if (!loaded) return report_failure(loaded.error());
  const auto writable = check_output(command);
  if (!writable) return report_failure(writable.error());
  for (const std::string& name : command.bugs) loaded->program.machine.bugs.switch_on(*bug_from_name(name));
  // A program that brings the process down runs in one of its own; most do not, and run faster in this one.
  CheckedRun run;
  Predicate find = [](const Program& program) { return find_isolated(program); };
  const std::optional<Finding> first = find(loaded->program);
  if (first && !is_crash(*first)) find = [&run](const Program& program) { return run.find(program); };
  const std::optional<Minimized> minimized =
      minimize(loaded->program, find,
               {.same = command.same == "law" ? Same::law : Same::signature, .executions = command.executions});
  if (!minimized) {
    fmt::print(stderr, "{}: no law is broken, so there is nothing to minimise\n", command.file);
    return kBadInput;
  }
  if (command.statistics) print_statistics(*minimized);
  fmt::print(stderr, "{}: {}: {} of {} operations left after {} executions{}\n", command.file,
             minimized->finding.signature(), minimized->program.ops.size(), loaded->program.ops.size(),
             minimized->executions, minimized->complete ? "" : ", when these ran out");
  return write_result(command, *minimized, find);
}

}  // namespace

void add_minimize(CommandLine& line) {
  auto command = std::make_shared<MinimizeCommand>();
  Command sub = line.add("minimize", "Finds the smallest program with the same finding");
  sub.text("FILE", command->file, "A program with a finding, as text or bytes; - is the standard input").required();
  const Option out = sub.text("-o,--output", command->out, "Where its text goes; - is the standard output");
  sub.text("--into", command->into,
           "A folder for it, under a name made of the finding's signature, which is printed; "
           "if a file there shows the same finding already, its name is printed instead")
      .excludes(out);
  sub.bugs("--bug", command->bugs, "Switch this bug on (`cmacheck bugs` lists them); may be repeated").one_value_each();
  sub.text("--same", command->same,
           "What the result's finding must have in common with the program's; "
           "findings that shrink to the same program by their law alone are one bug")
      .one_of({"signature", "law"})
      .show_default();
  sub.number("--executions", command->executions, "Give up after this many", {0, kMostExecutions}).show_default();
  sub.flag("--as-fuzzed", command->as_fuzzed, "Read bytes as the fuzz targets do");
  sub.flag("--statistics", command->statistics, "Print how much each stage tried");
  sub.footer("Exit: 0 written, 2 bad input, no finding or an output that cannot be written, 3 a full disk.");
  sub.action([command] {
    if (command->out.empty() && command->into.empty()) command->out = "-";
    return minimize_file(*command);
  });
}

}  // namespace cma
