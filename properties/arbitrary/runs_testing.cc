#include "properties/arbitrary/runs_testing.h"

#include <algorithm>

#include <fmt/format.h>
#include <rapidcheck.h>

#include "properties/program/text.h"

namespace cma {
namespace {

constexpr RunOptions kOptions{.expectations = false};

CheckedRun& checked() {
  static CheckedRun run;
  return run;
}

Interpreter& plain() {
  static Interpreter interpreter;
  return interpreter;
}

// What last_program() returns. Worlds of runs refer to copies of their own.
std::optional<Program>& last() {
  static std::optional<Program> program;
  return program;
}

std::string text_of(const Finding& finding) { return finding.signature() + ": " + finding.message; }

}  // namespace

RunResult run_checked(const Program& program, Observer* listener, std::optional<Law> expected) {
  // The world refers to the program until the next run.
  static Program kept;
  kept = program;
  last() = program;
  RunResult result = checked().run(kept, kOptions, listener);
  if (result.finding && !kept.machine.bugs.any() && result.finding->law != expected)
    RC_FAIL(fmt::format("without a mistake the program breaks a law: {}\n{}", text_of(*result.finding), print(kept)));
  return result;
}

const Interpreter& last_run() { return checked().interpreter(); }

void assert_laws_hold(const Program& program, std::initializer_list<Law> laws) {
  const RunResult result = run_checked(program);
  if (result.finding && std::ranges::find(laws, result.finding->law) != laws.end()) RC_FAIL(text_of(*result.finding));
}

RunResult run_plainly(const Program& program, Observer* observer) {
  static Program kept;
  kept = program;
  last() = program;
  return plain().run(kept, observer, kOptions);
}

const Interpreter& last_plain_run() { return plain(); }

const std::optional<Program>& last_program() { return last(); }

void forget_last_program() { last().reset(); }

std::vector<std::uint64_t> bits_of_buffer(const Area& area, Pfn pfn, std::uint64_t count) {
  std::vector<std::uint64_t> bits;
  for (std::uint64_t page = 0; page < count; page += order_pages(area.order_per_bit))
    bits.push_back((pfn - area.base + page) >> area.order_per_bit);
  return bits;
}

}  // namespace cma
