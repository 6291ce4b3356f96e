// Reports for other tools: what a `cmacheck run` found, as SARIF 2.1.0 (for code hosts and editors, which show it at
// its line) and as JUnit XML (for build servers, which list programs as tests). Used by `cmacheck run` and, through
// it, by ci/fuzz. Nothing in them depends on time or place: equal runs give equal texts. Linear in the findings.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fuzz/commands/files.h"
#include "properties/laws/checked_run.h"

namespace cma {

// What became of one input.
struct ToolOutcome {
  std::string file;
  // Why the file was not performed; empty if it was.
  std::string failure;
  // The finding, unless the program passed or was not performed; `signature` is of another target's too.
  std::string law;
  std::string signature;
  std::string message;
  std::string operation;    // its text
  std::optional<int> line;  // in the file; nullopt if it has no lines
};

// Returns the outcome of a run. The line is that of the operation; of the last one if the finding came after it.
ToolOutcome outcome_of(const LoadedProgram& loaded, const RunResult& result);

std::string sarif(const std::vector<ToolOutcome>& outcomes, const std::string& version);
std::string junit(const std::vector<ToolOutcome>& outcomes);

}  // namespace cma
