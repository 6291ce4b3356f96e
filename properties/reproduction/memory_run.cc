#include "properties/reproduction/memory_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "properties/program/interpreter.h"
#include "properties/program/text.h"
#include "properties/reproduction/memory_writer.h"

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

// Returns the first request that failed, with its own report; else the first report, with the first request that has
// none; nullopt if the log has no report.
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

// Returns the zone without its node: a machine of one node prints none.
std::string zone_word(const ZoneReport& zone) { return zone.name.substr(zone.name.rfind(' ') + 1); }

class ReportComparison {
 public:
  explicit ReportComparison(MemoryRun& run) : run_(run) {}

  void compare(const ZoneReport& log, const ZoneReport& model) {
    zone_ = zone_word(log);
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
  if (!report) return;
  ReportComparison comparison(run);
  for (const ZoneReport& zone : failure.zones) {
    const auto same = std::ranges::find_if(
        report->zones, [&](const ZoneReport& other) { return other.has_state && zone_word(other) == zone_word(zone); });
    if (zone.has_state && same != report->zones.end()) comparison.compare(zone, *same);
  }
}

WrittenProgram program_for(const logs::LogFacts& facts, const PageFailure& failure, Release release,
                           const MemoryVariation& variation) {
  const ReleaseRange versions = facts.context.kernel.versions();
  const Release version = facts.context.kernel.named.value_or(versions.last.value_or(versions.first));
  return memory_program(failure, facts.context.area_pages.value_or(0), version, release, variation);
}

// Returns how the last operation ended, which is the request.
Result::State ending_of(const Program& program, Interpreter& interpreter) {
  return interpreter.world().result(static_cast<Slot>(program.ops.size() - 1)).state;
}

// Returns the default of vm.min_free_kbytes (init_per_zone_wmark_min), 0 if the machine has about that.
std::uint64_t usual_min_free(const PageFailure& failure) {
  std::uint64_t managed = 0;
  std::uint64_t min = 0;
  for (const ZoneReport& zone : failure.zones) {
    if (!zone.managed || zone_word(zone) == "HighMem" || zone_word(zone) == "Movable") continue;
    managed += *zone.managed;
    min += zone.min - std::min(zone.min, zone.boost.value_or(0));
  }
  const auto usual = static_cast<std::uint64_t>(std::sqrt(static_cast<double>(managed) * 16));
  return min >= 2 * usual ? usual : 0;
}

}  // namespace

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

std::vector<Remedy> try_memory_remedies(const logs::LogFacts& facts, const MemoryRun& run, Release release) {
  std::vector<Remedy> remedies;
  const std::optional<PageFailure> failure = failure_with_report(facts);
  if (!failure || !run.refused) return remedies;
  const auto attempt = [&](const std::string& what, const MemoryVariation& variation) {
    const auto program = parse(program_for(facts, *failure, release, variation).text, "program");
    if (!program) return false;
    Interpreter interpreter;
    if (interpreter.run(*program).finding) return false;
    const Result::State ending = ending_of(*program, interpreter);
    // A request that the kernel repeats without end has neither.
    if (ending != Result::State::done && ending != Result::State::failed) return false;
    remedies.push_back({what, ending == Result::State::done});
    return remedies.back().helps;
  };
  const auto any = [&](auto has) { return std::ranges::any_of(failure->zones, has); };
  if (any([](const ZoneReport& zone) { return zone.boost.value_or(0) != 0; }))
    attempt("vm.watermark_boost_factor=0, so that min is not raised", {.without_boost = true});
  if (any([](const ZoneReport& zone) { return zone.of_areas.value_or(0) != 0; }))
    attempt("an area of half the size", {.half_area = true});
  if (const std::uint64_t usual = usual_min_free(*failure); usual != 0)
    attempt(fmt::format("vm.min_free_kbytes={}, about its default", usual), {.min_free_kbytes = usual});
  for (unsigned order = failure->order; order-- > 0;)
    if (attempt(fmt::format("a request of order {}", order), {.order = order})) break;
  return remedies;
}

std::string memory_agreement_text(const MemoryRun& run) {
  if (!run.refused) return "its request succeeds, on a machine that is like that of the log as far as its lines tell";
  if (run.figures == 0) return "its request fails as in the log, without a report";
  if (run.different.empty())
    return fmt::format("its request fails as in the log, and all {} figures of zones agree", run.figures);
  return fmt::format("its request fails as in the log, and {} of {} figures of zones agree",
                     run.figures - run.different.size(), run.figures);
}

}  // namespace cma::reproduction
