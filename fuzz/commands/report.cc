#include "fuzz/commands/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "allocator/base/error.h"
#include "properties/explain/names.h"
#include "properties/explain/page_map.h"
#include "properties/laws/catalogue.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// Lines of the log in a report, the last ones: what led to a finding is rarely further back.
constexpr std::size_t kLogLines = 12;

std::string obtained_text(const World& world, const Result& result) {
  switch (result.yields) {
    case Yields::buffer: return result.pages == 0 ? "ok" : "ok: " + frames_text(result.pfn, result.pages);
    case Yields::range: return "ok: " + frames_text(result.pfn, result.pages);
    case Yields::block: return "ok: " + frames_text(result.pfn, order_pages(result.order));
    case Yields::pin: return "ok: " + frames_text(result.pfn, 1);
    case Yields::pages: {
      if (result.pages == 0 || result.first_owner >= world.owner_of.size()) return "ok";
      const OwnerId owner = world.owner_of[result.first_owner];
      if (owner == 0) return "ok";
      const Pfn first = world.machine().owners.owner(owner).pfn;
      const std::string text = fmt::format("ok: {} page{}", result.pages, result.pages == 1 ? "" : "s");
      // A file's page may have been dropped meanwhile.
      return first == kNoPfn ? text + ", the first of which is gone"
                             : text + fmt::format(", the first at {:#x}", first);
    }
    case Yields::nothing:
    case Yields::area:
    case Yields::process:
    case Yields::mapping:
    case Yields::file: break;
  }
  return "ok";
}

// Returns the lines indented, under a heading.
std::string section(std::string_view heading, std::string_view lines) {
  std::string text = fmt::format("\n  {}\n", heading);
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    text += fmt::format("    {}\n", lines.substr(0, end));
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
  }
  return text;
}

std::string log_tail(const Trace& trace) {
  const std::vector<Record>& records = trace.records();
  const std::size_t first = records.size() - std::min(records.size(), kLogLines);
  std::string text;
  if (first > 0) text += fmt::format("({} lines before these; --trace shows all)\n", first);
  for (std::size_t i = first; i < records.size(); ++i) text += record_line(trace, records[i]) + "\n";
  return text;
}

}  // namespace

std::string outcome_text(const Program& program, const World& world, Slot slot) {
  const Result& result = world.result(slot);
  switch (result.state) {
    case Result::State::not_performed: return "not performed";
    case Result::State::skipped: return fmt::format("skipped: {}", result.skipped_as);
    case Result::State::failed: return fmt::format("failed: {}", errno_name(result.error));
    case Result::State::done: return obtained_text(world, result);
    case Result::State::inside: break;
  }
  const ActorId actor = world.actor(program.ops[slot].performer);
  const Engine& engine = world.machine().engine;
  if (actor == kNoActor) return "inside";
  const ActorView view = engine.look(actor);
  if (view.state == ActorState::waiting) return fmt::format("waits for {}", view.waits_for);
  if (view.state == ActorState::sleeping) return "sleeps";
  if (view.last_point == Point::kCount) return "inside";
  return fmt::format("stopped at {}", info_of(view.last_point).name);
}

std::string record_line(const Trace& trace, const Record& record) {
  return (is_log(record.event) ? "" : "| ") + trace.format(record);
}

std::string operation_text(const LoadedProgram& loaded, std::size_t op) {
  if (op >= loaded.program.ops.size()) return "none: before the first operation, or after the last";
  const std::string line = print_op(loaded.program, loaded.program.ops[op]);
  if (op >= loaded.lines.size()) return line;
  return fmt::format("line {}: {}", loaded.lines[op], line);
}

std::string finding_report(const LoadedProgram& loaded, const CheckedRun& run, const Finding& finding,
                           const std::string& again) {
  const LawInfo* law = find_law(finding.law);
  std::string text = fmt::format("{}: finding {}\n\n", loaded.file, finding.signature());
  text +=
      fmt::format("  law    {}{}\n", name_of(finding.law), law == nullptr ? "" : fmt::format(": {}", law->sentence));
  text += fmt::format("  what   {}\n", finding.message);
  text += fmt::format("  op     {}\n", operation_text(loaded, finding.op));
  text += fmt::format("  point  {}\n", place_text(finding));
  const PageMap map(loaded.program, run.interpreter().world());
  text += section("pages", map.draw() + map.legend());
  const std::string log = log_tail(run.machine().trace);
  if (!log.empty()) text += section("log", log);
  return text + section("again", again);
}

namespace {

// Returns the answers, each with the text and the line of its operation.
nlohmann::json why_json(const LoadedProgram& loaded, const WhyRecorder& why) {
  nlohmann::json answers = why.json();
  for (nlohmann::json& answer : answers) {
    const auto op = answer["op"].get<std::size_t>();
    if (op < loaded.program.ops.size()) answer["text"] = print_op(loaded.program, loaded.program.ops[op]);
    if (op < loaded.lines.size()) answer["line"] = loaded.lines[op];
  }
  return answers;
}

nlohmann::json files_json(const LoadedProgram& loaded, std::span<const std::pair<Slot, std::string>> files) {
  nlohmann::json json = nlohmann::json::array();
  for (const auto& [op, text] : files) {
    nlohmann::json file = {{"op", op}, {"path", std::get<Cat>(loaded.program.ops[op].body).path}, {"text", text}};
    if (op < loaded.lines.size()) file["line"] = loaded.lines[op];
    json.push_back(std::move(file));
  }
  return json;
}

}  // namespace

std::string run_json(const LoadedProgram& loaded, const RunResult& result,
                     std::span<const std::pair<Slot, std::string>> files, const WhyRecorder* why) {
  nlohmann::json json = {{"file", loaded.file},
                         {"passed", result.passed()},
                         {"operations", loaded.program.ops.size()},
                         {"skipped", result.skipped},
                         {"steps", result.steps},
                         {"trace_hash", fmt::format("{:016x}", result.trace_hash)}};
  if (!files.empty()) json["files"] = files_json(loaded, files);
  if (why != nullptr) json["why"] = why_json(loaded, *why);
  if (!result.finding) return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const Finding& finding = *result.finding;
  nlohmann::json found = {{"law", name_of(finding.law)},
                          {"function", finding.function},
                          {"point", finding.point},
                          {"message", finding.message},
                          {"op", finding.op},
                          {"signature", finding.signature()},
                          {"expected", result.finding_expected}};
  if (const LawInfo* law = find_law(finding.law)) found["sentence"] = law->sentence;
  if (finding.op < loaded.program.ops.size()) found["text"] = print_op(loaded.program, loaded.program.ops[finding.op]);
  if (finding.op < loaded.lines.size()) found["line"] = loaded.lines[finding.op];
  json["finding"] = std::move(found);
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace cma
