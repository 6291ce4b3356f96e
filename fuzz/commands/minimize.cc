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
#include "properties/minimize/over_budget.h"
#include "properties/minimize/varies.h"
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
  std::string written_by;  // CommandLine::written_by()
};

void print_statistics(const Minimized& minimized) {
  fmt::print(stderr, "{:<16} {:>8} {:>8}\n", "stage", "tried", "accepted");
  for (std::size_t i = 0; i < kMinimizeStages; ++i)
    fmt::print(stderr, "{:<16} {:>8} {:>8}\n", name_of(static_cast<MinimizeStage>(i)), minimized.stages[i].tried,
               minimized.stages[i].accepted);
  fmt::print(stderr, "{} executions, {} candidates were known already\n", minimized.executions, minimized.repeats);
}

// Returns where the result goes.
FindingPlace choose_place(const MinimizeCommand& command, const Minimized& minimized, const Predicate& find) {
  if (command.into.empty()) return {command.out, false};
  return place_for(command.into, minimized.finding, [&](const std::string& file) {
    const auto loaded = load_program(file);
    const std::optional<Finding> shown = loaded ? find(loaded->program) : std::nullopt;
    return shown && shown->signature() == minimized.finding.signature();
  });
}

std::expected<void, Failure> write_result(const MinimizeCommand& command, const Minimized& minimized,
                                          const FindingPlace& place) {
  if (place.there) return {};
  return write_file(
      place.file, finding_text({minimized.finding, minimized.program, "cmacheck run", command.written_by}, place.file));
}

// Checks before the work begins that its result can be written.
std::expected<void, Failure> check_output(const MinimizeCommand& command) {
  if (command.into.empty()) return check_outputs({command.out}, {command.file});
  return check_writable((std::filesystem::path(command.into) / "finding.cma").string());
}

// How an input is read, and the target that it is for as far as that can be told.
struct Reading {
  LoadedProgram loaded;
  std::string read_as;  // empty for a program as it is written
};

// Returns the target that a raw input's file is named for, as ci/fuzz and fleets name them: "bitmap_fuzzer-crash-1f".
std::string target_named(const std::string& file) {
  const std::string name = std::filesystem::path(file).filename().string();
  const std::size_t end = name.find("_fuzzer");
  return end == std::string::npos || end == 0 ? "" : name.substr(0, end) + "_fuzzer";
}

void switch_bugs_on(const MinimizeCommand& command, Program& program) {
  for (const std::string& name : command.bugs) program.machine.bugs.switch_on(*bug_from_name(name));
}

// Reads a program, or a raw input of a fuzz target: bytes as program_fuzzer reads them, then bytes as they are. The
// first reading with a finding counts. Text that is no program may be an input in bytes too.
std::expected<Reading, Failure> read_input(const MinimizeCommand& command, const std::string& content) {
  auto plain = program_of(command.file, content, {.as_fuzzed = command.as_fuzzed});
  const bool text = plain && plain->form == Form::text;
  if (text || command.as_fuzzed) {
    if (!plain) return std::unexpected(plain.error());
    switch_bugs_on(command, plain->program);
    return Reading{std::move(*plain), text ? "" : "bytes, as program_fuzzer reads them"};
  }
  auto fuzzed = program_of(command.file, content, {.form = Form::bytes, .as_fuzzed = true});
  if (fuzzed) switch_bugs_on(command, fuzzed->program);
  if (fuzzed && find_isolated(fuzzed->program))
    return Reading{std::move(*fuzzed), "an input of program_fuzzer (bytes)"};
  if (!plain) return std::unexpected(plain.error());
  switch_bugs_on(command, plain->program);
  return Reading{std::move(*plain), "a program's bytes"};
}

// Prints that the input is another target's, if its name says so. Returns whether it does.
bool names_other_target(const MinimizeCommand& command) {
  const std::string target = target_named(command.file);
  if (target.empty() || target == "program_fuzzer") return false;
  fmt::print(stderr, "{}: by its name it is an input of {}, whose findings are no programs: run that target on it\n",
             command.file, target);
  return true;
}

