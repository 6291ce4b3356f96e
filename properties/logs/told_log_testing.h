// Lines of the model as a real log has them: with the prefix of some logger, between lines of others, with other lines
// of the same log lost.
//
// Used by known_log_testing.h. What is lost is whole lines, from the log's begin, its end, or between; numbers are
// never cut, as nothing could tell. Cost: for tests only.
#pragma once

#include <string>
#include <vector>

#include "allocator/base/release.h"
#include "allocator/engine/engine.h"
#include "properties/program/random.h"

namespace cma::logs {

struct TellerLine {
  std::string text;
  bool of_kernel_log = true;  // otherwise it is a tracepoint
  bool of_boot = false;
  Time time = 0;
  ActorId actor = 0;
  int cpu = 0;
  int request = -1;
  int failure = -1;
};

struct ToldLog {
  std::string text;
  // By line, the first at 0.
  std::vector<int> request_of_line;
  std::vector<int> failure_of_line;
};

// Returns the lines as a log.
ToldLog tell_log(const std::vector<TellerLine>& lines, Release release, Random& random);

}  // namespace cma::logs
