// All recordings below a folder: replays each and tells where the model answers otherwise. Used by `cmacheck judge` and
// by the tests. Cost: some ten milliseconds a recording.
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
  std::uint64_t unanswered = 0;  // programs on which the kernel never answered, nor does the model
  // One text a recording that is not reproduced, or cannot be read.
  std::vector<std::string> differences;
};

RecordedSummary replay_all(const std::filesystem::path& folder);

}  // namespace cma::judge