int report_no_finding(const MinimizeCommand& command, const Reading& reading) {
  fmt::print(stderr, "{}: no law is broken, so there is nothing to minimise\n", command.file);
  if (!names_other_target(command) && !reading.read_as.empty())
    fmt::print(stderr, "{}: it may be an input of another target, or need a bug (--bug)\n", command.file);
  return kBadInput;
}

// Cuts the result further if anything smaller shows the same, and reports what was tried and what does not matter.
void report_what_matters(const MinimizeCommand& command, Minimized& minimized, const Predicate& find) {
  if (command.same == "law" || is_crash(minimized.finding) || !minimized.complete) return;
  // Hundreds of runs with the whole budget would take hours.
  if (is_over_budget(minimized.finding)) return;
  Smallest smallest = prove_smallest(minimized.program, minimized.finding, find);
  fmt::print(stderr, "{}: {}\n", command.file, smallest_text(smallest));
  minimized.program = std::move(smallest.program);
  minimized.finding = std::move(smallest.finding);
  const Varies varies = what_varies(minimized.program, minimized.finding, find);
  fmt::print(stderr, "{}", varies_text(minimized.program, varies));
}

int minimize_file(const MinimizeCommand& command) {
  const auto content = read_file(command.file);
  if (!content) return report_failure(content.error());
  const auto reading = read_input(command, *content);
  if (!reading) {
    const int exit_code = report_failure(reading.error());
    names_other_target(command);
    return exit_code;
  }
  const Program& program = reading->loaded.program;
  const auto writable = check_output(command);
  if (!writable) return report_failure(writable.error());
  if (!reading->read_as.empty()) fmt::print(stderr, "{}: read as {}\n", command.file, reading->read_as);
  // A program that brings the process down runs in one of its own; most do not, and run faster in this one.
  CheckedRun run;
  Predicate find = [](const Program& candidate) { return find_isolated(candidate); };
  const std::optional<Finding> first = find(program);
  if (!first) return report_no_finding(command, *reading);
  if (!is_crash(*first)) find = [&run](const Program& candidate) { return run.find(candidate); };
  const BudgetedRun run_part = [&run](const Program& candidate, std::uint64_t divisor) {
    RunResult result = run.run(candidate, {.budget_divisor = divisor});
    return result.passed() ? std::nullopt : std::move(result.finding);
  };
  const MinimizeOptions options = {.same = command.same == "law" ? Same::law : Same::signature,
                                   .executions = command.executions};
  std::optional<Minimized> minimized = is_over_budget(*first) ? minimize_over_budget(program, *first, run_part, options)
                                                              : minimize(program, find, options);
  if (!minimized) return report_no_finding(command, *reading);
  if (command.statistics) print_statistics(*minimized);
  fmt::print(stderr, "{}: {}: {} of {} operations left after {} executions{}\n", command.file,
             minimized->finding.signature(), minimized->program.ops.size(), program.ops.size(), minimized->executions,
             minimized->complete ? "" : ", when these ran out");
  const FindingPlace place = choose_place(command, *minimized, find);
  // What follows can take as long again: a result that is there is not lost if that is stopped.
  auto written = command.out == "-" ? std::expected<void, Failure>() : write_result(command, *minimized, place);
  if (!written) return report_failure(written.error());
  report_what_matters(command, *minimized, find);
  written = write_result(command, *minimized, place);
  if (!written) return report_failure(written.error());
  if (!command.into.empty()) fmt::print("{}\n", place.file);
  return kNothingFound;
}

}  // namespace

void add_minimize(CommandLine& line) {
  auto command = std::make_shared<MinimizeCommand>();
  command->written_by = line.written_by();
  Command sub = line.add("minimize", "Finds the smallest program with the same finding");
  sub.text("FILE", command->file,
           "A program with a finding, as text or bytes, or a raw input of a fuzz target; - is the standard input")
      .required();
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
  sub.footer(
      "Prints on the standard error what was tried and what does not matter: numbers with their intervals, operations "
      "that may change places, releases (not with --same law). Exit: 0 written, 2 bad input, no finding or an output "
      "that cannot be written, 3 a full disk.");
  sub.action([command] {
    if (command->out.empty() && command->into.empty()) command->out = "-";
    return minimize_file(*command);
  });
}

}  // namespace cma
