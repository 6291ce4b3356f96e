// Translates a program into questions for the kernel, with the model's answers to them.
//
// The program runs on the model. Each operation becomes lines of the driver's language (kernel/README.md), followed by
// questions about the state of the machine (state_questions.h). An operation that the model skips, because its operand
// is gone, is not asked for and so skipped on both sides. Nothing here talks to a kernel: compare.h does. Cost: a run
// of the program and a dump of each area an operation, some 50 us.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "properties/judge/fit.h"
#include "properties/judge/model_machine.h"
#include "properties/judge/state_questions.h"
#include "properties/program/finding.h"
#include "properties/program/interpreter.h"

namespace cma::judge {

// What belongs to one operation.
struct Step {
  std::size_t op = 0;
  std::vector<std::string> asks;     // lines that perform it; none if it was skipped
  std::vector<std::string> events;   // tracepoints and log lines, in order
  std::vector<std::string> answers;  // of all lines
  bool compared = true;              // false if the answers describe memory outside the areas
  std::vector<Question> state;       // about the machine afterwards
};

// Everything that the kernel is asked, in order.
struct Script {
  std::vector<std::string> setup;
  std::vector<Question> boot;  // the machine before the first operation
  std::vector<Step> steps;
};

struct Translation {
  Script script;
  // A law that the model broke while it ran the program: the script ends there.
  std::optional<Finding> finding;
};

// Returns the kinds of operations that the kernel can perform: those for which the translation has words.
const KindSet& performed_kinds();

// Translates the program. Requires that it is fitted (fit.h). Its bugs stay as they are.
std::expected<Translation, NotJudgeable> translate(const Program& program, const KernelFigures& figures,
                                                   Interpreter& interpreter);

}  // namespace cma::judge
