// `cmacheck run`: performs programs with every law watching.

#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "fuzz/commands/command.h"
#include "fuzz/commands/report.h"
#include "properties/explain/page_map.h"
#include "properties/explain/why.h"
#include "properties/program/text.h"

namespace cma {
namespace {

struct RunCommand {
  std::vector<std::string> files;
  std::vector<std::string> bugs;
  std::string bug_set;
  std::string audit;
  bool trace = false;
  bool page_events = false;
  bool map = false;
  bool why = false;
  bool quiet = false;
  bool json = false;
  bool bytes = false;
  bool as_fuzzed = false;
};

// Prints what happens while it happens: files that are read, the log between the operations, the page map after each.
class Narrator final : public Observer {
 public:
  Narrator(const RunCommand& command, const LoadedProgram& loaded, const Interpreter& interpreter)
      : command_(command), loaded_(loaded), interpreter_(interpreter), why_(interpreter) {}

  void program_begins(Machine& machine) override {
    if (command_.why) why_.program_begins(machine);
  }
  void op_performed(Machine& machine, std::size_t op) override {
    const bool reads = std::holds_alternative<Cat>(loaded_.program.ops[op].body);
    if (command_.trace || command_.map || reads)
      print_operation(op, outcome_text(loaded_.program, interpreter_.world(), static_cast<Slot>(op)));
    print_files();
    print_records(machine.trace);
    print_map();
    performed_ = op + 1;
  }
  void program_ended(Machine& machine) override {
    print_records(machine.trace);
    print_map();
  }
  // Prints what is left when the run is over: an operation that broke a law did not end.
  void finish(const Machine& machine, const std::optional<Finding>& finding) {
    const bool prints = command_.trace || command_.map;
    if (prints && finding && finding->op >= performed_)
      print_operation(finding->op, fmt::format("broke law {}", name_of(finding->law)));
    print_records(machine.trace);
  }
  void print_why() const {
    if (!command_.why) return;
    fmt::print("why: {}\n{}", loaded_.file, why_.text([this](Slot op) { return "  " + operation_text(loaded_, op); }));
  }

 private:
  void print_operation(std::size_t op, const std::string& outcome) {
    fmt::print("{:<60}  # {}\n", operation_text(loaded_, op), outcome);
  }
  // Prints what was traced and logged since the last operation ended.
  void print_records(const Trace& trace) {
    const std::vector<Record>& records = trace.records();
    for (; printed_ < records.size(); ++printed_)
      if (command_.trace) fmt::print("    {}\n", record_line(trace, records[printed_]));
  }
  // Prints what was read from files since the last operation ended, as it is.
  void print_files() {
    const auto& files = interpreter_.world().output;
    for (; printed_files_ < files.size(); ++printed_files_) fmt::print("{}", files[printed_files_].second);
  }
  void print_map() {
    if (!command_.map) return;
    PageMap map(loaded_.program, interpreter_.world());
    const std::string drawn = last_ ? map.draw_changes(*last_) : map.draw();
    if (!drawn.empty()) print_legend(map.legend());
    fmt::print("{}", drawn);
    last_.emplace(std::move(map));
  }

  // Explains each letter where it is used first.
  void print_legend(std::string_view legend) {
    while (!legend.empty()) {
      const std::size_t end = legend.find('\n') + 1;
      const std::string line(legend.substr(0, end));
      if (explained_.insert(line).second) fmt::print("{}", line);
      legend.remove_prefix(end);
    }
  }

