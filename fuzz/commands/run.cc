// `cmacheck run`: performs programs with every law watching.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "fuzz/commands/command.h"
#include "fuzz/commands/installed.h"
#include "fuzz/commands/report.h"
#include "fuzz/commands/tool_reports.h"
#include "fuzz/commands/tree_file.h"
#include "properties/explain/names.h"
#include "properties/explain/page_map.h"
#include "properties/explain/why.h"
#include "properties/program/text.h"
#include "properties/program/tree_text.h"
#include "properties/traces/writers.h"

namespace cma {
namespace {

struct RunCommand {
  std::vector<std::string> files;
  std::vector<std::string> bugs;
  std::string bug_set;
  std::string audit;
  std::string tree;
  std::vector<std::string> why_of;
  std::string ftrace;
  std::string trace_dat;
  std::string perfetto;
  std::vector<std::string> other_inputs;
  std::string sarif;
  std::string junit;
  bool trace = false;
  bool page_events = false;
  bool map = false;
  bool why = false;
  bool quiet = false;
  bool json = false;
  bool bytes = false;
  bool as_fuzzed = false;

  bool writes_traces() const { return !ftrace.empty() || !trace_dat.empty() || !perfetto.empty(); }
};

// Prints what happens while it happens: files that are read, the log between the operations, the page map after each.
class Narrator final : public Observer {
 public:
  Narrator(const RunCommand& command, const LoadedProgram& loaded, const Interpreter& interpreter)
      : command_(command), loaded_(loaded), interpreter_(interpreter), why_(interpreter) {
    if (command.writes_traces())
      recorder_.emplace(loaded.program, interpreter, [this](Slot op) { return outcome_of(op); });
  }

  void program_begins(Machine& machine) override {
    if (recorder_) recorder_->program_begins(machine);
    if (!command_.why) return;
    why_.program_begins(machine);
    for (Slot op = 0; op < loaded_.program.ops.size(); ++op)
      if (std::ranges::find(command_.why_of, loaded_.program.name_of(loaded_.program.ops[op])) != command_.why_of.end())
        why_.ask_for(op);
  }
  void booted(Machine& machine) override {
    if (command_.why) why_.booted(machine);
  }
  void alloc_begins(AreaId area, std::uint64_t count, unsigned align) override {
    if (command_.why) why_.alloc_begins(area, count, align);
  }
  void control_changes(Machine& machine) override {
    if (recorder_) recorder_->control_changes(machine);
  }
  void op_ended(Machine& machine, std::size_t op) override {
    if (recorder_) recorder_->op_ended(machine, op);
    if (command_.why) why_.op_ended(machine, op);
    ended_.push_back(static_cast<Slot>(op));
  }
  void op_performed(Machine& machine, std::size_t op) override {
    if (recorder_) recorder_->op_performed(machine, op);
    if (command_.why) why_.op_performed(machine, op);
    const bool reads = std::holds_alternative<Cat>(loaded_.program.ops[op].body);
    if (narrates() || (reads && prints_files())) print_operation(op, outcome(static_cast<Slot>(op)));
    print_files();
    print_records(machine.trace);
    print_ended();
    print_map();
    performed_ = op + 1;
  }
  void program_ended(Machine& machine) override {
    if (recorder_) recorder_->program_ended(machine);
    if (command_.why) why_.program_ended(machine);
    print_records(machine.trace);
    print_ended();
    print_map();
  }
  // Prints what is left when the run is over: an operation that broke a law did not end.
  void finish(const Machine& machine, const std::optional<Finding>& finding) {
    if (narrates() && finding && finding->op >= performed_)
      print_operation(finding->op, fmt::format("broke law {}", name_of(finding->law)));
    print_records(machine.trace);
    if (command_.why) why_.run_ended(finding);
  }
  // Writes the files that were asked for. Call it once, after the run.
  std::expected<void, Failure> write_traces(const std::optional<Finding>& finding) {
    if (!recorder_) return {};
    const RunTrace trace = recorder_->finish(finding);
    std::expected<void, Failure> written;
    const auto write = [&](const std::string& file, std::string (*text)(const RunTrace&)) {
      if (written && !file.empty()) written = write_file(file, text(trace));
    };
    write(command_.ftrace, ftrace_text);
    write(command_.trace_dat, trace_dat);
    write(command_.perfetto, perfetto_json);
    return written;
  }
  const WhyRecorder* why() const { return command_.why ? &why_ : nullptr; }
  void print_why() const {
    if (!command_.why || command_.json) return;
    fmt::print("why: {}\n{}", loaded_.file, why_.text([this](Slot op) { return "  " + operation_text(loaded_, op); }));
  }

