// Programs of any seed, bytes or text survive both forms, do not disturb each other's runs, and give one trace.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "properties/program/byte_form.h"
#include "properties/program/generator.h"
#include "properties/program/interpreter.h"
#include "properties/program/text.h"

namespace cma {
namespace {

using Bytes = std::vector<std::uint8_t>;

// Returns bytes as a fuzzer makes them: those of a program with some changed, or any.
Bytes arbitrary_bytes() {
  if (*rc::gen::weightedOneOf<bool>({{1, rc::gen::just(true)}, {3, rc::gen::just(false)}}))
    return *rc::gen::arbitrary<Bytes>();
  Bytes bytes = encode(generate(*rc::gen::arbitrary<std::uint64_t>()));
  const auto changes = *rc::gen::container<std::vector<std::pair<std::uint16_t, std::uint8_t>>>(
      rc::gen::arbitrary<std::pair<std::uint16_t, std::uint8_t>>());
  for (const auto& [at, value] : changes) bytes[at % bytes.size()] = value;
  return bytes;
}

void check_forms(const Program& program) {
  RC_ASSERT(decode(encode(program)) == program);
  const std::string text = print(program);
  const auto read = parse(text, "printed");
  if (!read) RC_FAIL(read.error().text() + "\n" + text);
  if (*read != program) RC_FAIL("read again it is another program:\n" + text + "---\n" + print(*read));
  RC_ASSERT(print(*read) == text);
}

RC_GTEST_PROP(Forms, generated_programs_survive, (std::uint64_t seed)) { check_forms(generate(seed)); }

RC_GTEST_PROP(Forms, programs_of_any_bytes_survive, ()) { check_forms(decode(arbitrary_bytes(), kFuzzLimits)); }

RC_GTEST_PROP(Forms, text_is_read_or_refused, ()) {
  std::string text = print(generate(*rc::gen::arbitrary<std::uint64_t>()));
  const auto changes = *rc::gen::container<std::vector<std::pair<std::uint16_t, char>>>(
      rc::gen::pair(rc::gen::arbitrary<std::uint16_t>(), rc::gen::elementOf(std::string(" =#\"\\\nab0?:+.-\t\xff"))));
  for (const auto& [at, c] : changes) {
    if (c == '-')
      text.erase(at % text.size(), 1);
    else
      text[at % text.size()] = c;
  }
  const auto read = parse(text, "changed");
  if (read) check_forms(*read);
}

// Fails if a machine without bugs gives a finding. No laws are checked here.
void check_finding(const Program& program, const RunResult& result) {
  if (!result.finding || program.machine.bugs.any()) return;
  RC_FAIL(result.finding->signature() + ": " + result.finding->message + "\n" + print(program));
}

void check_runs(Interpreter& reused, const Program& program) {
  const RunOptions options{.expectations = false};
  const RunResult first = reused.run(program, nullptr, options);
  const RunResult again = reused.run(program, nullptr, options);
  RC_ASSERT(first.trace_hash == again.trace_hash && first.steps == again.steps);
  const std::uint64_t state = reused.machine().state_hash();
  Interpreter fresh;
  const RunResult alone = fresh.run(program, nullptr, options);
  RC_ASSERT(first.trace_hash == alone.trace_hash && first.steps == alone.steps && first.skipped == alone.skipped);
  RC_ASSERT(state == fresh.machine().state_hash());
  check_finding(program, first);
}

RC_GTEST_PROP(Runs, generated_programs_give_one_trace, (std::uint64_t seed)) {
  static Interpreter reused;
  check_runs(reused, generate(seed));
}

RC_GTEST_PROP(Runs, programs_of_any_bytes_give_one_trace, ()) {
  static Interpreter reused;
  check_runs(reused, decode(arbitrary_bytes(), kFuzzLimits));
}

}  // namespace
}  // namespace cma
