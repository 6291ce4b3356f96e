// `cmacheck adopt`: a finding that was understood becomes a regression file.

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>

#include "fuzz/commands/command.h"
#include "fuzz/commands/files.h"
#include "properties/laws/checked_run.h"
#include "properties/minimize/isolated.h"
#include "properties/program/text.h"

namespace cma {
namespace {

constexpr std::size_t kColumns = 120;
// How the line of a regression file that names its finding begins.
constexpr std::string_view kFindingLine = "# Finding ";

struct AdoptCommand {
  std::string file;
  std::string folder = "corpus/regressions";
  std::string name;
  std::string comment;
  std::vector<std::string> bugs;
  bool fixed = false;
  bool as_fuzzed = false;
};

std::unexpected<Failure> refused(const std::string& file, const std::string& why) {
  return std::unexpected(Failure{kBadInput, fmt::format("{}: {}", file, why)});
}

// Returns the signature that a comment of the file names: alone in its line, as `minimize` writes it, or as adopt does.
std::optional<std::string> signature_in(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.starts_with("# ")) continue;
    const bool ours = line.starts_with(kFindingLine);
    line.remove_prefix(ours ? kFindingLine.size() : 2);
    while (line.ends_with('\r') || (ours && line.ends_with('.'))) line.remove_suffix(1);
    const bool alone = line.find(' ') == std::string_view::npos && std::ranges::count(line, '/') == 2;
    if (alone && law_from_name(line.substr(0, line.find('/')))) return std::string(line);
  }
  return std::nullopt;
}

