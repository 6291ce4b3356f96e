// Writes down what the kernel is to be asked, and what the model answers to the same.
//
// The program is run on the model; each operation becomes lines of the judge's language (kernel/README.md), and behind
// it come questions about the state of the machine. An operation the model skips, because its operand is gone, is not
// asked for, and so skipped on both sides. Nothing here talks to a kernel: compare.h does. Cost: a run of the program
// and a dump of each area an operation, some 50 us.
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
  bool compared = true;              // false: the answers tell of memory outside the areas
  std::vector<Question> state;       // and how the machine looks afterwards
};

struct Script {
  std::vector<std::string> setup;
  std::vector<Question> boot;  // the machine before the first operation
  std::vector<Step> steps;
};

struct Translation {
  Script script;
  // Found by the model itself while it ran the program: the script ends there.
  std::optional<Finding> finding;
};

// The program must be fitted (fit.h), its machine be the kernel's; bugs stay as they are.
std::expected<Translation, NotJudgeable> translate(const Program& program, const KernelFigures& figures,
                                                   Interpreter& interpreter);

}  // namespace cma::judge
