// Replays all recordings below a folder and reports where the model answers otherwise. Used by `cmacheck judge` and by
// the tests. Cost: some ten milliseconds a recording.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "properties/judge/recording.h"

namespace cma::judge {

struct RecordedSummary {
  std::uint64_t recordings = 0;  // a program with two pageblock orders counts twice
  std::uint64_t operations = 0;
  std::uint64_t answers = 0;     // lines compared
  std::uint64_t unanswered = 0;  // programs without a recording, as neither kernel nor model comes to an end
  // A text for each recording that the model does not reproduce or that cannot be read.
  std::vector<std::string> differences;
};

RecordedSummary replay_all(const std::filesystem::path& folder);

}  // namespace cma::judge
