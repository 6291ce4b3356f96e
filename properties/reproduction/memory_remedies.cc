#include "properties/reproduction/memory_remedies.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "properties/program/text.h"

namespace cma::reproduction {

std::vector<Remedy> try_memory_remedies(const logs::LogFacts& facts, const MemoryRun& run, Release release) {
  std::vector<Remedy> remedies;
  const std::optional<logs::PageFailure> failure = failure_with_report(facts);
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
  if (any([](const logs::ZoneReport& zone) { return zone.boost.value_or(0) != 0; }))
    attempt("vm.watermark_boost_factor=0 from the start, so that min is not raised", {.without_boost = true});
  if (any([](const logs::ZoneReport& zone) { return zone.of_areas.value_or(0) != 0; }))
    attempt("an area of half the size", {.half_area = true});
  if (const logs::MinFree free = logs::min_free_of(*failure); free.is_raised())
    attempt(fmt::format("vm.min_free_kbytes={}, about its default", free.usual), {.min_free_kbytes = free.usual});
  for (unsigned order = failure->order; order-- > 0;)
    if (attempt(fmt::format("a request of order {}", order), {.order = order})) break;
  return remedies;
}

}  // namespace cma::reproduction
