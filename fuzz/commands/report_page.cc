// `cmacheck report`: pages for people, of a program or of a campaign.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "fuzz/commands/command.h"
#include "fuzz/commands/installed.h"
#include "fuzz/commands/report.h"
#include "properties/minimize/isolated.h"
#include "properties/minimize/varies.h"
#include "properties/program/text.h"
#include "properties/report/map_svg.h"
#include "properties/report/pages.h"

namespace cma {
namespace {

struct ReportCommand {
  std::string file;
  std::string out;
  std::string campaign;
  std::string readme;
  std::vector<std::string> bugs;
  bool svg = false;
  bool as_fuzzed = false;
};

// The most operations of a program of which a page says what varies: a finding that is not minimised says little.
constexpr std::size_t kMostVaried = 12;
constexpr std::uint64_t kExecutions = 20'000;

// Returns what does not matter in a program with a finding; empty for other programs.
std::string what_varies_in(const Program& program, const RunResult& result) {
  if (result.passed() || is_crash(*result.finding) || program.ops.size() > kMostVaried) return {};
  CheckedRun run;
  const Predicate find = [&run](const Program& candidate) { return run.find(candidate); };
  return varies_text(program, what_varies(program, *result.finding, find, kExecutions));
}

ProgramStory story_of(const ReportCommand& command, LoadedProgram& loaded, std::string text) {
  CheckedRun run;
  const Interpreter& interpreter = run.interpreter();
  StoryRecorder recorder(loaded.program, interpreter,
                         [&](Slot op) { return outcome_text(loaded.program, interpreter.world(), op); });
  const RunResult result = run.run(loaded.program, {}, &recorder);
  ProgramStory story = recorder.finish(result, [&](Slot op) { return "  " + operation_text(loaded, op); });
  story.varies = what_varies_in(loaded.program, result);
  story.file = loaded.file;
  story.text = std::move(text);
  story.lines = loaded.lines;
  story.replay = program_name() + " run ";
  for (const std::string& name : command.bugs) story.replay += "--bug " + name + " ";
  if (command.as_fuzzed) story.replay += "--as-fuzzed ";
  story.replay += loaded.file == "-" ? "FILE" : shell_word(loaded.file);
  return story;
}

std::expected<ProgramStory, Failure> load_story(const ReportCommand& command, const std::string& file) {
  const auto content = read_file(file);
  if (!content) return std::unexpected(content.error());
  auto loaded = program_of(file, *content, {.as_fuzzed = command.as_fuzzed});
  if (!loaded) return std::unexpected(loaded.error());
  for (const std::string& name : command.bugs) loaded->program.machine.bugs.switch_on(*bug_from_name(name));
  // It would take this process along, and with it the page of all other findings.
  if (const std::optional<Finding> finding = find_isolated(loaded->program); finding && is_crash(*finding))
    return std::unexpected(Failure{kBadInput, fmt::format("{}: {}", file, finding->message)});
  // Of bytes the lines are those of the canonical text.
  return story_of(command, *loaded, loaded->form == Form::bytes ? print(loaded->program) : *content);
}

int report_program(const ReportCommand& command) {
  if (const auto writable = check_outputs({command.out}, {command.file}); !writable)
    return report_failure(writable.error());
  const auto story = load_story(command, command.file);
  if (!story) return report_failure(story.error());
  const auto written = write_file(command.out, command.svg ? story_svg_file(*story) : program_page(*story));
  return written ? kNothingFound : report_failure(written.error());
}

// --- campaigns ---

std::uint64_t number_in(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::string text_in(const nlohmann::json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

// Takes what ci/fuzz measured (ci/README.md has the form). A file that is not of that form is bad input.
std::expected<void, Failure> read_stats(const std::string& file, Campaign& campaign) {
  const auto content = read_file(file);
  if (!content) return std::unexpected(content.error());
  const nlohmann::json json = nlohmann::json::parse(*content, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || number_in(json, "version") != 1 || !json.contains("targets") || !json["targets"].is_array())
    return std::unexpected(Failure{kBadInput, file + ": not the figures of a campaign, version 1"});
  campaign.commit = text_in(json, "commit");
  campaign.bug = text_in(json, "bug");
  campaign.seconds = number_in(json, "seconds");
  campaign.jobs = number_in(json, "jobs");
  for (const nlohmann::json& target : json["targets"]) {
    if (!target.is_object()) continue;
    campaign.targets.push_back({text_in(target, "name"), number_in(target, "executions"),
                                number_in(target, "per_second"), number_in(target, "coverage"),
                                number_in(target, "features"), number_in(target, "corpus")});
  }
  return {};
}

// Adds the raw inputs of targets whose findings are no programs: of programs a minimised one stands for them.
void add_raw(const std::string& folder, Campaign& campaign) {
  const std::filesystem::path raw = std::filesystem::path(folder) / "raw";
  if (!std::filesystem::is_directory(raw)) return;
  for (const std::string& file : files_below(raw.string())) {
    const std::string name = std::filesystem::path(file).filename().string();
    const std::size_t end = name.find("_fuzzer-");
    if (end == std::string::npos || name.starts_with("program_fuzzer-")) continue;
    const std::string target = name.substr(0, end) + "_fuzzer";
    campaign.raw.push_back({file, target, fmt::format("build/fuzz/fuzzers/{} {}", target, shell_word(file))});
  }
}

int report_campaign(const ReportCommand& command) {
  if (const auto writable = check_writable(command.out); !writable) return report_failure(writable.error());
  Campaign campaign;
  campaign.folder = std::filesystem::path(command.campaign).lexically_normal().string();
  while (campaign.folder.size() > 1 && campaign.folder.ends_with('/')) campaign.folder.pop_back();
  const std::string stats = (std::filesystem::path(command.campaign) / "stats.json").string();
  if (std::filesystem::exists(stats))
    if (const auto read = read_stats(stats, campaign); !read) return report_failure(read.error());
  for (const auto& entry : std::filesystem::directory_iterator(command.campaign)) {
    if (entry.path().extension() != ".cma" || !entry.is_regular_file()) continue;
    auto story = load_story(command, entry.path().string());
    if (story)
      campaign.findings.push_back(std::move(*story));
    else
      campaign.unreadable.push_back(story.error().message);
  }
  std::ranges::sort(campaign.findings, {}, &ProgramStory::file);
  std::ranges::sort(campaign.unreadable);
  add_raw(command.campaign, campaign);
  if (!command.readme.empty()) {
    const auto readme = read_file(command.readme);
    if (!readme) return report_failure(readme.error());
    campaign.fidelity = fidelity_table(*readme);
  }
  const auto written = write_file(command.out, campaign_page(campaign));
  return written ? kNothingFound : report_failure(written.error());
}

}  // namespace

void add_report(CommandLine& line) {
  auto command = std::make_shared<ReportCommand>();
  Command sub = line.add("report", "Writes a page for people: of a program, or of a campaign's findings");
  const Option file = sub.text("FILE", command->file, "A program, as text or bytes; - is the standard input");
  sub.text("-o,--output", command->out, "Where the page goes; - is the standard output, which is the default");
  const Option campaign =
      sub.text("--campaign", command->campaign, "A folder of findings, as ci/fuzz writes it, in place of a program");
  Option(campaign).existing_folder().excludes(file);
  sub.text("--readme", command->readme, "The README whose comparison with real kernels the campaign's page shows")
      .needs(campaign);
  sub.flag("--svg", command->svg, "Write the page map over time alone").excludes(campaign);
  sub.bugs("--bug", command->bugs, "Switch this bug on (`cmacheck bugs` lists them); may be repeated").one_value_each();
  sub.flag("--as-fuzzed", command->as_fuzzed, "Read bytes as the fuzz targets do");
  sub.footer(
      "The page is one HTML file without scripts, which needs no network. Exit: 0 written, 2 bad input or an "
      "output that cannot be written, 3 a full disk.");
  sub.action([command] {
    if (command->file.empty() && command->campaign.empty())
      throw UsageError("report takes a program or --campaign DIR");
    if (command->out.empty()) command->out = "-";
    return command->campaign.empty() ? report_program(*command) : report_campaign(*command);
  });
}

}  // namespace cma
