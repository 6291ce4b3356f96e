#include "properties/reproduction/memory_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "properties/logs/shown.h"
#include "properties/program/text.h"

namespace cma::reproduction {
namespace {

using logs::PageFailure;
using logs::ZoneReport;

bool has_zones(const PageFailure& failure) {
  return !failure.asked && std::ranges::any_of(failure.zones, &ZoneReport::has_state);
}

bool is_request(const PageFailure& failure) {
  const bool failed = failure.kind == PageFailure::Kind::failure || failure.kind == PageFailure::Kind::out_of_memory;
  return failed && !failure.of_cgroup;
}

std::string reserve_text(const ZoneReport& zone) {
  std::string text;
  for (const std::uint64_t pages : zone.reserve) text += fmt::format("{}{}", text.empty() ? "" : " ", pages);
  return text;
}

std::string blocks_text(const ZoneReport& zone) {
  std::string text;
  for (const logs::BlocksLine& blocks : zone.blocks) text += fmt::format("{}{}", text.empty() ? "" : " ", blocks.count);
  return text;
}

class ReportComparison {
 public:
  explicit ReportComparison(MemoryRun& run) : run_(run) {}

  void compare(const ZoneReport& log, const ZoneReport& model) {
    zone_ = log.bare_name();
    const auto kb = [](std::uint64_t figure) { return fmt::format("{} kB", figure); };
    figure("free", kb(log.free), kb(model.free));
    figure("boost", kb(log.boost.value_or(0)), kb(model.boost.value_or(0)));
    figure("min", kb(log.min), kb(model.min));
    figure("low", kb(log.low), kb(model.low));
    figure("high", kb(log.high), kb(model.high));
    if (log.managed && model.managed) figure("managed", kb(*log.managed), kb(*model.managed));
    if (log.of_areas && model.of_areas) figure("free pages of areas", kb(*log.of_areas), kb(*model.of_areas));
    if (!log.reserve.empty()) figure("lowmem_reserve", reserve_text(log), reserve_text(model));
    // Of a line that is cut nothing can be compared, nor where blocks of areas are counted with others.
    if (log.blocks_sum && log.of_areas.value_or(0) == 0)
      figure("free blocks by order", blocks_text(log), blocks_text(model));
  }

 private:
  void figure(const char* name, const std::string& of_log, const std::string& of_program) {
    ++run_.figures;
    if (of_log != of_program) run_.different.push_back({fmt::format("zone {}: {}", zone_, name), of_log, of_program});
  }

  MemoryRun& run_;
  std::string zone_;
};

// Returns the lines that the machine has printed.
std::string printed_lines(const Machine& machine) {
  std::string text;
  for (const Record& record : machine.trace.records())
    if (is_log(record.event)) text += machine.trace.format(record) + "\n";
  return text;
}

void compare_reports(const PageFailure& failure, const std::string& printed, MemoryRun& run) {
  const logs::LogFacts model = logs::read_log(logs::text_source(printed));
  const std::optional<PageFailure> report = failure_with_report(model);
  ReportComparison comparison(run);
  for (const ZoneReport& zone : failure.zones) {
    if (!zone.has_state) continue;
    const ZoneReport* printed_zone = nullptr;
    if (report)
      for (const ZoneReport& other : report->zones)
        if (other.has_state && other.bare_name() == zone.bare_name()) printed_zone = &other;
    if (printed_zone != nullptr)
      comparison.compare(zone, *printed_zone);
    else
      run.not_printed.push_back(zone.bare_name());
  }
}

}  // namespace

std::optional<PageFailure> failure_with_report(const logs::LogFacts& facts) {
  const auto whole = [](const PageFailure& failure) { return is_request(failure) && has_zones(failure); };
  if (const auto found = std::ranges::find_if(facts.failures, whole); found != facts.failures.end()) return *found;
  const auto lone = [](const PageFailure& failure) {
    return failure.kind == PageFailure::Kind::report_only && has_zones(failure);
  };
  const auto report = std::ranges::find_if(facts.failures, lone);
  if (report == facts.failures.end()) return std::nullopt;
  PageFailure failure = *report;
  const auto request = std::ranges::find_if(facts.failures, is_request);
  if (request == facts.failures.end()) return failure;
  failure.kind = request->kind;
  failure.line = request->line;
  failure.order = request->order;
  failure.mode = request->mode;
  return failure;
}

WrittenProgram program_for(const logs::LogFacts& facts, const PageFailure& failure, Release release,
                           const MemoryVariation& variation) {
  const ReleaseRange versions = facts.context.kernel.versions();
  const Release version = facts.context.kernel.named.value_or(versions.last.value_or(versions.first));
  return memory_program(failure, facts.context.area_pages.value_or(0), version, release, variation);
}

Result::State ending_of(const Program& program, Interpreter& interpreter) {
  return interpreter.world().result(static_cast<Slot>(program.ops.size() - 1)).state;
}

MemoryRun run_memory_report(const logs::LogFacts& facts, Release release) {
  MemoryRun run;
  const std::optional<PageFailure> failure = failure_with_report(facts);
  if (!failure) return run;
  run.line = failure->line;
  run.program = program_for(facts, *failure, release, {});
  if (run.program.text.empty()) return run;
  const auto program = parse(run.program.text, "program");
  if (!program) {
    run.failed = program.error().text();
    return run;
  }
  Interpreter interpreter;
  const RunResult result = interpreter.run(*program);
  if (result.finding) {
    run.failed = result.finding->message;
    return run;
  }
  run.refused = ending_of(*program, interpreter) == Result::State::failed;
  compare_reports(*failure, printed_lines(interpreter.machine()), run);
  return run;
}

std::string memory_agreement_text(const MemoryRun& run) {
  if (!run.refused) return "its request succeeds, unlike that of the log: its lines do not tell enough";
  if (run.figures == 0) return "its request fails as in the log, without a report";
  std::string text = "its request fails as in the log, and ";
  text += run.different.empty() && run.not_printed.empty()
              ? fmt::format("all {} figures of zones agree", run.figures)
              : fmt::format("{} of {} figures of zones agree", run.figures - run.different.size(), run.figures);
  if (!run.not_printed.empty())
    text += fmt::format("; {} of the log it does not print", logs::counted(run.not_printed.size(), "zone"));
  return text;
}

}  // namespace cma::reproduction
