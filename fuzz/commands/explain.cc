// `cmacheck explain`: explains a real kernel's log.

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <expected>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "fuzz/commands/command.h"
#include "fuzz/commands/files.h"
#include "fuzz/commands/installed.h"
#include "properties/logs/answer_json.h"
#include "properties/logs/explain_log.h"
#include "properties/report/log_page.h"
#include "properties/reproduction/remedies.h"
#include "properties/reproduction/reproduce.h"

namespace cma {
namespace {

struct ExplainCommand {
  std::string file;
  bool json = false;
  bool html = false;
  bool redact = false;
  std::string program;
};

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdin) static_cast<void>(std::fclose(file));
  }
};

// Thrown by a source whose file cannot be read on.
struct ReadError {
  int error;
};

int refuse_log(const std::string& name, int error) {
  return report_failure({kBadInput, fmt::format("{}: {}", name, std::strerror(error))});
}

// Writes the program that reproduces the log, if there is one, and adds what it shows to the answer.
std::expected<void, Failure> write_reproduction(const std::string& file, const logs::LogFacts& facts,
                                                logs::LogAnswer& answer) {
  const reproduction::Reproduction reproduction = reproduction::reproduce(facts);
  answer.sections.push_back(reproduction::reproduction_section(reproduction, file));
  logs::Section helps = reproduction::remedies_section(reproduction::try_remedies(facts, reproduction));
  if (!helps.statements.empty()) answer.sections.push_back(std::move(helps));
  if (reproduction.program.text.empty() || !reproduction.failed.empty()) return {};
  return write_file(file, reproduction::program_file(reproduction));
}

int perform_explain(const ExplainCommand& command) {
  if (const auto writable = check_outputs({command.program}, {command.file}); !writable)
    return report_failure(writable.error());
  const std::string name = command.file == "-" ? "standard input" : command.file;
  const std::unique_ptr<std::FILE, CloseFile> file(
      command.file == "-" ? stdin : std::fopen(input_path(command.file).c_str(), "rb"));
  if (file == nullptr) return refuse_log(name, errno);
  const auto source = [&](char* buffer, std::size_t size) {
    const std::size_t got = std::fread(buffer, 1, size, file.get());
    if (got == 0 && std::ferror(file.get()) != 0) throw ReadError{errno};
    return got;
  };
  try {
    const logs::LogFacts facts = logs::read_log(source);
    logs::LogAnswer answer = logs::explain_facts(facts, {command.redact});
    if (!command.program.empty()) {
      const auto written = write_reproduction(command.program, facts, answer);
      if (!written) return report_failure(written.error());
    }
    const std::string shown = command.redact ? "log" : name;
    if (command.html)
      fmt::print("{}", log_page(answer, shown));
    else if (command.json)
      fmt::print("{}\n",
                 logs::answer_json(answer, shown).dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    else
      fmt::print("{}", logs::answer_text(answer, shown));
  } catch (const ReadError& error) {
    return refuse_log(name, error.error);
  }
  return kNothingFound;
}

}  // namespace

void add_explain(CommandLine& line) {
  auto command = std::make_shared<ExplainCommand>();
  Command sub = line.add("explain", "Explains a real kernel's log: what failed, why, and what to look at next");
  sub.text("LOG", command->file, "A kernel log of any size, with any prefixes; - is the standard input").required();
  const Option json = sub.flag("--json", command->json, "Print one JSON object");
  sub.flag("--html", command->html, "Print a page with the windows as a picture, which needs no network")
      .excludes(json);
  const Option redact =
      sub.flag("--redact", command->redact, "Leave out names of tasks and areas, and where memory lies");
  sub.text("--program", command->program,
           "Write a program that reproduces the log's lines about areas, or the request for pages of a memory report, "
           "run it, and add to the answer how far it agrees")
      .excludes(redact);
  sub.footer(
      "Prints a short answer, then the evidence: each statement with the lines of the log that it rests on, and how "
      "certain it is. seen: a line says it. follows: it follows from lines and from how the kernel works. fits: it "
      "explains the lines, but something else may too. guess: it is usual. Nothing of the log leaves the machine. "
      "Exit: 0 done, 2 bad input or usage.");
  sub.action([command] { return perform_explain(*command); });
}

}  // namespace cma
