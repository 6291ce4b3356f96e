// Explains a real kernel's log: which kernel it is from, what failed in it, who is to blame, what to look at next.
//
// Reads the log once, in pieces; keeps facts only (kMostFacts), so that a log of any size needs little memory. Never
// fails because of what a log holds. Used by `cmacheck explain`. Cost: that of reading the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "properties/logs/answer.h"
#include "properties/logs/context.h"
#include "properties/logs/line_reader.h"
#include "properties/logs/memory_report.h"
#include "properties/logs/pasted_files.h"
#include "properties/logs/requests.h"

namespace cma::logs {

// The facts that one log may have; later ones are counted only.
inline constexpr std::uint64_t kMostFacts = 1'000'000;

// A line of the log about areas.
struct AreaLine {
  std::uint64_t line = 0;
  Says says{};
  std::string text;  // from where the kernel's own text begins
};

// All that an explanation is made from.
struct LogFacts {
  Context context;
  std::vector<Request> requests;
  std::vector<PageFailure> failures;
  std::vector<Fact> boot;
  PastedFiles pasted;
  std::vector<AreaLine> area_lines;  // the first kMostAreaLines
  std::uint64_t lines = 0;
  std::uint64_t facts = 0;
  std::uint64_t left_out = 0;
};
inline constexpr std::size_t kMostAreaLines = 4096;

// Reads a log to its end.
LogFacts read_log(Source source);

struct ExplainOptions {
  // Whether names of tasks and areas, and where memory lies, are left out of the answer.
  bool redact = false;
};

// Returns the answer about what was read.
LogAnswer explain_facts(const LogFacts& facts, const ExplainOptions& options = {});
// Returns the answer about a log.
LogAnswer explain_log(Source source, const ExplainOptions& options = {});

}  // namespace cma::logs
