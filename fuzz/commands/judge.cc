// `cmacheck judge`: performs programs on real kernels and on the model, and prints where they differ.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "fuzz/commands/command.h"
#include "fuzz/commands/files.h"
#include "fuzz/commands/finding_file.h"
#include "fuzz/kernel/kernel_target.h"
#include "properties/judge/batch.h"
#include "properties/judge/recorded.h"
#include "properties/program/lines.h"
#include "properties/program/text.h"

namespace cma {
namespace {

namespace fs = std::filesystem;
using judge::Difference;
using judge::KernelConfig;
using judge::NamedProgram;
using judge::RecordedSummary;
using judge::Summary;

// All are in memory before the first is judged.
constexpr std::uint64_t kMostRandom = 100'000;

struct JudgeCommand {
  std::vector<std::string> files;
  std::string release = "all";
  std::string pageblock_order = "all";
  std::uint64_t random = 0;
  std::uint64_t ops = 100;
  std::uint64_t seed = 1;
  std::uint64_t jobs = std::max(std::thread::hardware_concurrency(), 1U);
  std::uint64_t minimize = judge::BatchOptions{}.minimize;
  std::vector<std::string> bugs;
  std::string recorded;
  std::string fuzzed;
  std::string kernel_inputs;
  std::string coverage;
  std::string json;
  std::string into;
  bool available = false;
  bool list = false;
  bool markdown = false;
  bool quiet = false;
  std::string written_by;  // CommandLine::written_by()
};

// Returns the kernels that the options select.
std::vector<KernelConfig> kernels_of(const JudgeCommand& command) {
  std::vector<KernelConfig> kernels = judge::judged_kernels();
  std::erase_if(kernels, [&](const KernelConfig& kernel) {
    return (command.release != "all" && command.release != name_of(kernel.release)) ||
           (command.pageblock_order != "all" && command.pageblock_order != std::to_string(kernel.pageblock_order));
  });
  return kernels;
}

// --- the outcome as text ---

void print_summary(const Summary& summary, bool list) {
  fmt::print(
      "{}: {} programs, {} judged ({} on another machine than their own), {} operations, {} observables, "
      "{} differ, {:.1f} s\n",
      name_of(summary.config), summary.programs, summary.judged, summary.transposed, summary.operations,
      summary.observables, summary.differing, summary.seconds);
  for (const auto& [reason, names] : summary.not_judgeable) {
    fmt::print("  not judgeable: {:5} {}\n", names.size(), reason);
    for (std::size_t i = 0; list && i < names.size(); ++i) fmt::print("    {}\n", names[i]);
  }
  for (const Difference& difference : summary.differences) {
    fmt::print("\n{} in {} ({} programs)\n{}{}",
               difference.outcome.finding ? difference.outcome.finding->signature() : "?", difference.first,
               difference.programs, difference.outcome.both_sides,
               prefixed_lines(print(difference.outcome.program), "    "));
    if (!difference.outcome.console.empty())
      fmt::print("  the kernel's console:\n{}", prefixed_lines(difference.outcome.console, "    "));
  }
}

void print_summary(const RecordedSummary& summary) {
  fmt::print(
      "4.19 (recorded): {} recordings, {} operations, {} answers, {} differ; "
      "{} programs that were never answered\n",
      summary.recordings, summary.operations, summary.answers, summary.differences.size(), summary.unanswered);
  for (const std::string& difference : summary.differences) fmt::print("  {}\n", difference);
}

std::uint64_t not_judgeable(const Summary& summary) {
  std::uint64_t sum = 0;
  for (const auto& [reason, names] : summary.not_judgeable) sum += names.size();
  return sum;
}

void print_markdown(const std::vector<Summary>& summaries, const std::optional<RecordedSummary>& recorded) {
  fmt::print(
      "| kernel | pageblock order | programs judged | operations | observables compared | differences | not "
      "judgeable |\n| --- | --- | --- | --- | --- | --- | --- |\n");
  for (const Summary& summary : summaries)
    fmt::print("| {} | {} | {} | {} | {} | {} | {} |\n", name_of(summary.config.release),
               summary.config.pageblock_order, summary.judged, summary.operations, summary.observables,
               summary.differing, not_judgeable(summary));
  if (recorded)
    fmt::print("| 4.19, recorded | 9 and 10 | {} | {} | {} | {} | 0 |\n", recorded->recordings + recorded->unanswered,
               recorded->operations, recorded->answers, recorded->differences.size());
}

// --- what the kernels executed ---

constexpr std::array kParts = {judge::SourcePart::cma, judge::SourcePart::page_isolation, judge::SourcePart::contiguous,
                               judge::SourcePart::everything};
static_assert(kParts.size() == judge::kSourceParts);

void print_lines_reached(const Summary& summary) {
  for (const judge::SourcePart part : kParts)
    fmt::print("  {} of {} lines of {}\n", judge::lines_of(summary.points, part, summary.counters).size(),
               judge::lines_of(summary.points, part).size(), judge::name_of(part));
}

// Returns a line for each line of source that was reached: kernel, part and place, separated by tabs.
std::string lines_reached(const Summary& summary) {
  std::string text;
  for (const judge::SourcePart part : kParts)
    for (const judge::SourceLine& line : judge::lines_of(summary.points, part, summary.counters))
      text += fmt::format("{}\t{}\t{}:{}\n", name_of(summary.config), judge::name_of(part), line.file, line.line);
  return text;
}

// --- the outcome as JSON ---

nlohmann::json as_json(const Summary& summary) {
  nlohmann::json differences = nlohmann::json::array();
  for (const Difference& difference : summary.differences)
    differences.push_back({{"case", difference.first},
                           {"cases", difference.programs},
                           {"signature", difference.outcome.finding ? difference.outcome.finding->signature() : ""},
                           {"both_sides", difference.outcome.both_sides},
                           {"console", difference.outcome.console},
                           {"program", print(difference.outcome.program)}});
  return {{"release", name_of(summary.config.release)},
          {"pageblock_order", summary.config.pageblock_order},
          {"programs", summary.programs},
          {"judged", summary.judged},
          {"transposed", summary.transposed},
          {"operations", summary.operations},
          {"skipped", summary.skipped},
          {"observables", summary.observables},
          {"differing", summary.differing},
          {"differences", std::move(differences)},
          {"not_judgeable", summary.not_judgeable},
          {"kernels", summary.kernels},
          {"seconds", summary.seconds}};
}

nlohmann::json as_json(const std::vector<Summary>& summaries, const std::optional<RecordedSummary>& recorded) {
  nlohmann::json document;
  document["kernels"] = nlohmann::json::array();
  for (const Summary& summary : summaries) document["kernels"].push_back(as_json(summary));
  if (recorded)
    document["recorded"] = {{"release", "4.19"},
                            {"recordings", recorded->recordings},
                            {"operations", recorded->operations},
                            {"answers", recorded->answers},
                            {"unanswered", recorded->unanswered},
                            {"differences", recorded->differences}};
  return document;
}

// --- the command ---

// Appends the programs in the files. Returns the exit code; stops at the first that cannot be read.
int load_into(std::vector<NamedProgram>& programs, const std::vector<std::string>& files, const LoadOptions& options) {
  for (const std::string& file : files) {
    auto loaded = load_program(file, options);
    if (!loaded) return report_failure(loaded.error());
    programs.push_back(judge::named(file, std::move(loaded->program)));
  }
  return kNothingFound;
}

// Appends the inputs of the kernel target below the folder. Returns the exit code.
int load_kernel_inputs(std::vector<NamedProgram>& programs, const std::string& folder) {
  for (const std::string& file : files_below(folder)) {
    auto content = read_file(file);
    if (!content) return report_failure(content.error());
    const auto make = [bytes = std::move(*content)](judge::KernelJudge& judge) {
      return judged_program({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, judge);
    };
    programs.push_back({file, make});
  }
  return kNothingFound;
}

// Loads all programs that the options name.
int load_programs(const JudgeCommand& command, std::vector<NamedProgram>& programs) {
  int exit_code = load_into(programs, program_files(command.files), {});
  if (exit_code == kNothingFound && !command.fuzzed.empty())
    exit_code = load_into(programs, files_below(command.fuzzed), {.as_fuzzed = true});
  if (exit_code != kNothingFound) return exit_code;
  if (!command.kernel_inputs.empty()) exit_code = load_kernel_inputs(programs, command.kernel_inputs);
  if (exit_code != kNothingFound) return exit_code;
  for (NamedProgram& random : judge::random_batch(command.seed, command.random, command.ops))
    programs.push_back(std::move(random));
  return kNothingFound;
}

// Keeps each difference in the folder of `--into` as a program of its own, with the kernel's console beside it if the
// kernel failed. A difference is kept as soon as it is found, and replaced by its minimised program at the end.
class Keeper {
 public:
  // `written_by` is CommandLine::written_by().
  Keeper(std::string folder, std::string written_by) : folder_(std::move(folder)), written_by_(std::move(written_by)) {}
  void found(const Difference& difference) { keep(difference); }
  void minimized(const Difference& difference) { fmt::print(stderr, "kept: {}\n", keep(difference)); }
  int exit_code() const { return exit_code_; }

 private:
  static std::string log_of(const std::string& file) { return fs::path(file).replace_extension(".log").string(); }
  std::string keep(const Difference& difference);
  static void remove(const std::string& file);
  void write(const std::string& file, std::string_view text);

  std::string folder_;
  std::string written_by_;
  std::map<std::string, std::string> files_;  // written by this run, by signature
  int exit_code_ = kNothingFound;
};

std::string Keeper::keep(const Difference& difference) {
  const Finding& finding = *difference.outcome.finding;
  const Program& program = difference.outcome.program;
  std::string& own = files_[finding.signature()];
  const auto same = [&](const std::string& file) { return file != own && holds(file, program); };
  const FindingPlace place = place_for(folder_, finding, same);
  if (place.there) {
    remove(std::exchange(own, {}));
    return place.file;
  }
  if (own.empty()) own = place.file;
  write(own, finding_text({finding, program, "cmacheck judge", written_by_}, own));
  if (!difference.outcome.console.empty()) write(log_of(own), difference.outcome.console);
  return own;
}

void Keeper::remove(const std::string& file) {
  if (file.empty()) return;
  std::error_code ignored;
  fs::remove(file, ignored);
  fs::remove(log_of(file), ignored);
}

void Keeper::write(const std::string& file, std::string_view text) {
  const auto written = write_file(file, text);
  if (written) return;
  exit_code_ = std::max(exit_code_, report_failure(written.error()));
}

// Prints ten lines a kernel.
void print_progress(const Summary& summary, std::size_t programs) {
  const std::uint64_t step = std::max<std::uint64_t>(programs / 10, 1);
  if (programs < 100 || summary.programs % step != 0) return;
  fmt::print(stderr, "  {}: {} of {} programs, {} differ\n", name_of(summary.config), summary.programs, programs,
             summary.differing);
}

bool make_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fmt::print(stderr, "cannot make the folder {}: {}\n", folder, error.message());
  return !error;
}

// Judges the programs on one kernel, prints what came of it and appends the summary. Returns the exit code.
int judge_on(const JudgeCommand& command, const KernelConfig& config, const std::vector<NamedProgram>& programs,
             std::vector<Summary>& summaries) {
  judge::BatchOptions options;
  options.jobs = static_cast<unsigned>(command.jobs);
  options.minimize = command.minimize;
  options.coverage = !command.coverage.empty();
  for (const std::string& name : command.bugs) options.bugs.switch_on(*bug_from_name(name));
  if (!command.quiet) options.progress = [&](const Summary& summary) { print_progress(summary, programs.size()); };
  Keeper keeper(command.into, command.written_by);
  if (!command.into.empty()) options.found = [&](const Difference& difference) { keeper.found(difference); };
  Summary summary = judge::judge_all(config, programs, options);
  if (!summary.missing.empty()) {
    fmt::print(stderr, "cmacheck judge: {}\n", summary.missing);
    return kEnvironment;
  }
  if (!command.quiet && !command.markdown) {
    print_summary(summary, command.list);
    if (options.coverage) print_lines_reached(summary);
  }
  std::fflush(stdout);
  if (!command.into.empty())
    for (const Difference& difference : summary.differences) keeper.minimized(difference);
  const int exit_code = summary.differing == 0 ? kNothingFound : kFindings;
  summaries.push_back(std::move(summary));
  return std::max(exit_code, keeper.exit_code());
}

int run_judge(const JudgeCommand& command) {
  if (command.files.empty() && command.random == 0 && command.recorded.empty() && command.fuzzed.empty() &&
      command.kernel_inputs.empty()) {
    fmt::print(stderr,
               "cmacheck judge: nothing to judge: give files, folders, --random, --fuzzed, --kernel-inputs or "
               "--recorded\n");
    return kBadInput;
  }
  if (!command.into.empty() && !make_folder(command.into)) return kBadInput;
  if (const auto writable = check_outputs({command.json, command.coverage}, command.files); !writable)
    return report_failure(writable.error());
  std::vector<NamedProgram> programs;
  int exit_code = load_programs(command, programs);
  if (exit_code != kNothingFound) return exit_code;
  std::optional<RecordedSummary> recorded;
  if (!command.recorded.empty()) {
    recorded = judge::replay_all(command.recorded);
    if (!command.quiet && !command.markdown) print_summary(*recorded);
    if (!recorded->differences.empty()) exit_code = kFindings;
  }
  std::vector<Summary> summaries;
  for (const KernelConfig& config : kernels_of(command)) {
    if (programs.empty()) break;
    const int outcome = judge_on(command, config, programs, summaries);
    if (outcome != kEnvironment || !command.available) exit_code = std::max(exit_code, outcome);
  }
  if (summaries.empty() && !programs.empty()) exit_code = std::max<int>(exit_code, kEnvironment);
  if (command.markdown) print_markdown(summaries, recorded);
  if (!command.coverage.empty()) {
    std::string lines;
    for (const Summary& summary : summaries) lines += lines_reached(summary);
    const auto written = write_file(command.coverage, lines);
    if (!written) exit_code = std::max(exit_code, report_failure(written.error()));
  }
  if (command.json.empty()) return exit_code;
  const auto written = write_file(command.json, as_json(summaries, recorded).dump(2) + "\n");
  return written ? exit_code : std::max(exit_code, report_failure(written.error()));
}

std::vector<std::string> release_words() {
  std::vector<std::string> words;
  for (const Release release : judge::judged_releases()) words.push_back(name_of(release));
  words.emplace_back("all");
  return words;
}

std::vector<std::string> pageblock_order_words() {
  std::vector<std::string> words;
  for (const unsigned order : judge::judged_pageblock_orders()) words.push_back(std::to_string(order));
  words.emplace_back("all");
  return words;
}

}  // namespace

void add_judge(CommandLine& line) {
  auto command = std::make_shared<JudgeCommand>();
  command->written_by = line.written_by();
  Command sub = line.add("judge", "Compares the model with real kernels, operation by operation");
  sub.texts("FILE", command->files, "Programs, and folders with programs (*.cma)").existing_path();
  sub.text("--release", command->release, "The kernel's release").one_of(release_words());
  sub.flag("--available", command->available, "Pass over kernels that are not there, if there is one");
  sub.text("--pageblock-order", command->pageblock_order, "The kernel's pageblock order")
      .one_of(pageblock_order_words());
  sub.number("--random", command->random, "Judge this many random programs as well", {0, kMostRandom});
  sub.number("--ops", command->ops, "Operations of a random program", {1, kMaxOps});
  sub.number("--seed", command->seed, "Seed of the first random program; the next has the next number");
  sub.number("--jobs", command->jobs, "Kernels at work at once", {1, 256});
  sub.number("--minimize", command->minimize, "Executions spent on making a difference small; 0: none");
  sub.bugs("--bug", command->bugs, "Switch this bug on in the model; may be repeated");
  sub.text("--recorded", command->recorded, "Replay the recordings below this folder as well").existing_folder();
  sub.text("--fuzzed", command->fuzzed, "Inputs of the program fuzzer below this folder, as its target reads them")
      .existing_folder();
  sub.text("--kernel-inputs", command->kernel_inputs, "Inputs of the kernel target below this folder, as it reads them")
      .existing_folder();
  sub.text("--coverage", command->coverage,
           "Ask kernels that count what they execute (ci/judge-kernel --coverage), and write the lines of the kernel's "
           "source that were reached to this file");
  sub.text("--json", command->json, "Write the results to this file; - is the standard output");
  sub.text("--into", command->into, "Keep each difference in this folder, as a program named for what differs");
  sub.flag("--list", command->list, "Name each program that cannot be judged; the JSON always does");
  sub.flag("--markdown", command->markdown, "Print a table in Markdown and nothing else");
  sub.flag("-q,--quiet", command->quiet, "Print nothing; the exit code says whether there is a difference");
  sub.footer(
      "ci/judge builds the kernels first. Exit: 0 no difference, 1 a difference, 2 bad input or usage, 3 a kernel "
      "is missing or cannot run here.");
  sub.action([command] { return run_judge(*command); });
}

}  // namespace cma
