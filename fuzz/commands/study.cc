// `cmacheck study`: answers questions from the field by thousands of runs.

#include "properties/studies/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "fuzz/commands/command.h"
#include "fuzz/commands/files.h"

namespace cma {
namespace {

// More than a hundred times the largest full size of a study.
constexpr std::uint64_t kLargestStudy = 1'000'000;

struct StudyCommand {
  std::string name;
  StudyOptions options;
  bool json = false;
  std::string svg;
};

void list_studies() {
  for (const Study& study : study_catalogue())
    fmt::print("{:<12} {} ({} {})\n", study.name, study.question, study.full_size, study.unit);
}

int perform_study(const StudyCommand& command) {
  const Study* study = find_study(command.name);
  if (study == nullptr) {
    fmt::print(stderr, "cmacheck study: there is no study '{}'; without a name they are listed\n", command.name);
    return kBadInput;
  }
  const auto writable = command.svg.empty() ? std::expected<void, Failure>{} : check_writable(command.svg);
  if (!writable) return report_failure(writable.error());
  const std::uint64_t size = command.options.size == 0 ? study->full_size : command.options.size;
  fmt::print(stderr, "{}: {} {}\n", study->name, size, study->unit);
  const StudyResult result = run_study(*study, command.options);
  fmt::print("{}", command.json ? study_json(result) : study_text(result));
  if (command.svg.empty()) return kNothingFound;
  const auto written = write_file(command.svg, study_svg(result));
  return written ? kNothingFound : report_failure(written.error());
}

}  // namespace

void add_study(CommandLine& line) {
  auto command = std::make_shared<StudyCommand>();
  Command sub = line.add("study", "Measures a field case over thousands of runs; without a name, lists");
  const Option name = sub.text("NAME", command->name, "Which study");
  std::vector<std::string> names;
  for (const Study& study : study_catalogue()) names.emplace_back(study.name);
  sub.offer(name, std::move(names));
  sub.number("--seed", command->options.seed, "Where random numbers begin").needs(name).show_default();
  sub.number("--size", command->options.size, "How much to run, in the study's unit; 0 is its full size",
             {0, kLargestStudy})
      .needs(name)
      .show_default();
  sub.flag("--json", command->json, "The table as JSON").needs(name);
  sub.text("--svg", command->svg, "A file for the plot").needs(name);
  sub.footer(
      "Equal seeds and sizes give equal results. "
      "Exit: 0 done, 2 bad usage or a plot that cannot be written, 3 a full disk.");
  sub.action([command] {
    if (!command->name.empty()) return perform_study(*command);
    list_studies();
    return static_cast<int>(kNothingFound);
  });
}

}  // namespace cma
