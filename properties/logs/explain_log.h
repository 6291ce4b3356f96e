// Explains a real kernel's log: which kernel it is from, what failed in it, who is to blame, what to look at next.
//
// Reads the log once, in pieces; keeps facts only (kMostFacts), so that a log of any size needs little memory. Never
// fails because of what a log holds. Used by `cmacheck explain`. Cost: that of reading the log.
#pragma once

#include <cstdint>

#include "properties/logs/answer.h"
#include "properties/logs/line_reader.h"

namespace cma::logs {

// The facts that one log may have; later ones are counted only.
inline constexpr std::uint64_t kMostFacts = 1'000'000;

struct ExplainOptions {
  // Whether names of tasks and areas, and where memory lies, are left out of the answer.
  bool redact = false;
};

// Returns the answer about a log.
LogAnswer explain_log(Source source, const ExplainOptions& options = {});

}  // namespace cma::logs
