// Runs the program for a request for pages that failed (memory_writer.h), and compares the report that the model prints
// with that of the log, figure by figure.
//
// Used by reproduce.h. Cost: a machine as large as the log's, and a run of the program.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "properties/logs/explain_log.h"
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
  std::string failed;                     // why the program could not be run; empty if it was
};

// Reproduces the first request for pages of a log that failed and has its own report.
MemoryRun run_memory_report(const logs::LogFacts& facts, Release release);
// A change of the machine or of the request, and whether the request then gets its pages.
struct Remedy {
  std::string what;
  bool helps = false;
};

// Tries what could help a request that the program shows to fail.
std::vector<Remedy> try_memory_remedies(const logs::LogFacts& facts, const MemoryRun& run, Release release);

// Returns how far both agree, as a sentence's end: "its request fails as in the log, and all 14 figures agree".
std::string memory_agreement_text(const MemoryRun& run);

}  // namespace cma::reproduction