// Returns the text as a comment of whole words within the columns.
std::string comment_of(std::string_view text) {
  std::string lines;
  std::string line = "#";
  const auto add = [&](std::string_view word) {
    if (line.size() > 1 && line.size() + 1 + word.size() > kColumns) {
      lines += line + "\n";
      line = "#";
    }
    line += fmt::format(" {}", word);
  };
  while (!text.empty()) {
    const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(" \t\r\n"), text.size());
    if (end > 0) add(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines + line + "\n";
}

std::string names_of_bugs(const Program& program) {
  std::string names;
  for (const BugInfo& bug : bug_catalogue())
    if (program.machine.bugs.active(bug.bug)) names += (names.empty() ? "" : ", ") + std::string(bug.name);
  return names;
}

// Removes what makes a run with a finding a passed one. Returns whether there was such an expectation.
bool expect_no_finding(Program& program) {
  const auto removed =
      std::erase_if(program.ops, [](const Op& op) { return std::holds_alternative<ExpectFinding>(op.body); });
  program.settle();
  return removed > 0;
}

// What becomes a file.
struct Adopted {
  Program program;
  std::string signature;
  std::string message;
};

// Checks that a finding with a bug is the bug's: it shows with the bug, and no law is broken without it.
std::expected<Adopted, Failure> adopt_with_bug(const LoadedProgram& loaded, const std::optional<std::string>& named) {
  Program program = loaded.program;
  expect_no_finding(program);
  const std::string bugs = names_of_bugs(program);
  const std::optional<Finding> finding = find_isolated(program);
  if (!finding) return refused(loaded.file, fmt::format("breaks no law with its bug on ({})", bugs));
  if (is_crash(*finding)) return refused(loaded.file, "brings the process down, which no file can expect");
  if (named && *named != finding->signature())
    return refused(loaded.file, fmt::format("its finding is {}, but with its bug on ({}) it shows {}", *named, bugs,
                                            finding->signature()));
  Program without = program;
  without.machine.bugs = BugSet();
  if (const std::optional<Finding> other = find_isolated(without))
    return refused(loaded.file,
                   fmt::format("shows {} without its bug too ({}), so it is not the bug's: mend that first",
                               other->signature(), bugs));
  Op expectation;
  expectation.body = ExpectFinding{.law = std::string(name_of(finding->law))};
  program.ops.push_back(std::move(expectation));
  program.settle();
  return Adopted{std::move(program), finding->signature(), finding->message};
}

// Checks that a finding without a bug was mended.
std::expected<Adopted, Failure> adopt_fixed(const AdoptCommand& command, const LoadedProgram& loaded,
                                            const std::optional<std::string>& named) {
  if (const std::optional<Finding> finding = find_isolated(loaded.program))
    return refused(loaded.file,
                   fmt::format("still shows {}: mend that first, or name its bug with --bug", finding->signature()));
  if (!command.fixed)
    return refused(loaded.file, "breaks no law, and no bug is on: name its bug with --bug, or say --fixed");
  if (!named) return refused(loaded.file, "breaks no law, and no comment names the finding that it showed");
  return Adopted{loaded.program, *named, ""};
}

// Returns the regression file with this signature; empty if there is none. Passes over files that cannot be read.
std::string file_with(const std::string& folder, const std::string& signature) {
  for (const std::string& file : program_files({folder})) {
    const auto content = read_file(file);
    if (!content) continue;
    if (signature_in(*content) == signature) return file;
    auto loaded = program_of(file, *content);
    if (!loaded || !expect_no_finding(loaded->program)) continue;
    const std::optional<Finding> finding = find_isolated(loaded->program);
    if (finding && finding->signature() == signature) return file;
  }
  return {};
}

std::string text_of(const AdoptCommand& command, const Adopted& adopted) {
  std::string comment = command.comment;
  if (comment.empty()) {
    const std::string law = adopted.signature.substr(0, adopted.signature.find('/'));
    const std::string bugs = names_of_bugs(adopted.program);
    comment = bugs.empty() ? fmt::format("Broke law `{}` once, and must not again.", law)
                           : fmt::format("Law `{}` must notice {}: {}.", law, bugs, adopted.message);
  }
  return comment_of(comment) + std::string(kFindingLine) + adopted.signature + ".\n" + print(adopted.program);
}

// Returns the name for a file: what was asked for, else the law, the bug or the function, and the release.
std::expected<std::string, Failure> name_of_file(const AdoptCommand& command, const Adopted& adopted) {
  std::string name = command.name;
  if (name.empty()) {
    const std::size_t slash = adopted.signature.find('/');
    std::string what = names_of_bugs(adopted.program);
    what = what.substr(0, what.find(','));
    if (what.empty()) what = adopted.signature.substr(slash + 1, adopted.signature.rfind('/') - slash - 1);
    name = fmt::format("{}-{}-{}", adopted.signature.substr(0, slash), what, name_of(adopted.program.machine.release));
  }
  if (name.ends_with(".cma")) name.resize(name.size() - 4);
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  if (name.empty() || name.front() == '.' || name.find_first_not_of(kPlain) != std::string::npos)
    return std::unexpected(Failure{kBadInput, fmt::format("'{}' is no name for a file: letters, digits, _ - .", name)});
  return name + ".cma";
}

int adopt_file(const AdoptCommand& command) {
  const auto content = read_file(command.file);
  if (!content) return report_failure(content.error());
  auto loaded = program_of(command.file, *content, {.as_fuzzed = command.as_fuzzed});
  if (!loaded) return report_failure(loaded.error());
  for (const std::string& name : command.bugs) loaded->program.machine.bugs.switch_on(*bug_from_name(name));
  const std::optional<std::string> named =
      loaded->form == Form::text ? signature_in(*content) : std::optional<std::string>();
  const auto adopted =
      loaded->program.machine.bugs.any() ? adopt_with_bug(*loaded, named) : adopt_fixed(command, *loaded, named);
  if (!adopted) return report_failure(adopted.error());
  if (const std::string there = file_with(command.folder, adopted->signature); !there.empty())
    return report_failure(
        {kBadInput, fmt::format("{}: {} is there already: {}", command.file, adopted->signature, there)});
  const auto name = name_of_file(command, *adopted);
  if (!name) return report_failure(name.error());
  const std::string file = (std::filesystem::path(command.folder) / *name).string();
  if (std::filesystem::exists(file))
    return report_failure(
        {kBadInput, fmt::format("{}: there is another file of that name; give one with --name", file)});
  const std::string text = text_of(command, *adopted);
  // The file must do what it is for before anything is written.
  const auto again = program_of(file, text);
  CheckedRun run;
  if (!again || !run.run(again->program).passed())
    return report_failure({kBadInput, fmt::format("{}: what was written down does not pass", command.file)});
  if (const auto written = write_file(file, text); !written) return report_failure(written.error());
  fmt::print("{}\n", file);
  return kNothingFound;
}

}  // namespace

void add_adopt(CommandLine& line) {
  auto command = std::make_shared<AdoptCommand>();
  Command sub = line.add("adopt", "Makes a regression file of a finding that was understood");
  sub.text("FILE", command->file, "A program with a finding, as text or bytes, best a minimised one").required();
  sub.text("--into", command->folder, "The folder for it").existing_folder().show_default();
  sub.text("--name", command->name, "The file's name; without it the law, the bug and the release make one");
  sub.text("--comment", command->comment, "What it shows, in a sentence or two");
  sub.bugs("--bug", command->bugs, "Switch this bug on (`cmacheck bugs` lists them); may be repeated").one_value_each();
  sub.flag("--fixed", command->fixed,
           "The finding was a mistake of the model, which is mended: no bug shows it any more");
  sub.flag("--as-fuzzed", command->as_fuzzed, "Read bytes as the fuzz targets do");
  sub.footer(
      "With its bug on the program must show its finding, and without it break no law; the file expects the finding. "
      "Refused: what does not, and a signature that a file there has already. Exit: 0 written, 2 bad input or refused, "
      "3 a full disk.");
  sub.action([command] { return adopt_file(*command); });
}

}  // namespace cma
