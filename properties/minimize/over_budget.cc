#include "properties/minimize/over_budget.h"

#include <array>
#include <string_view>

#include "allocator/base/assert.h"

namespace cma {
namespace {

// What Engine::out_of_steps() says. What follows is where else the operation was tried.
constexpr std::string_view kUsedUp = "the step budget is used up";

constexpr std::array<std::uint64_t, 2> kFractions = {64, 16};

}  // namespace

bool is_over_budget(const Finding& finding) {
  return finding.law == Law::bounded && finding.message.starts_with(kUsedUp);
}

std::optional<Finding> find_in_fractions(const Program& program, const BudgetedRun& run, const Op& like) {
  std::optional<Finding> finding;
  for (const std::uint64_t divisor : kFractions) {
    finding = run(program, divisor);
    if (!finding || !is_over_budget(*finding)) return finding;
  }
  if (finding->op >= program.ops.size() || program.ops[finding->op].body.index() != like.body.index())
    return std::nullopt;
  finding->function.clear();
  finding->point.clear();
  return finding;
}

std::optional<Minimized> minimize_over_budget(const Program& program, const Finding& finding, const BudgetedRun& run,
                                              const MinimizeOptions& options) {
  CMA_ASSERT(is_over_budget(finding) && finding.op < program.ops.size());
  const Op like = program.ops[finding.op];
  std::optional<Minimized> smallest =
      minimize(program, [&](const Program& candidate) { return find_in_fractions(candidate, run, like); }, options);
  if (smallest) {
    const std::optional<Finding> whole = run(smallest->program, 1);
    ++smallest->executions;
    if (whole && is_over_budget(*whole)) {
      smallest->finding = *whole;
      return smallest;
    }
  }
  return minimize(program, [&](const Program& candidate) { return run(candidate, 1); }, options);
}

}  // namespace cma