 private:
  bool narrates() const { return command_.trace || command_.map; }
  bool prints_files() const { return !command_.json && !command_.quiet; }
  std::string outcome_of(Slot op) const { return outcome_text(loaded_.program, interpreter_.world(), op); }
  // Returns the outcome of an operation that was just performed. One that resumes another has that one's outcome.
  std::string outcome(Slot op) {
    const Op& performed = loaded_.program.ops[op];
    std::erase(ended_, op);
    const World& world = interpreter_.world();
    if (info_of(performed).performed != Performed::resuming || world.result(op).state == Result::State::skipped)
      return outcome_of(op);
    const ActorId actor = world.actor(performed.performer);
    const auto ended = std::ranges::find_if(
        ended_, [&](Slot slot) { return world.actor(loaded_.program.ops[slot].performer) == actor; });
    if (ended == ended_.end()) {
      const std::optional<Slot> inside = operation_of(world, actor);
      return inside ? fmt::format("{} {}", name_or_text(loaded_.program, *inside), outcome_of(*inside)) : "ok";
    }
    const std::string text = fmt::format("{} ended, {}", name_or_text(loaded_.program, *ended), outcome_of(*ended));
    ended_.erase(ended);
    return text;
  }
  // Prints the outcome of operations that ended inside the last one, or at the end of the program.
  void print_ended() {
    for (const Slot op : std::exchange(ended_, {}))
      if (narrates()) fmt::print("    # {} ended, {}\n", name_or_text(loaded_.program, op), outcome_of(op));
  }
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
    if (!prints_files()) return;
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
  std::optional<RunTraceRecorder> recorder_;
  std::vector<Slot> ended_;  // that ended since the last operation was printed
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

// Puts the device tree of the option before the program's `boot`, as an operation.
std::expected<void, Failure> add_tree(const RunCommand& command, LoadedProgram& loaded) {
  if (command.tree.empty()) return {};
  std::vector<Op>& ops = loaded.program.ops;
  const auto boots = [](const Op& op) { return std::holds_alternative<RunBoot>(op.body); };
  const auto boot = std::ranges::find_if(ops, boots) - ops.begin();
  if (boot == std::ssize(ops)) throw UsageError(fmt::format("{}: --dtb needs a program with a `boot`", loaded.file));
  const auto tree = read_tree_file(command.tree);
  if (!tree) return std::unexpected(tree.error());
  Op op;
  op.body = DeviceTree{tree_text(*tree)};
  if (const auto read = read_tree_text(std::get<DeviceTree>(op.body).source); !read)
    return std::unexpected(
        Failure{kBadInput, fmt::format("{}: no program can hold this tree: {}", command.tree, read.error())});
  ops.insert(ops.begin() + boot, std::move(op));
  if (!loaded.lines.empty())
    loaded.lines.insert(loaded.lines.begin() + boot, loaded.lines[static_cast<std::size_t>(boot)]);
  return {};
}

// Returns the command line that shows the same again.
std::string replay_command(const RunCommand& command, const std::string& file) {
  std::string text = program_name() + " run";
  if (!command.bug_set.empty()) text += " --bugs " + command.bug_set;
  for (const std::string& name : command.bugs) text += " --bug " + name;
  if (!command.audit.empty()) text += " --audit " + command.audit;
  if (!command.tree.empty()) text += " --dtb " + shell_word(command.tree);
  if (command.bytes) text += " --bytes";
  if (command.as_fuzzed) text += " --as-fuzzed";
  return text + " " + (file == "-" ? "FILE" : shell_word(file));
}

void print_result(const RunCommand& command, const LoadedProgram& loaded, const CheckedRun& run,
                  const RunResult& result, const WhyRecorder* why) {
  if (command.json) {
    fmt::print("{}\n", run_json(loaded, result, run.interpreter().world().output, why));
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

// Throws if the program has no result of a name that is asked for.
void check_names(const RunCommand& command, const LoadedProgram& loaded) {
  for (const std::string& name : command.why_of) {
    const auto named = [&](const Op& op) { return loaded.program.name_of(op) == name; };
    if (std::ranges::none_of(loaded.program.ops, named))
      throw UsageError(fmt::format("{}: no operation has a result of the name {}", loaded.file, name));
  }
}

// Checks before the run that its traces and reports can be written. Throws if one trace would hold several runs.
std::expected<void, Failure> check_results(const RunCommand& command) {
  if (command.writes_traces() && command.files.size() > 1)
    throw UsageError("--ftrace, --trace-dat and --perfetto take one program");
  for (const std::string& file : {command.sarif, command.junit})
    if (file == "-") throw UsageError("a report goes to a file, as findings are printed");
  std::vector<std::string> inputs = command.files;
  if (!command.tree.empty()) inputs.push_back(command.tree);
  return check_outputs({command.ftrace, command.trace_dat, command.perfetto, command.sarif, command.junit}, inputs);
}

// Performs the program of a file. Appends to `outcomes` what became of it.
int run_file(const RunCommand& command, CheckedRun& run, const std::string& file, std::vector<ToolOutcome>& outcomes) {
  const LoadOptions options{.form = command.bytes ? Form::bytes : Form::by_content, .as_fuzzed = command.as_fuzzed};
  auto loaded = load_program(file, options);
  if (!loaded) {
    outcomes.push_back({.file = file, .failure = loaded.error().message});
    return report_failure(loaded.error());
  }
  if (loaded->form == Form::bytes && !command.bytes && !command.as_fuzzed && !command.quiet)
    fmt::print(stderr, "{}: not text, so it is read as a program's bytes\n", file);
  apply_options(command, loaded->program);
  if (const auto added = add_tree(command, *loaded); !added) {
    outcomes.push_back({.file = file, .failure = added.error().message});
    return report_failure(added.error());
  }
  check_names(command, *loaded);
  const bool narrates = command.why || !command.json || command.writes_traces();
  Narrator narrator(command, *loaded, run.interpreter());
  const RunResult result = run.run(loaded->program, {.keep_output = !command.quiet, .page_events = command.page_events},
                                   narrates ? &narrator : nullptr);
  if (narrates) narrator.finish(run.machine(), result.finding);
  print_result(command, *loaded, run, result, narrator.why());
  if (narrates) narrator.print_why();
  outcomes.push_back(outcome_of(*loaded, result));
  const auto written = narrator.write_traces(result.finding);
  if (!written) return report_failure(written.error());
  return result.passed() ? kNothingFound : kFindings;
}

// Returns the outcome for the value of --other-input: INPUT=SIGNATURE.
ToolOutcome other_outcome(const std::string& word) {
  const std::size_t sign = word.rfind('=');
  if (sign == std::string::npos || sign == 0 || sign + 1 == word.size())
    throw UsageError(fmt::format("--other-input takes INPUT=SIGNATURE, not '{}'", word));
  const std::string signature = word.substr(sign + 1);
  return {.file = word.substr(0, sign),
          .law = signature.substr(0, signature.find('/')),
          .signature = signature,
          .message = "a fuzz target's finding: " + signature};
}

// Writes the reports for other tools. Returns the exit code.
int write_reports(const RunCommand& command, const std::vector<ToolOutcome>& outcomes) {
  int exit_code = kNothingFound;
  const auto write = [&](const std::string& file, const std::string& content) {
    if (const auto done = write_file(file, content); !done)
      exit_code = std::max(exit_code, report_failure(done.error()));
  };
  if (!command.sarif.empty()) write(command.sarif, sarif(outcomes, CMACHECK_VERSION));
  if (!command.junit.empty()) write(command.junit, junit(outcomes));
  return exit_code;
}

// Performs all programs and writes the reports asked for. Returns the exit code.
int run_files(const RunCommand& command) {
  std::vector<ToolOutcome> outcomes;
  int exit_code = kNothingFound;
  for (const std::string& word : command.other_inputs) {
    outcomes.push_back(other_outcome(word));
    exit_code = kFindings;
  }
  if (command.files.empty() && outcomes.empty()) throw UsageError("FILE is required");
  if (const auto writable = check_results(command); !writable) return report_failure(writable.error());
  CheckedRun run;
  for (const std::string& file : command.files) exit_code = std::max(exit_code, run_file(command, run, file, outcomes));
  return std::max(exit_code, write_reports(command, outcomes));
}

void add_report_options(Command& sub, RunCommand& command) {
  sub.text("--sarif", command.sarif, "Write findings to this file too, as SARIF 2.1.0");
  sub.text("--junit", command.junit, "Write results to this file too, as JUnit XML: each program is a test");
  sub.texts(
         "--other-input", command.other_inputs,
         "INPUT=SIGNATURE, the finding of a fuzz target that is no program: stands in these reports; may be repeated")
      .one_value_each();
}

}  // namespace

void add_run(CommandLine& line) {
  auto command = std::make_shared<RunCommand>();
  Command sub = line.add("run", "Performs programs with every law watching");
  sub.texts("FILE", command->files, "Programs, as text or bytes; - is the standard input");
  const Option trace = sub.flag("--trace", command->trace,
                                "Print log lines as a kernel does, and tracepoints after a bar, as they come");
  sub.flag("--page-events", command->page_events, "Trace events about single pages too");
  sub.text("--ftrace", command->ftrace,
           "Write the run as the kernel's file `trace`: tracepoints, log lines as printk:console, operations as events "
           "of the system cmacheck; a microsecond is a step of the run");
  sub.text("--trace-dat", command->trace_dat, "Write the same as a trace.dat, for trace-cmd and KernelShark");
  sub.text("--perfetto", command->perfetto, "Write the same as trace-event JSON, for ui.perfetto.dev");
  const Option map = sub.flag("--map", command->map, "Print the page map after each operation: what has changed in it");
  const Option why = sub.flag("--why", command->why,
                              "Print for each operation that failed, or was skipped though the program does not expect "
                              "that, why: what it needed, what it found, how far it came, and what was in the way");
  const Option why_of =
      sub.texts(
             "--why-of", command->why_of,
             "Print this too for the operation with the result of this name: what it got, and what made room for it; "
             "may be repeated")
          .one_value_each();
  sub.bugs("--bug", command->bugs, "Switch this bug on (`cmacheck bugs` lists them); may be repeated").one_value_each();
  sub.text("--bugs", command->bug_set, "Bugs of the machine, instead of the program's")
      .one_of({"repaired", "as-shipped"});
  sub.text("--audit", command->audit, "When laws are checked, instead of the program's").one_of({"ops", "points"});
  sub.text("--dtb", command->tree, "Let the program's `boot` read this device tree, a blob or a source (.dts)");
  const Option quiet = sub.flag("-q,--quiet", command->quiet, "Print one line a finding and nothing else");
  const Option json = sub.flag("--json", command->json, "Print one JSON object a program, with --why the answers too");
  for (Option brief : {quiet, json})
    for (const Option& full : {trace, map}) brief.excludes(full);
  for (const Option& full : {why, why_of}) Option(quiet).excludes(full);
  sub.flag("--bytes", command->bytes, "The files hold bytes, even if they look like text");
  sub.flag("--as-fuzzed", command->as_fuzzed, "Read bytes as the fuzz targets do");
  add_report_options(sub, *command);
  sub.footer(
      "`trace` is a hash of all that was traced and logged: equal runs have equal hashes. Exit: 0 no law broken, 1 a "
      "finding, 2 bad input or usage, 3 the environment lacks something.");
  sub.action([command] {
    command->why = command->why || !command->why_of.empty();
    return run_files(*command);
  });
}

}  // namespace cma
