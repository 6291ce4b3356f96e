// Logs of random programs, made by the model and told as real logs are: with prefixes, between lines of others, cut.
// And what is true of them, which an explanation of such a log has to find out.
//
// Used by the test that scores explanations (known_logs_test.cc). A seed gives the same log everywhere. Cost: a machine
// of some hundred MiB, and a run of a few dozen operations.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "allocator/base/gfp.h"
#include "allocator/base/pfn.h"
#include "allocator/base/release.h"

namespace cma::logs {

// A window that failed.
struct TrueWindow {
  PfnRange range;
  int error = 0;
  std::vector<PfnRange> busy;  // its pages that were not free when it ended
};

// A request to an area.
struct TrueRequest {
  PfnRange area;
  std::string area_name;
  std::uint64_t pages = 0;
  unsigned align = 0;
  std::vector<TrueWindow> windows;
  bool ended = false;
  std::optional<Pfn> got;
  // The error of its last sweep: -ENOMEM if no window was tried. Of one that got its pages 0.
  int error = 0;
};

// A request for pages that failed, and the zones that it could have had.
struct TrueFailure {
  struct Zone {
    std::string name;
    std::int64_t usable = 0;
    std::int64_t needed = 0;
  };
  unsigned order = 0;
  std::uint64_t flags = 0;  // as the release prints them
  std::vector<Zone> zones;
};

struct KnownLog {
  std::string program;
  Release release = Release::v6_1;
  std::uint64_t page_kb = 4;
  std::string text;
  // By line of the text, the first at 0: the request, and the failure, that printed it; -1: none.
  std::vector<int> request_of_line;
  std::vector<int> failure_of_line;
  std::vector<TrueRequest> requests;
  std::vector<TrueFailure> failures;
};

// Returns the log of a seed.
KnownLog known_log(std::uint64_t seed);

}  // namespace cma::logs
