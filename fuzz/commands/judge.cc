// `cmacheck judge`: performs programs on real kernels and on the model, and tells where they differ.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "fuzz/commands/command.h"
#include "fuzz/commands/files.h"
#include "fuzz/commands/finding_file.h"
#include "properties/judge/docket.h"
#include "properties/judge/recorded.h"
#include "properties/program/text.h"

namespace cma {
namespace {

using judge::Difference;
using judge::RecordedTally;
using judge::Seat;
using judge::Tally;

// They are all in memory before the first is judged.
constexpr std::uint64_t kMostRandom = 100'000;

struct JudgeCommand {
  std::vector<std::string> files;
  std::string release = "all";
  std::string pageblock_order = "all";
  std::uint64_t random = 0;
  std::uint64_t ops = 100;
  std::uint64_t seed = 1;
  std::uint64_t jobs = std::max(std::thread::hardware_concurrency(), 1U);
  std::uint64_t minimize = judge::DocketOptions{}.minimize;
  std::vector<std::string> bugs;
  std::string recorded;
  std::string fuzzed;
  std::string json;
  std::string into;
  bool list = false;
  bool markdown = false;
  bool quiet = false;
};

std::vector<Seat> seats_of(const JudgeCommand& command) {
  std::vector<Seat> seats;
  for (const Release release : {Release::v6_1, Release::v6_12})
    for (const unsigned order : {9U, 10U})
      if ((command.release == "all" || command.release == name_of(release)) &&
          (command.pageblock_order == "all" || command.pageblock_order == std::to_string(order)))
        seats.push_back({release, order});
  return seats;
}

namespace fs = std::filesystem;

// The files below a folder that `wanted` says yes to, in order.
template <class Wanted>
std::vector<std::string> files_below(const std::string& folder, const Wanted& wanted) {
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && wanted(entry.path())) found.push_back(entry.path().string());
  std::ranges::sort(found);
  return found;
}

// The programs named, and all below the folders named, in order.
std::vector<std::string> programs_of(const std::vector<std::string>& names) {
  std::vector<std::string> programs;
  for (const std::string& name : names) {
    if (!fs::is_directory(name)) {
      programs.push_back(name);
      continue;
    }
    const auto found = files_below(name, [](const fs::path& path) { return path.extension() == ".cma"; });
    programs.insert(programs.end(), found.begin(), found.end());
  }
  return programs;
}

// --- what came of it, for people ---

std::string indented(const std::string& text) {
  std::string lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines += "    " + text.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return lines;
}

void tell(const Tally& tally, bool list) {
  fmt::print(
      "{}: {} programs, {} judged ({} on another machine than their own), {} operations, {} observables, "
      "{} differ, {:.1f} s\n",
      name_of(tally.seat), tally.programs, tally.judged, tally.transposed, tally.operations, tally.observables,
      tally.differing, tally.seconds);
  for (const auto& [reason, names] : tally.not_judgeable) {
    fmt::print("  not judgeable: {:5} {}\n", names.size(), reason);
    for (std::size_t i = 0; list && i < names.size(); ++i) fmt::print("    {}\n", names[i]);
  }
  for (const Difference& difference : tally.differences) {
    fmt::print("\n{} in {} ({} programs)\n{}{}",
               difference.verdict.finding ? difference.verdict.finding->signature() : "?", difference.name,
               difference.cases, difference.verdict.both_sides, indented(print(difference.verdict.program)));
    if (!difference.verdict.console.empty())
      fmt::print("  the kernel's console:\n{}", indented(difference.verdict.console));
  }
}

void tell(const RecordedTally& tally) {
  fmt::print(
      "4.19 (recorded): {} recordings, {} operations, {} answers, {} differ; {} programs that were never "
      "answered\n",
      tally.recordings, tally.operations, tally.answers, tally.differences.size(), tally.unanswered);
  for (const std::string& difference : tally.differences) fmt::print("  {}\n", difference);
}

std::uint64_t not_judgeable(const Tally& tally) {
  std::uint64_t sum = 0;
  for (const auto& [reason, names] : tally.not_judgeable) sum += names.size();
  return sum;
}

void tell_markdown(const std::vector<Tally>& tallies, const std::optional<RecordedTally>& recorded) {
  fmt::print(
      "| kernel | pageblock order | programs judged | operations | observables compared | differences | not "
      "judgeable |\n| --- | --- | --- | --- | --- | --- | --- |\n");
  for (const Tally& tally : tallies)
    fmt::print("| {} | {} | {} | {} | {} | {} | {} |\n", name_of(tally.seat.release), tally.seat.pageblock_order,
               tally.judged, tally.operations, tally.observables, tally.differing, not_judgeable(tally));
  if (recorded)
    fmt::print("| 4.19, recorded | 9 and 10 | {} | {} | {} | {} | 0 |\n", recorded->recordings + recorded->unanswered,
               recorded->operations, recorded->answers, recorded->differences.size());
}

// --- the same as JSON ---

nlohmann::json as_json(const Tally& tally) {
  nlohmann::json differences = nlohmann::json::array();
  for (const Difference& difference : tally.differences)
    differences.push_back({{"case", difference.name},
                           {"cases", difference.cases},
                           {"signature", difference.verdict.finding ? difference.verdict.finding->signature() : ""},
                           {"both_sides", difference.verdict.both_sides},
                           {"console", difference.verdict.console},
                           {"program", print(difference.verdict.program)}});
  return {{"release", name_of(tally.seat.release)},
          {"pageblock_order", tally.seat.pageblock_order},
          {"programs", tally.programs},
          {"judged", tally.judged},
          {"transposed", tally.transposed},
          {"operations", tally.operations},
          {"skipped", tally.skipped},
          {"observables", tally.observables},
          {"differing", tally.differing},
          {"differences", std::move(differences)},
          {"not_judgeable", tally.not_judgeable},
          {"kernels", tally.kernels},
          {"seconds", tally.seconds}};
}

nlohmann::json as_json(const std::vector<Tally>& tallies, const std::optional<RecordedTally>& recorded) {
  nlohmann::json document;
  document["kernels"] = nlohmann::json::array();
  for (const Tally& tally : tallies) document["kernels"].push_back(as_json(tally));
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

int load_into(std::vector<judge::Case>& cases, const std::vector<std::string>& files, const LoadOptions& options) {
  for (const std::string& file : files) {
    auto loaded = load_program(file, options);
    if (!loaded) return report_failure(loaded.error());
    cases.push_back(judge::case_of(file, std::move(loaded->program)));
  }
  return kNothingFound;
}

int load_cases(const JudgeCommand& command, std::vector<judge::Case>& cases) {
  int outcome = load_into(cases, programs_of(command.files), {});
  if (outcome == kNothingFound && !command.fuzzed.empty())
    outcome = load_into(cases, files_below(command.fuzzed, [](const fs::path&) { return true; }), {.as_fuzzed = true});
  if (outcome != kNothingFound) return outcome;
  for (judge::Case& random : judge::random_cases(command.seed, command.random, command.ops))
    cases.push_back(std::move(random));
  return kNothingFound;
}

// The folder of `--into`: each difference as a program of its own, and beside it what the kernel wrote to its console,
// if it failed. A difference is there as soon as it was seen, and made small at the end.
class Keeper {
 public:
  explicit Keeper(std::string folder) : folder_(std::move(folder)) {}
  void found(const Difference& difference) { keep(difference); }
  void minimized(const Difference& difference) { fmt::print(stderr, "kept: {}\n", keep(difference)); }
  int outcome() const { return outcome_; }

 private:
  static std::string log_of(const std::string& file) { return fs::path(file).replace_extension(".log").string(); }
  std::string keep(const Difference& difference);
  static void remove(const std::string& file);
  void write(const std::string& file, std::string_view text);

  std::string folder_;
  std::map<std::string, std::string> files_;  // that this run wrote, by signature
  int outcome_ = kNothingFound;
};

std::string Keeper::keep(const Difference& difference) {
  const Finding& finding = *difference.verdict.finding;
  const std::string text = finding_text(finding, difference.verdict.program);
  std::string& own = files_[finding.signature()];
  const auto same = [&](const std::string& file) { return file != own && read_file(file) == text; };
  const FindingPlace place = place_for(folder_, finding, same);
  if (place.there) {
    remove(std::exchange(own, {}));
    return place.file;
  }
  if (own.empty()) own = place.file;
  write(own, text);
  if (!difference.verdict.console.empty()) write(log_of(own), difference.verdict.console);
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
  outcome_ = std::max(outcome_, report_failure(written.error()));
}

// Ten lines a kernel.
void tell_progress(const Tally& tally, std::size_t cases) {
  const std::uint64_t step = std::max<std::uint64_t>(cases / 10, 1);
  if (cases < 100 || tally.programs % step != 0) return;
  fmt::print(stderr, "  {}: {} of {} programs, {} differ\n", name_of(tally.seat), tally.programs, cases,
             tally.differing);
}

bool make_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fmt::print(stderr, "cannot make the folder {}: {}\n", folder, error.message());
  return !error;
}

int judge_on(const JudgeCommand& command, const Seat& seat, const std::vector<judge::Case>& cases,
             std::vector<Tally>& tallies) {
  judge::DocketOptions options;
  options.jobs = static_cast<unsigned>(command.jobs);
  options.minimize = command.minimize;
  for (const std::string& name : command.bugs) options.bugs.switch_on(*bug_from_name(name));
  if (!command.quiet) options.progress = [&](const Tally& tally) { tell_progress(tally, cases.size()); };
  Keeper keeper(command.into);
  if (!command.into.empty()) options.found = [&](const Difference& difference) { keeper.found(difference); };
  Tally tally = judge::judge_all(seat, cases, options);
  if (!tally.missing.empty()) {
    fmt::print(stderr, "cmacheck judge: {}\n", tally.missing);
    return kEnvironment;
  }
  if (!command.quiet && !command.markdown) tell(tally, command.list);
  std::fflush(stdout);
  if (!command.into.empty())
    for (const Difference& difference : tally.differences) keeper.minimized(difference);
  const int outcome = tally.differing == 0 ? kNothingFound : kFindings;
  tallies.push_back(std::move(tally));
  return std::max(outcome, keeper.outcome());
}

int run_judge(const JudgeCommand& command) {
  if (command.files.empty() && command.random == 0 && command.recorded.empty() && command.fuzzed.empty()) {
    fmt::print(stderr, "cmacheck judge: nothing to judge: give files, folders, --random, --fuzzed or --recorded\n");
    return kBadInput;
  }
  if (!command.into.empty() && !make_folder(command.into)) return kBadInput;
  if (!command.json.empty()) {
    const auto writable = check_writable(command.json);
    if (!writable) return report_failure(writable.error());
  }
  std::vector<judge::Case> cases;
  int outcome = load_cases(command, cases);
  if (outcome != kNothingFound) return outcome;
  std::optional<RecordedTally> recorded;
  if (!command.recorded.empty()) {
    recorded = judge::replay_all(command.recorded);
    if (!command.quiet && !command.markdown) tell(*recorded);
    if (!recorded->differences.empty()) outcome = kFindings;
  }
  std::vector<Tally> tallies;
  for (const Seat& seat : seats_of(command))
    if (!cases.empty()) outcome = std::max(outcome, judge_on(command, seat, cases, tallies));
  if (command.markdown) tell_markdown(tallies, recorded);
  if (command.json.empty()) return outcome;
  const auto written = write_file(command.json, as_json(tallies, recorded).dump(2) + "\n");
  return written ? outcome : std::max(outcome, report_failure(written.error()));
}

}  // namespace

