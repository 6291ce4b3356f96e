#include "properties/reproduction/reproduce.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "properties/logs/shown.h"
#include "properties/logs/versions.h"
#include "properties/program/interpreter.h"
#include "properties/program/line_match.h"
#include "properties/program/text.h"

namespace cma::reproduction {
namespace {

using logs::Certainty;
using logs::Says;

constexpr std::size_t kMostAdded = 8;

// A line that the program's requests print.
struct ModelLine {
  std::string text;
  std::optional<PrintedPointer> pointer;
  bool of_kernel_log = false;
  bool taken = false;
};

// Keeps how many records boot has left.
class BootWatcher final : public Observer {
 public:
  void booted(Machine& machine) override { records = machine.trace.records().size(); }
  std::size_t records = 0;
};

// Returns the lines of boot, and those of the actor that performs the log's requests.
std::vector<ModelLine> lines_of(const Program& program, const Machine& machine, std::size_t of_boot) {
  ActorId task = kNoActor;
  for (std::size_t i = 0; i < program.actors.size(); ++i)
    if (program.actors[i].name == "task") task = static_cast<ActorId>(machine.geometry().cpus + static_cast<int>(i));
  std::vector<ModelLine> lines;
  const std::vector<Record>& records = machine.trace.records();
  for (std::size_t i = 0; i < records.size(); ++i) {
    const Record& record = records[i];
    if (i >= of_boot && record.actor != task) continue;
    ModelLine line;
    line.text = machine.trace.format(record, &line.pointer);
    line.of_kernel_log = is_log(record.event);
    lines.push_back(std::move(line));
  }
  return lines;
}

// Returns the release whose lines are nearest to those of the log.
Release release_for(const logs::Kernel& kernel) {
  const ReleaseRange versions = kernel.versions();
  for (const Release release : releases_by_age())
    if (versions.contains(release)) return release;
  return logs::nearest_modelled(versions.last.value_or(versions.first));
}

// Compares each line of the log with the lines after the one found before, then with all others: those of several tasks
// may stand in another order.
void compare(const logs::LogFacts& facts, std::vector<ModelLine>& lines, Reproduction& reproduction) {
  std::size_t next = 0;
  for (const logs::AreaLine& wanted : facts.area_lines) {
    ComparedLine compared{wanted.line, wanted.text, false};
    for (std::size_t i = 0; i < lines.size() && !compared.printed; ++i) {
      const std::size_t at = (next + i) % lines.size();
      PointerNames pointers;
      if (lines[at].taken || !pointers.line_contains(lines[at].text, lines[at].pointer, wanted.text)) continue;
      lines[at].taken = compared.printed = true;
      next = at + 1;
    }
    reproduction.printed += compared.printed ? 1 : 0;
    reproduction.lines.push_back(std::move(compared));
  }
  for (const ModelLine& line : lines) {
    if (line.taken || !line.of_kernel_log) continue;
    if (++reproduction.added_count <= kMostAdded) reproduction.added.push_back(line.text);
  }
}

std::string agreement_text(const Reproduction& reproduction) {
  if (reproduction.memory)
    return fmt::format("on {} {}", name_of(reproduction.release), memory_agreement_text(*reproduction.memory));
  const std::size_t lines = reproduction.lines.size();
  std::string what = fmt::format("{} of the log's {}", reproduction.printed, logs::counted(lines, "line"));
  if (reproduction.complete())
    what = lines == 1 ? std::string("the log's line") : fmt::format("all of the log's {} lines", lines);
  return fmt::format("on {} it prints {} about areas{}", name_of(reproduction.release), what,
                     reproduction.printed == 0 ? "" : ", byte for byte but for pointers");
}

}  // namespace

Reproduction reproduce(const logs::LogFacts& facts) {
  Reproduction reproduction;
  reproduction.release = release_for(facts.context.kernel);
  std::vector<std::string> left_out;
  if (facts.requests.empty()) {
    MemoryRun memory = run_memory_report(facts, reproduction.release);
    if (!memory.program.text.empty() && memory.failed.empty()) {
      reproduction.program = memory.program;
      reproduction.memory = std::move(memory);
      return reproduction;
    }
    left_out = memory.program.left_out;
    if (!memory.failed.empty())
      left_out.push_back(fmt::format("the request for pages of line {}: its program could not be run: {}", memory.line,
                                     memory.failed));
  }
  reproduction.program = write_program(facts, reproduction.release);
  reproduction.program.left_out.insert(reproduction.program.left_out.end(), left_out.begin(), left_out.end());
  if (reproduction.program.text.empty()) return reproduction;
  const auto program = parse(reproduction.program.text, "program");
  if (!program) {
    reproduction.failed = program.error().text();
    return reproduction;
  }
  Interpreter interpreter;
  BootWatcher boot;
  const RunResult result = interpreter.run(*program, &boot);
  if (result.finding) {
    reproduction.failed = result.finding->message;
    return reproduction;
  }
  std::vector<ModelLine> lines = lines_of(*program, interpreter.machine(), boot.records);
  compare(facts, lines, reproduction);
  return reproduction;
}

std::string program_file(const Reproduction& reproduction) {
  std::string text = "# Written from a log by `cmacheck explain --program`: " + agreement_text(reproduction) + ".\n";
  for (const std::string& assumed : reproduction.program.assumed) text += "# Assumed: " + assumed + ".\n";
  for (const std::string& left_out : reproduction.program.left_out) text += "# Left out: " + left_out + ".\n";
  // The first line names the version of the form.
  std::string_view program = reproduction.program.text;
  const std::size_t end = program.find('\n') + 1;
  return std::string(program.substr(0, end)) + text + std::string(program.substr(end));
}

logs::Section reproduction_section(const Reproduction& reproduction, const std::string& file) {
  logs::Section section{"a program that reproduces the log", {}};
  if (reproduction.program.text.empty()) {
    section.add(Certainty::follows, reproduction.program.left_out.empty()
                                        ? "none: the log has no request, and no area, that a program can have"
                                        : "none: of what the log has, a program can show nothing");
  } else if (!reproduction.failed.empty()) {
    section.add(Certainty::follows, "none: it could not be run: " + reproduction.failed);
  } else if (reproduction.memory) {
    section.add(Certainty::seen, file + ": " + agreement_text(reproduction), {reproduction.memory->line});
    for (const ComparedFigure& figure : reproduction.memory->different)
      section.add(Certainty::seen,
                  fmt::format("{} is {} in the log, {} in the program", figure.what, figure.of_log, figure.of_program),
                  {reproduction.memory->line});
    for (const std::string& zone : reproduction.memory->not_printed)
      section.add(Certainty::seen, fmt::format("zone {} is in the log's report, not in that of the program", zone),
                  {reproduction.memory->line});
  } else {
    std::vector<std::uint64_t> lines;
    for (const ComparedLine& line : reproduction.lines)
      if (line.printed) lines.push_back(line.line);
    section.add(Certainty::seen, file + ": " + agreement_text(reproduction), lines);
    for (const ComparedLine& line : reproduction.lines)
      if (!line.printed) section.add(Certainty::seen, "it does not print: " + line.text, {line.line});
    if (reproduction.added_count != 0)
      section.add(Certainty::seen,
                  fmt::format("it prints {} more that the log lacks, the first of them: {}",
                              logs::counted(reproduction.added_count, "line"), reproduction.added.front()));
  }
  for (const std::string& assumed : reproduction.program.assumed) section.add(Certainty::guess, "assumed: " + assumed);
  for (const std::string& left_out : reproduction.program.left_out)
    section.add(Certainty::follows, "left out: " + left_out);
  return section;
}

}  // namespace cma::reproduction
