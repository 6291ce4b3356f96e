#include "properties/reproduction/remedies.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "properties/logs/reading.h"
#include "properties/logs/shown.h"
#include "properties/program/interpreter.h"
#include "properties/program/text.h"
#include "properties/reproduction/boot_writer.h"

namespace cma::reproduction {
namespace {

// Performs one episode, changed; returns whether its last request got its pages, nullopt if it cannot be performed.
std::optional<bool> succeeds(const logs::LogFacts& facts, Release release, const Variation& variation) {
  const WrittenProgram written = write_program(facts, release, variation);
  if (written.text.empty()) return std::nullopt;
  const auto program = parse(written.text, "program");
  if (!program) return std::nullopt;
  Interpreter interpreter;
  if (interpreter.run(*program).finding) return std::nullopt;
  for (std::size_t i = program->ops.size(); i-- > 0;) {
    if (program->name_of(program->ops[i]) != kLastRequest) continue;
    const Result& result = interpreter.world().result(static_cast<Slot>(i));
    return result.state == Result::State::done;
  }
  return std::nullopt;
}

// Returns whether boot declares all areas of the program; nullopt if it cannot be run.
std::optional<bool> declares_all(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto program = parse(text, "program");
  if (!program) return std::nullopt;
  Interpreter interpreter;
  if (interpreter.run(*program).finding) return std::nullopt;
  for (std::size_t i = 0; i < program->ops.size(); ++i)
    if (interpreter.world().result(static_cast<Slot>(i)).state == Result::State::failed) return false;
  return true;
}

// Tries what could help areas that boot refused.
Remedies try_boot_remedies(const logs::LogFacts& facts, Release release) {
  Remedies remedies;
  remedies.of_boot = true;
  std::vector<std::string> assumed;
  if (declares_all(boot_program(facts, release, assumed)) != false) return remedies;
  for (const logs::Fact& fact : facts.boot)
    if (remedies.line == 0 && refuses_area(fact)) remedies.line = fact.line;
  const auto attempt = [&](const char* what, BootChange change) {
    if (const auto helps = declares_all(boot_program(facts, release, assumed, change)))
      remedies.tried.push_back({what, *helps});
  };
  attempt("the size or the base that is said to fit", BootChange::fitting);
  attempt("the same size without a fixed place", BootChange::anywhere);
  return remedies;
}

// Returns whether the log shows which pages of the area the request found free.
bool is_known_state(const logs::Request& request) {
  const bool failed = request.outcome == logs::Outcome::failed;
  return failed && request.sweeps.size() < 2 && (request.windows() != 0 || request.runs);
}

// Returns the most pages below `pages` that the request would get; 0 if it would not get one.
std::uint64_t most_pages(const logs::LogFacts& facts, Release release, Variation variation, std::uint64_t pages) {
  std::uint64_t had = 0;
  std::uint64_t refused = pages;
  while (had + 1 < refused) {
    variation.pages = had + (refused - had) / 2;
    if (succeeds(facts, release, variation).value_or(false))
      had = *variation.pages;
    else
      refused = *variation.pages;
  }
  return had;
}

}  // namespace

Remedies try_remedies(const logs::LogFacts& facts, const Reproduction& reproduction) {
  Remedies remedies;
  if (reproduction.memory) {
    remedies.tried = try_memory_remedies(facts, *reproduction.memory, reproduction.release);
    if (!remedies.tried.empty()) remedies.line = reproduction.memory->line;
    return remedies;
  }
  if (reproduction.printed == 0) return remedies;
  if (facts.requests.empty()) return try_boot_remedies(facts, reproduction.release);
  const Release release = reproduction.release;
  Variation same;
  for (const logs::Request& request : facts.requests)
    if (is_known_state(request)) same.only_line = request.first_line;
  if (same.only_line == 0 || succeeds(facts, release, same) != false) return remedies;
  const auto& request = *std::ranges::find(facts.requests, same.only_line, &logs::Request::first_line);
  const logs::Reading reading = logs::read_request(request);
  remedies.line = same.only_line;
  remedies.pages = reading.pages;
  const auto attempt = [&](const std::string& what, Release on, const Variation& variation) {
    if (const auto helps = succeeds(facts, on, variation)) remedies.tried.push_back({what, *helps});
  };
  Variation changed = same;
  changed.again = true;
  attempt("another attempt, while nothing else changes", release, changed);
  if (reading.windows != 0) {
    changed.let_go = true;
    attempt("another attempt, after the pages in the way were let go", release, changed);
  }
  changed = same;
  changed.more_pages = align_up(reading.pages, 1024);
  attempt(fmt::format("an area that is larger by {}", logs::pages_text(changed.more_pages, 4)), release, changed);
  changed = same;
  changed.align = 0;
  // Where the pages in the way lie is not known well enough to say what passes between them.
  const bool runs_known = reading.windows == 0;
  if (runs_known && reading.align.value_or(0) != 0)
    attempt("the same pages at any page (alignment 0)", release, changed);
  const Release newest = releases_by_age().back();
  if (newest != release) attempt(fmt::format("{}, in the same state", name_of(newest)), newest, same);
  if (runs_known) remedies.most_pages = most_pages(facts, release, same, reading.pages);
  return remedies;
}

logs::Section remedies_section(const Remedies& remedies) {
  logs::Section section{"what would help, tried on the model", {}};
  if (remedies.line == 0) return section;
  for (const Remedy& remedy : remedies.tried)
    section.add(logs::Certainty::fits,
                fmt::format("{}: {}", remedy.what,
                            remedies.of_boot ? (remedy.helps ? "the area is declared" : "it is refused again")
                            : remedy.helps   ? "it gets its pages"
                                             : "it fails again"),
                {remedies.line});
  if (remedies.most_pages != 0)
    section.add(logs::Certainty::fits,
                fmt::format("fewer pages: it would get {}", logs::pages_text(remedies.most_pages, 4)), {remedies.line});
  return section;
}

}  // namespace cma::reproduction
