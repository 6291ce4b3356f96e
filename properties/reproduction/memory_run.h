// Runs the program for a request for pages that failed (memory_writer.h), and compares the report that the model prints
// with that of the log, figure by figure.
//
// Used by reproduce.h and memory_remedies.h. Cost: a machine as large as the log's, and a run of the program.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "properties/logs/explain_log.h"
#include "properties/program/interpreter.h"
#include "properties/reproduction/memory_writer.h"
#include "properties/reproduction/program_writer.h"

namespace cma::reproduction {

// A figure of both reports, as text.
struct ComparedFigure {
  std::string what;  // "zone DMA: min"
  std::string of_log;
  std::string of_program;
};

struct MemoryRun {
  WrittenProgram program;  // without a text if the log has no such request that a program can show
  std::uint64_t line = 0;  // of the request in the log
  bool refused = false;    // whether the program's request failed too
  std::uint64_t figures = 0;
  std::vector<ComparedFigure> different;  // those that differ
  std::vector<std::string> not_printed;   // zones of the log that the model's report lacks
  std::string failed;                     // why the program could not be run; empty if it was
};

// Reproduces the request that failure_with_report() returns.
MemoryRun run_memory_report(const logs::LogFacts& facts, Release release);

// Returns the request that is shown: the first that failed, with its own report; else the first report, with the first
// request that has none; nullopt if the log has no report.
std::optional<logs::PageFailure> failure_with_report(const logs::LogFacts& facts);
// Returns the program for it on a machine of this release.
WrittenProgram program_for(const logs::LogFacts& facts, const logs::PageFailure& failure, Release release,
                           const MemoryVariation& variation);
// Returns how its request ended, which is its last operation. Requires a run of the program.
Result::State ending_of(const Program& program, Interpreter& interpreter);

// Returns how far both agree, as a sentence's end: "its request fails as in the log, and all 14 figures agree".
std::string memory_agreement_text(const MemoryRun& run);

}  // namespace cma::reproduction