  const RunCommand& command_;
  const LoadedProgram& loaded_;
  const Interpreter& interpreter_;
  WhyRecorder why_;
  std::size_t printed_ = 0;
  std::size_t printed_files_ = 0;
  std::size_t performed_ = 0;
  std::optional<PageMap> last_;
  std::set<std::string> explained_;
};

// Applies the options for machine and audit to the program.
void apply_options(const RunCommand& command, Program& program) {
  if (command.bug_set == "as-shipped") program.machine.bugs = BugSet::as_shipped(program.machine.release);
  if (command.bug_set == "repaired") program.machine.bugs = BugSet();
  for (const std::string& name : command.bugs) program.machine.bugs.switch_on(*bug_from_name(name));
  if (command.audit == "points") program.audit = Audit::points;
  if (command.audit == "ops") program.audit = Audit::ops;
}

// Returns the command line that shows the same again.
std::string replay_command(const RunCommand& command, const std::string& file) {
  std::string text = "ci/cmacheck run";
  if (!command.bug_set.empty()) text += " --bugs " + command.bug_set;
  for (const std::string& name : command.bugs) text += " --bug " + name;
  if (!command.audit.empty()) text += " --audit " + command.audit;
  if (command.bytes) text += " --bytes";
  if (command.as_fuzzed) text += " --as-fuzzed";
  return text + " " + (file == "-" ? "FILE" : shell_word(file));
}

void print_result(const RunCommand& command, const LoadedProgram& loaded, const CheckedRun& run,
                  const RunResult& result) {
  if (command.json) {
    fmt::print("{}\n", run_json(loaded, result, run.interpreter().world().output));
  } else if (!result.passed()) {
    if (command.quiet)
      fmt::print("{}: finding {}: {}\n", loaded.file, result.finding->signature(), result.finding->message);
    else
      fmt::print("{}", finding_report(loaded, run, *result.finding, replay_command(command, loaded.file)));
  } else if (!command.quiet) {
    const std::string note =
        result.finding_expected ? fmt::format(", finding {} as expected", result.finding->signature()) : "";
    fmt::print("{}: ok, {} operations, {} skipped, trace {:016x}{}\n", loaded.file, loaded.program.ops.size(),
               result.skipped, result.trace_hash, note);
  }
}

int run_file(const RunCommand& command, CheckedRun& run, const std::string& file) {
  const LoadOptions options{.form = command.bytes ? Form::bytes : Form::by_content, .as_fuzzed = command.as_fuzzed};
  auto loaded = load_program(file, options);
  if (!loaded) return report_failure(loaded.error());
  if (loaded->form == Form::bytes && !command.bytes && !command.as_fuzzed && !command.quiet)
    fmt::print(stderr, "{}: not text, so it is read as a program's bytes\n", file);
  apply_options(command, loaded->program);
  const bool narrates = !command.json && !command.quiet;
  Narrator narrator(command, *loaded, run.interpreter());
  const RunResult result = run.run(loaded->program, {.keep_output = !command.quiet, .page_events = command.page_events},
                                   narrates ? &narrator : nullptr);
  if (narrates) narrator.finish(run.machine(), result.finding);
  print_result(command, *loaded, run, result);
  if (narrates) narrator.print_why();
  return result.passed() ? kNothingFound : kFindings;
}

}  // namespace

void add_run(CommandLine& line) {
  auto command = std::make_shared<RunCommand>();
  Command sub = line.add("run", "Performs programs with every law watching");
  sub.texts("FILE", command->files, "Programs, as text or bytes; - is the standard input").required();
  const Option trace = sub.flag("--trace", command->trace,
                                "Print log lines as a kernel does, and tracepoints after a bar, as they come");
  sub.flag("--page-events", command->page_events, "Trace events about single pages too");
  const Option map = sub.flag("--map", command->map, "Print the page map after each operation: what has changed in it");
  const Option why = sub.flag(
      "--why", command->why,
      "Print for each window that failed which pages were in the way, their holders, and the step that refused them");
  sub.bugs("--bug", command->bugs, "Switch this bug on (`cmacheck bugs` lists them); may be repeated").one_value_each();
  sub.text("--bugs", command->bug_set, "Bugs of the machine, instead of the program's")
      .one_of({"repaired", "as-shipped"});
  sub.text("--audit", command->audit, "When laws are checked, instead of the program's").one_of({"ops", "points"});
  const Option quiet = sub.flag("-q,--quiet", command->quiet, "Print one line a finding and nothing else");
  const Option json = sub.flag("--json", command->json, "Print one JSON object a program");
  for (Option brief : {quiet, json})
    for (const Option& full : {trace, map, why}) brief.excludes(full);
  sub.flag("--bytes", command->bytes, "The files hold bytes, even if they look like text");
  sub.flag("--as-fuzzed", command->as_fuzzed, "Read bytes as the fuzz targets do");
  sub.footer(
      "`trace` is a hash of all that was traced and logged: equal runs have equal hashes. Exit: 0 no law broken, 1 a "
      "finding, 2 bad input or usage, 3 the environment lacks something.");
  sub.action([command] {
    CheckedRun run;
    int exit_code = kNothingFound;
    for (const std::string& file : command->files) exit_code = std::max(exit_code, run_file(*command, run, file));
    return exit_code;
  });
}

}  // namespace cma
