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
#include "properties/program/finding.h"
#include "properties/program/interpreter.h"

namespace cma::judge {

// The sizes that a kernel has computed for a machine, as its operations `zone abs` and `pcp` tell them. The model takes
// them over: they depend on how much of the memory the kernel itself takes.
struct KernelFigures {
  std::uint64_t free_pages = 0;
  std::uint64_t free_cma = 0;
  int pcp_batch = 0;
  int pcp_high = 0;
  int pcp_high_min = 0;
  int pcp_high_max = 0;
};

// One question, and the model's answer, as the kernel would word it.
struct Question {
  std::string ask;
  std::vector<std::string> answer;
};

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

// What the kernel is told before the first operation: what to report, and to have at hand what operations of the
// program would otherwise allocate on their way.
std::vector<std::string> setup_of(const Program& program);

// The machine that the model runs the program on.
Geometry model_machine(const Program& fitted, const KernelFigures& figures);

struct Translation {
  Script script;
  // Found by the model itself while it ran the program: the script ends there.
  std::optional<Finding> finding;
};

// Returns the kinds of operations that the kernel can perform: those for which the translation has words.
const KindSet& performed_kinds();

// The program must be fitted (fit.h), its machine be the kernel's; bugs stay as they are.
std::expected<Translation, NotJudgeable> translate(const Program& program, const KernelFigures& figures,
                                                   Interpreter& interpreter);

}  // namespace cma::judge