void add_judge(CommandLine& line) {
  auto command = std::make_shared<JudgeCommand>();
  Command sub = line.add("judge", "Compares the model with real kernels, operation by operation");
  sub.texts("FILE", command->files, "Programs, and folders with programs (*.cma)").existing_path();
  sub.text("--release", command->release, "The kernel's release").one_of({"6.1", "6.12", "all"});
  sub.text("--pageblock-order", command->pageblock_order, "The kernel's pageblock order").one_of({"9", "10", "all"});
  sub.number("--random", command->random, "Judge so many random programs as well", {0, kMostRandom});
  sub.number("--ops", command->ops, "Operations of a random program", {1, kMaxOps});
  sub.number("--seed", command->seed, "Seed of the first random program; the next has the next number");
  sub.number("--jobs", command->jobs, "Kernels at work at once", {1, 256});
  sub.number("--minimize", command->minimize, "Executions spent on making a difference small; 0: none");
  sub.bugs("--bug", command->bugs, "Switch this bug on in the model; may be repeated");
  sub.text("--recorded", command->recorded, "Replay the recordings below this folder as well").existing_folder();
  sub.text("--fuzzed", command->fuzzed, "Inputs of the program fuzzer below this folder, as its target reads them")
      .existing_folder();
  sub.text("--json", command->json, "Write everything to this file, - for the standard output");
  sub.text("--into", command->into, "Keep each difference in this folder, as a program named for what differs");
  sub.flag("--list", command->list, "Name each program that cannot be judged; the JSON always does");
  sub.flag("--markdown", command->markdown, "Print a table in Markdown and nothing else");
  sub.flag("-q,--quiet", command->quiet, "Print nothing: the exit code tells");
  sub.footer(
      "ci/judge builds the kernels first. Exit: 0 no difference, 1 a difference, 2 bad input or usage, 3 a kernel "
      "is missing or cannot run here.");
  sub.action([command] { return run_judge(*command); });
}

}  // namespace cma
