#include "properties/explain/why_testing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "properties/explain/why.h"
#include "properties/program/text.h"

namespace cma {
namespace {

// Runs the program and calls `use` with its recorder, while the program lives.
template <class Use>
void run_recorded(const std::string& machine, const std::string& operations, const std::string& asked, Use use) {
  const auto program = parse("machine " + machine + "\n" + operations, "why");
  ASSERT_TRUE(program) << program.error().text();
  Interpreter interpreter;
  WhyRecorder recorder(interpreter);
  for (Slot op = 0; op < program->ops.size(); ++op)
    if (!asked.empty() && program->name_of(program->ops[op]) == asked) recorder.ask_for(op);
  const RunResult result = interpreter.run(*program, &recorder);
  EXPECT_TRUE(result.passed()) << result.finding->message;
  recorder.run_ended(result.finding);
  use(*program, recorder);
}

}  // namespace

std::string why_text(const std::string& machine, const std::string& operations, const std::string& asked) {
  std::string text;
  run_recorded(machine, operations, asked, [&](const Program& program, const WhyRecorder& recorder) {
    text = recorder.text([&](Slot op) { return print_op(program, program.ops[op]); });
  });
  return text;
}

std::vector<Answer> why_answers(const std::string& machine, const std::string& operations) {
  std::vector<Answer> answers;
  run_recorded(machine, operations, "",
               [&](const Program&, const WhyRecorder& recorder) { answers = recorder.answers(); });
  return answers;
}

void expect_answers(const std::vector<WhyCase>& cases) {
  for (const WhyCase& row : cases) {
    const std::string text = why_text(row.machine, row.operations);
    for (const std::string& wanted : row.texts) EXPECT_THAT(text, ::testing::HasSubstr(wanted)) << row.name;
  }
}

}  // namespace cma
